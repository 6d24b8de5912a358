//! What remains of a thread when it ends.

use std::{
    cell::OnceCell,
    sync::{Arc, Barrier},
    thread,
};

use ron_accounting_core::{labels, Dimension, Engine, Outcome};

fn record(engine: &Engine, route: &str) -> Outcome {
    engine.try_record(&labels().tenant("t").route(route), Dimension::REQUESTS, 1)
}

#[test]
fn threads_that_are_gone_keep_no_label_set() {
    let engine = Engine::builder().label_limit(8).build().unwrap();
    let mut reader = engine.reader();
    // All at once, so that none goes on with the state of another: more than the ids that evicted label sets
    // may have.
    let all_have_recorded = Arc::new(Barrier::new(20));
    let threads = (0..20).map(|number| {
        let (engine, all_have_recorded) = (engine.clone(), Arc::clone(&all_have_recorded));
        thread::spawn(move || {
            for set in 0..8 {
                record(&engine, &format!("/{number}/{set}"));
            }
            all_have_recorded.wait();
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        thread.join().unwrap();
    }

    let overflowed = engine.stats().overflowed_label_sets;
    for set in 0..10_000 {
        assert_eq!(record(&engine, &format!("/later/{set}")), Outcome::Counted);
    }
    assert_eq!(engine.stats().overflowed_label_sets, overflowed);
    let total: u64 = reader.take().rows().map(|row| row.values[0]).sum();
    assert_eq!(total, 20 * 8 + 10_000);
}

/// Records when its thread ends.
struct AtTheEnd(Engine);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        record(&self.0, "/end");
        self.0.meter(&labels().tenant("t").route("/end")).0.incr_request();
    }
}

thread_local! {
    static BEFORE: OnceCell<AtTheEnd> = const { OnceCell::new() };
    static AFTER: OnceCell<AtTheEnd> = const { OnceCell::new() };
}

#[test]
fn a_destructor_of_a_thread_local_value_can_record() {
    let engine = Engine::default();
    let mut reader = engine.reader();
    for _ in 0..3 {
        let engine = engine.clone();
        let ended = thread::spawn(move || {
            // Destructors run in reverse: one value is dropped after the thread's own state, one before.
            BEFORE.with(|value| assert!(value.set(AtTheEnd(engine.clone())).is_ok()));
            record(&engine, "/middle");
            AFTER.with(|value| assert!(value.set(AtTheEnd(engine.clone())).is_ok()));
        });
        ended.join().unwrap();
    }
    let total: u64 = reader.take().rows().map(|row| row.values[0]).sum();
    assert_eq!(total, 3 * (2 + 1 + 2));
}

#[test]
fn what_is_recorded_while_a_thread_ends_is_not_remembered() {
    let engine = Engine::default();
    let mut reader = engine.reader();
    let ending = engine.clone();
    let ended = thread::spawn(move || {
        // Somebody else's state per thread keeps that of the engine reachable until after the value here is
        // dropped.
        let others = thread_local::ThreadLocal::new();
        others.get_or(|| ());
        BEFORE.with(|value| assert!(value.set(AtTheEnd(ending.clone())).is_ok()));
        record(&ending, "/middle");
    });
    ended.join().unwrap();
    // Found used, then idle; whoever remembered them would keep their ids from being freed.
    engine.maintain(0);
    engine.maintain(0);
    assert_eq!(engine.stats().ids_in_use, 0);
    let total: u64 = reader.take().rows().map(|row| row.values[0]).sum();
    assert_eq!(total, 1 + 2);
}
