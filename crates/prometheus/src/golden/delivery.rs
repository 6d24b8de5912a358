//! The metrics of export that are there with and without a ledger.

use ron_accounting::Stats;

use super::spans::{seconds, ENDS_MS};
use crate::text::Text;

/// Time until acknowledgement, and what waits for it.
struct Figures {
    /// By [`ENDS_MS`].
    within: [u64; ENDS_MS.len()],
    sum_ms: u64,
    count: u64,
    backlog: usize,
}

pub(super) fn write(text: &mut Text<'_>, stats: &Stats) {
    let Figures { within, sum_ms, count, backlog } = figures(stats);
    text.histogram(
        "snapshot_export_latency_seconds",
        "Time from when a slice was queued for the ledger to its acknowledgement.",
        ENDS_MS.map(seconds).into_iter().zip(within),
        seconds(sum_ms),
        count,
    );
    text.gauge("accounting_export_backlog", "Slices that are sealed and not acknowledged.", backlog);
}

fn figures(stats: &Stats) -> Figures {
    #[cfg(feature = "export")]
    if let Some(pipeline) = &stats.export {
        let spans = &pipeline.lanes.export;
        return Figures {
            within: ENDS_MS.map(|end_ms| spans.count_within(end_ms)),
            sum_ms: spans.sum_ms(),
            count: spans.count(),
            backlog: pipeline.pending,
        };
    }
    let _ = stats;
    Figures { within: [0; ENDS_MS.len()], sum_ms: 0, count: 0, backlog: 0 }
}
