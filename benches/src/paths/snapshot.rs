//! A view of everything that was counted, beside the text that a scraper would get.

use std::{
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use ron_accounting::Labels;

use crate::{
    contestants::{Contestant, Measured, Metrics, Ours, Prometheus, PrometheusClient, Scraped},
    figures::{PathFigures, Target},
    label_sets::{LabelSets, LABEL_SETS},
    race::{race, time_of, Effort, Entrant, Kind},
};

const AMOUNTS: [u64; 3] = [1, 512, 4096];
const THREADS: usize = 2;
const FLOOR: &str = "reading as many atomics";

pub(super) fn measure(effort: Effort) -> Vec<PathFigures> {
    let sets = LabelSets::standard();
    let labels = sets.labels();
    let line_up = || {
        let ours: Ours = filled(&labels);
        let cells: Vec<_> =
            (0..THREADS * LABEL_SETS * AMOUNTS.len()).map(|n| AtomicU64::new(n as u64)).collect();
        vec![
            Entrant::prepared(Ours::NAME, Kind::Ours, move || time_of(|| ours.accounting.snapshot()).0),
            Entrant::new(FLOOR, Kind::Floor, move || {
                let sum = |sum: u64, cell: &AtomicU64| sum.wrapping_add(cell.load(Ordering::Relaxed));
                black_box(black_box(&cells).iter().fold(0, sum));
            }),
            entrant::<Metrics>(&labels),
            entrant::<Prometheus>(&labels),
            entrant::<PrometheusClient>(&labels),
            entrant::<Measured>(&labels),
        ]
    };
    let standings = race(effort, line_up);
    let mut path = PathFigures::new(
        "snapshot",
        "2,048 label sets with 3 counters, counted by 2 threads: `accounting.snapshot()`; peers write their text",
    );
    standings.tell(&mut path);
    path.ratio("ours / floor", standings.ratio(Ours::NAME, FLOOR), Some(Target::AtMost(3.0)));
    if let Some(best) = standings.cheapest(Kind::Library) {
        path.ratio(format!("ours / {best}"), standings.ratio(Ours::NAME, best), Some(Target::AtMost(0.02)));
    }
    vec![path]
}

/// Two threads count under all label sets; they live at the same time, so that neither takes over the other's cells.
fn filled<C: Contestant + Sync>(labels: &[Labels<'_>]) -> C {
    let contestant = C::new(labels);
    let count = || labels.iter().for_each(|labels| contestant.record_each(labels, AMOUNTS));
    count();
    thread::scope(|scope| {
        scope.spawn(count);
    });
    contestant
}

fn entrant<'a, C: Scraped + Sync + 'a>(labels: &'a [Labels<'a>]) -> Entrant<'a> {
    let contestant: C = filled(labels);
    Entrant::prepared(C::NAME, C::KIND, move || time_of(|| contestant.scrape()).0)
}
