//! The ledger in memory can be asked like any other. It keeps nothing beside the bytes of its slices.

use std::ops::ControlFlow;

use ron_accounting_export::{memory::MemoryLedger, Exporter, PutError};
use ron_ledger_wire::{Head, SealedSlice, Seq, StreamId};

use crate::{walk, Ledger, ReadError, SliceInfo, SliceName, StoredSlice};

impl Ledger for MemoryLedger {
    fn heads(&self, after: Option<&StreamId>, limit: usize) -> Result<Vec<Head>, ReadError> {
        let mut streams: Vec<StreamId> = self.slices().iter().map(|slice| slice.stream().clone()).collect();
        streams.dedup();
        streams.retain(|stream| after.map_or(true, |after| stream > after));
        streams.truncate(limit);
        streams.iter().filter_map(|stream| self.stream_head(stream).transpose()).collect()
    }

    fn stream_head(&self, stream: &StreamId) -> Result<Option<Head>, ReadError> {
        self.head(stream).map_err(ReadError::from)
    }

    fn slices(&self, stream: &StreamId, from: Seq, limit: usize) -> Result<Vec<SliceInfo>, ReadError> {
        self.stream_head(stream)?;
        let slices = self.slices_of(stream).into_iter().filter(|slice| slice.seq() >= from).take(limit);
        let name = |slice: &SealedSlice| SliceName { stream: stream.clone(), seq: slice.seq() };
        Ok(slices.map(|slice| walk::info(name(&slice), &slice)).collect())
    }

    fn read_slices(
        &self,
        stream: &StreamId,
        from: Seq,
        visit: &mut dyn FnMut(&StoredSlice<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        self.stream_head(stream)?;
        for slice in self.slices_of(stream).iter().filter(|slice| slice.seq() >= from) {
            let stored = StoredSlice {
                stream,
                seq: slice.seq(),
                digest: slice.digest(),
                start_ms: slice.start_ms(),
                end_ms: slice.end_ms(),
                bytes: slice.bytes(),
            };
            if visit(&stored).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// The failure of a ledger to return a head is one of reading.
impl From<PutError> for ReadError {
    fn from(error: PutError) -> Self {
        match error {
            PutError::Busy => Self::Busy,
            error if error.is_retryable() => Self::unavailable(error),
            error => Self::refused(error),
        }
    }
}
