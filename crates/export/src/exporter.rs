//! The one trait between the lanes and a ledger.

use std::sync::Arc;

use ron_ledger_wire::{Claim, Head, SealedSlice, StreamId};

use crate::PutError;

/// A ledger that takes sealed slices, exactly once in effect.
///
/// Every implementation passes `ron-accounting-exporter-contract`. What it must keep:
///
/// * A slice is stored only if [`ron_ledger_wire::accept`] says that it is the stream's next, decided in the
///   transaction that stores it, and it is durable before the answer is [`Ack::Ok`].
/// * Identities are remembered for ever, not for a time: a slice that comes again after a year is a duplicate.
/// * Nothing is repaired silently. A fork, a gap and a broken link are answers, and change nothing.
///
/// Calls block, and may come from several threads at once.
pub trait Exporter: Send + Sync {
    /// Offers slices and answers one result per slice, in the same order.
    ///
    /// Several slices of one stream may stand in a batch, in order. Behind one that is refused, the rest of its stream is
    /// answered [`PutError::NotReached`] and not stored. Streams are independent: what is refused of one takes
    /// nothing from the others.
    ///
    /// When the ledger as a whole cannot be reached, [`PutError::for_all`] gives the same answer to every slice. A
    /// number of answers other than the number of slices is a fault, and none of them is believed.
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>>;

    /// Offers slices as the holder of a claim, and judges that claim with [`ron_ledger_wire::judge_claim`] in the
    /// transaction that stores them.
    ///
    /// A claim that is refused stores nothing of its origin: each of these slices is answered [`PutError::Claimed`],
    /// those that the ledger has already too. A claim that takes its origin over stays when the slices are refused for
    /// another cause. Slices of other origins are not judged by it, and a batch without one of the claim's origin leaves the
    /// ledger's holder as it is. Everything else is as in [`Exporter::put_batch`], which judges no claim.
    ///
    /// Unless it is implemented, this forwards to `put_batch`: right only for a ledger that one process alone can
    /// reach, since two copies of one log are not told apart.
    fn put_claimed(&self, claim: &Claim, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        let _ = claim;
        self.put_batch(batch)
    }

    /// The ledger's head of a stream; `None` when it has never stored a slice of it.
    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError>;
}

/// The ledger has the slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ack {
    /// It was the stream's next, and is stored durably.
    Ok,
    /// It was stored before: the ledger compared the digest that it stored with the one offered, and they agree.
    Duplicate,
}

impl<E: Exporter + ?Sized> Exporter for &E {
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        (**self).put_batch(batch)
    }

    fn put_claimed(&self, claim: &Claim, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        (**self).put_claimed(claim, batch)
    }

    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError> {
        (**self).head(stream)
    }
}

impl<E: Exporter + ?Sized> Exporter for Box<E> {
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        (**self).put_batch(batch)
    }

    fn put_claimed(&self, claim: &Claim, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        (**self).put_claimed(claim, batch)
    }

    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError> {
        (**self).head(stream)
    }
}

impl<E: Exporter + ?Sized> Exporter for Arc<E> {
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        (**self).put_batch(batch)
    }

    fn put_claimed(&self, claim: &Claim, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        (**self).put_claimed(claim, batch)
    }

    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError> {
        (**self).head(stream)
    }
}
