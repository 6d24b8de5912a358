//! Counters, gauges and readiness of an instance.

use ron_accounting_core::EngineStats;
use ron_accounting_window::ClockAlarm;

use crate::RowHistogram;

/// Counters and gauges of an [`Accounting`](crate::Accounting), read at one moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Stats {
    /// The recording engine: label sets, evictions by reason, overflow, saturations.
    pub engine: EngineStats,
    /// Closed windows that had usage.
    pub windows: u64,
    /// How many rows the snapshots of these windows have.
    pub snapshot_rows: RowHistogram,
    /// Snapshots and sealings that took longer than `ACC_EXPORT_MAXMS`.
    pub over_budget: u64,
    /// Whether a log was configured and refused because of amnesia.
    pub wal_refused: bool,
    /// The jump of the clock, while the clock is further from the time that windows follow than `ACC_CLOCK_JUMP_MS_MAX`
    /// allows. `None` while it is right.
    pub clock_alarm: Option<ClockAlarm>,
    /// How often the clock has jumped so far.
    pub clock_alarms: u64,
    /// Whether this process is a fork of the one that built the instance. Usage that it counts is never sealed. The numbers of
    /// engine, windows, clock and export are then those of an instance that did nothing.
    pub is_forked: bool,
    /// The positions of paths that became parameters, as in `/files/:name, 1,912 values seen`. `None` without
    /// [`route_values_max`](crate::AccountingBuilder::route_values_max).
    #[cfg(feature = "normalize")]
    pub routes: Option<ron_accounting_normalize::LearnerStats>,
    /// Sealing, log and export; `None` without a ledger and a log.
    #[cfg(feature = "export")]
    pub export: Option<ron_accounting_pipeline::PipelineStats>,
}

/// Which parts of an instance work, by the names that a health check reports.
///
/// It shows the state of the instance at one moment and tries nothing out. `docs/operations.md` lists what it cannot see, such
/// as a ledger that fails while there is nothing to export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[allow(clippy::struct_excessive_bools)] // a list of checks, not a state
pub struct Readiness {
    /// Whether every setting could be used.
    pub config_loaded: bool,
    /// Whether the queues to the ledger take what the next boundary seals.
    pub queues_bounded_ok: bool,
    /// Whether the ledger acknowledges, and no stream is parked or stalled.
    pub exporter_ok: bool,
    /// Whether the log takes what is sealed, and nothing in it is damaged.
    pub wal_ok: bool,
    /// Whether windows are closed in time. False in a fork of the process that built the instance.
    pub boundary_ticker_ok: bool,
    /// Whether the clock is right. After a jump, windows follow the monotonic clock: see [`Stats::clock_alarm`].
    pub clock_ok: bool,
}

impl Readiness {
    /// Returns whether everything works.
    pub fn is_ready(&self) -> bool {
        self.missing().next().is_none()
    }

    /// Returns the names of the parts that do not work.
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

/// The units of one tenant and dimension, by their state. The sum of the three is what was recorded.
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
