//! Does it count, and does it answer: recording, time scales, aggregations, several events, limits, configuration.

#![allow(clippy::unwrap_used)] // A failed assertion, wherever it stands.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use ron_accounting_events::{
    Error, EventStore, LimitExceeded, Reservation, Schedule, SystemClock, TestClock, TimeUnit, TimeWindow,
};

fn store() -> (EventStore, TestClock) {
    // So that days are those of the times which the tests give.
    std::env::set_var("TZ", "UTC");
    // A Wednesday.
    let time = DateTime::parse_from_rfc3339("2024-05-15T12:30:30Z").unwrap().to_utc();
    let clock = TestClock::build_for_testing_at(time);
    let builder = EventStore::builder().with_clock(Arc::new(clock.clone()));
    let builder = builder.track_seconds(60).track_minutes(60).track_hours(24).track_days(32);
    (builder.track_weeks(8).track_months(12).track_years(3).build().unwrap(), clock)
}

#[test]
fn one_record_counts_at_every_scale() {
    let (store, clock) = store();
    store.record("event");
    store.record_count("event", 4);
    clock.advance(Duration::seconds(70));
    store.record("event");
    let query = || store.query("event");
    assert_eq!(query().last_seconds(60).sum(), Some(1));
    assert_eq!(query().last_minutes(1).sum(), Some(1));
    for sum in [
        query().last_minutes(60).sum(),
        query().last_hours(1).sum(),
        query().last_days(1).sum(),
        query().last_weeks(1).sum(),
        query().last_months(1).sum(),
        query().last_years(1).sum(),
        query().ever().sum(),
    ] {
        assert_eq!(sum, Some(6));
    }
}

#[cfg(feature = "calendar")] // Past times are filed by whole days otherwise.
#[test]
fn past_times_count_where_they_belong() {
    let (store, _clock) = store();
    let now = store.clock_now();
    store.record_at("event", now - Duration::days(2)).unwrap();
    store.record_count_at("event", 2, now - Duration::weeks(3)).unwrap();
    store.record_ago("event", Duration::days(80));
    store.record_count_ago("event", 5, Duration::days(500));
    store.record_count_ago("event", 9, Duration::days(5000));
    assert_eq!(store.query("event").last_days(32).sum(), Some(3));
    assert_eq!(store.query("event").days(2..3).sum(), Some(1));
    assert_eq!(store.query("event").weeks(3..4).sum(), Some(2));
    assert_eq!(store.query("event").months(0..4).sum(), Some(4));
    assert_eq!(store.query("event").years(0..3).into_buckets(), [4, 5, 0]);
}

#[cfg(feature = "calendar")] // Past times are filed by whole days otherwise.
#[test]
fn buckets_are_aggregated() {
    let (store, _clock) = store();
    for (days, count) in [(0, 4), (1, 2), (3, 6)] {
        store.record_count_ago("event", count, Duration::days(days));
    }
    let days = || store.query("event").last_days(8);
    assert_eq!(days().sum(), Some(12));
    assert_eq!(days().average(), Some(1.5));
    assert_eq!(days().average_nonzero(), Some(4.0));
    assert_eq!(days().count_nonzero(), Some(3));
    assert_eq!(days().into_buckets(), [4, 2, 0, 6, 0, 0, 0, 0]);
    assert_eq!(days().last_seen(), Some(0));
    assert_eq!(days().first_seen(), Some(3));
    assert_eq!(store.query("event").days(1..4).buckets().collect::<Vec<_>>(), [(1, 2), (2, 0), (3, 6)]);
    assert_eq!(store.query("event").days_from(1).take(2).sum(), Some(2));
    assert_eq!(store.query("event").last_days(100).average(), Some(0.12));
}

#[test]
fn what_is_not_known_has_no_answer() {
    let store = EventStore::new();
    let never = || store.query("never");
    assert_eq!(never().last_days(7).sum(), None);
    assert_eq!(never().last_days(7).average(), None);
    assert_eq!(never().last_days(7).average_nonzero(), None);
    assert_eq!(never().last_days(7).count_nonzero(), None);
    assert_eq!(never().last_days(7).buckets().len(), 0);
    assert_eq!(never().last_seen(), None);
    assert_eq!(never().first_seen(), None);
    assert_eq!(never().first_seen_in(TimeUnit::Days), None);
    assert_eq!(store.query_many(&["never", "ever"]).last_days(7).sum(), None);
    assert_eq!(store.query_ratio("never", "ever").last_days(7), None);
    assert_eq!(store.query_delta("never", "ever").last_days(7).sum(), 0);
    store.record("known");
    assert_eq!(store.query("known").last_weeks(1).sum(), None);
    assert_eq!(store.query("known").first_seen_in(TimeUnit::Weeks), None);
}

#[cfg(feature = "calendar")] // Past times are filed by whole days otherwise.
#[test]
fn first_and_last_seen_are_estimated_from_buckets() {
    let (store, clock) = store();
    store.record("event");
    clock.advance(Duration::days(3));
    store.record("event");
    clock.advance(Duration::seconds(10));
    let last = store.query("event").last_seen().unwrap();
    assert!((Duration::seconds(9)..=Duration::seconds(11)).contains(&last), "{last}");
    let first = store.query("event").first_seen().unwrap();
    assert!((Duration::days(2)..=Duration::days(4)).contains(&first), "{first}");
    assert_eq!(store.query("event").first_seen_in(TimeUnit::Days), Some(Duration::days(3)));
}

#[test]
fn several_events_are_put_in_relation() {
    let (store, _clock) = store();
    store.record_count("bought", 5);
    store.record_count("seen", 20);
    store.record_count_ago("seen", 30, Duration::days(3));
    assert_eq!(store.query_many(&["bought", "seen", "never"]).last_days(7).sum(), Some(55));
    assert_eq!(store.query_many(&["bought", "seen"]).last_days(5).average(), Some(11.0));
    assert_eq!(store.query_ratio("bought", "seen").last_days(1), Some(0.25));
    assert_eq!(store.query_ratio("bought", "seen").ever(), Some(0.1));
    assert_eq!(store.query_delta("bought", "seen").last_days(1).sum(), -15);
    assert!((store.query_delta("seen", "bought").last_days(5).average() - 9.0).abs() < f64::EPSILON);
    store.balance_delta("bought", "seen").unwrap();
    assert_eq!(store.query_delta("bought", "seen").ever().sum(), 0);
    assert_eq!(store.query("bought").ever().sum(), Some(50));
}

#[test]
fn limits_let_through_what_they_allow() {
    let (store, clock) = store();
    let twice = || store.limit().at_most("api", 2, TimeUnit::Minutes).at_most("api", 3, (1, TimeUnit::Hours));
    assert!(twice().allowed("api") && twice().check("api").is_ok());
    twice().check_and_record("api").unwrap();
    twice().check_and_record("api").unwrap();
    assert!(twice().check_and_record("api").is_err());
    clock.advance(Duration::minutes(1));
    twice().check_and_record("api").unwrap();
    let refused = twice().check_and_record("api").unwrap_err();
    assert_eq!(refused.retry_after, Some(Duration::hours(1)));
    let usage = store.limit().at_most("api", 10, Duration::hours(1)).usage("api").unwrap();
    assert_eq!((usage.count, usage.limit, usage.remaining), (3, 10, 7));
    assert_eq!(store.limit().at_most("other", 10, TimeUnit::Hours).usage("api").unwrap().limit, 0);
}

#[test]
fn limits_ask_for_what_they_need() {
    let (store, clock) = store();
    let login = || store.limit().at_least("login", 1, TimeUnit::Days);
    assert!(login().check_and_record("api").is_err());
    store.record("login");
    login().check_and_record("api").unwrap();
    let recent = || store.limit().within("login", Duration::minutes(30));
    assert!(recent().allowed("checkout"));
    clock.advance(Duration::minutes(31));
    assert!(!recent().allowed("checkout"));
    let cooldown = || store.limit().cooldown("reset", Duration::hours(1));
    cooldown().check_and_record("reset").unwrap();
    clock.advance(Duration::minutes(20));
    let wait = cooldown().check_and_record("reset").unwrap_err().retry_after;
    assert_eq!(wait, Some(Duration::minutes(40)));
    clock.advance(wait.unwrap());
    cooldown().check_and_record("reset").unwrap();
}

#[test]
fn limits_keep_to_schedules() {
    let (store, clock) = store();
    let office = || store.limit().during(Schedule::hours(9, 17).unwrap()).during(Schedule::weekdays());
    let upkeep = || store.limit().outside_of(Schedule::hours(9, 17).unwrap());
    assert!(office().allowed("job") && !upkeep().allowed("job"));
    assert_eq!(upkeep().check("job").unwrap_err().retry_after, Some(Duration::seconds(16_170)));
    clock.advance(Duration::hours(6));
    assert!(!office().allowed("job") && upkeep().allowed("job"));
    clock.advance(Duration::days(3)); // Saturday
    assert!(!store.limit().outside_of(Schedule::weekends()).allowed("job"));
    let even = Schedule::Custom(Arc::new(|time| time.timestamp() % 2 == 0));
    assert!(store.limit().during(even).allowed("job"));
    assert_eq!(
        format!("{:?}", Schedule::hours(9, 17).unwrap()),
        "Hours { start_hour: 9, end_hour: 17, timezone: UTC }"
    );
}

#[test]
fn reservations_are_committed_cancelled_or_dropped() {
    let (store, _clock) = store();
    let reserve = || store.limit().at_most("job", 2, TimeUnit::Hours).reserve("job");
    let (one, other): (Reservation, Reservation) = (reserve().unwrap(), reserve().unwrap());
    assert!(matches!(reserve(), Err(Error::LimitExceeded(LimitExceeded { .. }))));
    one.commit();
    other.cancel();
    drop(reserve().unwrap());
    assert_eq!(store.query("job").last_hours(1).sum(), Some(1));
    reserve().unwrap().commit();
    assert!(reserve().is_err());
}

#[test]
fn windows_are_made_of_units_pairs_and_durations() {
    let window = |duration: Duration| {
        let TimeWindow { count, time_unit } = duration.into();
        (count, time_unit)
    };
    assert_eq!(window(Duration::days(7)), (7, TimeUnit::Days));
    assert_eq!(window(Duration::minutes(150)), (2, TimeUnit::Hours));
    assert_eq!(window(Duration::seconds(119)), (1, TimeUnit::Minutes));
    assert_eq!(window(Duration::seconds(-45)), (45, TimeUnit::Minutes));
    assert_eq!(TimeWindow::from(TimeUnit::Weeks), TimeWindow::from((1, TimeUnit::Weeks)));
    assert_eq!(TimeUnit::Months.duration(), Duration::days(30));
    assert!(TimeUnit::Seconds < TimeUnit::Minutes && TimeUnit::Years < TimeUnit::Ever);
}

#[test]
fn stores_track_what_they_are_told() {
    use TimeUnit::{Days, Hours, Minutes, Months, Weeks};
    let tracked = |store: EventStore| store.tracked_intervals();
    assert_eq!(tracked(EventStore::new()), [(Minutes, 60), (Hours, 24), (Days, 32), (Months, 12)]);
    let limits = EventStore::builder().track_days(7).for_rate_limiting().build().unwrap();
    assert_eq!(tracked(limits), [(Minutes, 60), (Hours, 72)]);
    let analytics = EventStore::builder().for_analytics().build().unwrap();
    assert_eq!(tracked(analytics), [(Days, 56), (Weeks, 52), (Months, 12)]);
}

#[test]
fn clocks_tell_the_time() {
    let before = Utc::now();
    assert!(SystemClock::new().now() >= before && EventStore::default().clock_now() >= before);
    let clock = TestClock::new_at(before);
    assert_eq!(EventStore::builder().with_clock(clock).build().unwrap().clock_now(), before);
    assert!(TestClock::new().now() >= before);
}

#[test]
fn dirty_events_are_exported_until_they_are_taken_for_stored() {
    let (store, _clock) = store();
    assert!(!store.is_dirty());
    store.record("a");
    assert!(store.is_dirty());
    store.reset_dirty();
    store.record("b");
    assert_eq!(store.export_dirty().unwrap().into_keys().collect::<Vec<_>>(), ["b"]);
    assert_eq!(store.export_all().unwrap().len(), 2);
    assert!(matches!(store.persist(), Err(Error::Storage(_))));
}

#[test]
fn stores_and_what_they_give_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    let store = EventStore::new();
    shared(&store);
    shared(&store.query("event"));
    shared(&store.limit());
    shared(&store.limit().reserve("event").unwrap());
    shared(&Error::FutureEvent);
}
