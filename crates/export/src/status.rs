//! Counters and gauges of the lanes, for operators.

use ron_ledger_wire::{Seq, StreamId};

use crate::{Latencies, PutError};

/// The state of the lanes at one time. Counters run since construction and saturate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LanesStatus {
    /// Slices that are not acknowledged, those in flight and those parked included.
    pub pending: usize,
    /// Streams with a pending slice.
    pub lanes: usize,
    /// Batches that are out, those past their deadline included.
    pub in_flight: usize,
    /// Batches past their deadline whose put has not returned. Each still counts towards `in_flight_max`.
    pub overdue: usize,
    /// Lanes that wait for a retry after a failure.
    pub backing_off: usize,
    /// Lanes that need an operator, in the order of their streams.
    pub parked: Vec<ParkedLane>,
    /// Streams that fail again and again while the ledger takes slices of others, sorted. They go on trying by themselves. Until
    /// one of their slices is acknowledged they take no further slices, and their pending ones are set aside.
    pub stalled: Vec<StreamId>,
    /// Slices in lanes that are parked or stalled, see [`Lanes::room`](crate::Lanes::room).
    pub set_aside: usize,
    /// Whether no slice was acknowledged for `timeout_ms` or longer, although slices wait that are not parked. Nothing is
    /// dropped, and one acknowledgement ends this state.
    pub degraded: bool,
    /// Slices acknowledged, the duplicates included.
    pub acknowledged: u64,
    /// Slices that the ledger had before they were offered.
    pub duplicates: u64,
    /// Slices offered once more, after a failure or a resume.
    pub retries: u64,
    /// Slices whose put passed its deadline.
    pub expired: u64,
    /// Completions of batches that had expired, or were completed before.
    pub late_answers: u64,
    /// Slices that were answered as stored although a slice before them in their run was not, which is a defect of the exporter.
    /// They were offered again.
    pub unordered_answers: u64,
    /// Pushes that were refused with [`LaneError::Full`](crate::LaneError::Full).
    pub refused_full: u64,
    /// Time from push to acknowledgement, of every acknowledged slice.
    pub export: Latencies,
    /// Time from push to the first offer, of slices that were pushed while another slice of their stream was pending. It shows
    /// what order costs.
    pub order: Latencies,
    /// The latest failure. It is kept after a success, so that a short fault can still be explained.
    pub last_failure: Option<LastFailure>,
}

/// A lane whose first slice the ledger refused for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedLane {
    /// The stream.
    pub stream: StreamId,
    /// The sequence number of the refused slice, which is the first of the lane.
    pub seq: Seq,
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
    pub seq: Seq,
    /// Why it failed.
    pub error: PutError,
}
