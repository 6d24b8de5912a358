//! The pipeline: from a boundary to the ledger's acknowledgement, as steps to which time and answers are arguments.
//!
//! # The protocol
//! 1. Seal what there is room for; the rest of the counts stay in the cells.
//! 2. Append every slice of the boundary, then sync.
//! 3. Only then queue them for export, and only when all of their stream's sealing are durable.
//! 4. Export per stream in order; on an acknowledgement note it, and forget the slice.
//!
//! A step that fails leaves its slices where they are, and while slices wait for the log nothing more is sealed.

mod durable;

use std::collections::{BTreeMap, HashSet, VecDeque};

use ron_accounting_core::{Engine, Reading};
use ron_accounting_export::{Ack, Batch, BatchId, Exporter, LaneError, Lanes, PutError};
use ron_accounting_seal::Sealer;
use ron_accounting_window::Span;
use ron_ledger_wire::{Origin, SealedSlice, StreamId};

use crate::{
    journal::{Journal, Recovered},
    OnFull, PipelineError, PipelineOptions, PipelineStats, StreamTotals,
};

/// Seals, logs and exports what one engine counts.
#[derive(Debug)]
pub struct Pipeline {
    options: PipelineOptions,
    sealer: Sealer,
    journal: Option<Box<dyn Journal>>,
    lanes: Lanes,
    /// Sealed, not appended yet.
    to_append: VecDeque<SealedSlice>,
    /// Appended, not synced yet.
    to_sync: Vec<SealedSlice>,
    /// Durable, waiting for room in the lanes.
    ready: VecDeque<SealedSlice>,
    /// Recovered slices that the lanes refused.
    refused: Vec<SealedSlice>,
    /// Nothing is offered before this moment.
    export_from_ms: u64,
    jitter: u64,
    /// When the log was last synced; none if that is due at once.
    last_sync_ms: Option<u64>,
    last_checkpoint_ms: u64,
    totals: BTreeMap<StreamId, Totals>,
    counters: Counters,
    last_error: Option<String>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Totals {
    sealed: u128,
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
    checkpoints: u64,
    shed: u128,
}

impl Pipeline {
    /// A pipeline without a log: what is not acknowledged when the process ends is lost.
    pub fn new(engine: &Engine, origin: Origin, options: PipelineOptions) -> Self {
        Self::with_journal(engine, origin, options, None, Recovered::default(), 0)
    }

    /// A pipeline over a log, which may hold slices and counts of an earlier process. Its origin is the log's; `origin` is
    /// given to a fresh one.
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
        let (log, origin, recovered) = crate::log::Log::open(storage, origin, log, now_ms)?;
        let mut pipeline =
            Self::with_journal(engine, origin, options, Some(Box::new(log)), recovered, now_ms);
        pipeline.flush(now_ms);
        if pipeline.is_durable() {
            // All that the earlier process had counted is in slices now.
            pipeline.write_checkpoint(&[], now_ms);
        }
        Ok(pipeline)
    }

    fn with_journal(
        engine: &Engine,
        origin: Origin,
        options: PipelineOptions,
        journal: Option<Box<dyn Journal>>,
        recovered: Recovered,
        now_ms: u64,
    ) -> Self {
        let mut pipeline = Self {
            sealer: Sealer::new(engine, origin, options.zeroize),
            lanes: Lanes::new(options.lanes.clone()),
            jitter: options.lanes.seed,
            options,
            journal,
            to_append: VecDeque::new(),
            to_sync: Vec::new(),
            ready: VecDeque::new(),
            refused: Vec::new(),
            export_from_ms: 0,
            last_sync_ms: Some(now_ms),
            last_checkpoint_ms: now_ms,
            totals: BTreeMap::new(),
            counters: Counters::default(),
            last_error: None,
        };
        pipeline.adopt(recovered);
        pipeline
    }

    /// Takes over what an earlier process left: its heads, the slices that were not acknowledged, and its live counts, which
    /// are sealed now.
    fn adopt(&mut self, recovered: Recovered) {
        for head in &recovered.heads {
            self.sealer.continue_from(head);
        }
        let torn: BTreeMap<_, _> =
            recovered.live.iter().map(|live| (live.stream.clone(), live.first_seq)).collect();
        for slice in recovered.pending {
            self.counters.recovered_slices += 1;
            self.totals.entry(slice.stream().clone()).or_default().sealed += slice.total();
            // Part of a sealing must not go out before the rest is durable: once it is acknowledged and retired, the log
            // could not tell any more what the rest is.
            if torn.get(slice.stream()).is_some_and(|first| slice.seq() >= *first) {
                self.to_append.push_back(slice);
            } else if recovered.is_unsafe {
                self.to_sync.push(slice);
            } else {
                self.ready.push_back(slice);
            }
        }
        for live in recovered.live {
            match self.sealer.seal_recovered(&live.stream, live.window, &live.rows) {
                Ok(slices) => self.take_sealed(slices),
                Err(error) => self.note(&error.into()),
            }
        }
        for error in recovered.errors {
            self.note(&error);
        }
    }

    /// Closes a window: seals its counts as far as there is room, makes the slices durable, and returns them.
    pub fn seal(&mut self, window: Span, now_ms: u64) -> Vec<SealedSlice> {
        self.log_sealed(now_ms);
        let room = if self.to_append.is_empty() { self.room() } else { 0 };
        let lanes = &self.lanes;
        let refused: HashSet<_> = self.refused.iter().map(SealedSlice::stream).collect();
        // What cannot go out is not sealed.
        let is_stuck =
            |stream: &StreamId| refused.contains(stream) || (lanes.room() > 0 && lanes.room_for(stream) == 0);
        let sealed = self.sealer.seal(window, room, is_stuck);
        self.counters.waiting_streams = sealed.waiting;
        if sealed.waiting > 0 && self.options.on_full == OnFull::Shed {
            self.counters.shed += self.sealer.shed_waiting();
        }
        for error in sealed.errors {
            self.note(&error.into());
        }
        self.take_sealed(sealed.slices.clone());
        self.log_sealed(now_ms);
        self.export_from_ms = now_ms.saturating_add(self.next_jitter_ms());
        sealed.slices
    }

    /// How many slices can still be sealed before the queues are full.
    pub fn room(&self) -> usize {
        self.lanes.room().saturating_sub(self.ready.len() + self.to_sync.len() + self.to_append.len())
    }

    fn take_sealed(&mut self, slices: Vec<SealedSlice>) {
        for slice in slices {
            self.counters.sealed_slices += 1;
            self.counters.sealed_rows += slice.row_count() as u64;
            self.totals.entry(slice.stream().clone()).or_default().sealed += slice.total();
            self.to_append.push_back(slice);
        }
    }

    fn feed_lanes(&mut self, now_ms: u64) {
        while self.lanes.room() > 0 {
            let Some(slice) = self.ready.pop_front() else { return };
            match self.lanes.push(slice.clone(), now_ms) {
                Ok(()) => {}
                Err(LaneError::Full { .. }) => {
                    self.ready.push_front(slice);
                    return;
                }
                Err(error) => {
                    let (stream, seq) = (slice.stream().clone(), slice.seq());
                    self.note(&PipelineError::Queue { stream, seq, reason: error.to_string() });
                    self.refused.push(slice);
                }
            }
        }
    }

    /// The next slices to offer to the ledger. Every batch must come back to [`Pipeline::complete`].
    pub fn next_batch(&mut self, now_ms: u64) -> Option<Batch> {
        let expired = self.lanes.expire(now_ms);
        if let Some(failed) = expired.failed.first() {
            self.last_error = Some(failed.error.to_string());
        }
        if now_ms < self.export_from(now_ms) {
            return None;
        }
        self.lanes.next_batch(now_ms)
    }

    /// Takes the ledger's answers. No answers at all stand for a put that died.
    pub fn complete(&mut self, id: BatchId, now_ms: u64, answers: Vec<Result<Ack, PutError>>) {
        let completion = self.lanes.complete(id, now_ms, answers);
        let refused = completion.failed.iter().rev().find(|failed| failed.error != PutError::NotReached);
        if let Some(failed) = refused {
            self.last_error = Some(failed.error.to_string());
        }
        let mut slices = Vec::with_capacity(completion.acknowledged.len());
        for (slice, ack) in completion.acknowledged {
            self.counters.acknowledged += 1;
            match ack {
                Ack::Duplicate => self.counters.duplicates += 1,
                Ack::Ok => self.counters.acknowledged_rows += slice.row_count() as u64,
            }
            self.totals.entry(slice.stream().clone()).or_default().acknowledged += slice.total();
            slices.push(slice);
        }
        if let Some(journal) = self.journal.as_mut().filter(|_| !slices.is_empty()) {
            if let Err(error) = journal.acknowledge(&slices, now_ms) {
                self.note(&error);
            }
        }
        if !self.to_append.is_empty() {
            // The log may have room now.
            self.log_sealed(now_ms);
        }
        self.feed_lanes(now_ms);
    }

    /// When [`Pipeline::next_batch`] is worth calling next, if nothing else happens.
    pub fn next_due_ms(&self, now_ms: u64) -> Option<u64> {
        let due = self.lanes.next_due_ms(now_ms).map(|due| due.max(self.export_from(now_ms)));
        [due, self.lanes.next_deadline_ms(now_ms)].into_iter().flatten().min()
    }

    /// When the export may begin. A clock that stepped back holds it up no longer than the jitter.
    fn export_from(&self, now_ms: u64) -> u64 {
        let latest = now_ms.saturating_add(self.options.jitter_ms);
        if self.export_from_ms > latest {
            0
        } else {
            self.export_from_ms
        }
    }

    /// Compares our heads with the ledger's. A ledger that cannot be asked is taken at its word later, slice by slice.
    pub fn check_heads(&mut self, exporter: &dyn Exporter) -> Result<(), PipelineError> {
        let heads: Vec<_> = self.sealer.heads().collect();
        for head in heads {
            match exporter.head(head.stream()) {
                Ok(Some(ledger)) if ledger.next_seq() > head.next_seq() => {
                    return Err(PipelineError::LedgerAhead {
                        stream: head.stream().clone(),
                        ledger: ledger.next_seq(),
                        log: head.next_seq(),
                    });
                }
                Ok(_) => {}
                Err(error) => {
                    self.last_error = Some(error.to_string());
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Lets a parked stream try again, after an operator has dealt with the cause. `false` if it was not parked.
    pub fn resume(&mut self, stream: &StreamId) -> bool {
        self.lanes.resume(stream)
    }

    /// Whether everything that was sealed is acknowledged.
    pub fn is_drained(&self) -> bool {
        self.lanes.is_idle() && self.pending() == 0
    }

    /// Whether everything that is not acknowledged waits for an operator.
    pub fn is_stuck(&self) -> bool {
        let parked: usize = self.lanes.status().parked.iter().map(|lane| lane.pending).sum();
        let stuck = parked + self.refused.len();
        stuck > 0 && stuck == self.pending()
    }

    /// Slices that are sealed and not acknowledged.
    pub fn pending(&self) -> usize {
        self.lanes.pending()
            + self.ready.len()
            + self.to_sync.len()
            + self.to_append.len()
            + self.refused.len()
    }

    /// The origin of all slices.
    pub fn origin(&self) -> Origin {
        self.sealer.origin()
    }

    /// Shows what is not sealed yet.
    pub fn unsealed(&self, reading: &mut Reading) {
        self.sealer.unsealed(reading);
    }

    /// Per stream, what is on its way and what has arrived.
    pub fn totals(&self) -> Vec<StreamTotals> {
        let totals = self.totals.iter().map(|(stream, totals)| StreamTotals {
            stream: stream.clone(),
            pending: totals.sealed - totals.acknowledged,
            acknowledged: totals.acknowledged,
        });
        totals.collect()
    }

    /// How the pipeline is doing.
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
            not_durable: self.to_append.len() + self.to_sync.len(),
            waiting_streams: counters.waiting_streams,
            checkpoints: counters.checkpoints,
            shed: counters.shed,
            refused: self.refused.len(),
            lanes: self.lanes.status(),
            log: self.journal.as_ref().map(|journal| journal.stats()),
            last_error: self.last_error.clone(),
        }
    }

    fn note(&mut self, error: &PipelineError) {
        self.last_error = Some(error.with_causes());
    }

    fn next_jitter_ms(&mut self) -> u64 {
        // SplitMix64: https://prng.di.unimi.it/splitmix64.c
        self.jitter = self.jitter.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.jitter;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % self.options.jitter_ms.saturating_add(1)
    }
}
