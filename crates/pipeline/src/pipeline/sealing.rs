//! Which streams are sealed when.
//!
//! A stream is sealed if there is room for its slices downstream: in the lanes and in the log. One that needs more slices
//! than all lanes take is sealed all the same when it is its turn, and its slices go out in several rounds. What has to wait
//! stays in the counters, and is sealed as soon as there is room.

use ron_accounting_seal::{Admission, Candidate, Sealed};
use ron_accounting_window::Span;
use ron_ledger_wire::{Head, SealedSlice, StreamId};

use super::Pipeline;
use crate::{journal::Journal, OnFull, PipelineError};

impl Pipeline {
    /// Closes a window: seals its counts as far as there is room, makes the slices durable, and returns them.
    pub fn seal(&mut self, window: Span, now_ms: u64) -> Vec<SealedSlice> {
        let length_ms = window.end_ms.saturating_sub(window.start_ms);
        self.open = Some(Span { start_ms: window.end_ms, end_ms: window.end_ms.saturating_add(length_ms) });
        self.seal_and_shed(window, self.options.on_full == OnFull::Shed, now_ms)
    }

    /// Seals what an open window has counted so far. Throws nothing away, whatever the policy: for a shutdown, which seals in
    /// several rounds.
    pub fn seal_open(&mut self, window: Span, now_ms: u64) -> Vec<SealedSlice> {
        self.open = Some(window);
        self.seal_and_shed(window, false, now_ms)
    }

    fn seal_and_shed(&mut self, window: Span, sheds: bool, now_ms: u64) -> Vec<SealedSlice> {
        if self.is_log_failing() {
            self.maintain_log(now_ms);
        }
        self.log_sealed(now_ms);
        self.forget_streams();
        self.boundary += 1;
        let sealed = self.seal_streams(window, false);
        self.counters.waiting_streams = sealed.waiting;
        if sealed.waiting > 0 && sheds {
            self.shed_waiting(now_ms);
        }
        self.take_sealed(sealed.slices.clone());
        self.log_sealed(now_ms);
        self.export_from_ms = now_ms.saturating_add(self.next_jitter_ms());
        sealed.slices
    }

    /// Throws away what streams that wait have counted. Their checkpoints are emptied first, so that nothing of it comes back
    /// after a kill; if that fails, the counts stay.
    fn shed_waiting(&mut self, now_ms: u64) {
        let head = |stream: StreamId| self.sealer.head(&stream).unwrap_or_else(|| Head::genesis(stream));
        let heads: Vec<_> = self.sealer.waiting().into_iter().map(head).collect();
        match self.journal.as_mut().map(|journal| journal.discard(&heads, now_ms)) {
            Some(Err(error)) => self.note(error),
            Some(Ok(())) | None => self.counters.shed += self.sealer.shed_waiting(),
        }
    }

    /// Seals streams that wait, if there may be room for them now. Their slices end with the open window, of which they have
    /// a part.
    pub(super) fn seal_waiting(&mut self, now_ms: u64) {
        let is_due = self.counters.waiting_streams > 0 && self.may_have_room;
        let Some(open) = self.open.filter(|_| is_due && self.options.on_full == OnFull::Stretch) else {
            return;
        };
        // Each sealing reads all counters, so that it should be worth it.
        let is_worth = self.room() > self.lanes.pending_max() / 4 || self.moves_nothing();
        if !is_worth {
            return;
        }
        self.may_have_room = false;
        let sealed = self.seal_streams(open, true);
        self.counters.waiting_streams = sealed.waiting;
        if !sealed.slices.is_empty() {
            self.take_sealed(sealed.slices);
            self.log_sealed(now_ms);
        }
    }

    fn seal_streams(&mut self, window: Span, only_waiting: bool) -> Sealed {
        let mut admission = self.begin_admission();
        let Self { sealer, .. } = self;
        let mut unknown: Vec<StreamId> = Vec::new();
        let mut waiting_for_log = 0;
        let lanes = &self.lanes;
        let journal = self.journal.as_deref();
        let (unlogged, refused) = (&self.unlogged, &self.refused);
        let (recovered, genesis) = (&self.recovered, &self.genesis);
        let log_has_forgotten = journal.is_some_and(Journal::has_forgotten);
        let may_be_forgotten = |stream: &StreamId| {
            (log_has_forgotten || self.forgotten_streams.may_contain(stream)) && !genesis.contains(stream)
        };
        let sealed = sealer.seal_admitted(window, |candidate: &Candidate<'_>| {
            let stream = candidate.stream;
            if only_waiting && candidate.waits_since_ms.is_none() {
                return Admission::Skip;
            }
            if candidate.next_seq.is_first() && may_be_forgotten(stream) {
                unknown.push(stream.clone());
                return Admission::Wait;
            }
            let is_stuck = unlogged.contains_key(stream)
                || recovered.contains_key(stream)
                || refused.iter().any(|slice| slice.stream() == stream)
                || lanes.room() > 0 && lanes.room_for(stream) == 0;
            if is_stuck || !admission.has_room(candidate.slices) {
                return Admission::Wait;
            }
            if let Some(journal) = journal {
                let (planned, is_urgent) = (admission.log_bytes, admission.is_urgent);
                let needed =
                    journal.admits(stream, candidate.row_bytes, candidate.slices, planned, is_urgent);
                let Some(needed) = needed else {
                    waiting_for_log += 1;
                    return Admission::Wait;
                };
                admission.log_bytes += needed;
            }
            admission.take(candidate.slices);
            Admission::Seal
        });
        self.counters.waiting_for_log = waiting_for_log;
        if waiting_for_log > 0 {
            self.note(PipelineError::LogFull { streams: waiting_for_log });
        }
        unknown.retain(|stream| !self.asked.contains(stream));
        self.unknown.extend(unknown);
        for error in &sealed.errors {
            self.note(error.clone().into());
        }
        sealed
    }

    fn begin_admission(&self) -> AdmissionRoom {
        let is_urgent = self.ready.is_empty() && self.undurable.is_empty() && self.is_export_idle();
        AdmissionRoom { lanes: self.room(), lanes_max: self.lanes.pending_max(), log_bytes: 0, is_urgent }
    }

    /// Returns how many slices can still be sealed before the queues are full. It is 0 while the log does not work, and at
    /// least 1 when nothing that is pending can move by itself: then a stream that is stuck must not stop the others.
    pub fn room(&self) -> usize {
        if self.is_log_failing() {
            return 0;
        }
        let room = self.lanes.room().saturating_sub(self.ready.len() + self.not_durable());
        room.max(usize::from(self.moves_nothing()))
    }

    fn is_log_failing(&self) -> bool {
        self.journal.as_ref().is_some_and(|journal| journal.is_failing())
    }

    /// Whether nothing that is pending can move by itself.
    fn moves_nothing(&self) -> bool {
        self.ready.is_empty() && self.undurable.is_empty() && self.is_export_idle()
    }

    pub(super) fn take_sealed(&mut self, slices: Vec<SealedSlice>) {
        for slice in slices {
            self.counters.sealed_slices += 1;
            self.counters.sealed_rows += slice.row_count() as u64;
            let stream = slice.stream().clone();
            let totals = self.totals.entry(stream.clone()).or_default();
            totals.sealed += slice.total();
            totals.used_at = self.boundary;
            self.genesis.remove(&stream);
            self.unlogged.entry(stream).or_default().push_back(slice);
        }
    }

    fn next_jitter_ms(&mut self) -> u64 {
        self.jitter.below(self.options.jitter_ms.saturating_add(1))
    }
}

/// The room that is left while streams are chosen.
#[derive(Debug)]
struct AdmissionRoom {
    /// Slices that the lanes take.
    lanes: usize,
    lanes_max: usize,
    /// Bytes of the log that the chosen streams take.
    log_bytes: u64,
    /// Nothing is on its way, so that waiting would change nothing.
    is_urgent: bool,
}

impl AdmissionRoom {
    /// A stream that the lanes could never take at once may be sealed while there is any room.
    fn has_room(&self, slices: usize) -> bool {
        slices <= self.lanes || slices > self.lanes_max && self.lanes > 0
    }

    fn take(&mut self, slices: usize) {
        self.lanes = self.lanes.saturating_sub(slices);
        self.is_urgent = false;
    }
}
