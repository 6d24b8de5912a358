//! The same operations on this crate and on `tiny-counter`, whose answers it promises to give.
//!
//! Each answer is compared, except where the other crate is known to be wrong, or the answer is another by intent (below). The
//! invariants of this crate are checked after each step.
//!
//! * Weeks are not compared over the end of a 53-week year: no generated time reaches the end of 2020 or of 2026.
//! * Clocks that go back, future times, reversed ranges: see `tests/clock.rs` and `tests/limits.rs`.
//! * `cooldown` and `within` are compared with the exact last use, not with an estimate.
//! * Limits on units that are not tracked, and reservations against constraints on another event, are not generated.
//! * A schedule's `retry_after` is not compared; a schedule over midnight cannot be built there.
//! * `ever()` and the deletion of what is empty go by the largest unit there, so that the largest unit has the longest span
//!   here. The average of `ever()` is not compared: there it is divided by `usize::MAX`.
//! * A reservation that is not committed leaves an event dirty there, and open ones are ignored by `check`.
//! * Stores that exchange counters have the same configuration: conversion there moves counts to other buckets.

#![cfg(all(feature = "calendar", feature = "serde-bincode"))]
#![allow(clippy::unwrap_used, clippy::float_cmp)]

mod steps;
mod world;

use chrono::{TimeZone, Utc};
use proptest::prelude::*;

use steps::{step, tracked, Step, EVENTS};
use world::{Tracked, World};

/// Runs an expression against both crates and compares the answers.
macro_rules! same {
    ($world:expr, $store:expr, $lib:ident, $s:ident => $answer:expr) => {{
        let index = $store;
        let ours = {
            #[allow(unused_imports)]
            use ron_accounting_events as $lib;
            let $s = &$world.ours[index];
            $answer
        };
        let theirs = {
            #[allow(unused_imports)]
            use tiny_counter as $lib;
            let $s = &$world.theirs[index];
            $answer
        };
        prop_assert_eq!(&ours, &theirs, "{}", stringify!($answer));
        ours
    }};
}

/// A limit exceeded, as far as both crates say the same.
macro_rules! outcome {
    ($result:expr) => {
        $result.map(|_| ()).map_err(|error| {
            let refused = error.as_limit_exceeded().unwrap();
            (error.to_string(), refused.retry_after, format!("{:?}", refused.constraint))
        })
    };
}

macro_rules! unit_of {
    ($lib:ident, $index:expr) => {
        [
            $lib::TimeUnit::Seconds,
            $lib::TimeUnit::Minutes,
            $lib::TimeUnit::Hours,
            $lib::TimeUnit::Days,
            $lib::TimeUnit::Weeks,
            $lib::TimeUnit::Months,
            $lib::TimeUnit::Years,
        ][$index]
    };
}

macro_rules! last_of_unit {
    ($query:expr, $unit:expr, $n:expr) => {
        match $unit {
            0 => $query.last_seconds($n),
            1 => $query.last_minutes($n),
            2 => $query.last_hours($n),
            3 => $query.last_days($n),
            4 => $query.last_weeks($n),
            5 => $query.last_months($n),
            _ => $query.last_years($n),
        }
    };
}

/// A tracked unit near the wanted one.
fn near(tracked: Tracked, unit: usize) -> usize {
    (0..7).map(|offset| (unit + offset) % 7).find(|unit| tracked[*unit] > 0).unwrap()
}

fn run(world: &mut World, store: usize, event: &'static str, step: Step) -> Result<(), TestCaseError> {
    // A counter is advanced when it is read, and not stored if it is empty by then. The two crates read at different times.
    // So all are read here.
    for name in EVENTS {
        same!(world, store, lib, s => s.query(name).last_days(1).sum());
    }
    match step {
        Step::Advance(by) => world.advance(by),
        Step::Record { count } => {
            same!(world, store, lib, s => s.record_count(event, count));
            if count > 0 {
                world.use_event(store, event, world.now);
            }
        }
        Step::RecordAgo { count, ago } => {
            same!(world, store, lib, s => s.record_count_ago(event, count, ago));
            world.use_event(store, event, world.now - ago);
        }
        Step::Range { unit, from, len } => {
            same!(world, store, lib, s => last_of_unit!(s.query(event), unit, len).sum());
            same!(world, store, lib, s => last_of_unit!(s.query(event), unit, len).average());
            same!(world, store, lib, s => last_of_unit!(s.query(event), unit, len).average_nonzero());
            same!(world, store, lib, s => last_of_unit!(s.query(event), unit, len).count_nonzero());
            same!(world, store, lib, s => last_of_unit!(s.query(event), unit, len).into_buckets());
            same!(world, store, lib, s => last_of_unit!(s.query(event), unit, len).last_seen());
            same!(world, store, lib, s => last_of_unit!(s.query(event), unit, len).first_seen());
            same!(world, store, lib, s => s.query(event).days(from..from + len).into_buckets());
            same!(world, store, lib, s => s.query(event).days_from(from).take(len).sum());
            same!(world, store, lib, s => s.query(event).first_seen_in(unit_of!(lib, unit)));
        }
        Step::Seen => {
            same!(world, store, lib, s => s.query(event).last_seen());
            same!(world, store, lib, s => s.query(event).first_seen());
        }
        Step::Several { n } => {
            for unit in 0..7 {
                same!(world, store, lib, s => last_of_unit!(s.query_many(&EVENTS), unit, n).sum());
                same!(world, store, lib, s => last_of_unit!(s.query_many(&EVENTS), unit, n).average());
                same!(world, store, lib, s => last_of_unit!(s.query_ratio("a", "b"), unit, n));
                same!(world, store, lib, s => last_of_unit!(s.query_delta("a", "b"), unit, n).sum());
                same!(world, store, lib, s => last_of_unit!(s.query_delta("a", "b"), unit, n).average());
            }
            same!(world, store, lib, s => s.query(event).ever().sum());
            same!(world, store, lib, s => s.query(event).ever().into_buckets());
            same!(world, store, lib, s => s.query_many(&EVENTS).ever().sum());
        }
        Step::Balance => {
            let delta = same!(world, store, lib, s => s.query_delta("a", "b").ever().sum());
            same!(world, store, lib, s => s.balance_delta("a", "b").is_ok());
            if delta != 0 {
                let rarer = if delta > 0 { "b" } else { "a" };
                world.use_event(store, rarer, world.now);
            }
        }
        Step::AtMost { limit, window, unit, record } => {
            let unit = near(world.tracked, unit);
            same!(world, store, lib, s => {
                let usage = s.limit().at_most(event, limit, (window, unit_of!(lib, unit))).usage(event).unwrap();
                (usage.count, usage.limit, usage.remaining)
            });
            let allowed = same!(world, store, lib, s => {
                let limiter = s.limit().at_most(event, limit, (window, unit_of!(lib, unit)));
                if record { outcome!(limiter.check_and_record(event)) } else { outcome!(limiter.check(event)) }
            });
            if record && allowed.is_ok() {
                world.use_event(store, event, world.now);
            }
        }
        Step::AtLeast { count, window, unit } => {
            let unit = near(world.tracked, unit);
            same!(world, store, lib, s => {
                outcome!(s.limit().at_least("b", count, (window, unit_of!(lib, unit))).check(event)).is_ok()
            });
        }
        Step::LastUse { duration } => {
            let since = world.used[store].get(event).map(|used| world.now - *used);
            let ours = &world.ours[store];
            // A counter whose last count has left every bucket is deleted from storage, and its last use with it.
            if ours.query(event).last_seen().is_some() {
                let cooled = ours.limit().cooldown(event, duration).check(event).map_err(|e| e.retry_after);
                let expected = match since {
                    Some(since) if since < duration => Err(Some(duration - since)),
                    _ => Ok(()),
                };
                prop_assert_eq!(cooled, expected);
                let recent = ours.limit().within(event, duration).allowed(event);
                prop_assert_eq!(recent, since.is_some_and(|since| since <= duration));
            }
        }
        Step::Schedule { from, to } => {
            if from < to {
                same!(world, store, lib, s => {
                    s.limit().during(lib::Schedule::hours(from, to).unwrap()).allowed(event)
                });
                same!(world, store, lib, s => {
                    s.limit().outside_of(lib::Schedule::hours_local_tz(from, to).unwrap()).allowed(event)
                });
            }
            same!(world, store, lib, s => s.limit().during(lib::Schedule::weekdays()).allowed(event));
            same!(world, store, lib, s => s.limit().outside_of(lib::Schedule::weekends()).allowed(event));
        }
        Step::Reserve { limit, unit, commit } => {
            let unit = near(world.tracked, unit);
            let reserved = same!(world, store, lib, s => {
                let reserved = s.limit().at_most(event, limit, unit_of!(lib, unit)).reserve(event);
                reserved.map(|reservation| if commit { reservation.commit() } else { reservation.cancel() }).is_ok()
            });
            if reserved && commit {
                world.use_event(store, event, world.now);
            }
            world.given_back |= !commit || !reserved;
            if world.given_back {
                // An event that is made and not counted is known there and forgotten here.
                same!(world, store, lib, s => s.record_count(event, 1));
                world.use_event(store, event, world.now);
            }
        }
        Step::Persist { all } => {
            same!(world, store, lib, s => if all { s.persist_all().is_ok() } else { s.persist().is_ok() });
            if !world.given_back {
                same!(world, store, lib, s => s.is_dirty());
            }
        }
        Step::Restart => {
            // There, an event whose largest unit is empty is not stored, whatever the other units have.
            if EVENTS.iter().any(|name| world.theirs[store].query(*name).ever().sum() == Some(0)) {
                return Ok(());
            }
            // There, an event that was loaded is dirty.
            same!(world, store, lib, s => s.persist_all().is_ok());
            world.restart(store);
        }
        Step::ResetDirty => {
            same!(world, 0, lib, s => s.reset_dirty());
            same!(world, 1, lib, s => s.reset_dirty());
            same!(world, store, lib, s => s.is_dirty());
            same!(world, store, lib, s => s.export_dirty().unwrap().len());
            // Nothing is lost later that both do not lose.
            same!(world, 0, lib, s => s.persist_all().is_ok());
            same!(world, 1, lib, s => s.persist_all().is_ok());
            world.given_back = false;
        }
        Step::Merge | Step::Import => {
            let merge = matches!(step, Step::Merge);
            let names = same!(world, store, lib, s => {
                let mut names: Vec<String> = s.export_all().unwrap().into_keys().collect();
                names.sort();
                names
            });
            let ours = world.ours[store].export_all().unwrap();
            let theirs = world.theirs[store].export_all().unwrap();
            let other = 1 - store;
            if merge {
                world.ours[other].merge_all(ours).unwrap();
                world.theirs[other].merge_all(theirs).unwrap();
            } else {
                world.ours[other].import_all(ours).unwrap();
                world.theirs[other].import_all(theirs).unwrap();
            }
            for name in EVENTS.into_iter().filter(|name| names.iter().any(|known| known == name)) {
                let used = world.used[store].get(name).copied();
                if !merge {
                    world.used[other].remove(name);
                }
                if let Some(used) = used {
                    world.use_event(other, name, used);
                }
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_the_same(
        tracked in tracked(),
        start_s in 1_690_000_000_i64..1_720_000_000,
        steps in prop::collection::vec((0..2_usize, 0..3_usize, step()), 1..60),
    ) {
        // The other crate starts its counters at January 1st in UTC, which is no midnight in other zones.
        std::env::set_var("TZ", "UTC");
        let mut world = World::new(tracked, Utc.timestamp_opt(start_s, 0).unwrap());
        for (store, event, step) in steps {
            run(&mut world, store, EVENTS[event], step)?;
            for ours in &world.ours {
                prop_assert_eq!(ours.validate(), Ok(()));
            }
        }
    }
}
