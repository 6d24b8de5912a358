//! The step between sealing and export: slices and live counts become durable.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ron_accounting_window::Span;
use ron_ledger_wire::{SealedSlice, StreamId};

use super::Pipeline;
use crate::{journal::StreamCheckpoint, PipelineError, SyncPolicy};

impl Pipeline {
    /// Appends and syncs as far as the log and the policy let it, then queues what is durable.
    pub(super) fn log_sealed(&mut self, now_ms: u64) {
        if let Err(error) = self.try_log_sealed(now_ms) {
            self.note(error);
        }
        self.queue_durable();
    }

    fn try_log_sealed(&mut self, now_ms: u64) -> Result<(), PipelineError> {
        let appended = self.append_unlogged(now_ms);
        let Some(journal) = &mut self.journal else { return appended };
        let is_due = match self.options.sync {
            SyncPolicy::Never => self.undurable.iter().any(|slice| journal.has_checkpoint(slice.stream())),
            SyncPolicy::OnSeal => true,
            SyncPolicy::IntervalMs(interval) => is_due(self.last_sync_ms, interval, now_ms),
        };
        if is_due && !self.undurable.is_empty() {
            journal.commit(now_ms)?;
            self.last_sync_ms = Some(now_ms);
        }
        appended
    }

    /// Appends each stream's slices as far as there is room. One stream that has none stops no other.
    fn append_unlogged(&mut self, now_ms: u64) -> Result<(), PipelineError> {
        let mut appended = Ok(());
        let is_idle = self.ready.is_empty() && self.is_export_idle();
        let streams: Vec<StreamId> = self.unlogged.keys().cloned().collect();
        for stream in streams {
            let Some(slices) = self.unlogged.get_mut(&stream) else { continue };
            let count = match &mut self.journal {
                None => slices.len(),
                Some(journal) => {
                    let is_urgent = is_idle && self.undurable.is_empty();
                    match journal.append(slices.make_contiguous(), is_urgent, now_ms) {
                        Ok(count) => count,
                        Err(error) => {
                            appended = appended.and(Err(error));
                            0
                        }
                    }
                }
            };
            self.undurable.extend(slices.drain(..count));
            if slices.is_empty() {
                self.unlogged.remove(&stream);
            }
        }
        appended
    }

    /// Moves on what is durable, or by policy counts as such.
    fn queue_durable(&mut self) {
        let Some(journal) = self.journal.as_deref() else {
            self.ready.extend(self.undurable.drain(..));
            return;
        };
        let never_syncs = self.options.sync == SyncPolicy::Never;
        // Lost after its export, a slice would leave its counts in the checkpoint, and they would be counted again.
        let needs_no_sync = |slice: &SealedSlice| never_syncs && !journal.has_checkpoint(slice.stream());
        let (counting, rest): (VecDeque<_>, VecDeque<_>) =
            self.undurable.drain(..).partition(|slice| journal.is_durable(slice) || needs_no_sync(slice));
        self.undurable = rest;
        self.ready.extend(counting);
    }

    /// Ends all waiting, for shutdown: what is sealed is synced although no sync is due, and offered without delay.
    pub fn flush(&mut self, now_ms: u64) {
        self.export_from_ms = 0;
        self.maintain_log(now_ms);
        self.ask_for_recovered(now_ms);
        if self.not_durable() > 0 {
            self.last_sync_ms = None;
            self.log_sealed(now_ms);
        }
        self.seal_waiting(now_ms);
    }

    /// What needs doing between boundaries: retries of the log, a due sync, sealing of streams that waited, a due checkpoint
    /// of the open window's counts.
    pub fn maintain(&mut self, window: Span, now_ms: u64) {
        self.open = Some(window);
        self.maintain_log(now_ms);
        self.forget_streams();
        self.ask_for_recovered(now_ms);
        if self.not_durable() > 0 {
            self.log_sealed(now_ms);
        }
        self.may_have_room = true;
        self.seal_waiting(now_ms);
        let interval = self.options.checkpoint_ms;
        if interval > 0 && is_due(Some(self.last_checkpoint_ms), interval, now_ms) {
            self.checkpoint(window, now_ms);
        }
    }

    pub(super) fn maintain_log(&mut self, now_ms: u64) {
        if let Some(Err(error)) = self.journal.as_mut().map(|journal| journal.maintain(now_ms)) {
            self.note(error);
        }
    }

    /// Writes the counts that are not in the log to it, so that a kill loses only what comes after.
    pub fn checkpoint(&mut self, window: Span, now_ms: u64) {
        self.write_checkpoint(window, false, now_ms);
    }

    /// Does the same for the last time before the process ends. Nothing will be sealed any more, so that it also has what
    /// was counted since slices were sealed that found no room in the log.
    pub fn checkpoint_last(&mut self, window: Span, now_ms: u64) {
        self.write_checkpoint(window, true, now_ms);
    }

    fn write_checkpoint(&mut self, window: Span, is_last: bool, now_ms: u64) {
        self.last_checkpoint_ms = now_ms;
        if self.journal.is_none() {
            return;
        }
        if self.not_durable() > 0 {
            self.log_sealed(now_ms);
        }
        let preview = self.sealer.preview(window);
        for error in preview.errors {
            self.note(error.into());
        }
        // A checkpoint ends with the slices that come next, so it may have nothing that was counted after those were sealed.
        // Slices that are not in the log stand for their stream, and what was counted since has to wait for them. What was
        // recovered is still in the checkpoint that it comes from.
        let mut by_stream: BTreeMap<StreamId, Vec<SealedSlice>> = self
            .unlogged
            .iter()
            .map(|(stream, slices)| (stream.clone(), slices.iter().cloned().collect()))
            .collect();
        let mut uncovered = BTreeSet::new();
        for slice in preview.slices {
            let has_to_wait = self.unlogged.contains_key(slice.stream()) && !is_last;
            if has_to_wait || self.recovered.contains_key(slice.stream()) {
                uncovered.insert(slice.stream().clone());
            } else {
                by_stream.entry(slice.stream().clone()).or_default().push(slice);
            }
        }
        let checkpoints: Vec<_> =
            by_stream.into_iter().map(|(stream, slices)| StreamCheckpoint { stream, slices }).collect();
        self.counters.uncovered = uncovered.len();
        match self.journal.as_mut().map(|journal| journal.checkpoint(&checkpoints, now_ms)) {
            Some(Ok(all)) => self.counters.checkpoints += u64::from(all && uncovered.is_empty()),
            Some(Err(error)) => self.note(error),
            None => {}
        }
        self.queue_durable();
    }
}

/// Whether `interval_ms` has passed. If the clock has stepped back nobody knows, and waiting could take for ever.
fn is_due(last_ms: Option<u64>, interval_ms: u64, now_ms: u64) -> bool {
    let passed_ms = last_ms.and_then(|last_ms| now_ms.checked_sub(last_ms));
    passed_ms.map_or(true, |passed_ms| passed_ms >= interval_ms)
}
