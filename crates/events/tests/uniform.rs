//! Without the calendar: buckets of one length, counted from January 1st.

#![cfg(not(feature = "calendar"))]
#![allow(clippy::unwrap_used)] // A failed assertion, wherever it stands.

use std::sync::Arc;

use chrono::{DateTime, Duration};
use ron_accounting_events::{EventStore, SingleEventCounter, TestClock};

fn store_at(time: &str) -> (EventStore, TestClock) {
    let clock = TestClock::build_for_testing_at(DateTime::parse_from_rfc3339(time).unwrap().to_utc());
    let builder = EventStore::builder().with_clock(Arc::new(clock.clone()));
    (builder.track_days(40).track_weeks(4).track_months(4).track_years(2).build().unwrap(), clock)
}

#[test]
fn months_have_thirty_days_from_january_1st() {
    let (store, clock) = store_at("2024-01-30T23:59:59Z");
    store.record("event");
    assert_eq!(store.query("event").last_months(2).into_buckets(), [1, 0]);
    clock.advance(Duration::seconds(1)); // January 31st, the first day of the second month
    store.record_count("event", 2);
    assert_eq!(store.query("event").last_months(2).into_buckets(), [2, 1]);
    clock.advance(Duration::days(29));
    assert_eq!(store.query("event").last_months(2).into_buckets(), [2, 1]);
    clock.advance(Duration::days(1));
    assert_eq!(store.query("event").last_months(3).into_buckets(), [0, 2, 1]);
}

#[test]
fn weeks_have_seven_days_and_years_365() {
    let (store, clock) = store_at("2024-01-07T23:59:59Z");
    store.record("event");
    clock.advance(Duration::seconds(1));
    store.record_count("event", 2);
    assert_eq!(store.query("event").last_weeks(2).into_buckets(), [2, 1]);
    clock.advance(Duration::days(357)); // December 30th of a leap year, the 365th day
    store.record_count("event", 4);
    assert_eq!(store.query("event").last_years(2).into_buckets(), [7, 0]);
    clock.advance(Duration::days(1));
    assert_eq!(store.query("event").last_years(2).into_buckets(), [0, 7]);
}

#[test]
fn days_are_those_of_utc() {
    let (store, clock) = store_at("2024-03-10T23:59:59Z");
    store.record("event");
    clock.advance(Duration::seconds(1));
    assert_eq!(store.query("event").last_days(2).into_buckets(), [0, 1]);
}

#[test]
fn counters_of_another_year_are_realigned() {
    let (last_year, _clock) = store_at("2023-12-20T12:00:00Z");
    last_year.record_count("event", 3);
    let counter = last_year.export_all().unwrap().remove("event").unwrap();
    let counter = SingleEventCounter::from_bytes(&counter.to_bytes()).unwrap();
    let (this_year, clock) = store_at("2024-01-02T12:00:00Z");
    this_year.merge_event("event", counter).unwrap();
    this_year.record("event");
    assert_eq!(this_year.query("event").days(13..14).sum(), Some(3));
    assert_eq!(this_year.query("event").last_weeks(4).sum(), Some(4));
    assert_eq!(this_year.query("event").last_years(2).into_buckets(), [1, 3]);
    clock.advance(Duration::days(30));
    assert_eq!(this_year.query("event").last_months(4).sum(), Some(4));
}
