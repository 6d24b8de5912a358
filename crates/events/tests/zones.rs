//! Stores in other time zones than this process's: the tests run themselves again with another `TZ`.

#![cfg(all(unix, feature = "calendar"))]
#![allow(clippy::unwrap_used)] // A failed assertion, wherever it stands.

use std::{env, path::Path, process::Command, sync::Arc};

use chrono::{DateTime, Duration, Local, TimeZone, Utc};
use ron_accounting_events::{EventStore, Schedule, TestClock};

/// Whether this process runs in `zone`. If not, it runs the test in one that does, and says whether it passed.
fn in_zone(zone: &str, test: &str) -> bool {
    if env::var("TZ").as_deref() == Ok(zone) {
        return true;
    }
    if !Path::new("/usr/share/zoneinfo").join(zone).exists() {
        println!("no data for {zone} on this system");
        return false;
    }
    let outcome =
        Command::new(env::current_exe().unwrap()).env("TZ", zone).args(["--exact", test]).output().unwrap();
    assert!(outcome.status.success(), "{zone}: {}", String::from_utf8_lossy(&outcome.stdout));
    false
}

fn at(time: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(time).unwrap().to_utc()
}

fn store_at(time: &str) -> (EventStore, TestClock) {
    let clock = TestClock::build_for_testing_at(at(time));
    let builder = EventStore::builder().with_clock(Arc::new(clock.clone()));
    (
        builder.track_hours(80).track_days(10).track_weeks(3).track_months(3).track_years(2).build().unwrap(),
        clock,
    )
}

#[test]
fn days_begin_at_local_midnight() {
    if !in_zone("America/New_York", "days_begin_at_local_midnight") {
        return;
    }
    let (store, clock) = store_at("2024-03-10T04:59:59Z");
    store.record("event"); // 23:59:59 on the 9th
    clock.advance(Duration::seconds(1));
    store.record_count("event", 2); // midnight
    clock.advance(Duration::hours(23)); // midnight again, since clocks went forward
    store.record_count("event", 4);
    assert_eq!(store.query("event").last_days(4).into_buckets(), [4, 2, 1, 0]);
    assert_eq!(store.query("event").last_weeks(2).into_buckets(), [4, 3]);
    // Counted later, the same.
    let (later, _) = store_at("2024-03-11T04:00:00Z");
    later.record_count_at("event", 1, at("2024-03-10T04:59:59Z")).unwrap();
    later.record_count_at("event", 2, at("2024-03-10T05:00:00Z")).unwrap();
    later.record_count_at("event", 4, at("2024-03-11T04:00:00Z")).unwrap();
    assert_eq!(later.query("event").last_days(4).into_buckets(), [4, 2, 1, 0]);
}

#[test]
fn a_year_begins_at_local_midnight_of_january_1st() {
    if !in_zone("Pacific/Kiritimati", "a_year_begins_at_local_midnight_of_january_1st") {
        return;
    }
    let (store, clock) = store_at("2023-12-31T09:59:59Z");
    store.record("event");
    clock.advance(Duration::seconds(1));
    store.record_count("event", 2);
    assert_eq!(store.query("event").last_years(2).into_buckets(), [2, 1]);
    assert_eq!(store.query("event").last_months(2).into_buckets(), [2, 1]);
    assert_eq!(store.query("event").last_days(2).into_buckets(), [2, 1]);
    let _imported = store.import_all(store.export_all().unwrap());
    assert_eq!(store.query("event").last_years(2).into_buckets(), [2, 1]);
}

#[test]
fn a_day_that_was_left_out_is_empty() {
    if !in_zone("Pacific/Apia", "a_day_that_was_left_out_is_empty") {
        return;
    }
    let (store, clock) = store_at("2011-12-30T09:59:59Z");
    store.record("event"); // the 29th
    clock.advance(Duration::seconds(1));
    store.record_count("event", 2); // the 31st
    assert_eq!(store.query("event").last_days(3).into_buckets(), [2, 0, 1]);
    assert!(store.query("event").first_seen().is_some());
}

#[test]
fn clocks_that_go_back_over_midnight_rotate_once() {
    if !in_zone("America/St_Johns", "clocks_that_go_back_over_midnight_rotate_once") {
        return;
    }
    let (store, clock) = store_at("2006-10-29T02:00:00Z"); // 23:30 on the 28th
    for _ in 0..8 {
        store.record("event");
        clock.advance(Duration::minutes(15));
    }
    // From 00:00 on it is the 29th, though clocks show the 28th once more from 00:01 to 00:59.
    assert_eq!(store.query("event").last_days(3).into_buckets(), [6, 2, 0]);
    let local = Local.timestamp_opt(store.clock_now().timestamp(), 0).unwrap();
    assert_eq!(local.to_string(), "2006-10-29 00:30:00 -03:30");
}

#[test]
fn schedules_wait_for_local_hours_over_changes_of_clocks() {
    if !in_zone("Europe/Berlin", "schedules_wait_for_local_hours_over_changes_of_clocks") {
        return;
    }
    let (store, clock) = store_at("2024-03-30T22:00:00Z"); // 23:00; clocks go forward at 02:00
    let office = || store.limit().during(Schedule::hours_local_tz(9, 17).unwrap());
    assert_eq!(office().check("job").unwrap_err().retry_after, Some(Duration::hours(9)));
    clock.set(at("2024-10-26T21:30:00Z")); // 23:30; clocks go back at 03:00
    let wait = office().check("job").unwrap_err().retry_after;
    assert_eq!(wait, Some(Duration::minutes(10 * 60 + 30)));
    clock.advance(wait.unwrap());
    assert!(office().allowed("job"));
    let weekend = || store.limit().outside_of(Schedule::weekends_local_tz());
    assert_eq!(weekend().check("job").unwrap_err().retry_after, Some(Duration::hours(15)));
}

#[test]
fn counts_are_kept_over_changes_of_the_zone() {
    if !in_zone("Asia/Tokyo", "counts_are_kept_over_changes_of_the_zone") {
        return;
    }
    let (store, clock) = store_at("2024-05-15T16:00:00Z"); // 01:00 on the 16th
    store.record("event");
    let exported = store.export_all().unwrap();
    for zone in ["America/Los_Angeles", "Pacific/Kiritimati", "UTC"] {
        env::set_var("TZ", zone);
        // On a thread of its own, which has not looked at the zone yet.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (other, _) = store_at("2024-05-15T16:00:00Z");
                other.merge_all(exported.clone()).unwrap();
                assert_eq!(other.query("event").last_days(2).sum(), Some(1), "{zone}");
                clock.advance(Duration::minutes(1));
                store.record("event");
            });
        });
    }
    assert_eq!(store.query("event").last_days(2).sum(), Some(4));
    assert_eq!(store.query("event").last_years(1).sum(), Some(4));
}
