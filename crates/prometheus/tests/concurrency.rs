//! Threads that record, and scrapers that come at the same time.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use ron_accounting::{Accounting, Dimension};
use ron_accounting_prometheus::Metrics;
use support::{feed, scrape, Samples, Series};

const RECORDERS: usize = 3;
const ROUNDS: usize = 3000;
const ROUTES: [&str; 8] = ["/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h"];

/// Scrapes until nobody records any more. The sum must never fall, and no series if none of them ends.
fn scrape_on(metrics: &Metrics, recording: &AtomicUsize, keeps_series: bool) -> Samples {
    let mut before: BTreeMap<Series, u64> = BTreeMap::new();
    let mut sum_before = 0;
    loop {
        let is_last = recording.load(Ordering::Acquire) == 0;
        let samples = scrape(metrics);
        let sum = samples.sum("requests_total", &[]);
        assert!(sum >= sum_before, "the sum fell from {sum_before} to {sum}");
        for (series, total) in samples.usage_series() {
            // A series that ended for the other scraper may have begun again before this one came.
            let is_fine = before.get(series).is_none_or(|before| *before <= total);
            assert!(is_fine || !keeps_series, "{series:?} went down to {total}");
        }
        before = samples.usage_series().into_iter().map(|(series, total)| (series.clone(), total)).collect();
        sum_before = sum;
        if is_last {
            return samples;
        }
    }
}

fn run(label_limit: usize, series_max: usize, keeps_series: bool) {
    let acc = Accounting::builder().manual_at(0).label_limit(label_limit).build().unwrap();
    let metrics = Metrics::builder(&acc).series_max(series_max).build().unwrap();
    let recording = AtomicUsize::new(RECORDERS);
    thread::scope(|scope| {
        for recorder in 0..RECORDERS {
            let (acc, recording) = (&acc, &recording);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let route = ROUTES[(round * (recorder + 1) + round / 8) % 8];
                    let amounts = [(Dimension::REQUESTS, 1), (Dimension::BYTES_OUT, 100)];
                    acc.record_each(&feed("acme", route), &amounts);
                }
                recording.fetch_sub(1, Ordering::Release);
            });
        }
        let scrapers: Vec<_> =
            (0..2).map(|_| scope.spawn(|| scrape_on(&metrics, &recording, keeps_series))).collect();
        for scraper in scrapers {
            let last = scraper.join().unwrap();
            let all = (RECORDERS * ROUNDS) as u64;
            assert_eq!((last.sum("requests_total", &[]), last.sum("bytes_out_total", &[])), (all, all * 100));
        }
    });
}

#[test]
fn two_scrapers_see_counters_that_never_go_down_and_all_that_was_recorded() {
    run(100, 1000, true);
}

#[test]
fn the_same_while_label_sets_are_evicted() {
    run(3, 1000, false);
}

#[test]
fn the_same_while_there_are_too_few_series() {
    run(3, 4, false);
}
