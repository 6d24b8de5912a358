//! One event, counted by many threads while others look, limit, store and move it.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use chrono::Duration;
use ron_accounting_events::{EventStore, TimeUnit};

use super::store_at;

#[test]
fn all_that_is_counted_at_once_is_counted() {
    const RECORDS: u32 = 20_000;
    let (store, clock) = store_at("2024-05-15T12:00:00Z");
    store.record("event");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let counters: Vec<_> =
            (0..3).map(|_| scope.spawn(|| (0..RECORDS).for_each(|_| store.record("event")))).collect();
        let watcher = scope.spawn(|| {
            let mut last = 0;
            while !done.load(Ordering::Relaxed) {
                let sum = store.query("event").ever().sum().unwrap();
                assert!(sum >= last, "{sum} after {last}");
                last = sum;
                // Forwards and back, over seconds and hours.
                clock.advance(Duration::minutes(61));
                clock.advance(-Duration::minutes(60));
                store.record_count_ago("other", 1, Duration::hours(1));
            }
        });
        for counter in counters {
            counter.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        watcher.join().unwrap();
    });
    assert_eq!(store.query("event").ever().sum(), Some(3 * RECORDS + 1));
}

#[test]
fn a_thread_sees_what_it_has_counted() {
    let store = EventStore::new();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..2000 {
                    let before = store.query("event").ever().sum().unwrap_or(0);
                    store.record("event");
                    assert!(store.query("event").ever().sum().unwrap() > before);
                    assert!(store.is_dirty());
                    assert!(!store.limit().at_most("event", before + 1, TimeUnit::Ever).allowed("event"));
                }
            });
        }
    });
    assert_eq!(store.query("event").ever().sum(), Some(6000));
}

#[cfg(feature = "serde-bincode")]
#[test]
fn nothing_is_lost_while_an_event_is_stored_and_replaced() {
    use ron_accounting_events::storage::MemoryStorage;
    const RECORDS: u32 = 3000;
    let storage = MemoryStorage::new();
    let build = || EventStore::builder().with_storage(storage.clone()).build().unwrap();
    let store = build();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..RECORDS).for_each(|_| store.record("event")));
        }
        scope.spawn(|| (0..100).for_each(|_| store.persist().unwrap()));
        scope.spawn(|| (0..100).for_each(|_| drop(store.export_all().unwrap())));
    });
    store.close().unwrap();
    assert_eq!(build().query("event").ever().sum(), Some(3 * RECORDS));
}

#[test]
fn stores_that_are_gone_are_not_found_again() {
    for round in 1..50 {
        let store = EventStore::new();
        for event in 0..200 {
            store.record_count(format!("event{event}"), round);
        }
        for event in 0..200 {
            assert_eq!(store.query(format!("event{event}")).ever().sum(), Some(round));
        }
    }
}
