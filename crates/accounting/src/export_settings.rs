//! Settings of sealing, log and export: plain values.

use std::sync::Arc;

use ron_accounting_export::Exporter;
use ron_accounting_pipeline::{OnFull, SyncPolicy, CHECKPOINT_MS_DEFAULT, STREAMS_MAX_DEFAULT};
use ron_accounting_window::{Clock, SystemClock};
use ron_ledger_wire::Origin;

/// The default of how long dropping the last handle waits for the ledger, in milliseconds.
const DROP_TIMEOUT_MS_DEFAULT: u64 = 2000;

/// The settings of sealing, log and export.
pub(crate) struct ExportSettings {
    pub(crate) exporter: Option<Arc<dyn Exporter>>,
    pub(crate) origin: Option<Origin>,
    pub(crate) is_replay: bool,
    pub(crate) on_full: OnFull,
    pub(crate) sync: SyncPolicy,
    pub(crate) checkpoint_ms: u64,
    /// `None`: the default of the lanes.
    pub(crate) batch_max: Option<usize>,
    pub(crate) streams_max: usize,
    /// Whether threads export although the host ticks.
    pub(crate) in_background: bool,
    pub(crate) drop_timeout_ms: u64,
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
            batch_max: None,
            streams_max: STREAMS_MAX_DEFAULT,
            in_background: false,
            drop_timeout_ms: DROP_TIMEOUT_MS_DEFAULT,
            clock: Arc::new(SystemClock),
            #[cfg(feature = "wal")]
            wal_max_bytes: None,
        }
    }
}
