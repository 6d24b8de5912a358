//! What the pipeline needs of a log, whatever it is written to.

use std::collections::BTreeMap;

use ron_accounting_window::Span;
use ron_ledger_wire::{ClaimId, Head, SealedSlice, Seq, StreamId};

use crate::{LogStats, PipelineError};

/// A durable memory of slices, acknowledgements, heads and counts that are not sealed.
pub(crate) trait Journal: Send + std::fmt::Debug {
    /// The longest slice that it takes.
    fn slice_bytes_max(&self) -> usize;

    /// Returns how many bytes the next slices of a stream take, if there is room for them beside `planned` bytes of other
    /// streams; to be asked before they are sealed. `is_urgent`: nothing else is on its way to the ledger, so that waiting
    /// would change nothing.
    fn admits(
        &self,
        stream: &StreamId,
        row_bytes: usize,
        slices: usize,
        planned: u64,
        is_urgent: bool,
    ) -> Option<u64>;

    /// Appends slices of one stream, as far as there is room, and returns how many it took. They are durable after the next
    /// commit.
    fn append(
        &mut self,
        slices: &[SealedSlice],
        is_urgent: bool,
        now_ms: u64,
    ) -> Result<usize, PipelineError>;

    /// Makes durable what was appended, and gives back room that nobody needs.
    fn commit(&mut self, now_ms: u64) -> Result<(), PipelineError>;

    /// Whether a slice is durable, together with its group.
    fn is_durable(&self, slice: &SealedSlice) -> bool;

    /// Whether the stream's next slices supersede counts in a checkpoint.
    fn has_checkpoint(&self, stream: &StreamId) -> bool;

    /// Notes that the ledger has these slices. Not durable by itself: what is forgotten is sent once more.
    fn acknowledge(&mut self, slices: &[SealedSlice], now_ms: u64) -> Result<(), PipelineError>;

    /// Replaces the durable copy of the counts that are not sealed, stream by stream. Returns whether all of them are
    /// covered now.
    fn checkpoint(&mut self, checkpoints: &[StreamCheckpoint], now_ms: u64) -> Result<bool, PipelineError>;

    /// Empties the durable copy of counts that are thrown away on purpose: those of the streams with these heads.
    fn discard(&mut self, heads: &[Head], now_ms: u64) -> Result<(), PipelineError>;

    /// What needs doing now and then: a look at whether the log is still there, and what an earlier call had to leave.
    fn maintain(&mut self, now_ms: u64) -> Result<(), PipelineError>;

    /// Allows to drop heads of idle streams, since a ledger can be asked for them.
    fn allow_forgetting(&mut self);

    /// Whether the last attempt to write failed for another reason than a limit.
    fn is_failing(&self) -> bool;

    /// Whether a stream that is not known here may have a head in the ledger.
    fn has_forgotten(&self) -> bool;

    /// The streams that were forgotten since the last call and are not known again.
    fn take_forgotten(&mut self) -> Vec<StreamId>;

    /// The seq before which the ledger has all slices of a stream, as far as the log knows.
    fn acknowledged(&self, stream: &StreamId) -> Seq;

    /// Takes the head of a stream from the ledger: what was before it is acknowledged.
    fn adopt(&mut self, head: &Head);

    /// The ids that the openings of this log drew, as far as they are durable, the latest last.
    fn claims(&self) -> Vec<ClaimId>;

    /// Notes that the ledger has taken the claim of an opening. It is written with the next acknowledgement.
    fn confirm_claim(&mut self, claim: ClaimId);

    /// The acknowledged slices from `seq` on, if the log still has all of them: they are pending again. Only before
    /// anything was appended.
    fn reopen(&mut self, stream: &StreamId, seq: Seq) -> Option<Vec<SealedSlice>>;

    /// The log's own numbers.
    fn stats(&self) -> LogStats;

    /// Checks the invariants of the log's structures.
    fn validate(&self) -> Result<(), String>;
}

/// The counts of a stream that are not in the log as slices, in the form of the slices that come next.
#[derive(Debug)]
pub(crate) struct StreamCheckpoint {
    pub(crate) stream: StreamId,
    /// Never empty.
    pub(crate) slices: Vec<SealedSlice>,
}

/// What a log remembers of earlier processes.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    /// Where each stream stands.
    pub(crate) heads: Vec<Head>,
    /// Slices that were not acknowledged, each stream's in order.
    pub(crate) pending: Vec<SealedSlice>,
    /// Counts of checkpoints that no slice has.
    pub(crate) live: Vec<RecoveredRows>,
    /// Records that could not be read or used.
    pub(crate) errors: Vec<PipelineError>,
}

/// Counts of a stream that an earlier process had not sealed.
#[derive(Debug)]
pub(crate) struct RecoveredRows {
    pub(crate) stream: StreamId,
    pub(crate) window: Span,
    /// Increments by encoded key.
    pub(crate) rows: BTreeMap<Vec<u8>, u64>,
}

impl RecoveredRows {
    /// The units in them.
    pub(crate) fn total(&self) -> u128 {
        self.rows.values().map(|increment| u128::from(*increment)).sum()
    }
}
