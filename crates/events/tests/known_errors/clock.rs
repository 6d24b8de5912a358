//! Clocks that step back, and times in the future.

use chrono::Duration;
use ron_accounting_events::{Error, TimeUnit};

use super::{at, store_at};

#[test]
fn a_clock_that_steps_back_loses_and_rotates_nothing() {
    let (store, clock) = store_at("2024-03-10T00:00:30Z");
    store.record_count("event", 3);
    for back in [Duration::seconds(31), Duration::hours(5), Duration::days(40), Duration::days(800)] {
        clock.advance(-back);
        store.record("event");
        clock.advance(back);
    }
    for sum in [
        store.query("event").last_minutes(1).sum(),
        store.query("event").last_hours(1).sum(),
        store.query("event").last_days(1).sum(),
        store.query("event").last_months(1).sum(),
    ] {
        assert_eq!(sum, Some(7));
    }
}

#[test]
fn times_are_never_negative_while_a_clock_is_behind() {
    let (store, clock) = store_at("2024-03-10T10:00:30Z");
    store.record("event");
    clock.advance(-Duration::days(2));
    assert!(store.query("event").last_seen().unwrap() >= Duration::zero());
    assert!(store.query("event").first_seen().unwrap() >= Duration::zero());
    let refused = store.limit().cooldown("event", Duration::minutes(5)).check("event").unwrap_err();
    assert_eq!(refused.retry_after, Some(Duration::minutes(5)));
}

#[test]
fn a_future_time_is_refused_whole() {
    let (store, clock) = store_at("2024-03-10T10:00:20Z");
    store.record("event");
    // In the same minute, hour, day and month, and in the next of each.
    for ahead in [1, 30, 3000, 50_000, 90_000, 3_000_000] {
        let future = at("2024-03-10T10:00:20Z") + Duration::seconds(ahead);
        assert!(matches!(store.record_count_at("event", 9, future), Err(Error::FutureEvent)));
        store.record_count_ago("event", 9, -Duration::seconds(ahead));
        assert!(matches!(store.record_at("new", future), Err(Error::FutureEvent)));
    }
    clock.advance(Duration::days(40));
    for unit in [TimeUnit::Minutes, TimeUnit::Hours, TimeUnit::Days, TimeUnit::Months] {
        let buckets = match unit {
            TimeUnit::Minutes => store.query("event").last_minutes(60).sum(),
            TimeUnit::Hours => store.query("event").last_hours(24).sum(),
            TimeUnit::Days => store.query("event").last_days(32).sum(),
            _ => store.query("event").last_months(12).sum(),
        };
        assert_eq!(buckets, Some(u32::from(unit == TimeUnit::Months)), "{unit:?}");
    }
    assert_eq!(store.query("new").ever().sum(), None);
}

#[test]
fn the_longest_durations_do_not_panic() {
    let (store, clock) = store_at("2024-03-10T10:00:20Z");
    store.record_ago("event", Duration::MAX);
    store.record_ago("event", Duration::MIN);
    assert_eq!(store.query("event").ever().sum(), Some(0));
    store.record("event");
    let limit = || store.limit().at_most("event", 1, Duration::MAX).at_least("event", 1, Duration::MIN);
    assert!(!limit().allowed("event"));
    let refused = store.limit().cooldown("event", Duration::MAX).check("event").unwrap_err();
    assert_eq!(refused.retry_after, Some(Duration::MAX));
    assert!(store.limit().within("event", Duration::MAX).allowed("event"));
    assert!(!store.limit().within("event", Duration::MIN).allowed("event"));
    clock.advance(Duration::MAX);
    store.record("event");
    assert!(store.query("event").last_seen().is_some());
    clock.advance(Duration::MIN);
    store.record("event");
    assert_eq!(store.query("event").last_days(1).sum(), Some(2));
}

#[test]
fn a_use_while_the_clock_is_behind_is_a_use_of_now() {
    let (store, clock) = store_at("2024-03-10T10:00:30Z");
    store.record("event");
    clock.advance(-Duration::hours(1));
    store.record("event");
    clock.advance(Duration::hours(1));
    let refused = store.limit().cooldown("event", Duration::minutes(5)).check("event").unwrap_err();
    assert_eq!(refused.retry_after, Some(Duration::minutes(5)));
}
