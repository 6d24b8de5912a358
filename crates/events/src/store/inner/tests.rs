//! A thread that locks an event gets the counts of its lanes, however the event got lanes.

#![allow(clippy::unwrap_used)] // A failed assertion, wherever it stands.

use std::thread;

use super::*;
use crate::{time::unit::TimeUnit, SingleEventCounter};

struct Plain;

impl Formatter for Plain {
    fn serialize(&self, value: &SingleEventCounter) -> Result<Vec<u8>> {
        Ok(value.to_bytes())
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<SingleEventCounter> {
        SingleEventCounter::from_bytes(bytes)
    }
}

const NOW_MS: u64 = 1_700_000_000_000;

fn store(storage: Option<Box<dyn Storage>>) -> Inner {
    let tracked = TrackedUnits::new(vec![(TimeUnit::Seconds, 200)]).unwrap();
    Inner::new(tracked, SystemClock::new(), storage, Some(Arc::new(Plain)))
}

fn sum(state: &State) -> u32 {
    state.counter.sum(TimeUnit::Seconds, 0..200).unwrap().count
}

/// Counts while the lock is held, on a thread of its own, which has a lane of its own.
fn add_in_a_lane(event: &Event, now_ms: u64, count: u32) {
    let held = event.lock();
    thread::scope(|scope| {
        scope.spawn(|| assert!(event.add(now_ms, count)));
    });
    drop(held);
}

#[test]
fn locking_an_event_adds_what_is_in_its_lanes() {
    let store = store(None);
    let event = store.ready_event("event", Access::Record, NOW_MS).unwrap();
    add_in_a_lane(&event, NOW_MS, 3);
    assert_eq!(sum(&event.lock()), 3);
    add_in_a_lane(&event, NOW_MS, 4);
    assert!(event.try_lock().is_some_and(|state| sum(&state) == 7 && state.is_dirty()));
}

#[test]
fn lanes_of_several_seconds_are_taken_in_order() {
    for seconds in [[0, 5, 9], [9, 5, 0], [5, 9, 0]] {
        let store = store(None);
        let event = store.ready_event("event", Access::Record, NOW_MS).unwrap();
        let held = event.lock();
        thread::scope(|scope| {
            for second in seconds {
                let event = &event;
                let add = move || assert!(event.add(NOW_MS + u64::from(second) * 1000, second + 1));
                scope.spawn(add).join().unwrap();
            }
        });
        drop(held);
        let buckets = event.lock().counter.buckets(TimeUnit::Seconds, 0..10).unwrap();
        assert_eq!(buckets, [10, 0, 0, 0, 6, 0, 0, 0, 0, 1], "{seconds:?}");
    }
}

#[test]
fn what_is_counted_while_an_event_is_loaded_is_added_to_what_is_stored() {
    let mut storage = crate::storage::MemoryStorage::new();
    let mut stored = store(None).new_counter(NOW_MS);
    stored.record(10);
    storage.save("event", stored.to_bytes()).unwrap();
    let store = store(Some(Box::new(storage)));
    let hash = store.hasher.hash_one("event");
    let untried = store.find_or_add(hash, "event", Access::Record, NOW_MS).unwrap();
    add_in_a_lane(&untried, NOW_MS, 3);
    assert_eq!(store.with("event", Access::Query, NOW_MS, |state| sum(state)), Some(13));
}

#[test]
fn a_retired_event_takes_no_more_counts() {
    let store = store(None);
    let event = store.ready_event("event", Access::Record, NOW_MS).unwrap();
    add_in_a_lane(&event, NOW_MS, 3);
    store.retire("event", &event, |_| true);
    assert!(!event.add(NOW_MS, 1));
    assert_eq!(event.lock().counter.heap_bytes(), 0);
    store.record("event", 1);
    assert_eq!(store.with("event", Access::Query, NOW_MS, |state| sum(state)), Some(1));
}
