//! One stream's queue.

use std::collections::{HashMap, VecDeque};

use ron_ledger_wire::{SealedSlice, StreamId};

use crate::{BatchId, LaneError};

/// The pending slices of a stream, never empty, and what its head is up to.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) slices: VecDeque<SealedSlice>,
    /// Retryable failures of the head, in a row.
    pub(crate) failures: u32,
    pub(crate) state: LaneState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LaneState {
    /// Ready or waiting; the schedule knows which.
    Scheduled,
    InFlight(BatchId),
    Parked,
}

impl Lane {
    pub(crate) fn new(first: SealedSlice) -> Self {
        Self { slices: VecDeque::from([first]), failures: 0, state: LaneState::Scheduled }
    }

    /// The lane of a stream, if its head is in this batch.
    pub(crate) fn in_batch<'a>(
        lanes: &'a mut HashMap<StreamId, Self>,
        stream: &StreamId,
        id: BatchId,
    ) -> Option<&'a mut Self> {
        let lane = lanes.get_mut(stream).filter(|lane| lane.state == LaneState::InFlight(id));
        debug_assert!(lane.is_some(), "{stream} does not wait for {id}");
        lane
    }

    /// Checks that a slice continues the last one, in number and by link.
    pub(crate) fn check_next(&self, slice: &SealedSlice) -> Result<(), LaneError> {
        let Some(last) = self.slices.back() else { return Ok(()) };
        let stream = || slice.stream().clone();
        // No number follows the largest one, so a saturated expectation must not match it either.
        let expected = last.seq().saturating_add(1);
        if slice.seq() != expected || last.seq() == u64::MAX {
            return Err(LaneError::OutOfOrder { stream: stream(), expected, found: slice.seq() });
        }
        if slice.previous() != Some(last.digest()) {
            let (expected, found) = (last.digest(), slice.previous());
            return Err(LaneError::BrokenLink { stream: stream(), seq: slice.seq(), expected, found });
        }
        Ok(())
    }
}
