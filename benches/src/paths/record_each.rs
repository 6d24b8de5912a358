//! A request with its received and sent bytes, counted by five labels in one call.

use std::hint::black_box;

use ron_accounting::Labels;

use super::record;
use crate::{
    contestants::{
        Contestant, Lookup, Measured, Metrics, OpenTelemetry, Ours, PlainMap, Prometheus, PrometheusClient,
    },
    figures::{PathFigures, Target},
    label_sets::{LabelSets, Pattern, Walk},
    race::{race, Effort, Entrant, Kind},
};

/// What each call adds.
const AMOUNTS: [u64; 3] = [1, 512, 4096];

pub(super) fn measure(effort: Effort) -> Vec<PathFigures> {
    let sets = LabelSets::standard();
    let labels = sets.labels();
    let sequence = Pattern::EightyTwenty.sequence(labels.len());
    let line_up = || {
        vec![
            record::entrant::<Ours>(&labels, &sequence).named("ours, one counter"),
            entrant::<Ours>(&labels, &sequence),
            entrant::<Lookup>(&labels, &sequence),
            entrant::<Metrics>(&labels, &sequence),
            entrant::<Prometheus>(&labels, &sequence),
            entrant::<PrometheusClient>(&labels, &sequence),
            entrant::<Measured>(&labels, &sequence),
            entrant::<OpenTelemetry>(&labels, &sequence),
            entrant::<PlainMap>(&labels, &sequence),
        ]
    };
    let standings = race(effort, line_up);
    let mut path = PathFigures::new(
        "record-each 80/20",
        "request and both byte counts by 5 labels in one call: `accounting.record_each(&labels, &amounts)`",
    );
    standings.tell(&mut path);
    let one = standings.ratio(Ours::NAME, "ours, one counter");
    path.ratio("three counters / one counter", one, Some(Target::AtMost(1.10)));
    if let Some(best) = standings.cheapest(Kind::Library) {
        path.ratio(format!("ours / {best}"), standings.ratio(Ours::NAME, best), Some(Target::AtMost(0.30)));
    }
    vec![path]
}

fn entrant<'a, C: Contestant + 'a>(labels: &'a [Labels<'a>], sequence: &'a [u32]) -> Entrant<'a> {
    let contestant = C::new(labels);
    for labels in labels {
        contestant.record_each(labels, AMOUNTS);
    }
    let mut walk = Walk::new(labels, sequence);
    Entrant::new(C::NAME, C::KIND, move || contestant.record_each(black_box(walk.step()), black_box(AMOUNTS)))
}
