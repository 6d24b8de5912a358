//! Does a fault that happened, here or to others, stay cured?
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::io;

use ron_accounting::{counters::AccountKey, normalize::CharacterNormalizer, Accounting, Dimension};
use ron_accounting_prometheus::{Format, Metrics, ScrapeError};
use support::{feed, scrape, Samples};

const ROUTES: [&str; 8] = ["/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h"];

/// An instance that has room for two label sets.
fn narrow() -> (Accounting, Metrics) {
    let acc = Accounting::builder().manual_at(0).label_limit(2).build().unwrap();
    let metrics = Metrics::new(&acc);
    (acc, metrics)
}

// Of other libraries, a series that expires takes its counts with it: sums over series go down.
#[test]
fn what_is_evicted_lives_on_in_the_overflow_series() {
    let (acc, metrics) = narrow();
    let mut counted = 0;
    for route in ROUTES.iter().cycle().take(40) {
        acc.record(&feed("acme", route), Dimension::REQUESTS, 3);
        counted += 3;
        let samples = scrape(&metrics);
        assert_eq!(samples.sum("requests_total", &[("tenant", "acme")]), counted);
        // The newest label set has a series. Those that are gone have none.
        assert!(samples.usage("requests_total", &feed("acme", route)).is_some());
        assert!(samples.count("requests_total") <= 2 + 1 + 1, "{samples:?}");
    }
}

// Two scrapes are far apart for an engine that evicts. A scraper that sees the same series twice must not see it fall.
#[test]
fn a_label_set_that_was_gone_between_two_scrapes_goes_on_where_it_was() {
    // It comes back under its old id or another one, depending on how many others there were.
    for others in 2..ROUTES.len() {
        let (acc, metrics) = narrow();
        acc.record(&feed("acme", "/a"), Dimension::REQUESTS, 100);
        assert_eq!(scrape(&metrics).usage("requests_total", &feed("acme", "/a")), Some(100));
        for route in ROUTES.iter().skip(1).take(others) {
            acc.incr_request(&feed("acme", route));
        }
        acc.record(&feed("acme", "/a"), Dimension::REQUESTS, 5);
        let samples = scrape(&metrics);
        assert_eq!(samples.usage("requests_total", &feed("acme", "/a")), Some(105), "{others} others");
        assert_eq!(samples.sum("requests_total", &[]), 105 + others as u64);
    }
}

#[test]
fn an_id_that_is_used_again_does_not_hand_on_its_total() {
    let (acc, metrics) = narrow();
    acc.record(&feed("acme", "/a"), Dimension::REQUESTS, 1000);
    acc.record(&feed("acme", "/b"), Dimension::REQUESTS, 1000);
    scrape(&metrics);
    // Both ids go to others, of another tenant.
    for route in ROUTES {
        acc.incr_request(&feed("umbrella", route));
    }
    let samples = scrape(&metrics);
    assert_eq!(samples.sum("requests_total", &[("tenant", "umbrella")]), 8);
    assert_eq!(samples.sum("requests_total", &[("tenant", "acme")]), 2000);
    assert_eq!(samples.value("requests_total", &[("tenant", "acme"), ("route", "~overflow")]), Some(2000));
}

#[test]
fn a_series_that_ended_begins_again_and_the_sum_is_right() {
    let (acc, metrics) = narrow();
    acc.record(&feed("acme", "/a"), Dimension::REQUESTS, 100);
    scrape(&metrics);
    acc.incr_request(&feed("acme", "/b"));
    acc.incr_request(&feed("acme", "/c"));
    acc.incr_request(&feed("acme", "/d"));
    let samples = scrape(&metrics);
    assert_eq!(samples.usage("requests_total", &feed("acme", "/a")), None);
    acc.incr_request(&feed("acme", "/a"));
    let samples = scrape(&metrics);
    assert_eq!(samples.usage("requests_total", &feed("acme", "/a")), Some(1));
    assert_eq!(samples.sum("requests_total", &[]), 104);
}

#[test]
fn accounts_that_are_evicted_stay_in_their_tenants_series() {
    let (acc, metrics) = narrow();
    let tenant = acc.tenant("acme");
    for id in 0..50_u128 {
        acc.record_account(&tenant, AccountKey { ns: 0, id: id % 7 }, Dimension::REQUESTS, 1);
        let samples = scrape(&metrics);
        let in_accounts = samples.sum("requests_total", &[("route", "~accounts")]);
        assert_eq!(
            u128::from(in_accounts + samples.sum("requests_total", &[("route", "~overflow")])),
            id + 1
        );
    }
}

/// A scraper that leaves after some bytes.
struct Leaves {
    after: usize,
}

impl io::Write for Leaves {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.after = self.after.checked_sub(bytes.len()).ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_scraper_that_leaves_halfway_takes_nothing_away() {
    let acc = Accounting::builder().manual_at(0).build().unwrap();
    let metrics = Metrics::builder(&acc).scrapes_max(1).build().unwrap();
    let route = |n: usize| format!("/{}/{}", ROUTES[n % 8].repeat(1 + n / 64), ROUTES[n / 8 % 8]);
    for n in 0..1000 {
        acc.incr_request(&feed("acme", &route(n)));
    }
    for after in [0, 1000, 70_000] {
        let error = metrics.encode(Format::TEXT, &mut Leaves { after }).unwrap_err();
        assert!(matches!(error, ScrapeError::Write { .. }), "{error:?}");
        let mut chunks = metrics.scrape(Format::OPEN_METRICS).unwrap();
        assert!(chunks.next().is_some());
        drop(chunks);
    }
    assert_eq!(scrape(&metrics).sum("requests_total", &[]), 1000);
}

// A slow scraper that saw a label set's series, and then its count once more in the overflow series, would count it twice.
#[test]
fn a_scrape_is_of_one_moment_however_slowly_it_is_read() {
    let acc =
        Accounting::builder().manual_at(0).label_limit(1000).normalizer(CharacterNormalizer).build().unwrap();
    let metrics = Metrics::new(&acc);
    let count = |prefix: &str| {
        for n in 0..1000 {
            let route = format!("/{prefix}/{}", "x".repeat(n));
            let amounts = [(Dimension::REQUESTS, 1), (Dimension::BYTES_OUT, 10)];
            acc.record_each(&feed("acme", &route), &amounts);
        }
    };
    count("first");
    let mut slow = metrics.scrape(Format::TEXT).unwrap();
    let mut text = slow.next().unwrap();
    count("second");
    let between = scrape(&metrics);
    text.extend(slow.flatten());
    let slow = Samples::parse(&String::from_utf8(text).unwrap());
    assert_eq!((slow.sum("requests_total", &[]), slow.sum("bytes_out_total", &[])), (1000, 10_000));
    assert_eq!((between.sum("requests_total", &[]), between.sum("bytes_out_total", &[])), (2000, 20_000));
    let routes_of = |samples: &Samples, word: &str| {
        let is_of = |route: &String| route.starts_with(word);
        samples.usage_series().keys().filter(|series| series.get("route").is_some_and(is_of)).count()
    };
    assert_eq!((routes_of(&slow, "/first/"), routes_of(&slow, "/second/")), (2000, 0));
    assert!(routes_of(&between, "/second/") > 1800, "{}", routes_of(&between, "/second/"));
}
