//! The recording engine: label sets, evictions, what was counted under another name.

use ron_accounting::counters::{EngineStats, EvictionReason};

use crate::text::Text;

pub(super) fn write(text: &mut Text<'_>, engine: &EngineStats) {
    text.counters(
        "accounting_evictions_total",
        "Label sets and accounts that were evicted.",
        "reason",
        [
            (EvictionReason::Cardinality.as_str(), engine.evicted_cardinality),
            (EvictionReason::Age.as_str(), engine.evicted_age),
        ],
    );
    text.gauge(
        "accounting_label_sets",
        "Label sets and accounts that count against the limit.",
        engine.label_sets,
    );
    text.gauge("accounting_tenants", "Tenants that are told apart.", engine.tenants);
    text.gauge(
        "accounting_key_ids",
        "Ids in use: of live label sets, of evicted ones that a thread still holds, and of overflow rows.",
        engine.ids_in_use,
    );
    text.gauge("accounting_recording_threads", "The most threads that recorded at once.", engine.threads);
    text.counters(
        "accounting_overflowed_total",
        "Look-ups whose usage went to an overflow row, by the limit that was reached.",
        "limit",
        [("label_sets", engine.overflowed_label_sets), ("tenants", engine.overflowed_tenants)],
    );
    text.counter(
        "accounting_folded_keys_total",
        "Evicted label sets whose last counts went to an overflow row, since too many were evicted between two readings.",
        engine.folded_keys,
    );
    text.counter(
        "accounting_replaced_label_sets_total",
        "Label sets of which a label was refused and replaced by a placeholder.",
        engine.replaced_label_sets,
    );
    text.counter(
        "accounting_normalizer_panics_total",
        "Labels on which the normalizer panicked.",
        engine.normalizer_panics,
    );
    text.counter(
        "accounting_unknown_dimension_total",
        "Recordings under a dimension of another instance. They are counted nowhere else.",
        engine.unknown_dimension,
    );
    text.counter(
        "accounting_saturations_total",
        "Additions that reached the highest number, 2^64 - 1, and stayed there.",
        engine.saturations,
    );
}
