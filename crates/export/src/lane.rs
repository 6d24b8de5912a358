//! One stream's queue.

use std::collections::{HashMap, VecDeque};

use ron_ledger_wire::{SealedSlice, StreamId};

use crate::{BatchId, LaneError};

/// The pending slices of a stream, which are at least one, and the state of the first ones.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) slices: VecDeque<Pending>,
    /// How many retryable failures of the first slice came in a row.
    pub(crate) failures: u32,
    pub(crate) state: LaneState,
}

/// A slice that is not acknowledged.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) slice: SealedSlice,
    /// Time of the push, in elapsed milliseconds.
    pub(crate) pushed: u64,
    /// Whether another slice of the stream was pending at the push.
    pub(crate) follows: bool,
    /// Whether the slice was in a batch before.
    pub(crate) offered: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LaneState {
    /// The lane is ready or waits; the schedule knows which.
    Scheduled,
    /// The first `run` slices are in this batch.
    InFlight {
        batch: BatchId,
        run: usize,
    },
    Parked,
}

impl Lane {
    pub(crate) fn new(first: SealedSlice, now: u64) -> Self {
        let first = Pending { slice: first, pushed: now, follows: false, offered: false };
        Self { slices: VecDeque::from([first]), failures: 0, state: LaneState::Scheduled }
    }

    pub(crate) fn push(&mut self, slice: SealedSlice, now: u64) {
        self.slices.push_back(Pending { slice, pushed: now, follows: true, offered: false });
    }

    /// Returns the lane of a stream, if its first `run` slices are in this batch.
    pub(crate) fn in_batch<'a>(
        lanes: &'a mut HashMap<StreamId, Self>,
        stream: &StreamId,
        batch: BatchId,
        run: usize,
    ) -> Option<&'a mut Self> {
        let lane = lanes.get_mut(stream).filter(|lane| lane.state == LaneState::InFlight { batch, run });
        debug_assert!(lane.is_some(), "{stream} does not wait for {run} slices of {batch}");
        lane
    }

    /// Checks that a slice continues the last one, in number and by link.
    pub(crate) fn check_next(&self, slice: &SealedSlice) -> Result<(), LaneError> {
        let Some(Pending { slice: last, .. }) = self.slices.back() else {
            debug_assert!(false, "a lane without slices");
            return Ok(());
        };
        let stream = || slice.stream().clone();
        if last.seq().checked_next() != Some(slice.seq()) {
            let (expected, found) = (last.seq().next(), slice.seq());
            return Err(LaneError::OutOfOrder { stream: stream(), expected, found });
        }
        if slice.previous() != Some(last.digest()) {
            let (expected, found) = (last.digest(), slice.previous());
            return Err(LaneError::BrokenLink { stream: stream(), seq: slice.seq(), expected, found });
        }
        Ok(())
    }
}
