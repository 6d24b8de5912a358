//! Arguments and configurations that make no sense.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use ron_accounting_events::{Error, EventStore, TestClock};

#[test]
fn a_configuration_that_makes_no_sense_is_an_error() {
    let built = |error: Result<EventStore, Error>| error.map(|_| ()).unwrap_err();
    for value in [0_usize, 100_001] {
        let error = built(EventStore::builder().track_days(value).build());
        let expected = format!("track_days is {value}, must be 1 to 100000");
        assert_eq!(error.to_string(), expected);
        assert!(matches!(error, Error::InvalidOption { option: "track_days", min: 1, max: 100_000, .. }));
    }
    let twice = built(EventStore::builder().track_days(7).track_hours(3).track_days(7).build());
    assert_eq!(twice.to_string(), "config mismatch: duplicate TimeUnit Days: track it once");
}

#[test]
#[allow(clippy::reversed_empty_ranges)]
fn ranges_of_any_kind_are_answered() {
    let store = EventStore::new();
    store.record_count("event", 6);
    let query = || store.query("event");
    for reversed in [query().days(5..2), query().days(usize::MAX..0), query().months(3..0)] {
        assert_eq!(reversed.sum(), Some(0));
    }
    assert_eq!(query().days(5..2).average(), Some(0.0));
    assert_eq!(query().days(5..2).into_buckets(), Vec::<u32>::new());
    assert_eq!(query().days(5..2).buckets().len(), 0);
    assert_eq!(query().days(0..usize::MAX).sum(), Some(6));
    assert_eq!(query().last_days(usize::MAX).sum(), Some(6));
    assert_eq!(query().days_from(usize::MAX).sum(), Some(0));
    assert_eq!(query().days(usize::MAX - 1..usize::MAX).average(), Some(0.0));
    assert_eq!(query().ever().average(), Some(0.5)); // over twelve months
    assert_eq!(store.query_many(&["event"]).ever().average(), Some(0.5));
    assert!((store.query_delta("event", "none").ever().average() - 0.5).abs() < f64::EPSILON);
}

#[cfg(feature = "calendar")] // Past times are filed by whole days otherwise.
#[test]
fn take_narrows_only() {
    let store = EventStore::new();
    store.record_ago("event", Duration::days(3));
    assert_eq!(store.query("event").last_days(2).take(10).sum(), Some(0));
    assert_eq!(store.query("event").days_from(1).take(7).sum(), Some(1));
    assert_eq!(store.query("event").days_from(2).take(usize::MAX).sum(), Some(1));
    assert_eq!(store.query("event").days_from(2).take(1).sum(), Some(0));
    assert_eq!(store.query("event").days(0..9).take(0).sum(), Some(0));
}

#[test]
fn clocks_at_the_ends_of_time_are_answered() {
    for time in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, DateTime::UNIX_EPOCH] {
        let clock = TestClock::build_for_testing_at(time);
        let store = EventStore::builder()
            .with_clock(Arc::new(clock))
            .track_seconds(3)
            .track_days(100_000)
            .track_weeks(9)
            .track_months(9)
            .track_years(100_000)
            .build()
            .unwrap();
        store.record("event");
        store.record_ago("event", Duration::days(1));
        assert!(store.query("event").ever().sum() >= Some(1), "{time}");
        assert!(store.query("event").last_seen().is_some());
        assert!(store.query("event").first_seen().is_some());
        let other = EventStore::new();
        other.merge(store).unwrap();
        assert!(other.query("event").ever().sum().is_some());
    }
}

#[cfg(all(feature = "tokio", feature = "serde-bincode"))]
#[test]
fn auto_persist_without_a_runtime_is_an_error() {
    use ron_accounting_events::storage::MemoryStorage;
    let builder = || EventStore::builder().with_storage(MemoryStorage::new());
    let outside = builder().auto_persist(Duration::seconds(1)).build().unwrap_err();
    assert!(matches!(outside, Error::ConfigMismatch(_)), "{outside}");
    let zero = builder().auto_persist(Duration::zero()).build().unwrap_err();
    assert!(matches!(zero, Error::InvalidAutoPersistInterval(_)));
    let nowhere = EventStore::builder().auto_persist(Duration::seconds(1)).build().unwrap_err();
    assert!(matches!(nowhere, Error::AutoPersistRequiresStorage));
}
