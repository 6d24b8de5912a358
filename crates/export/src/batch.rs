//! Batches on their way to the ledger, and what their answers change.

use std::fmt;

use ron_ledger_wire::SealedSlice;

use crate::{Ack, PutError};

/// The id of one batch. Ids are never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(pub(crate) u64);

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "batch {}", self.0)
    }
}

/// Slices to offer in one put.
///
/// The slices of one stream are the first of its lane. They are adjacent and in order, and are called a run.
#[derive(Debug, Clone)]
#[must_use = "a batch holds its slot until it is completed"]
pub struct Batch {
    /// Id to pass to [`Lanes::complete`](crate::Lanes::complete).
    pub id: BatchId,
    /// Slices to offer, in this order.
    pub slices: Vec<SealedSlice>,
    /// Time from which the put counts as failed, in Unix milliseconds.
    pub deadline_ms: u64,
}

/// The changes that the answers to a batch, or their absence, made.
#[derive(Debug, Clone, Default)]
#[must_use = "acknowledged slices can be released from the log"]
pub struct Completion {
    /// The slices that the ledger has. The lanes have forgotten them. A slice appears in one completion only.
    pub acknowledged: Vec<(SealedSlice, Ack)>,
    /// The slices that the ledger does not have. The lanes keep them.
    pub failed: Vec<FailedPut>,
    /// Whether the answers came too late and changed nothing, because the batch had expired or was completed before.
    pub late: bool,
}

/// A slice that was not acknowledged. It stays in its lane.
#[derive(Debug, Clone)]
pub struct FailedPut {
    /// The slice.
    pub slice: SealedSlice,
    /// The ledger's answer, or why there was none. Behind the first failure of a run it is [`PutError::NotReached`], whatever
    /// the ledger answered.
    pub error: PutError,
    /// What the slice's lane does now.
    pub next: NextStep,
}

/// The next step of a lane after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// The lane offers its slices again, from this time on, in Unix milliseconds.
    RetryAt(u64),
    /// The lane waits for [`Lanes::resume`](crate::Lanes::resume).
    Parked,
}
