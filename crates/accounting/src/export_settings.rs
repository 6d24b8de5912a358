//! Settings of the way to the ledger.

#[cfg(feature = "wal")]
use std::path::PathBuf;
use std::sync::Arc;

use ron_accounting_export::{Exporter, LaneOptions};
pub use ron_accounting_pipeline::OnFull;
use ron_accounting_pipeline::{SyncPolicy, CHECKPOINT_MS_DEFAULT};
use ron_accounting_window::{Clock, SystemClock};
use ron_ledger_wire::Origin;

use crate::builder::AccountingBuilder;

/// How long dropping the last handle waits for the ledger where nothing else is set, in milliseconds.
const DROP_DEADLINE_MS_DEFAULT: u64 = 2000;

/// What the builder keeps for the way to the ledger.
pub(crate) struct ExportSettings {
    pub(crate) exporter: Option<Arc<dyn Exporter>>,
    pub(crate) origin: Option<Origin>,
    pub(crate) is_replay: bool,
    pub(crate) on_full: OnFull,
    pub(crate) sync: SyncPolicy,
    pub(crate) checkpoint_ms: u64,
    pub(crate) batch_max: usize,
    pub(crate) drop_deadline_ms: u64,
    pub(crate) clock: Arc<dyn Clock>,
    #[cfg(feature = "wal")]
    pub(crate) wal_max_bytes: Option<u64>,
}

impl Default for ExportSettings {
    fn default() -> Self {
        Self {
            exporter: None,
            origin: None,
            is_replay: false,
            on_full: OnFull::default(),
            sync: SyncPolicy::default(),
            checkpoint_ms: CHECKPOINT_MS_DEFAULT,
            batch_max: LaneOptions::default().batch_max,
            drop_deadline_ms: DROP_DEADLINE_MS_DEFAULT,
            clock: Arc::new(SystemClock),
            #[cfg(feature = "wal")]
            wal_max_bytes: None,
        }
    }
}

impl AccountingBuilder {
    /// The ledger that slices go to.
    pub fn exporter(mut self, exporter: Arc<dyn Exporter>) -> Self {
        self.export.exporter = Some(exporter);
        self
    }

    /// The origin of all slices. Default: the log's, or a random one. A log that exists keeps its own.
    pub fn origin(mut self, origin: Origin) -> Self {
        self.export.origin = Some(origin);
        self
    }

    /// Says that the same input always gives the same slices under the same [`origin`](Self::origin), as an import does.
    /// Then several processes may export them, and what the ledger has already is a duplicate.
    ///
    /// Without it, each opening of a log claims its origin, and of two copies of one log the ledger takes slices of one
    /// alone: see `docs/durability.md`.
    pub fn replay(mut self, is_replay: bool) -> Self {
        self.export.is_replay = is_replay;
        self
    }

    /// What to do when the queues to the ledger are full. Default: [`OnFull::Stretch`].
    pub fn on_full(mut self, on_full: OnFull) -> Self {
        self.export.on_full = on_full;
        self
    }

    /// When the log is synced. Default: at each sealing.
    pub fn sync(mut self, sync: SyncPolicy) -> Self {
        self.export.sync = sync;
        self
    }

    /// How often live counts are written to the log, in milliseconds: what a kill can lose. Zero: never. Default 5000.
    pub fn checkpoint_ms(mut self, ms: u64) -> Self {
        self.export.checkpoint_ms = ms;
        self
    }

    /// How many slices go to the ledger in one put, over all streams in it. Default 64.
    pub fn batch_max(mut self, slices: usize) -> Self {
        self.export.batch_max = slices;
        self
    }

    /// How long dropping the last handle waits for the ledger, in milliseconds, from 0 to 600,000. Default 2000.
    pub fn drop_deadline_ms(mut self, ms: u64) -> Self {
        if self.accept("drop_deadline_ms", ms, &(0..=600_000)) {
            self.export.drop_deadline_ms = ms;
        }
        self
    }

    /// The clock that retries and deadlines follow. Default: the system's.
    pub fn export_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.export.clock = clock;
        self
    }

    /// The directory of the write-ahead log, made if it is not there. `ACC_WAL_DIR`.
    #[cfg(feature = "wal")]
    pub fn wal_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.settings.wal_dir = Some(directory.into());
        self
    }

    /// How many bytes the write-ahead log may have, from 4 MiB (one segment) to 4 EiB. Default 512 MiB.
    #[cfg(feature = "wal")]
    pub fn wal_max_bytes(mut self, bytes: u64) -> Self {
        if self.accept("wal_max_bytes", bytes, &(4 << 20..=1 << 62)) {
            self.export.wal_max_bytes = Some(bytes);
        }
        self
    }
}
