//! What happens at the edge, and one beyond?
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use ron_accounting::{Accounting, Dimension};
use ron_accounting_prometheus::{Format, Metrics, MetricsError, ScrapeError};
use support::{feed, scrape, text_of};

const ROUTES: [&str; 8] = ["/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h"];

fn manual() -> Accounting {
    Accounting::builder().manual_at(0).build().unwrap()
}

#[test]
fn settings_outside_their_range_are_refused() {
    let acc = manual();
    let series = |n| Metrics::builder(&acc).series_max(n).build();
    let scrapes = |n| Metrics::builder(&acc).scrapes_max(n).build();
    let refused = |option, value, max| MetricsError::InvalidOption { option, value, min: 1, max };
    assert_eq!(series(0).unwrap_err(), refused("series_max", 0, 100_000_000));
    assert_eq!(series(100_000_001).unwrap_err(), refused("series_max", 100_000_001, 100_000_000));
    assert_eq!(scrapes(0).unwrap_err(), refused("scrapes_max", 0, 1024));
    assert_eq!(scrapes(1025).unwrap_err(), refused("scrapes_max", 1025, 1024));
    assert!(series(1).is_ok() && series(100_000_000).is_ok() && scrapes(1).is_ok() && scrapes(1024).is_ok());
}

#[test]
fn usage_past_the_limit_of_series_is_in_the_overflow_series() {
    let acc = manual();
    let metrics = Metrics::builder(&acc).series_max(4).build().unwrap();
    for (n, route) in (1..).zip(ROUTES) {
        acc.record(&feed("acme", route), Dimension::REQUESTS, n);
    }
    let samples = scrape(&metrics);
    // Four label sets have a series, and the overflow series of all is there beyond the limit.
    assert_eq!((samples.count("requests_total"), samples.value("accounting_series", &[])), (5, Some(5)));
    assert_eq!(samples.value("requests_total", &[("tenant", "~overflow")]), Some(5 + 6 + 7 + 8));
    assert_eq!(samples.sum("requests_total", &[]), 36);
    assert_eq!(samples.value("accounting_capped_series_total", &[]), Some(4));
    assert_eq!(samples.value("accounting_series_max", &[]), Some(4));

    // Those that have a series keep it.
    for route in ROUTES {
        acc.incr_request(&feed("acme", route));
    }
    let later = scrape(&metrics);
    assert_eq!(later.usage("requests_total", &feed("acme", "/a")), Some(2));
    assert_eq!(later.value("requests_total", &[("tenant", "~overflow")]), Some(26 + 4));
    assert_eq!(later.sum("requests_total", &[]), 44);
    assert_eq!(text_of(&metrics, Format::OPEN_METRICS).matches("requests_total{").count(), 5);
}

#[test]
fn the_overflow_series_of_the_last_resort_is_there_once_for_each_dimension() {
    let acc = manual();
    let metrics = Metrics::builder(&acc).series_max(1).build().unwrap();
    for route in ROUTES {
        let amounts = [(Dimension::REQUESTS, 1), (Dimension::BYTES_IN, 2), (Dimension::CPU, 3)];
        acc.record_each(&feed("acme", route), &amounts);
    }
    let samples = scrape(&metrics);
    assert_eq!(samples.usage_series().len(), 1 + 3);
    let names = ["requests_total", "bytes_in_total", "accounting_usage_total"];
    assert_eq!(names.map(|name| samples.sum(name, &[])), [8, 16, 24]);
}

#[test]
fn room_that_is_free_again_is_used() {
    let acc = Accounting::builder().manual_at(0).label_limit(2).build().unwrap();
    let metrics = Metrics::builder(&acc).series_max(3).build().unwrap();
    let mut counted = 0;
    for round in 0..20 {
        for route in [ROUTES[round % 8], ROUTES[(round + 1) % 8]] {
            acc.incr_request(&feed("acme", route));
            counted += 1;
        }
        let samples = scrape(&metrics);
        assert_eq!(samples.sum("requests_total", &[]), counted);
        assert!(samples.usage("requests_total", &feed("acme", ROUTES[(round + 1) % 8])).is_some());
    }
}

#[test]
fn tenants_that_went_do_not_take_the_series_of_those_that_come() {
    let acc = Accounting::builder().manual_at(0).label_limit(2).build().unwrap();
    let metrics = Metrics::builder(&acc).series_max(20).build().unwrap();
    for (n, length) in (0_u64..).zip(0..200) {
        let tenant = format!("tenant-{}", "x".repeat(length));
        acc.incr_request(&feed(&tenant, "/a"));
        let samples = scrape(&metrics);
        assert_eq!(samples.sum("requests_total", &[]), n + 1);
        assert_eq!(samples.usage("requests_total", &feed(&tenant, "/a")), Some(1));
        assert!(samples.count("requests_total") <= 14, "{} series", samples.count("requests_total"));
    }
    assert_eq!(scrape(&metrics).value("accounting_capped_series_total", &[]), Some(0));
}

#[test]
fn more_scrapes_at_once_than_there_may_be_are_refused() {
    let acc = manual();
    let metrics = Metrics::builder(&acc).scrapes_max(2).build().unwrap();
    let (first, second) =
        (metrics.scrape(Format::TEXT).unwrap(), metrics.clone().scrape(Format::TEXT).unwrap());
    let refused = metrics.scrape(Format::TEXT).unwrap_err();
    assert!(matches!(refused, ScrapeError::TooMany { scrapes_max: 2 }), "{refused:?}");
    drop(first);
    let samples = scrape(&metrics);
    assert_eq!(samples.value("accounting_scrapes_refused_total", &[]), Some(1));
    assert_eq!(samples.value("accounting_scrapes_total", &[]), Some(3));
    drop(second);
}

#[test]
fn the_highest_count_is_written_as_it_is() {
    let acc = manual();
    let metrics = Metrics::new(&acc);
    acc.record(&feed("acme", "/a"), Dimension::REQUESTS, u64::MAX);
    assert_eq!(scrape(&metrics).usage("requests_total", &feed("acme", "/a")), Some(u64::MAX));
    acc.record(&feed("acme", "/a"), Dimension::REQUESTS, u64::MAX);
    assert_eq!(scrape(&metrics).usage("requests_total", &feed("acme", "/a")), Some(u64::MAX));
}
