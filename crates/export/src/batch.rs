//! What travels to the ledger, and what came of it.

use std::fmt;

use ron_ledger_wire::SealedSlice;

use crate::{Ack, PutError};

/// Names one batch that went out; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(pub(crate) u64);

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "batch {}", self.0)
    }
}

/// Slices to offer in one put.
///
/// Those of one stream are the first of its lane and stand next to each other, in order: a run.
#[derive(Debug, Clone)]
#[must_use = "a batch holds its slot until it is completed"]
pub struct Batch {
    /// Bring it back to [`Lanes::complete`](crate::Lanes::complete).
    pub id: BatchId,
    /// What to offer, in this order.
    pub slices: Vec<SealedSlice>,
    /// When the put counts as failed, in Unix milliseconds.
    pub deadline_ms: u64,
}

/// What a batch's answers, or their absence, changed.
#[derive(Debug, Clone, Default)]
#[must_use = "acknowledged slices can be released from the log"]
pub struct Completion {
    /// The slices that the ledger has; the lanes have forgotten them. A slice appears in one completion only.
    pub acknowledged: Vec<(SealedSlice, Ack)>,
    /// The slices that it does not have; the lanes keep them.
    pub failed: Vec<FailedPut>,
    /// True when nobody waited for these answers any more, so that nothing changed: the batch had expired, or
    /// was completed before.
    pub late: bool,
}

/// A slice that was not acknowledged. It stays in its lane.
#[derive(Debug, Clone)]
pub struct FailedPut {
    /// The slice.
    pub slice: SealedSlice,
    /// The answer, or why there was none. Behind the first failure of a run it is [`PutError::NotReached`], whatever
    /// the ledger answered.
    pub error: PutError,
    /// What its lane does now.
    pub next: NextStep,
}

/// What a lane does after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// It offers its slices again from this moment on, in Unix milliseconds.
    RetryAt(u64),
    /// It waits for [`Lanes::resume`](crate::Lanes::resume).
    Parked,
}
