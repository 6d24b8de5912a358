//! A resolved handle that counts one request.

use std::{
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    contestants::{Bound, Metrics, OpenTelemetry, Ours, Prometheus, PrometheusClient},
    figures::{PathFigures, Target},
    label_sets::LabelSets,
    race::{race, Effort, Entrant, Kind},
};

pub(super) fn measure(effort: Effort) -> Vec<PathFigures> {
    let floor = AtomicU64::new(0);
    let line_up = || {
        vec![
            entrant::<Ours>(),
            Entrant::new("fetch_add", Kind::Floor, || {
                black_box(&floor).fetch_add(1, Ordering::Relaxed);
            }),
            entrant::<Metrics>(),
            entrant::<Prometheus>(),
            entrant::<PrometheusClient>(),
            entrant::<OpenTelemetry>(),
        ]
    };
    let standings = race(effort, line_up);
    let mut path = PathFigures::new("meter", "a handle counts one request: `meter.incr_request()`");
    standings.tell(&mut path);
    path.ratio(
        "ours / one uncontended fetch_add",
        standings.ratio("ours", "fetch_add"),
        Some(Target::AtMost(0.30)),
    );
    if let Some(best) = standings.cheapest(Kind::Library) {
        path.ratio(format!("ours / {best}"), standings.ratio("ours", best), None);
    }
    vec![path]
}

fn entrant<B: Bound + 'static>() -> Entrant<'static> {
    let sets = LabelSets::with_count(1);
    let labels = sets.labels();
    let contestant = B::new(&labels);
    let handle = contestant.bind(&labels[0]);
    Entrant::new(B::NAME, B::KIND, move || contestant.increment(black_box(&handle)))
}
