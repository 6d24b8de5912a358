//! The one trait between a ledger and those who ask it.

use std::{ops::ControlFlow, sync::Arc};

use ron_ledger_wire::{Cid, Head, Seq, StreamId};

use crate::{
    walk, AuditedSlice, Evidence, ReadError, SliceCopy, SliceInfo, SliceName, StoredSlice, UsageFilter,
    UsageQuery, UsageRow, VerifyError,
};

/// A ledger that can be asked what it holds.
///
/// Every implementation passes `ron-accounting-exporter-contract`. It keeps these rules:
///
/// * What an [`Exporter`](ron_accounting_export::Exporter) of the same ledger has acknowledged is in the next answer.
/// * Sums are exact. Each is the sum of the amounts in its evidence.
/// * Slices never change and never go. So an answer that comes in pages is right although slices are stored in between: the
///   pages show each slice that was there at the beginning.
/// * An answer takes bounded memory, whatever the ledger holds.
///
/// Streams are sorted by origin, tenant and dimension, as [`StreamId`] compares; the slices of a stream by number. Calls block, and may
/// come from several threads at once. A `visit` ends its answer early with [`ControlFlow::Break`], which is no error. It must not call the
/// same ledger, which may hold a lock meanwhile.
///
/// The provided methods work from the bytes of all slices. A ledger that has an index of its own implements them with it.
pub trait Ledger: Send + Sync {
    /// Returns the heads of at most `limit` streams, those behind `after`; from the first stream without one. Fewer than `limit`,
    /// and only then, is the end.
    fn heads(&self, after: Option<&StreamId>, limit: usize) -> Result<Vec<Head>, ReadError>;

    /// Returns the head of one stream; `None` if the ledger has no slice of it.
    fn stream_head(&self, stream: &StreamId) -> Result<Option<Head>, ReadError>;

    /// Returns what is known of at most `limit` slices of a stream, from number `from` on. Fewer than `limit`, and only then, is the
    /// end. Empty for an unknown stream.
    fn slices(&self, stream: &StreamId, from: Seq, limit: usize) -> Result<Vec<SliceInfo>, ReadError>;

    /// Passes the slices of a stream with their exact bytes to `visit`, from number `from` on. One slice is in memory at a time.
    ///
    /// The bytes are not checked: evidence shows what the ledger has, and [`verify`](crate::verify) finds what is wrong with it.
    fn read_slices(
        &self,
        stream: &StreamId,
        from: Seq,
        visit: &mut dyn FnMut(&StoredSlice<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError>;

    /// Returns a slice with its exact bytes, by its name; `None` if the ledger has none of that name.
    fn slice(&self, name: &SliceName) -> Result<Option<SliceCopy>, ReadError> {
        walk::slice(self, name)
    }

    /// Returns the name of the slice with this content identifier; `None` if the ledger has none.
    fn find(&self, cid: &Cid) -> Result<Option<SliceName>, ReadError> {
        walk::find(self, cid)
    }

    /// Sums usage by the columns of the query, and passes each group to `visit`, sorted by its values in the order of the columns.
    ///
    /// Fails with [`ReadError::Straddles`] if a slice cannot be assigned to one calendar period, before any group is passed.
    fn usage(
        &self,
        query: &UsageQuery,
        visit: &mut dyn FnMut(&UsageRow) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        walk::usage(self, query, visit)
    }

    /// Returns at most `limit` slices behind a figure, those behind `after`, sorted by name. Fewer than `limit`, and only then, is the
    /// end.
    ///
    /// [`UsageQuery::filter_of`] makes the filter of a row of an answer. The amounts of all slices add up to the figure.
    fn evidence(
        &self,
        filter: &UsageFilter,
        after: Option<&SliceName>,
        limit: usize,
    ) -> Result<Vec<Evidence>, ReadError> {
        walk::evidence(self, filter, after, limit)
    }

    /// Passes the slices of a stream to `visit` from the first on, with all that the ledger keeps beside the bytes: what its queries
    /// sum. [`verify`](crate::verify) compares the two.
    ///
    /// The provided method is right for a ledger that keeps nothing beside the bytes.
    fn audit(
        &self,
        stream: &StreamId,
        visit: &mut dyn FnMut(&AuditedSlice<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        self.read_slices(stream, Seq::FIRST, &mut |slice| visit(&AuditedSlice::without_roll_up(*slice)))
    }

    /// Checks the layout of the storage, before the slices are verified: without it, no other check is worth anything.
    fn verify_layout(&self) -> Result<(), VerifyError> {
        Ok(())
    }

    /// Checks, after the slices are verified, that the storage holds nothing that belongs to no slice, and that it is sound itself.
    fn verify_rest(&self) -> Result<(), VerifyError> {
        Ok(())
    }
}

macro_rules! forward {
    ($($owner:ty),*) => {$(
        impl<L: Ledger + ?Sized> Ledger for $owner {
            fn heads(&self, after: Option<&StreamId>, limit: usize) -> Result<Vec<Head>, ReadError> {
                (**self).heads(after, limit)
            }

            fn stream_head(&self, stream: &StreamId) -> Result<Option<Head>, ReadError> {
                (**self).stream_head(stream)
            }

            fn slices(&self, stream: &StreamId, from: Seq, limit: usize) -> Result<Vec<SliceInfo>, ReadError> {
                (**self).slices(stream, from, limit)
            }

            fn read_slices(
                &self,
                stream: &StreamId,
                from: Seq,
                visit: &mut dyn FnMut(&StoredSlice<'_>) -> ControlFlow<()>,
            ) -> Result<(), ReadError> {
                (**self).read_slices(stream, from, visit)
            }

            fn slice(&self, name: &SliceName) -> Result<Option<SliceCopy>, ReadError> {
                (**self).slice(name)
            }

            fn find(&self, cid: &Cid) -> Result<Option<SliceName>, ReadError> {
                (**self).find(cid)
            }

            fn usage(
                &self,
                query: &UsageQuery,
                visit: &mut dyn FnMut(&UsageRow) -> ControlFlow<()>,
            ) -> Result<(), ReadError> {
                (**self).usage(query, visit)
            }

            fn evidence(
                &self,
                filter: &UsageFilter,
                after: Option<&SliceName>,
                limit: usize,
            ) -> Result<Vec<Evidence>, ReadError> {
                (**self).evidence(filter, after, limit)
            }

            fn audit(
                &self,
                stream: &StreamId,
                visit: &mut dyn FnMut(&AuditedSlice<'_>) -> ControlFlow<()>,
            ) -> Result<(), ReadError> {
                (**self).audit(stream, visit)
            }

            fn verify_layout(&self) -> Result<(), VerifyError> {
                (**self).verify_layout()
            }

            fn verify_rest(&self) -> Result<(), VerifyError> {
                (**self).verify_rest()
            }
        }
    )*};
}

forward!(&L, Box<L>, Arc<L>);
