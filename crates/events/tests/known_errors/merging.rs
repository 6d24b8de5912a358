//! Merge, import and conversion.

use std::sync::Arc;

use chrono::Duration;
use proptest::prelude::*;
use ron_accounting_events::{EventStore, TestClock, TimeUnit};

use super::{at, builder_at, store_at};

#[test]
fn a_fast_clock_does_not_drag_others_ahead() {
    let (ours, clock) = store_at("2024-05-15T12:30:00Z");
    ours.record_count("event", 2);
    let (fast, _) = store_at("2031-01-01T00:00:00Z");
    fast.record_count("event", 5);
    ours.merge(fast).unwrap();
    // Counts of the future are counts of now, and nothing of ours is gone.
    assert_eq!(ours.query("event").last_minutes(1).sum(), Some(7));
    clock.advance(Duration::days(1));
    ours.record("event");
    assert_eq!(ours.query("event").last_days(2).into_buckets(), [1, 7]);
    assert_eq!(ours.export_all().unwrap()["event"], {
        let mut same = ours.export_all().unwrap().remove("event").unwrap();
        same.advance_if_needed(at("2024-05-16T12:30:00Z"));
        same
    });
}

#[test]
fn an_import_from_a_fast_clock_does_not_stay_ahead() {
    let (ours, clock) = store_at("2024-05-15T12:30:00Z");
    let (fast, _) = store_at("2031-01-01T00:00:00Z");
    fast.record_count("event", 5);
    ours.import_all(fast.export_all().unwrap()).unwrap();
    clock.advance(Duration::days(1));
    assert_eq!(ours.query("event").last_days(2).into_buckets(), [0, 5]);
}

#[test]
fn a_merge_into_an_unseen_event_converts_to_our_configuration() {
    let (theirs, _) = builder_at("2024-05-15T12:30:00Z");
    let theirs = theirs.track_hours(48).build().unwrap();
    theirs.record_count_ago("event", 4, Duration::hours(30));
    theirs.record("event");
    let (ours, _) = builder_at("2024-05-15T12:30:00Z");
    let ours = ours.track_days(7).track_weeks(2).build().unwrap();
    ours.merge_all(theirs.export_all().unwrap()).unwrap();
    assert_eq!(ours.query("event").last_days(3).into_buckets(), [1, 4, 0]);
    assert_eq!(ours.query("event").last_weeks(1).sum(), Some(5));
    assert_eq!(ours.query("event").last_hours(48).sum(), None);
}

#[cfg(feature = "calendar")] // Past times are filed by whole days otherwise.
#[test]
fn ever_covers_the_longest_span_and_not_the_largest_unit() {
    let (builder, _) = builder_at("2024-05-15T12:30:00Z");
    let store = builder.track_days(400).track_months(2).build().unwrap();
    store.record_ago("event", Duration::days(300));
    assert_eq!(store.query("event").last_months(2).sum(), Some(0));
    assert_eq!(store.query("event").ever().sum(), Some(1));
    assert_eq!(store.query("event").first_seen_in(TimeUnit::Ever), Some(Duration::days(300)));
}

#[test]
fn open_reservations_never_travel() {
    let (store, _) = store_at("2024-05-15T12:30:00Z");
    store.record("job");
    let job = store.limit().at_most("job", 2, TimeUnit::Hours).reserve("job").unwrap();
    let (other, _) = store_at("2024-05-15T12:30:00Z");
    other.import_all(store.export_all().unwrap()).unwrap();
    assert!(other.limit().at_most("job", 2, TimeUnit::Hours).allowed("job"));
    // And an import does not close them.
    store.import_all(other.export_all().unwrap()).unwrap();
    assert!(!store.limit().at_most("job", 2, TimeUnit::Hours).allowed("job"));
    job.commit();
    assert_eq!(store.query("job").ever().sum(), Some(2));
}

/// What a device has counted: by count, time ago in hours, and how far its clock is ahead.
type Device = (Vec<(u32, i64)>, i64);

fn device() -> impl Strategy<Value = Device> {
    (prop::collection::vec((1_u32..5, 0_i64..24 * 200), 0..6), -48_i64..48)
}

fn counted(device: &Device) -> EventStore {
    let clock = TestClock::new_at(at("2024-05-15T12:30:00Z") + Duration::hours(device.1));
    let store = EventStore::builder().with_clock(clock).build().unwrap();
    for (count, hours) in &device.0 {
        store.record_count_ago("event", *count, Duration::hours(*hours));
    }
    store
}

fn merged(order: &[&Device]) -> EventStore {
    let clock = TestClock::new_at(at("2024-05-15T12:30:00Z"));
    let store = EventStore::builder().with_clock(clock).build().unwrap();
    for device in order {
        store.merge_all(counted(device).export_all().unwrap()).unwrap();
    }
    store
}

proptest! {
    #[test]
    fn the_order_of_merges_does_not_matter(a in device(), b in device(), c in device()) {
        let one = merged(&[&a, &b, &c]).export_all().unwrap();
        prop_assert_eq!(&one, &merged(&[&c, &a, &b]).export_all().unwrap());
        // (a + b) + c = a + (b + c)
        let nested = merged(&[&a]);
        nested.merge(merged(&[&b, &c])).unwrap();
        prop_assert_eq!(&one, &nested.export_all().unwrap());
        let months = one.get("event").map_or(0, |_| merged(&[&a, &b, &c]).query("event").last_months(12).sum().unwrap());
        let total: u32 = [&a, &b, &c].iter().flat_map(|device| &device.0).map(|(count, _)| count).sum();
        prop_assert_eq!(months, total);
    }

    #[test]
    fn conversion_keeps_what_both_configurations_have(
        events in prop::collection::vec((1_u32..5, 0_i64..24 * 40), 0..9),
        days in 1_usize..50,
    ) {
        let clock = TestClock::build_for_testing_at(at("2024-05-15T12:30:00Z"));
        let build = |days| EventStore::builder().with_clock(Arc::new(clock.clone())).track_hours(30).track_days(days);
        let before = build(20).build().unwrap();
        for (count, hours) in events {
            before.record_count_ago("event", count, Duration::hours(hours));
        }
        let after = build(days).track_weeks(8).build().unwrap();
        after.import_all(before.export_all().unwrap()).unwrap();
        prop_assert_eq!(before.query("event").last_hours(30).into_buckets(), after.query("event").last_hours(30).into_buckets());
        let kept = days.min(20);
        prop_assert_eq!(before.query("event").last_days(kept).into_buckets(), after.query("event").last_days(kept).into_buckets());
        prop_assert_eq!(after.query("event").days(kept..days).sum(), before.query("event").days(kept..kept).sum());
        // A unit that is new is filled from the others.
        prop_assert_eq!(after.query("event").last_weeks(8).sum(), before.query("event").last_days(20).sum());
    }
}
