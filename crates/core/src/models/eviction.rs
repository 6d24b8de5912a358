//! Eviction and reuse against writers.

use std::collections::BTreeMap;

use loom::thread;

use super::{add, check, engine, route, spawn_reading, spawn_sealing, take};
use crate::{fixed_labels::FixedLabels, labels, Dimension, Outcome, Overflow, Reading};

#[test]
fn a_late_increment_lands_under_its_own_labels() {
    check(|| {
        let engine = engine(1);
        let reader = engine.add_reader();
        let late = engine.new_thread();
        add(&engine, &late, "a", 1);
        let newcomer = thread::spawn({
            let engine = engine.clone();
            move || add(&engine, &engine.new_thread(), "b", 2)
        });
        assert_eq!(add(&engine, &late, "a", 1), Outcome::Counted);
        assert_eq!(newcomer.join().unwrap(), Outcome::Counted);
        let mut totals = BTreeMap::new();
        take(&engine, reader, &mut totals);
        assert_eq!((totals["a"], totals["b"]), (2, 2));
        assert_eq!(engine.validate(None), Ok(()));
    });
}

#[test]
fn a_reused_id_never_shows_old_counts() {
    check(|| {
        let engine = engine(1);
        let reader = engine.add_reader();
        // The other thread has the only live key; "a", "b" and "c" use the same ids in turn.
        let other = thread::spawn({
            let engine = engine.clone();
            move || {
                let own = engine.new_thread();
                add(&engine, &own, "b", 1);
                add(&engine, &own, "c", 2);
            }
        });
        let own = engine.new_thread();
        add(&engine, &own, "a", 3);
        drop(own);
        let mut totals = BTreeMap::new();
        take(&engine, reader, &mut totals);
        other.join().unwrap();
        take(&engine, reader, &mut totals);
        assert_eq!((totals.get("a"), totals.get("b"), totals.get("c")), (Some(&3), Some(&1), Some(&2)));
        assert_eq!(engine.validate(None), Ok(()));
    });
}

#[test]
fn two_threads_at_the_limit_keep_every_count() {
    check(|| {
        let engine = engine(1);
        let reader = engine.add_reader();
        let writer = thread::spawn({
            let engine = engine.clone();
            move || {
                let own = engine.new_thread();
                add(&engine, &own, "a", 1);
                add(&engine, &own, "b", 1);
            }
        });
        let own = engine.new_thread();
        add(&engine, &own, "c", 1);
        engine.maintain(0);
        writer.join().unwrap();
        let mut totals = BTreeMap::new();
        take(&engine, reader, &mut totals);
        assert_eq!(totals.values().sum::<u64>(), 3);
        assert!(engine.stats().label_sets <= 1);
        assert_eq!(engine.validate(None), Ok(()));
    });
}

#[test]
fn a_key_that_is_found_idle_while_it_is_used_keeps_its_counts() {
    check(|| {
        let engine = engine(1);
        let reader = engine.add_reader();
        let own = engine.new_thread();
        add(&engine, &own, "a", 1);
        engine.maintain(0);
        let maintainer = thread::spawn({
            let engine = engine.clone();
            move || engine.maintain(0)
        });
        // From the cache, then from the registry, in which "a" may be evicted or gone.
        add(&engine, &own, "a", 1);
        add(&engine, &engine.new_thread(), "a", 1);
        add(&engine, &own, "b", 1);
        maintainer.join().unwrap();
        let mut totals = BTreeMap::new();
        take(&engine, reader, &mut totals);
        assert_eq!((totals["a"], totals["b"]), (3, 1));
        assert_eq!(engine.validate(None), Ok(()));
    });
}

#[test]
fn what_a_full_cell_held_stays_with_the_key_when_its_id_is_reused() {
    check(|| {
        let engine = engine(1);
        let reader = engine.add_reader();
        let roller = spawn_reading(&engine, reader);
        let own = engine.new_thread();
        add(&engine, &own, "a", 3);
        // Gets the id of "a", whose cell holds 3: the next 1 fills it.
        add(&engine, &own, "b", 0);
        add(&engine, &own, "b", 1);
        add(&engine, &own, "b", 1);
        let mut totals = roller.join().unwrap();
        take(&engine, reader, &mut totals);
        assert_eq!((totals["a"], totals["b"]), (3, 2));
        assert_eq!(engine.validate(None), Ok(()));
    });
}

#[test]
fn a_key_that_goes_between_seeing_and_taking_is_taken_once() {
    check(|| {
        let engine = engine(1);
        let reader = engine.add_reader();
        let own = engine.new_thread();
        add(&engine, &own, "a", 1);
        let sealing = spawn_sealing(&engine, reader, 1);
        // Gets the id of "a", and counts under it at once.
        add(&engine, &own, "b", 2);
        let mut totals = sealing.join().unwrap();
        take(&engine, reader, &mut totals);
        assert_eq!((totals["a"], totals["b"]), (1, 2));
        assert_eq!(engine.validate(None), Ok(()));
    });
}

#[test]
fn an_eviction_does_not_mislead_a_scope() {
    check(|| {
        let engine = engine(1);
        let reader = engine.add_reader();
        let own = engine.new_thread();
        let fixed = loom::sync::Arc::new(FixedLabels::new(&engine.hashing, &route("a")));
        let hash = engine.hashing.scoped("t", fixed.hash);
        let scoped = || engine.record_scoped(&own, "t", hash, &fixed, &[(Dimension::REQUESTS, 1)]);
        scoped();
        let newcomer = thread::spawn({
            let engine = engine.clone();
            move || add(&engine, &engine.new_thread(), "b", 2)
        });
        // From the cache, then from the registry, where "b" may have replaced "a".
        scoped();
        add(&engine, &engine.new_thread(), "a", 1);
        newcomer.join().unwrap();
        let mut totals = BTreeMap::new();
        take(&engine, reader, &mut totals);
        // Usage past the limit is counted under the overflow row.
        assert_eq!(totals.values().sum::<u64>(), 5);
        assert!(totals["a"] >= 2, "{totals:?}");
        assert_eq!(engine.validate(None), Ok(()));
    });
}

#[test]
fn a_key_that_gets_a_free_id_during_a_reading_is_for_the_next() {
    check(|| {
        let engine = engine(1);
        let reader = engine.add_reader();
        let own = engine.new_thread();
        add(&engine, &own, "a", 1);
        drop(own);
        // Found used, then idle and without an owner: its id is free.
        engine.maintain(0);
        engine.maintain(0);
        assert_eq!(engine.stats().ids_in_use, 0);
        // The first time takes what was detached, so that the second takes the short way.
        let sealing = spawn_sealing(&engine, reader, 2);
        add(&engine, &engine.new_thread(), "b", 2);
        let mut totals = sealing.join().unwrap();
        take(&engine, reader, &mut totals);
        assert_eq!((totals["a"], totals["b"]), (1, 2));
        assert_eq!(engine.validate(None), Ok(()));
    });
}

#[test]
fn a_tenant_that_leaves_while_it_is_used_keeps_its_counts_and_its_name() {
    check(|| {
        let engine = engine(2);
        let reader = engine.add_reader();
        engine.hold_tenants(reader);
        let record = |engine: &crate::state::EngineState, thread: &_, tenant, n| {
            engine.record(thread, &labels().tenant(tenant), &[(Dimension::REQUESTS, n)])
        };
        let own = engine.new_thread();
        record(&engine, &own, "a", 1);
        let mut reading = Reading::default();
        engine.take(reader, |_, _| true, &mut reading);
        engine.maintain(u64::MAX);
        // There is one place, and "a" is idle.
        let newcomer = thread::spawn({
            let engine = engine.clone();
            move || record(&engine, &engine.new_thread(), "b", 2)
        });
        assert_eq!(record(&engine, &own, "a", 1), Outcome::Counted, "the thread knows it");
        let came = newcomer.join().unwrap();
        engine.take(reader, |_, _| true, &mut reading);
        let totals: BTreeMap<_, _> =
            reading.rows().map(|row| (row.key.tenant().to_owned(), row.values[0])).collect();
        let name = if came == Outcome::Counted { "b" } else { "~overflow" };
        assert!(came == Outcome::Counted || came == Outcome::Overflowed(Overflow::Tenants), "{came:?}");
        assert_eq!((totals["a"], totals[name], totals.len()), (1, 2, 2));
        assert_eq!(engine.validate(None), Ok(()));
    });
}
