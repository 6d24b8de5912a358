//! What the pipeline needs of a log, whatever it is written to.

use std::collections::BTreeMap;

use ron_accounting_window::Span;
use ron_ledger_wire::{Head, SealedSlice, StreamId};

use crate::{LogStats, PipelineError};

/// A durable memory of slices, acknowledgements, heads and live counts.
pub(crate) trait Journal: Send + std::fmt::Debug {
    /// Appends a slice; it is durable after the next commit. One that is there already is written again.
    fn append(&mut self, slice: &SealedSlice, now_ms: u64) -> Result<(), PipelineError>;

    /// Makes durable what was appended, and gives back space that nobody needs.
    fn commit(&mut self, now_ms: u64) -> Result<(), PipelineError>;

    /// Commits if that gives back space, for an owner who does not wait for commits.
    fn tidy(&mut self, now_ms: u64) -> Result<(), PipelineError>;

    /// Notes that the ledger has these slices. Not durable by itself: what is forgotten is sent once more.
    fn acknowledge(&mut self, slices: &[SealedSlice], now_ms: u64) -> Result<(), PipelineError>;

    /// Replaces the durable copy of the live counts by `slices`, which are what would be sealed now. All that was sealed
    /// before must have been appended.
    fn checkpoint(&mut self, slices: &[SealedSlice], now_ms: u64) -> Result<(), PipelineError>;

    /// The log's own numbers.
    fn stats(&self) -> LogStats;
}

/// What a log remembers of earlier processes.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    /// Where each stream stands.
    pub(crate) heads: Vec<Head>,
    /// Slices that were not acknowledged, each stream's in order.
    pub(crate) pending: Vec<SealedSlice>,
    /// Whether some of what was read may be in the page cache alone, so that it takes a commit before anything goes out.
    pub(crate) is_unsafe: bool,
    /// Live counts of the last checkpoint that no slice holds.
    pub(crate) live: Vec<RecoveredRows>,
    /// Records that could not be read or used.
    pub(crate) errors: Vec<PipelineError>,
}

/// Counts that an earlier process had not sealed, or not completely.
#[derive(Debug)]
pub(crate) struct RecoveredRows {
    pub(crate) stream: StreamId,
    pub(crate) window: Span,
    /// Slices of the stream from this seq on are the durable part of a sealing that was torn.
    pub(crate) first_seq: u64,
    /// Increments by encoded key.
    pub(crate) rows: BTreeMap<Vec<u8>, u64>,
}
