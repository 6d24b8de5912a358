//! Sealing and the way to the ledger.

use ron_accounting::export::{LanesStatus, PipelineStats};

use super::spans::{seconds, ENDS_MS};
use crate::text::Text;

pub(super) fn write(text: &mut Text<'_>, pipeline: &PipelineStats) {
    text.counter(
        "accounting_sealed_slices_total",
        "Slices sealed, those of recovered counts included.",
        pipeline.sealed_slices,
    );
    text.counter("accounting_sealed_rows_total", "Rows in sealed slices.", pipeline.sealed_rows);
    text.counter(
        "accounting_acknowledged_slices_total",
        "Slices that the ledger acknowledged, duplicates included.",
        pipeline.acknowledged,
    );
    text.counter(
        "accounting_duplicate_slices_total",
        "Slices that the ledger had already.",
        pipeline.duplicates,
    );
    text.counter(
        "accounting_recovered_slices_total",
        "Slices that the log had at the start and the ledger had not acknowledged.",
        pipeline.recovered_slices,
    );
    text.counter(
        "accounting_resent_slices_total",
        "Slices sent again at the start, since the ledger was restored from an older copy.",
        pipeline.resent,
    );
    text.gauge(
        "accounting_refused_slices",
        "Recovered slices that stay in the log, without room in the queues.",
        pipeline.refused,
    );
    text.gauge("accounting_not_durable_slices", "Sealed slices that wait for a sync.", pipeline.not_durable);
    text.gauges(
        "accounting_waiting_streams",
        "Streams that were not sealed at the last boundary, by what had no room.",
        "reason",
        [
            ("queue", pipeline.waiting_streams.saturating_sub(pipeline.waiting_for_log)),
            ("log", pipeline.waiting_for_log),
        ],
    );
    text.gauge(
        "accounting_behind_streams",
        "Streams of which the ledger has less than it acknowledged, and the log not all that is missing.",
        pipeline.behind.len(),
    );
    text.gauge(
        "accounting_unknown_heads",
        "Streams that wait until the ledger was asked for their head.",
        pipeline.unknown_heads,
    );
    text.gauge("accounting_known_streams", "Streams whose chains are in memory.", pipeline.known_streams);
    text.counter(
        "accounting_shed_units_total",
        "Units thrown away because there was no room, all dimensions together.",
        pipeline.shed,
    );
    text.counter(
        "accounting_checkpoints_total",
        "Times that the live counts were found durable in a checkpoint.",
        pipeline.checkpoints,
    );
    write_lanes(text, &pipeline.lanes);
}

fn write_lanes(text: &mut Text<'_>, lanes: &LanesStatus) {
    text.gauge("accounting_lanes", "Streams with a slice that is not acknowledged.", lanes.lanes);
    text.gauge("accounting_batches_in_flight", "Batches on their way to the ledger.", lanes.in_flight);
    text.gauge(
        "accounting_batches_overdue",
        "Batches past their deadline whose put has not returned.",
        lanes.overdue,
    );
    text.gauge(
        "accounting_backing_off_lanes",
        "Lanes that wait for a retry after a failure.",
        lanes.backing_off,
    );
    text.gauge(
        "accounting_parked_lanes",
        "Lanes that wait for an operator: the ledger refused a slice for good.",
        lanes.parked.len(),
    );
    text.gauge(
        "accounting_stalled_streams",
        "Streams that fail again and again while the ledger takes others.",
        lanes.stalled.len(),
    );
    text.gauge("accounting_set_aside_slices", "Slices in lanes that are parked or stalled.", lanes.set_aside);
    text.gauge(
        "accounting_export_degraded",
        "Whether slices wait and none was acknowledged for long: 1 or 0.",
        u8::from(lanes.degraded),
    );
    text.counter(
        "accounting_retries_total",
        "Slices offered once more, after a failure or a resume.",
        lanes.retries,
    );
    text.counter("accounting_expired_puts_total", "Slices whose put passed its deadline.", lanes.expired);
    text.counter(
        "accounting_late_answers_total",
        "Answers of the ledger to batches that had passed their deadline.",
        lanes.late_answers,
    );
    text.counter(
        "accounting_unordered_answers_total",
        "Slices that the ledger took although it had not taken the one before: a defect of the exporter.",
        lanes.unordered_answers,
    );
    text.histogram(
        "accounting_order_wait_seconds",
        "Time that a slice waited for the slice before it in its stream.",
        ENDS_MS.map(|end_ms| (seconds(end_ms), lanes.order.count_within(end_ms))),
        seconds(lanes.order.sum_ms()),
        lanes.order.count(),
    );
}
