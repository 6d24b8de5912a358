//! One request, counted by its five labels.

use std::hint::black_box;

use ron_accounting::Labels;

use crate::{
    contestants::{
        Contestant, Lookup, Measured, Metrics, OpenTelemetry, Ours, PlainMap, Prometheus, PrometheusClient,
    },
    figures::{PathFigures, Target},
    label_sets::{LabelSets, Pattern, Walk},
    race::{race, Effort, Entrant, Kind},
};

pub(super) fn measure(effort: Effort) -> Vec<PathFigures> {
    let sets = LabelSets::standard();
    let labels = sets.labels();
    [Pattern::EightyTwenty, Pattern::Uniform].map(|pattern| with_pattern(&labels, pattern, effort)).into()
}

fn with_pattern(labels: &[Labels<'_>], pattern: Pattern, effort: Effort) -> PathFigures {
    let sequence = pattern.sequence(labels.len());
    let line_up = || {
        vec![
            entrant::<Ours>(labels, &sequence),
            entrant::<Lookup>(labels, &sequence),
            entrant::<Metrics>(labels, &sequence),
            entrant::<Prometheus>(labels, &sequence),
            entrant::<PrometheusClient>(labels, &sequence),
            entrant::<Measured>(labels, &sequence),
            entrant::<OpenTelemetry>(labels, &sequence),
            entrant::<PlainMap>(labels, &sequence),
        ]
    };
    let standings = race(effort, line_up);
    let name = pattern.name();
    let mut path = PathFigures::new(
        &format!("record {name}"),
        &format!("one counter by 5 labels, 2,048 label sets, {name}: `accounting.incr_request(&labels)`"),
    );
    standings.tell(&mut path);
    path.ratio("ours / lookup", standings.ratio("ours", Lookup::NAME), Some(Target::AtMost(1.15)));
    if let Some(best) = standings.cheapest(Kind::Library) {
        path.ratio(format!("ours / {best}"), standings.ratio("ours", best), Some(Target::AtMost(0.6)));
    }
    path
}

/// An entrant that has seen all label sets.
pub(crate) fn entrant<'a, C: Contestant + 'a>(labels: &'a [Labels<'a>], sequence: &'a [u32]) -> Entrant<'a> {
    let contestant = C::new(labels);
    for labels in labels {
        contestant.record(labels);
    }
    let mut walk = Walk::new(labels, sequence);
    Entrant::new(C::NAME, C::KIND, move || contestant.record(black_box(walk.step())))
}
