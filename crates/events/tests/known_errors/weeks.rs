//! Weeks over the ends of years.

use chrono::{Duration, TimeZone, Utc};
use ron_accounting_events::EventStore;

use super::{builder_at, store_at};

#[test]
fn weeks_around_a_53_week_year_have_buckets_of_their_own() {
    let (builder, clock) = builder_at("2026-12-23T12:00:00Z");
    let store = builder.track_weeks(6).build().unwrap();
    for count in 1..=4 {
        store.record_count("event", count);
        clock.advance(Duration::weeks(1));
    }
    assert_eq!(store.query("event").last_weeks(6).into_buckets(), [0, 4, 3, 2, 1, 0]);
    // The same, seen from the future.
    let past =
        EventStore::builder().with_clock(std::sync::Arc::new(clock.clone())).track_weeks(6).build().unwrap();
    for (count, weeks) in [(1, 4), (2, 3), (3, 2), (4, 1)] {
        past.record_count_ago("event", count, Duration::weeks(weeks));
    }
    assert_eq!(past.query("event").last_weeks(6).into_buckets(), [0, 4, 3, 2, 1, 0]);
}

#[test]
fn every_week_from_1970_to_2100_is_one_bucket_after_the_one_before() {
    let (builder, clock) = builder_at("1970-01-01T12:00:00Z");
    let store = builder.track_weeks(3).build().unwrap();
    store.record_count("event", 7);
    while clock_year(&store) <= 2100 {
        clock.advance(Duration::weeks(1));
        store.record_count("event", 7);
        assert_eq!(store.query("event").weeks(0..2).into_buckets(), [7, 7], "{}", store.clock_now());
    }
}

fn clock_year(store: &EventStore) -> i32 {
    chrono::Datelike::year(&store.clock_now())
}

#[test]
fn counters_cross_the_end_of_a_year_through_export_and_import() {
    for year in 1971..=2099 {
        for (month, day, hour) in [(12, 31, 23), (1, 1, 0)] {
            let time = Utc.with_ymd_and_hms(year, month, day, hour, 30, 0).unwrap();
            let (builder, clock) = builder_at("1970-01-01T00:00:00Z");
            clock.set(time);
            let store = builder.track_weeks(60).track_months(3).track_years(3).build().unwrap();
            store.record("event");
            let exported = store.export_all().unwrap();
            clock.advance(Duration::hours(2));
            // Other units, so that the counter is converted.
            let other = EventStore::builder()
                .with_clock(std::sync::Arc::new(clock))
                .track_days(400)
                .track_weeks(60)
                .build()
                .unwrap();
            other.import_all(exported.clone()).unwrap();
            other.merge_all(exported).unwrap();
            assert_eq!(other.query("event").last_weeks(60).sum(), Some(2), "{time}");
            assert_eq!(other.query("event").last_days(400).sum(), Some(2), "{time}");
        }
    }
}

#[test]
fn leap_days_are_days() {
    let (store, clock) = store_at("2024-02-28T12:00:00Z");
    for _ in 0..3 {
        store.record("event");
        clock.advance(Duration::days(1));
    }
    assert_eq!(store.query("event").last_days(4).into_buckets(), [0, 1, 1, 1]);
    assert_eq!(store.query("event").last_months(2).into_buckets(), [1, 2]);
}
