//! The one trait between the lanes and a ledger.

use std::sync::Arc;

use ron_ledger_wire::{Claim, Head, SealedSlice, StreamId};

use crate::PutError;

/// A ledger that takes sealed slices, exactly once in effect.
///
/// Every implementation passes `ron-accounting-exporter-contract`. It keeps these rules:
///
/// * A slice is stored only if [`ron_ledger_wire::accept`] says that it is the stream's next, decided in the
///   transaction that stores it, and it is durable before the answer is [`Ack::Ok`].
/// * Identities are never forgotten: a slice that comes again after a year is a duplicate.
/// * Nothing is repaired silently. A fork, a gap and a broken link are answers, and change nothing.
///
/// Calls block, and may come from several threads at once.
pub trait Exporter: Send + Sync {
    /// Offers slices, and returns one result per slice in the same order.
    ///
    /// A batch may hold several slices of one stream, in order. Behind a refused slice, the rest of its stream is
    /// answered with [`PutError::NotReached`] and not stored. Streams are independent: a refusal of one does not affect the others.
    ///
    /// If the ledger as a whole cannot be reached, [`PutError::for_all`] gives the same answer to every slice. If the number
    /// of answers differs from the number of slices, callers believe none of them.
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>>;

    /// Offers slices as the holder of a claim, and judges that claim with [`ron_ledger_wire::judge_claim`] in the
    /// transaction that stores them.
    ///
    /// If the claim is refused, nothing of its origin is stored. Each slice of the origin is answered with
    /// [`PutError::Claimed`], even one that the ledger has already. If the claim takes its origin over, it keeps it, even if
    /// the slices are refused for another cause. Slices of other origins are not judged by the claim. A batch without a
    /// slice of the claim's origin leaves the ledger's holder unchanged. Everything else is as in [`Exporter::put_batch`], which
    /// judges no claim.
    ///
    /// The provided method forwards to `put_batch`. It is right only for a ledger that a single process can reach, since it
    /// does not tell two copies of one log apart.
    fn put_claimed(&self, claim: &Claim, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        let _ = claim;
        self.put_batch(batch)
    }

    /// Returns the ledger's head of a stream; `None` if it has never stored a slice of the stream.
    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError>;

    /// Returns the heads of several streams, in their order.
    ///
    /// The provided method asks for one after the other. A ledger that can answer for many at about the cost of one overrides it.
    fn heads_of(&self, streams: &[StreamId]) -> Vec<Result<Option<Head>, PutError>> {
        streams.iter().map(|stream| self.head(stream)).collect()
    }
}

/// The answer of a ledger that has the slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ack {
    /// The slice was the stream's next, and is stored durably.
    Ok,
    /// The slice was stored before. The ledger compared the stored digest with the one offered, and they are equal.
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

    fn heads_of(&self, streams: &[StreamId]) -> Vec<Result<Option<Head>, PutError>> {
        (**self).heads_of(streams)
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

    fn heads_of(&self, streams: &[StreamId]) -> Vec<Result<Option<Head>, PutError>> {
        (**self).heads_of(streams)
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

    fn heads_of(&self, streams: &[StreamId]) -> Vec<Result<Option<Head>, PutError>> {
        (**self).heads_of(streams)
    }
}
