//! What a pipeline tells about itself.

use ron_accounting_export::LanesStatus;
use ron_ledger_wire::StreamId;

/// Numbers about a pipeline. Counters run since it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PipelineStats {
    /// Slices sealed, those of recovered counts included.
    pub sealed_slices: u64,
    /// Rows in them.
    pub sealed_rows: u64,
    /// Slices found in the log that were not acknowledged.
    pub recovered_slices: u64,
    /// Slices that the ledger acknowledged, duplicates included.
    pub acknowledged: u64,
    /// Slices that the ledger had already.
    pub duplicates: u64,
    /// Rows in acknowledged slices that were no duplicates.
    pub acknowledged_rows: u64,
    /// Slices that are sealed and not acknowledged.
    pub pending: usize,
    /// Of those, the ones that are not durable yet.
    pub not_durable: usize,
    /// Streams that had to wait at the last sealing.
    pub waiting_streams: usize,
    /// Of those, the ones that waited for room in the log.
    pub waiting_for_log: usize,
    /// Times that the live counts were found durable, in a new checkpoint or in the last one. A checkpoint that lacks counts
    /// of some stream, because its slices have no room in the log, is not one of them.
    pub checkpoints: u64,
    /// Slices that were sent again at the start, since the ledger had lost them: it was restored from an older copy.
    pub resent: u64,
    /// Streams of which the ledger has less than it acknowledged, at the start, and the log has not all that is missing.
    pub behind: Vec<StreamId>,
    /// Streams that wait until the ledger was asked for their head, since the log may have dropped it.
    pub unknown_heads: usize,
    /// Streams whose chains are remembered in memory.
    pub known_streams: usize,
    /// What the ledger has of streams whose totals are not kept one by one any more, by dimension.
    pub forgotten: Vec<ForgottenTotals>,
    /// Units thrown away because there was no room, all dimensions together.
    pub shed: u128,
    /// Recovered slices that could not be queued; they stay in the log.
    pub refused: usize,
    /// The queues to the ledger.
    pub lanes: LanesStatus,
    /// The log, if there is one.
    pub log: Option<LogStats>,
    /// The latest error, with its causes.
    pub last_error: Option<String>,
}

/// The units of streams that are not remembered one by one any more: all of them are in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForgottenTotals {
    /// The dimension.
    pub dimension: String,
    /// How often a stream was forgotten. One that comes back can be forgotten again.
    pub streams: u64,
    /// Units in slices that were acknowledged since the pipeline was opened.
    pub acknowledged: u128,
}

/// Numbers about a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogStats {
    /// Bytes of all its files.
    pub bytes: u64,
    /// Its segments.
    pub segments: usize,
    /// Records in them.
    pub entries: u64,
    /// Torn ends that were dropped at recovery: what a crash cut off, which nobody had been promised.
    pub torn_tails: u64,
    /// Segments that were damaged in the middle, as found at recovery.
    pub corrupt_segments: u64,
    /// Records that could not be read at recovery, with a valid checksum.
    pub unreadable_records: u64,
    /// Syncs that failed.
    pub sync_failures: u64,
    /// Streams that it knows.
    pub streams: usize,
    /// Idle streams that it dropped to bound its size. The ledger is asked for their heads when they come back.
    pub forgotten_streams: u64,
    /// Streams whose counts had no room in the last checkpoint, or were left out of it because slices before them have none
    /// in the log. A kill loses them back to the checkpoint before.
    pub uncovered_streams: usize,
    /// Why the log does not work now; none if it does.
    pub trouble: Option<String>,
    /// The log's latest error.
    pub last_error: Option<String>,
}

/// A stream's units on their way: what was sealed and what the ledger has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamTotals {
    /// The stream.
    pub stream: StreamId,
    /// Units in slices that are not acknowledged.
    pub pending: u128,
    /// Units in slices that were acknowledged since the pipeline was opened.
    pub acknowledged: u128,
}
