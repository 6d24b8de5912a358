//! The part of the builder that is about sealing, log and export.

#[cfg(feature = "wal")]
use std::path::PathBuf;
use std::{ops::RangeInclusive, sync::Arc};

use ron_accounting_export::Exporter;
use ron_accounting_pipeline::{OnFull, SyncPolicy};
use ron_accounting_window::Clock;
use ron_ledger_wire::Origin;

use crate::{builder::AccountingBuilder, settings};

const STREAMS_MAX: RangeInclusive<u64> = 1..=16_777_216;
const DROP_TIMEOUT_MS: RangeInclusive<u64> = 0..=600_000;
#[cfg(feature = "wal")]
const WAL_MAX_BYTES: RangeInclusive<u64> = 4 << 20..=1 << 62;

impl AccountingBuilder {
    /// Sets the ledger that slices go to. An `Arc` of an exporter is an exporter as well.
    pub fn exporter(mut self, exporter: impl Exporter + 'static) -> Self {
        self.export.exporter = Some(Arc::new(exporter));
        self
    }

    /// Sets the origin of all slices. Default: the log's, or a random one. A log that exists keeps its own.
    pub fn origin(mut self, origin: Origin) -> Self {
        self.export.origin = Some(origin);
        self
    }

    /// Says that the same input always gives the same slices under the same [`origin`](Self::origin), as an import does.
    /// Then several processes may export them, and the ledger takes each slice once.
    ///
    /// Without it, each opening of a log claims its origin, and of two copies of one log the ledger takes slices of one
    /// alone: see `docs/durability.md`.
    pub fn replay(mut self) -> Self {
        self.export.is_replay = true;
        self
    }

    /// Sets what to do when the queues to the ledger are full. Default: [`OnFull::Stretch`].
    pub fn on_full(mut self, on_full: OnFull) -> Self {
        self.export.on_full = on_full;
        self
    }

    /// Sets when the log is synced. Default: at each sealing.
    pub fn sync(mut self, sync: SyncPolicy) -> Self {
        self.export.sync = sync;
        self
    }

    /// Sets how often live counts are written to the log, in milliseconds; any value, default 5000. Counts that are younger
    /// are lost when the process is killed. Zero: never.
    pub fn checkpoint_ms(mut self, ms: u64) -> Self {
        self.export.checkpoint_ms = ms;
        self
    }

    /// Sets how many slices go to the ledger in one put, over all streams in it, from 1 to 1,000,000. Default 64.
    pub fn batch_max(mut self, slices: usize) -> Self {
        if self.accept("batch_max", slices as u64, &settings::BACKLOG) {
            self.export.batch_max = Some(slices);
        }
        self
    }

    /// Sets how many streams are remembered one by one, from 1 to 16,777,216. Default 65,536. Of more, those that are not in use
    /// leave the memory, and the ledger is asked for their heads when they come back: see [`Accounting::totals`].
    ///
    /// [`Accounting::totals`]: crate::Accounting::totals
    pub fn streams_max(mut self, streams: usize) -> Self {
        if self.accept("streams_max", streams as u64, &STREAMS_MAX) {
            self.export.streams_max = streams;
        }
        self
    }

    /// Exports on threads of its own also where the host ticks (`manual_at`, `manual`), so that the host does not wait
    /// for the ledger before the queues are full. Without it, such an instance exports within calls alone: at a boundary whose
    /// queues are full, and in `drain` and `shutdown`. Any other instance has these threads anyway.
    pub fn export_in_background(mut self) -> Self {
        self.export.in_background = true;
        self
    }

    /// Sets how long dropping the last handle waits for the ledger, in milliseconds, from 0 to 600,000. Default 2000.
    pub fn drop_timeout_ms(mut self, ms: u64) -> Self {
        if self.accept("drop_timeout_ms", ms, &DROP_TIMEOUT_MS) {
            self.export.drop_timeout_ms = ms;
        }
        self
    }

    /// Sets the clock that retries, timeouts and the log follow. Default: the system's.
    pub fn export_clock(mut self, clock: impl Clock) -> Self {
        self.export.clock = Arc::new(clock);
        self
    }

    /// Sets the directory of the write-ahead log, which is created if it is missing. `ACC_WAL_DIR`.
    #[cfg(feature = "wal")]
    pub fn wal_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.settings.wal_dir = Some(directory.into());
        self
    }

    /// Sets how many bytes the write-ahead log may have, from 4 MiB (one segment) to 4 EiB. Default 512 MiB.
    #[cfg(feature = "wal")]
    pub fn wal_max_bytes(mut self, bytes: u64) -> Self {
        if self.accept("wal_max_bytes", bytes, &WAL_MAX_BYTES) {
            self.export.wal_max_bytes = Some(bytes);
        }
        self
    }
}
