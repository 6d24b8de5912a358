//! The step between sealing and export: slices and live counts become durable.

use std::collections::HashSet;

use ron_accounting_window::Span;
use ron_ledger_wire::{SealedSlice, StreamId};

use super::Pipeline;
use crate::{PipelineError, SyncPolicy};

impl Pipeline {
    /// Appends and syncs as far as the log and the policy let it, then queues what is durable.
    pub(super) fn log_sealed(&mut self, now_ms: u64) {
        if let Err(error) = self.try_log_sealed(now_ms) {
            self.note(&error);
        }
        self.feed_lanes(now_ms);
    }

    fn try_log_sealed(&mut self, now_ms: u64) -> Result<(), PipelineError> {
        let Some(journal) = &mut self.journal else {
            self.ready.extend(self.to_append.drain(..));
            return Ok(());
        };
        let mut appended = Ok(());
        while let Some(slice) = self.to_append.front() {
            if let Err(error) = journal.append(slice, now_ms) {
                appended = Err(error);
                break;
            }
            self.to_sync.extend(self.to_append.pop_front());
        }
        match self.options.sync {
            SyncPolicy::Never => {
                let tidied = journal.tidy(now_ms);
                self.queue_synced();
                return appended.and(tidied);
            }
            SyncPolicy::OnSeal => {}
            SyncPolicy::IntervalMs(interval) if is_due(self.last_sync_ms, interval, now_ms) => {}
            SyncPolicy::IntervalMs(_) => return appended,
        }
        if !self.to_sync.is_empty() {
            journal.commit(now_ms)?;
            self.last_sync_ms = Some(now_ms);
            self.queue_synced();
        }
        appended
    }

    /// Queues what is durable, but for the slices of a sealing that the log has not taken whole.
    fn queue_synced(&mut self) {
        fn sealing(slice: &SealedSlice) -> (&StreamId, u64) {
            (slice.stream(), slice.end_ms())
        }
        let waiting: HashSet<_> = self.to_append.iter().map(sealing).collect();
        let (torn, whole) = std::mem::take(&mut self.to_sync)
            .into_iter()
            .partition(|slice| waiting.contains(&sealing(slice)));
        self.to_sync = torn;
        self.ready.extend::<Vec<_>>(whole);
    }

    /// Ends all waiting, for shutdown: what is sealed is synced although no sync is due, and offered without delay.
    pub fn flush(&mut self, now_ms: u64) {
        self.export_from_ms = 0;
        if !self.is_durable() {
            self.last_sync_ms = None;
            self.log_sealed(now_ms);
        }
        self.feed_lanes(now_ms);
    }

    pub(super) fn is_durable(&self) -> bool {
        self.to_append.is_empty() && self.to_sync.is_empty()
    }

    /// What needs doing between boundaries: retries of the log, a due sync, a due checkpoint of the open window's counts.
    pub fn maintain(&mut self, window: Span, now_ms: u64) {
        if !self.is_durable() {
            self.log_sealed(now_ms);
        }
        let interval = self.options.checkpoint_ms;
        if interval > 0 && is_due(Some(self.last_checkpoint_ms), interval, now_ms) {
            self.checkpoint(window, now_ms);
        }
    }

    /// Writes the counts that are not sealed to the log, so that a kill loses only what comes after.
    pub fn checkpoint(&mut self, window: Span, now_ms: u64) {
        self.last_checkpoint_ms = now_ms;
        if self.journal.is_none() {
            return;
        }
        if !self.to_append.is_empty() {
            self.log_sealed(now_ms);
        }
        // What the log refused was counted before, and would be missing in a newer checkpoint. The last one has it.
        if self.to_append.is_empty() {
            let preview = self.sealer.preview(window);
            for error in preview.errors {
                self.note(&error.into());
            }
            self.write_checkpoint(&preview.slices, now_ms);
        }
    }

    pub(super) fn write_checkpoint(&mut self, slices: &[SealedSlice], now_ms: u64) {
        match self.journal.as_mut().map(|journal| journal.checkpoint(slices, now_ms)) {
            Some(Err(error)) => self.note(&error),
            Some(Ok(())) => self.counters.checkpoints += 1,
            None => {}
        }
    }
}

/// Whether `interval_ms` has passed. If the clock has stepped back nobody knows, and waiting could take for ever.
fn is_due(last_ms: Option<u64>, interval_ms: u64, now_ms: u64) -> bool {
    let passed_ms = last_ms.and_then(|last_ms| now_ms.checked_sub(last_ms));
    passed_ms.map_or(true, |passed_ms| passed_ms >= interval_ms)
}
