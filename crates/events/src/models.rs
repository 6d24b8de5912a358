//! Loom models: what must be true under every interleaving of a few threads.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release -p ron-accounting-events --lib models::`

use std::sync::Arc;

use chrono::{DateTime, Utc};
use loom::thread;

use crate::{
    clock::Clock,
    counter::tracked_units::TrackedUnits,
    formatter::Formatter,
    limit::Limiter,
    query::Query,
    storage::Storage,
    store::inner::{Access, Inner},
    Result, SingleEventCounter, TimeUnit,
};

/// A clock that always shows 1970. The test clock has a lock, which loom would explore as well.
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }
}

struct Plain;

impl Formatter for Plain {
    fn serialize(&self, value: &SingleEventCounter) -> Result<Vec<u8>> {
        Ok(value.to_bytes())
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<SingleEventCounter> {
        SingleEventCounter::from_bytes(bytes)
    }
}

/// A storage that always has one event, and ignores what is saved.
struct Stored(Vec<u8>);

impl Storage for Stored {
    fn save(&mut self, _key: &str, data: Vec<u8>) -> Result<()> {
        self.0 = data;
        Ok(())
    }

    fn load(&self, key: &str) -> Result<Option<Vec<u8>>> {
        Ok((key == "event").then(|| self.0.clone()))
    }

    fn list_keys(&self) -> Result<Vec<String>> {
        Ok(vec!["event".to_owned()])
    }
}

/// Explores all interleavings with a limited number of preemptions, which finds nearly all faults that more would find.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    let runs = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = runs.clone();
    builder.check(move || {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        model();
    });
    let runs = runs.load(std::sync::atomic::Ordering::Relaxed);
    // A model with a single interleaving proves nothing.
    assert!(runs > 4, "only {runs} interleavings");
    println!("{runs} interleavings");
}

fn tracked() -> TrackedUnits {
    TrackedUnits::new(vec![(TimeUnit::Hours, 1)]).unwrap()
}

fn store() -> Arc<Inner> {
    Arc::new(Inner::new(tracked(), Arc::new(Stopped), None, None))
}

/// Returns a store on a storage in which the event was counted ten times.
fn store_on_storage() -> Arc<Inner> {
    let before = store();
    before.with("event", Access::Record, 0, |state| state.record(10));
    let bytes = before.with("event", Access::Query, 0, |state| state.counter.to_bytes()).unwrap();
    Arc::new(Inner::new(tracked(), Arc::new(Stopped), Some(Box::new(Stored(bytes))), Some(Arc::new(Plain))))
}

fn record(store: &Arc<Inner>) {
    store.with("event", Access::Record, 0, |state| state.record(1));
}

fn sum(store: &Arc<Inner>) -> Option<u32> {
    Query::new(store.clone(), "event").ever().sum()
}

fn limit(store: &Arc<Inner>, limit: u32) -> Limiter {
    Limiter::new(store.clone()).at_most("event", limit, TimeUnit::Hours)
}

#[test]
fn exactly_one_of_two_reservations_is_granted_at_a_limit_of_one() {
    check(|| {
        let store = store();
        let other = store.clone();
        let thread =
            thread::spawn(move || limit(&other, 1).reserve("event").map(crate::Reservation::commit).is_ok());
        let here = limit(&store, 1).reserve("event").map(crate::Reservation::commit).is_ok();
        let there = thread.join().unwrap();
        assert!(here != there);
        assert_eq!(sum(&store), Some(1));
    });
}

#[test]
fn a_reservation_and_a_record_are_not_both_granted_at_a_limit_of_one() {
    check(|| {
        let store = store();
        let other = store.clone();
        let thread = thread::spawn(move || {
            limit(&other, 1).at_most("event", 5, TimeUnit::Ever).check_and_record("event").is_ok()
        });
        let place = limit(&store, 1).reserve("event");
        let here = place.is_ok();
        let there = thread.join().unwrap();
        assert!(here != there);
        place.into_iter().for_each(crate::Reservation::commit);
        assert_eq!(sum(&store), Some(1));
    });
}

#[test]
fn a_cancelled_reservation_can_be_granted_again_but_once() {
    check(|| {
        let store = store();
        let place = limit(&store, 1).reserve("event").unwrap();
        let other = store.clone();
        let thread =
            thread::spawn(move || limit(&other, 1).reserve("event").map(crate::Reservation::commit).is_ok());
        place.cancel();
        let there = thread.join().unwrap();
        assert_eq!(limit(&store, 1).check("event").is_ok(), !there);
        // An event that was never counted may have been removed.
        assert_eq!(sum(&store).unwrap_or(0), u32::from(there));
    });
}

#[test]
fn a_first_query_and_a_first_record_of_a_stored_event_lose_nothing() {
    check(|| {
        let store = store_on_storage();
        let other = store.clone();
        let thread = thread::spawn(move || record(&other));
        let seen = sum(&store);
        assert!(matches!(seen, Some(10 | 11)), "{seen:?}");
        thread.join().unwrap();
        assert_eq!(sum(&store), Some(11));
    });
}

#[test]
fn a_query_for_what_is_not_stored_does_not_take_a_record_away() {
    check(|| {
        let store = store_on_storage();
        let other = store.clone();
        let thread = thread::spawn(move || {
            other.with("new", Access::Record, 0, |state| state.record(1));
        });
        let seen = Query::new(store.clone(), "new").ever().sum();
        assert!(matches!(seen, None | Some(1)), "{seen:?}");
        thread.join().unwrap();
        assert_eq!(Query::new(store.clone(), "new").ever().sum(), Some(1));
    });
}

#[test]
fn two_events_locked_in_opposite_orders_do_not_deadlock() {
    check(|| {
        let store = store();
        let both = |store: &Arc<Inner>, one: &str, other: &str| {
            store.with_all(&[(one, Access::Record), (other, Access::Record)], 0, |states| {
                states.iter_mut().flatten().for_each(|state| state.record(1));
            });
        };
        both(&store, "event", "other");
        let there = store.clone();
        let thread = thread::spawn(move || both(&there, "other", "event"));
        both(&store, "event", "other");
        thread.join().unwrap();
        assert_eq!(sum(&store), Some(3));
    });
}

/// Two threads count in lanes, and one of them reads. The lock is taken when the first of them counts.
#[test]
fn counts_in_lanes_are_in_every_sum_that_follows() {
    check(|| {
        let store = store();
        record(&store);
        let event = store.ready_event("event", Access::Query, 0).unwrap();
        let held = event.lock();
        assert!(event.add(0, 1), "counts while the lock is held");
        drop(held);
        let other = event.clone();
        let thread = thread::spawn(move || assert!(other.add(0, 1)));
        let seen = sum(&store);
        assert!(matches!(seen, Some(2 | 3)), "{seen:?}");
        thread.join().unwrap();
        assert_eq!(sum(&store), Some(3));
    });
}

#[test]
fn an_event_that_is_retired_takes_no_count_with_it() {
    check(|| {
        let store = store_on_storage();
        record(&store);
        store.persist(false).unwrap();
        let event = store.ready_event("event", Access::Query, 0).unwrap();
        let held = event.lock();
        assert!(event.add(0, 1));
        drop(held);
        store.persist(false).unwrap();
        let other = store.clone();
        let thread = thread::spawn(move || record(&other));
        store.retire("event", &event, |state| !state.is_dirty());
        thread.join().unwrap();
        assert_eq!(sum(&store), Some(13));
    });
}

#[test]
fn a_persist_and_a_record_leave_the_record_dirty_or_stored() {
    check(|| {
        let store = store_on_storage();
        record(&store);
        let other = store.clone();
        let thread = thread::spawn(move || record(&other));
        store.persist(false).unwrap();
        thread.join().unwrap();
        let stored = store.load("event", 0).unwrap().unwrap();
        let stored = stored.sum(TimeUnit::Hours, 0..1).unwrap().count;
        assert_eq!(stored == 12, !store.is_dirty());
        assert_eq!(sum(&store), Some(12));
    });
}
