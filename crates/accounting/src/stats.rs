//! What the façade tells about itself.

use ron_accounting_core::EngineStats;
use ron_accounting_window::ClockAlarm;

/// Numbers about an [`Accounting`](crate::Accounting), as of now.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Stats {
    /// The recording engine: label sets, evictions by reason, overflow, saturations.
    pub engine: EngineStats,
    /// Closed windows that had usage.
    pub windows: u64,
    /// Snapshots and sealings that took longer than `ACC_EXPORT_MAXMS`.
    pub over_budget: u64,
    /// A log was configured, and refused because of amnesia.
    pub wal_refused: bool,
    /// The clock is further from the time that windows follow than `ACC_CLOCK_JUMP_MS_MAX` allows; `None` while it is right.
    pub clock_alarm: Option<ClockAlarm>,
    /// How often the clock has jumped so far.
    pub clock_alarms: u64,
    /// This process is a fork of the one that built the instance: nothing that it counts is ever sealed. The numbers of the
    /// engine, of windows, of the clock and of the export are then those of an instance that did nothing.
    pub is_forked: bool,
    /// Sealing, log and export; `None` without a ledger and a log.
    #[cfg(feature = "export")]
    pub export: Option<ron_accounting_pipeline::PipelineStats>,
}

/// Whether everything works, by the names under which readiness reports what is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[allow(clippy::struct_excessive_bools)] // a list of checks, not a state
pub struct Readiness {
    /// Every setting could be used.
    pub config_loaded: bool,
    /// There is room for what the next boundary seals.
    pub queues_bounded_ok: bool,
    /// The ledger acknowledges, and no stream is parked or stalled.
    pub exporter_ok: bool,
    /// The log takes what is sealed, and nothing in it is damaged.
    pub wal_ok: bool,
    /// Windows are being rolled. False in a fork of the process that built the instance.
    pub boundary_ticker_ok: bool,
    /// The clock has not jumped. While it has, windows go on by the monotonic clock, see [`Stats::clock_alarm`].
    pub clock_ok: bool,
}

impl Readiness {
    /// Whether nothing is missing.
    pub fn is_ready(&self) -> bool {
        self.missing().next().is_none()
    }

    /// The names of what is missing.
    pub fn missing(&self) -> impl Iterator<Item = &'static str> {
        let checks = [
            ("config_loaded", self.config_loaded),
            ("queues_bounded_ok", self.queues_bounded_ok),
            ("exporter_ok", self.exporter_ok),
            ("wal_ok", self.wal_ok),
            ("boundary_ticker_ok", self.boundary_ticker_ok),
            ("clock_ok", self.clock_ok),
        ];
        checks.into_iter().filter(|(_, is_ok)| !is_ok).map(|(name, _)| name)
    }
}

/// One tenant's units of one dimension, and where they are. Recorded is the sum of the three.
#[cfg(feature = "export")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsageTotals {
    /// The tenant.
    pub tenant: String,
    /// The dimension.
    pub dimension: String,
    /// Counted, not sealed yet.
    pub live: u128,
    /// Sealed, not acknowledged yet.
    pub pending: u128,
    /// Acknowledged by the ledger since this process started.
    pub acknowledged: u128,
}
