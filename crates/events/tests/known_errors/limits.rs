//! Limits: atomic, on the right event, in units that are tracked or not, and with the real time to wait.

use std::{
    sync::{
        atomic::{AtomicU32, Ordering},
        Arc,
    },
    thread,
};

use chrono::{Duration, TimeZone, Utc};
use proptest::prelude::*;
use ron_accounting_events::{Error, EventStore, Schedule, TestClock, TimeUnit};

use super::{builder_at, store_at};

#[test]
fn exactly_the_limit_gets_through_several_constraints_under_contention() {
    for round in 0..30 {
        let store = EventStore::new();
        store.record("ready");
        let passed = AtomicU32::new(0);
        thread::scope(|scope| {
            for number in 0..4 {
                let (store, passed) = (&store, &passed);
                scope.spawn(move || {
                    for _ in 0..8 {
                        let limit = store
                            .limit()
                            .at_most("job", 100, TimeUnit::Days)
                            .at_least("ready", 1, TimeUnit::Days)
                            .at_most("job", 10, TimeUnit::Hours);
                        let through = if (number + round) % 2 == 0 {
                            limit.check_and_record("job").is_ok()
                        } else {
                            limit.reserve("job").map(ron_accounting_events::Reservation::commit).is_ok()
                        };
                        passed.fetch_add(u32::from(through), Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(passed.into_inner(), 10);
        assert_eq!(store.query("job").last_days(1).sum(), Some(10));
    }
}

#[test]
fn a_constraint_on_another_event_counts_that_event() {
    let store = EventStore::new();
    store.record_count("other", 5);
    assert!(store.limit().at_most("other", 5, TimeUnit::Days).reserve("job").is_err());
    assert!(store.limit().at_most("other", 6, TimeUnit::Days).reserve("job").is_ok());
    store.record_count("job", 9);
    assert!(store.limit().at_most("other", 6, TimeUnit::Days).reserve("job").is_ok());
    let refused = store.limit().at_most("other", 5, TimeUnit::Days).check_and_record("job").unwrap_err();
    assert_eq!(refused.event_id, "job");
    assert_eq!(store.query("job").ever().sum(), Some(9));
}

#[test]
fn an_open_reservation_takes_its_place() {
    let store = EventStore::new();
    let limit = || store.limit().at_most("job", 1, TimeUnit::Hours);
    let job = limit().reserve("job").unwrap();
    assert!(!limit().allowed("job"));
    assert!(limit().check_and_record("job").is_err());
    assert!(store.limit().cooldown("job", Duration::hours(1)).reserve("job").is_err());
    assert_eq!(limit().usage("job").unwrap().remaining, 1);
    drop(job);
    assert!(limit().allowed("job"));
}

#[test]
fn a_unit_that_is_not_tracked_is_enforced_by_another() {
    let (builder, clock) = builder_at("2024-05-15T12:30:00Z");
    let store = builder.track_minutes(120).track_days(10).build().unwrap();
    store.record_count("job", 3);
    clock.advance(Duration::minutes(40));
    // An hour is 60 minutes, a week is 7 days, 3 hours are in today, 400 000 seconds are in 5 days.
    for window in
        [(1, TimeUnit::Hours), (1, TimeUnit::Weeks), (3, TimeUnit::Hours), (400_000, TimeUnit::Seconds)]
    {
        assert!(!store.limit().at_most("job", 3, window).allowed("job"), "{window:?}");
        assert!(store.limit().at_most("job", 4, window).allowed("job"), "{window:?}");
        assert!(store.limit().at_least("job", 3, window).allowed("job"), "{window:?}");
        assert_eq!(store.limit().at_most("job", 9, window).usage("job").unwrap().count, 3, "{window:?}");
    }
    clock.advance(Duration::minutes(30));
    assert!(store.limit().at_most("job", 1, TimeUnit::Hours).allowed("job"));
}

#[test]
fn a_window_that_nothing_spans_is_refused() {
    let (builder, _clock) = builder_at("2024-05-15T12:30:00Z");
    let store = builder.track_minutes(60).build().unwrap();
    let limit = || store.limit().at_most("job", 3, TimeUnit::Days);
    assert!(matches!(limit().check("job"), Err(Error::ConfigMismatch(_))));
    assert!(matches!(limit().check_and_record("job"), Err(Error::ConfigMismatch(_))));
    assert!(matches!(limit().reserve("job"), Err(Error::ConfigMismatch(_))));
    assert!(matches!(limit().usage("job"), Err(Error::ConfigMismatch(_))));
    assert!(!limit().allowed("job"));
}

#[test]
fn ever_works_in_limits() {
    let (store, clock) = store_at("2024-05-15T12:30:00Z");
    let limit = || store.limit().at_most("trial", 2, TimeUnit::Ever);
    limit().check_and_record("trial").unwrap();
    clock.advance(Duration::days(100));
    limit().check_and_record("trial").unwrap();
    let refused = limit().check_and_record("trial").unwrap_err();
    assert!(refused.as_limit_exceeded().is_some());
    assert_eq!(refused.retry_after, None);
    assert!(store.limit().at_least("trial", 2, TimeUnit::Ever).allowed("trial"));
    assert_eq!(limit().usage("trial").unwrap().count, 2);
}

#[test]
fn a_cooldown_is_exact_to_the_second() {
    let (builder, clock) = builder_at("2024-05-15T23:59:50Z");
    let store = builder.track_days(7).build().unwrap();
    store.record("reset");
    let cooldown = || store.limit().cooldown("reset", Duration::minutes(10));
    clock.advance(Duration::seconds(599));
    assert_eq!(cooldown().check("reset").unwrap_err().retry_after, Some(Duration::seconds(1)));
    clock.advance(Duration::seconds(1));
    assert!(cooldown().allowed("reset"));
    assert!(store.limit().within("reset", Duration::minutes(10)).allowed("checkout"));
    clock.advance(Duration::seconds(1));
    assert!(!store.limit().within("reset", Duration::minutes(10)).allowed("checkout"));
}

#[test]
fn a_refused_event_leaves_no_trace() {
    let store = EventStore::new();
    assert!(store.limit().at_least("login", 1, TimeUnit::Days).check_and_record("api").is_err());
    assert!(store.limit().at_most("api", 0, TimeUnit::Days).reserve("api").is_err());
    assert_eq!(store.query("api").ever().sum(), None);
    assert_eq!(store.memory_usage(), 0);
    assert!(!store.is_dirty());
}

#[test]
fn an_error_tells_its_constraint_and_when_to_try_again() {
    let store = EventStore::new();
    let error = store.limit().at_most("api", 0, (7, TimeUnit::Days)).check("api").unwrap_err();
    assert_eq!(error.retry_after, Some(Duration::days(1)));
    assert!(format!("{:?}", error.constraint).starts_with("AtMost"));
    assert_eq!(error.to_string(), "rate limit exceeded for event: api");
    assert_eq!(Error::FutureEvent.retry_after, None);
    assert!(Error::FutureEvent.as_limit_exceeded().is_none());
}

#[test]
fn schedules_reach_and_cross_midnight() {
    let open_hours = |schedule: Schedule| {
        let open = |hour: &u32| {
            let clock = TestClock::new_at(Utc.with_ymd_and_hms(2024, 5, 15, *hour, 59, 59).unwrap());
            let store = EventStore::builder().with_clock(clock).build().unwrap();
            let open = store.limit().during(schedule.clone()).allowed("job");
            assert_ne!(open, store.limit().outside_of(schedule.clone()).allowed("job"));
            open
        };
        (0..24).filter(open).collect::<Vec<u32>>()
    };
    assert_eq!(open_hours(Schedule::hours(20, 24).unwrap()), [20, 21, 22, 23]);
    assert_eq!(open_hours(Schedule::hours(22, 6).unwrap()), [0, 1, 2, 3, 4, 5, 22, 23]);
    assert_eq!(open_hours(Schedule::hours(9, 12).unwrap()), [9, 10, 11]);
    assert_eq!(open_hours(Schedule::hours(23, 0).unwrap()), [23]);
    assert!(matches!(Schedule::hours(24, 6), Err(Error::InvalidHour(24))));
    assert!(matches!(Schedule::hours(6, 25), Err(Error::InvalidHour(25))));
    assert!(matches!(Schedule::hours(6, 6), Err(Error::InvalidRange(6, 6))));
}

#[test]
fn a_schedule_that_is_always_has_no_time_to_wait() {
    let (store, _clock) = store_at("2024-05-15T12:30:00Z");
    let always = || Schedule::hours(0, 24).unwrap();
    assert!(store.limit().during(always()).allowed("job"));
    assert_eq!(store.limit().outside_of(always()).check("job").unwrap_err().retry_after, None);
    let never = Schedule::Custom(Arc::new(|_| false));
    assert_eq!(store.limit().during(never).check("job").unwrap_err().retry_after, None);
}

#[test]
fn a_custom_schedule_may_use_the_store() {
    let store = Arc::new(EventStore::new());
    let seen = store.clone();
    let schedule = Schedule::Custom(Arc::new(move |_| {
        seen.record("asked");
        seen.query("job").ever().sum() < Some(1)
    }));
    let limit = || store.limit().at_most("job", 5, TimeUnit::Days).during(schedule.clone());
    assert!(limit().check_and_record("job").is_ok());
    assert!(limit().check_and_record("job").is_err());
    assert_eq!(store.query("asked").ever().sum(), Some(2));
}

proptest! {
    #[test]
    fn a_schedule_opens_when_it_says(second in 0_i64..14 * 86_400, from in 0_u8..24, to in 0_u8..=24, kind in 0..6) {
        prop_assume!(from != to);
        let clock = TestClock::build_for_testing_at(Utc.timestamp_opt(1_715_000_000 + second, 0).unwrap());
        let store = EventStore::builder().with_clock(Arc::new(clock.clone())).build().unwrap();
        let limit = || match kind {
            0 => store.limit().during(Schedule::hours(from, to).unwrap()),
            1 => store.limit().outside_of(Schedule::hours(from, to).unwrap()),
            2 => store.limit().during(Schedule::weekdays()),
            3 => store.limit().during(Schedule::weekends()),
            4 => store.limit().outside_of(Schedule::weekdays()),
            _ => store.limit().outside_of(Schedule::weekends()),
        };
        if let Err(refused) = limit().check("job") {
            if let Some(wait) = refused.retry_after {
                clock.advance(wait - Duration::seconds(1));
                prop_assert!(!limit().allowed("job"));
                clock.advance(Duration::seconds(1));
                prop_assert!(limit().allowed("job"));
            } else {
                prop_assert!(kind == 1 && (from, to) == (0, 24));
            }
        }
    }
}
