//! The pipeline: from a boundary to the ledger's acknowledgement, as steps to which time and answers are arguments.
//!
//! `docs/durability.md` draws the protocol. In short:
//!
//! ```text
//!  counts --seal--> unlogged --append--> undurable --commit--> ready --push--> lanes --put--> acknowledged
//!                   (no room in the log)                      (no room in the lanes)
//! ```
//!
//! * `sealing`: which streams are sealed when, and what becomes of those that have to wait.
//! * `logging`: slices and checkpoints become durable.
//! * `exporting`: what is durable goes to the ledger in order.
//! * `forgetting`: streams that ended leave the memory; `forgotten_streams` tells them from new ones.
//! * `heads`: what the ledger's heads tell at the start, and of streams that the log has dropped.
//!
//! A step that fails leaves its slices where they are, to be tried again.

mod exporting;
mod forgetting;
mod forgotten_streams;
mod heads;
mod logging;
mod sealing;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    error::Error,
    sync::Arc,
};

use ron_accounting_core::{Engine, Reading};
use ron_accounting_export::{with_causes, BatchId, LaneError, Lanes, PutError, SplitMix64};
use ron_accounting_seal::Sealer;
use ron_accounting_window::Span;
use ron_ledger_wire::{ClaimId, Origin, SealedSlice, Seq, StreamId};

use self::forgotten_streams::ForgottenStreams;
use crate::{
    journal::{Journal, Recovered, RecoveredRows},
    LogStats, OnFull, PipelineError, PipelineOptions, PipelineStats, StreamTotals,
};

/// Seals, logs and exports what one engine counts.
///
/// # Invariants
/// 1. A sealed slice that is not acknowledged is in exactly one of `unlogged`, `undurable`, `ready`, `refused` and the lanes.
/// 2. In each of them the slices of a stream stand in order, and those further along come before those behind.
/// 3. A stream with slices in `unlogged` is not sealed.
#[derive(Debug)]
pub struct Pipeline {
    options: PipelineOptions,
    sealer: Sealer,
    journal: Option<Box<dyn Journal>>,
    lanes: Lanes,
    /// Sealed, and not in the log yet.
    unlogged: BTreeMap<StreamId, VecDeque<SealedSlice>>,
    /// In the log, and not durable yet.
    undurable: VecDeque<SealedSlice>,
    /// Durable, waiting for room in the lanes.
    ready: VecDeque<SealedSlice>,
    /// Recovered slices that the lanes refused.
    refused: Vec<SealedSlice>,
    /// The window that is open, as far as it was told.
    open: Option<Span>,
    /// Whether something happened that may have made room for streams that wait.
    may_have_room: bool,
    /// Streams whose heads the ledger has to be asked for.
    unknown: BTreeSet<StreamId>,
    /// Streams whose heads it was asked for, without an answer so far.
    asked: BTreeSet<StreamId>,
    /// Counts of an earlier process that are not sealed, since the heads of their streams are not known.
    recovered: BTreeMap<StreamId, RecoveredRows>,
    /// Streams of which the ledger has said that it has nothing.
    genesis: BTreeSet<StreamId>,
    /// No head is asked for again before this moment.
    ask_from_ms: u64,
    /// Nothing is offered before this moment.
    export_from_ms: u64,
    jitter: SplitMix64,
    /// The claim of each batch that the ledger has not answered.
    claims_out: BTreeMap<BatchId, ClaimId>,
    /// When the log was last synced; none if that is due at once.
    last_sync_ms: Option<u64>,
    last_checkpoint_ms: u64,
    totals: BTreeMap<StreamId, Totals>,
    /// The sums of streams whose totals were forgotten, by dimension.
    forgotten: BTreeMap<String, Forgotten>,
    /// How many boundaries there were.
    boundary: u64,
    /// Whether there is a ledger that can be asked for heads.
    can_ask: bool,
    /// Streams whose chains were forgotten, and that no log knows.
    forgotten_streams: ForgottenStreams,
    counters: Counters,
    behind: Vec<StreamId>,
    last_error: Option<Arc<dyn Error + Send + Sync>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Totals {
    sealed: u128,
    acknowledged: u128,
    /// The boundary at which the stream was sealed last.
    used_at: u64,
}

#[derive(Debug, Default, Clone, Copy)]
struct Forgotten {
    streams: u64,
    acknowledged: u128,
}

#[derive(Debug, Default)]
struct Counters {
    sealed_slices: u64,
    sealed_rows: u64,
    recovered_slices: u64,
    acknowledged: u64,
    acknowledged_rows: u64,
    duplicates: u64,
    waiting_streams: usize,
    waiting_for_log: usize,
    checkpoints: u64,
    /// Streams whose latest counts the last checkpoint had to leave out.
    uncovered: usize,
    resent: u64,
    shed: u128,
}

impl Pipeline {
    /// Creates a pipeline without a log: what is not acknowledged when the process ends is lost. Refuses options that are
    /// outside their range.
    pub fn new(engine: &Engine, origin: Origin, options: PipelineOptions) -> Result<Self, PipelineError> {
        let lanes = lanes(&options)?;
        Ok(Self::with_journal(engine, origin, options, lanes, None, Recovered::default(), 0))
    }

    /// Opens a pipeline over a log, which may hold slices and counts of an earlier process. Its origin is the log's; `origin`
    /// is given to a fresh one.
    ///
    /// Options that are outside their range are refused before the log is touched.
    ///
    /// A log of less than 48 KiB is refused, and one with large segments beside its size gets smaller ones.
    #[cfg(feature = "wal")]
    pub fn with_log<S>(
        engine: &Engine,
        origin: Origin,
        options: PipelineOptions,
        storage: S,
        log: ron_accounting_wal::WalOptions,
        now_ms: u64,
    ) -> Result<Self, PipelineError>
    where
        S: ron_accounting_wal::Storage + Send + 'static,
        S::File: Send,
    {
        let lanes = lanes(&options)?;
        let (log, origin, recovered) = crate::log::Log::open(storage, origin, options.claim_id, log, now_ms)?;
        Ok(Self::with_journal(engine, origin, options, lanes, Some(Box::new(log)), recovered, now_ms))
    }

    fn with_journal(
        engine: &Engine,
        origin: Origin,
        options: PipelineOptions,
        lanes: Lanes,
        journal: Option<Box<dyn Journal>>,
        recovered: Recovered,
        now_ms: u64,
    ) -> Self {
        let mut sealer = Sealer::new(engine, origin).zeroize(options.zeroize);
        if let Some(journal) = &journal {
            sealer = sealer.slice_bytes_max(journal.slice_bytes_max());
        }
        let mut pipeline = Self {
            sealer,
            jitter: SplitMix64::new(lanes.seed()),
            lanes,
            options,
            journal,
            unlogged: BTreeMap::new(),
            undurable: VecDeque::new(),
            ready: VecDeque::new(),
            refused: Vec::new(),
            open: None,
            may_have_room: false,
            unknown: BTreeSet::new(),
            asked: BTreeSet::new(),
            recovered: BTreeMap::new(),
            genesis: BTreeSet::new(),
            ask_from_ms: 0,
            export_from_ms: 0,
            claims_out: BTreeMap::new(),
            last_sync_ms: Some(now_ms),
            last_checkpoint_ms: now_ms,
            totals: BTreeMap::new(),
            forgotten: BTreeMap::new(),
            boundary: 0,
            can_ask: false,
            forgotten_streams: ForgottenStreams::default(),
            counters: Counters::default(),
            behind: Vec::new(),
            last_error: None,
        };
        pipeline.adopt(recovered);
        // What was left is synced at once, whatever the policy says.
        pipeline.last_sync_ms = None;
        pipeline.log_sealed(now_ms);
        pipeline.last_sync_ms = Some(now_ms);
        pipeline.maintain_log(now_ms);
        pipeline
    }

    /// Takes over what an earlier process left: its heads, the slices that were not acknowledged, and its live counts, which
    /// are sealed now.
    fn adopt(&mut self, recovered: Recovered) {
        for head in &recovered.heads {
            self.sealer.continue_from(head);
        }
        let mut ends: BTreeMap<StreamId, SealedSlice> = BTreeMap::new();
        for slice in recovered.pending {
            let stream = slice.stream().clone();
            self.counters.recovered_slices += 1;
            self.totals.entry(stream.clone()).or_default().sealed += slice.total();
            let follows =
                |end: &SealedSlice| slice.seq() == end.seq().next() && slice.previous() == Some(end.digest());
            if ends.get(&stream).map_or(true, follows) {
                ends.insert(stream, slice.clone());
                self.undurable.push_back(slice);
            } else {
                if let Some(end) = ends.get(&stream) {
                    let source = not_next(end, &slice);
                    self.note(PipelineError::Queue { stream, seq: slice.seq(), source });
                }
                self.refused.push(slice);
            }
        }
        let may_be_forgotten = self.journal.as_ref().is_some_and(|journal| journal.has_forgotten());
        for live in recovered.live {
            if may_be_forgotten && self.sealer.head(&live.stream).is_none() {
                self.totals.entry(live.stream.clone()).or_default().sealed += live.total();
                self.recovered.insert(live.stream.clone(), live);
            } else {
                self.seal_recovered(&live);
            }
        }
        for error in recovered.errors {
            self.note(error);
        }
    }

    pub(super) fn seal_recovered(&mut self, live: &RecoveredRows) {
        match self.sealer.seal_recovered(&live.stream, live.window, &live.rows) {
            Ok(slices) => self.take_sealed(slices),
            Err(error) => self.note(error.into()),
        }
    }

    /// Returns what to do at a boundary when the queues are full.
    pub fn on_full(&self) -> OnFull {
        self.options.on_full
    }

    /// Lets a parked stream try again, after an operator has dealt with the cause. Returns whether it was parked.
    pub fn resume(&mut self, stream: &StreamId) -> bool {
        self.lanes.resume(stream)
    }

    /// Returns whether everything that was sealed is acknowledged, and no stream waits for the ledger to tell its head.
    pub fn is_drained(&self) -> bool {
        self.pending() == 0 && self.unknown.is_empty() && self.asked.is_empty()
    }

    /// Returns whether everything that is not acknowledged waits for an operator.
    pub fn is_stuck(&self) -> bool {
        let parked: usize = self.lanes.status().parked.iter().map(|lane| lane.pending).sum();
        let stuck = parked + self.refused.len();
        stuck > 0 && stuck == self.pending()
    }

    /// Returns how many slices are sealed and not acknowledged.
    pub fn pending(&self) -> usize {
        self.lanes.pending()
            + self.ready.len()
            + self.not_durable()
            + self.refused.len()
            + self.recovered.len()
    }

    fn not_durable(&self) -> usize {
        self.undurable.len() + self.unlogged.values().map(VecDeque::len).sum::<usize>()
    }

    /// Returns how many batches and questions for heads the ledger has not answered. Unlike [`Pipeline::stats`], this does not
    /// read from the disk.
    pub fn unanswered(&self) -> usize {
        self.lanes.in_flight() + self.unknown.len() + self.asked.len()
    }

    /// Returns the origin of all slices.
    pub fn origin(&self) -> Origin {
        self.sealer.origin()
    }

    /// Returns the first stream that had to wait at the last sealing.
    pub fn first_waiting(&self) -> Option<StreamId> {
        self.sealer.waiting().into_iter().next()
    }

    /// Reads the counts that are not sealed yet into `reading`.
    pub fn unsealed(&self, reading: &mut Reading) {
        self.sealer.unsealed(reading);
    }

    /// Returns, for each stream, what is on its way and what has arrived. Of streams beyond
    /// [`PipelineOptions::streams_max`] that are not in use, what has arrived is in [`PipelineStats::forgotten`] instead, so
    /// that both together are all that was sealed.
    pub fn totals(&self) -> Vec<StreamTotals> {
        let totals = self.totals.iter().map(|(stream, totals)| StreamTotals {
            stream: stream.clone(),
            pending: totals.sealed - totals.acknowledged,
            acknowledged: totals.acknowledged,
        });
        totals.collect()
    }

    /// Returns gauges and counters. Asks the disk for the lengths of the log's files.
    pub fn stats(&self) -> PipelineStats {
        let counters = &self.counters;
        PipelineStats {
            sealed_slices: counters.sealed_slices,
            sealed_rows: counters.sealed_rows,
            recovered_slices: counters.recovered_slices,
            acknowledged: counters.acknowledged,
            acknowledged_rows: counters.acknowledged_rows,
            duplicates: counters.duplicates,
            pending: self.pending(),
            not_durable: self.not_durable(),
            waiting_streams: counters.waiting_streams,
            waiting_for_log: counters.waiting_for_log,
            checkpoints: counters.checkpoints,
            resent: counters.resent,
            behind: self.behind.clone(),
            unknown_heads: self.unknown.len() + self.asked.len(),
            known_streams: self.sealer.known_streams(),
            forgotten: self.forgotten_totals(),
            shed: counters.shed,
            refused: self.refused.len(),
            lanes: self.lanes.status(),
            log: self.log_stats(),
            last_error: self.last_error.as_deref().map(|error| with_causes(error)),
        }
    }

    fn log_stats(&self) -> Option<LogStats> {
        let mut stats = self.journal.as_ref()?.stats();
        stats.uncovered_streams += self.counters.uncovered;
        Some(stats)
    }

    /// Checks the invariants of the pipeline and of what it is made of, for tests. Costs a pass over all that is pending, and
    /// as much as encoding every key.
    pub fn validate(&self) -> Result<(), String> {
        self.sealer.validate()?;
        self.lanes.validate()?;
        if let Some(journal) = &self.journal {
            journal.validate()?;
        }
        let unlogged = self.unlogged.values().flatten();
        let mut next: BTreeMap<&StreamId, Seq> = BTreeMap::new();
        for slice in self.ready.iter().chain(&self.undurable).chain(unlogged) {
            let stream = slice.stream();
            if let Some(expected) =
                next.insert(stream, slice.seq().next()).filter(|next| *next != slice.seq())
            {
                return Err(format!("{stream}: slice {} stands where {expected} belongs", slice.seq()));
            }
        }
        Ok(())
    }

    /// Returns the latest error, which [`PipelineStats::last_error`] shows as text.
    pub fn last_error(&self) -> Option<Arc<dyn Error + Send + Sync>> {
        self.last_error.clone()
    }

    fn note(&mut self, error: PipelineError) {
        // The failure that began the pause says more.
        if !matches!(error, PipelineError::LogPaused { .. }) {
            self.last_error = Some(Arc::new(error));
        }
    }

    fn note_put(&mut self, error: PutError) {
        self.last_error = Some(Arc::new(error));
    }
}

/// Says why a slice does not continue the stream that ends with `end`.
fn not_next(end: &SealedSlice, slice: &SealedSlice) -> LaneError {
    let (stream, expected) = (end.stream().clone(), end.seq().next());
    if slice.seq() == expected {
        let (expected, found) = (end.digest(), slice.previous());
        return LaneError::BrokenLink { stream, seq: slice.seq(), expected, found };
    }
    LaneError::OutOfOrder { stream, expected, found: slice.seq() }
}

/// Checks all options, and makes the lanes.
fn lanes(options: &PipelineOptions) -> Result<Lanes, PipelineError> {
    options.validate()?;
    Ok(Lanes::new(options.lanes.clone())?)
}
