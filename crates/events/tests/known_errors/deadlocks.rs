//! Queries on two events at once.

use std::thread;

use ron_accounting_events::{EventStore, TimeUnit};

#[test]
fn an_event_can_be_compared_with_itself() {
    let store = EventStore::new();
    store.record_count("event", 4);
    assert_eq!(store.query_ratio("event", "event").last_days(1), Some(1.0));
    assert_eq!(store.query_delta("event", "event").ever().sum(), 0);
    store.balance_delta("event", "event").unwrap();
    assert_eq!(store.query_many(&["event", "event"]).ever().sum(), Some(8));
}

#[test]
fn opposite_orders_from_many_threads_wait_for_nobody() {
    let store = EventStore::new();
    store.record("a");
    store.record("b");
    thread::scope(|scope| {
        for (one, other) in [("a", "b"), ("b", "a"), ("a", "a"), ("b", "a")] {
            let store = &store;
            scope.spawn(move || {
                for _ in 0..500 {
                    assert!(store.query_ratio(one, other).last_days(1).is_some());
                    let limit =
                        store.limit().at_least(other, 1, TimeUnit::Days).at_least(one, 1, TimeUnit::Days);
                    limit.check_and_record(one).unwrap();
                    store.balance_delta(one, other).unwrap();
                }
            });
        }
    });
    let counts = ["a", "b"].map(|event| store.query(event).ever().sum().unwrap());
    assert!(counts.iter().all(|count| *count > 500));
}

#[test]
fn a_balance_is_exact_while_others_count() {
    let store = EventStore::new();
    store.record_count("in", 100);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..200 {
                    store.balance_delta("in", "out").unwrap();
                }
            });
        }
        scope.spawn(|| (0..200).for_each(|_| store.record("in")));
    });
    store.balance_delta("in", "out").unwrap();
    // Two balances at once must not both add the same difference.
    assert_eq!(store.query("in").ever().sum(), Some(300));
    assert_eq!(store.query("out").ever().sum(), Some(300));
}
