//! The one trait between the lanes and a ledger.

use std::sync::Arc;

use ron_ledger_wire::{Head, SealedSlice, StreamId};

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

    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError> {
        (**self).head(stream)
    }
}

impl<E: Exporter + ?Sized> Exporter for Box<E> {
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        (**self).put_batch(batch)
    }

    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError> {
        (**self).head(stream)
    }
}

impl<E: Exporter + ?Sized> Exporter for Arc<E> {
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        (**self).put_batch(batch)
    }

    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError> {
        (**self).head(stream)
    }
}
