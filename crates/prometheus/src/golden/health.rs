//! Readiness, windows and the clock.

use ron_accounting::{Readiness, Stats};

use crate::text::Text;

pub(super) fn write_readiness(text: &mut Text<'_>, stats: &Stats, readiness: Readiness) {
    text.gauges(
        "accounting_ready",
        "Whether a part works: 1 or 0.",
        "check",
        [
            ("config_loaded", readiness.config_loaded),
            ("queues_bounded_ok", readiness.queues_bounded_ok),
            ("exporter_ok", readiness.exporter_ok),
            ("wal_ok", readiness.wal_ok),
            ("boundary_ticker_ok", readiness.boundary_ticker_ok),
            ("clock_ok", readiness.clock_ok),
        ]
        .map(|(check, is_ok)| (check, u8::from(is_ok))),
    );
    text.gauge(
        "accounting_forked",
        "Whether this process is a fork of the one that built the instance, so that its usage is never sealed: 1 or 0.",
        u8::from(stats.is_forked),
    );
}

pub(super) fn write_windows(text: &mut Text<'_>, stats: &Stats) {
    let rows = &stats.snapshot_rows;
    text.histogram(
        "accounting_snapshot_rows",
        "Rows in the snapshot of a closed window that had usage.",
        // OpenMetrics wants the ends of buckets as floating-point numbers.
        rows.buckets().map(|(end, within)| (format!("{end}.0"), within)),
        rows.sum(),
        rows.count(),
    );
    text.counter("accounting_windows_total", "Closed windows that had usage.", stats.windows);
    text.counter(
        "accounting_over_budget_total",
        "Snapshots and sealings that took longer than their budget, ACC_EXPORT_MAXMS.",
        stats.over_budget,
    );
    text.counter(
        "accounting_clock_jumps_total",
        "Jumps of the clock beyond ACC_CLOCK_JUMP_MS_MAX.",
        stats.clock_alarms,
    );
    text.gauge(
        "accounting_log_refused",
        "Whether a log was configured and refused because of amnesia: 1 or 0.",
        u8::from(stats.wal_refused),
    );
}
