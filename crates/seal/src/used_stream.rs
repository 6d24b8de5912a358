//! A stream that has counts at a boundary.

use ron_accounting_core::{Dimension, TenantId};
use ron_accounting_window::Span;
use ron_ledger_wire::{EncodeError, SealedSlice, Seq, StreamId, SLICE_BYTES_LEAST};

use crate::{
    chain::{Chain, SliceSpec},
    layout::TenantRows,
    Candidate,
};

/// The most bytes of a slice that are not rows, for planning.
const BYTES_BESIDES_ROWS_MAX: usize = 4096;

const _: () = assert!(BYTES_BESIDES_ROWS_MAX < SLICE_BYTES_LEAST, "each slice has room for rows");

/// A stream with counts: the rows of one tenant in one dimension.
#[derive(Debug)]
pub(crate) struct UsedStream<'a> {
    id: StreamId,
    rows: &'a TenantRows<'a>,
    dimension: Dimension,
}

impl<'a> UsedStream<'a> {
    pub(crate) const fn new(id: StreamId, rows: &'a TenantRows<'a>, dimension: Dimension) -> Self {
        Self { id, rows, dimension }
    }

    pub(crate) const fn id(&self) -> &StreamId {
        &self.id
    }

    /// Returns the tenant and dimension under which the engine counts the stream.
    pub(crate) const fn tenant_and_dimension(&self) -> (TenantId, Dimension) {
        (self.rows.tenant_id(), self.dimension)
    }

    /// Returns what the stream's slices of at most `bytes_max` would take.
    pub(crate) fn candidate(&self, bytes_max: usize, chain: Option<&Chain>) -> Candidate<'_> {
        let bytes_per_slice = bytes_max - BYTES_BESIDES_ROWS_MAX;
        // The sum over the rows is needed only if the stream may not fit in one slice.
        let row_bytes = match self.rows.row_bytes_max() {
            all if all <= bytes_per_slice => all,
            _ => self.rows.row_bytes(self.dimension),
        };
        Candidate {
            stream: &self.id,
            slices: row_bytes.div_ceil(bytes_per_slice).max(1),
            row_bytes,
            waits_since_ms: chain.and_then(Chain::waits_since_ms),
            next_seq: chain.map_or(Seq::FIRST, Chain::next_seq),
        }
    }

    /// Appends the stream's counts to its chain. On an error, neither the chain nor `slices` change.
    pub(crate) fn seal(
        &self,
        chain: &mut Chain,
        window: Span,
        bytes_max: usize,
        slices: &mut Vec<SealedSlice>,
    ) -> Result<(), EncodeError> {
        let spec = SliceSpec { stream: &self.id, span: chain.span(window), bytes_max };
        chain.seal_rows(spec, self.rows.encoded_keys()?, self.rows.counts(self.dimension), slices)
    }
}
