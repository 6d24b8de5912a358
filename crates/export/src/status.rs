//! What an operator wants to see of the lanes.

use ron_ledger_wire::StreamId;

use crate::{Latencies, PutError};

/// A snapshot of the lanes. Counters run since construction and saturate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LanesStatus {
    /// Slices that are not acknowledged, those in flight and those parked included.
    pub pending: usize,
    /// Streams with something pending.
    pub lanes: usize,
    /// Batches that are out, those past their deadline included.
    pub in_flight: usize,
    /// Batches past their deadline whose put has not returned. Each still holds one of the `in_flight_max` slots.
    pub overdue: usize,
    /// Lanes that wait after a failure before they try again.
    pub backing_off: usize,
    /// Lanes that an operator must look at, in the order of their streams.
    pub parked: Vec<ParkedLane>,
    /// Streams that fail again and again while the ledger takes what others have, sorted. They go on trying by themselves, take
    /// no further slices meanwhile, and leave their room to the others. An acknowledgement ends it.
    pub stalled: Vec<StreamId>,
    /// Slices in lanes that are parked or stalled, see [`Lanes::room`](crate::Lanes::room).
    pub set_aside: usize,
    /// For `timeout_ms` or longer no slice was acknowledged, although some wait that are not parked. Nothing is
    /// dropped, and one acknowledgement ends it.
    pub degraded: bool,
    /// Slices acknowledged, the duplicates included.
    pub acknowledged: u64,
    /// Slices that the ledger had already.
    pub duplicates: u64,
    /// Slices offered once more, after a failure or a resume.
    pub retries: u64,
    /// Slices whose put passed its deadline.
    pub expired: u64,
    /// Answers for a batch that nobody waited for any more.
    pub late_answers: u64,
    /// Slices answered as stored although one before them in their run was not: a defect of the exporter. They were
    /// offered again.
    pub unordered_answers: u64,
    /// Pushes refused because there was no room.
    pub refused_full: u64,
    /// From push to acknowledgement, of every acknowledged slice.
    pub export: Latencies,
    /// From push to the first offer, of slices that were pushed while another one of their stream was pending: how long
    /// order made them wait.
    pub order: Latencies,
    /// The latest failure; it stays after a success, so that a short fault can still be explained.
    pub last_failure: Option<LastFailure>,
}

/// A lane whose head the ledger refused for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedLane {
    /// The stream.
    pub stream: StreamId,
    /// The sequence number of the refused slice, the head of the lane.
    pub seq: u64,
    /// How many slices wait in the lane, the refused one included.
    pub pending: usize,
    /// The refusal with its evidence; [`PutError::Conflict`] means quarantine.
    pub error: PutError,
}

/// The latest failure of any lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastFailure {
    /// The stream.
    pub stream: StreamId,
    /// The sequence number of the slice.
    pub seq: u64,
    /// Why it failed.
    pub error: PutError,
}
