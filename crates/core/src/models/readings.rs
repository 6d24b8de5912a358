//! Readings against writers.

use std::collections::BTreeMap;

use loom::thread;

use super::{add, check, engine, spawn_reading, spawn_sealing, take};
use crate::Reading;

#[test]
fn an_increment_lands_in_exactly_one_window() {
    check(|| {
        let engine = engine(2);
        let reader = engine.add_reader();
        let roller = spawn_reading(&engine, reader);
        let own = engine.new_thread();
        add(&engine, &own, "a", 1);
        add(&engine, &own, "a", 2);
        let first = roller.join().unwrap();
        let mut second = BTreeMap::new();
        take(&engine, reader, &mut second);
        let sum = |window: &BTreeMap<String, u64>| window.get("a").copied().unwrap_or_default();
        assert!([0, 1, 3].contains(&sum(&first)));
        assert_eq!(sum(&first) + sum(&second), 3);
    });
}

#[test]
fn a_snapshot_while_recording_takes_nothing() {
    check(|| {
        let engine = engine(2);
        let reader = engine.add_reader();
        let viewer = thread::spawn({
            let engine = engine.clone();
            move || {
                let mut seen = Reading::default();
                engine.peek(reader, &mut seen);
                let seen = seen.rows().map(|row| row.values[0]).sum::<u64>();
                seen
            }
        });
        let own = engine.new_thread();
        add(&engine, &own, "a", 1);
        add(&engine, &own, "a", 1);
        assert!(viewer.join().unwrap() <= 2);
        let mut totals = BTreeMap::new();
        take(&engine, reader, &mut totals);
        assert_eq!(totals["a"], 2);
    });
}

#[test]
fn two_threads_that_see_a_label_set_first_share_one_key() {
    check(|| {
        let engine = engine(2);
        let reader = engine.add_reader();
        let other = thread::spawn({
            let engine = engine.clone();
            move || {
                let own = engine.new_thread();
                add(&engine, &own, "a", 1);
            }
        });
        let own = engine.new_thread();
        add(&engine, &own, "a", 1);
        other.join().unwrap();
        assert_eq!(engine.stats().label_sets, 1);
        let mut totals = BTreeMap::new();
        take(&engine, reader, &mut totals);
        assert_eq!(totals["a"], 2);
    });
}

#[test]
fn a_full_cell_that_is_emptied_loses_nothing_to_a_reading() {
    check(|| {
        let engine = engine(2);
        let reader = engine.add_reader();
        let roller = spawn_reading(&engine, reader);
        let own = engine.new_thread();
        add(&engine, &own, "a", 3);
        add(&engine, &own, "a", 3);
        add(&engine, &own, "a", 1);
        let mut totals = roller.join().unwrap();
        take(&engine, reader, &mut totals);
        assert_eq!(totals["a"], 7);
    });
}

#[test]
fn a_new_reader_sees_each_increment_whole_or_not_at_all() {
    check(|| {
        let engine = engine(2);
        let reader = engine.add_reader();
        let newcomer = thread::spawn({
            let engine = engine.clone();
            move || engine.add_reader()
        });
        let own = engine.new_thread();
        add(&engine, &own, "a", 1);
        add(&engine, &own, "a", 1);
        // Fills the cell.
        add(&engine, &own, "a", 3);
        let newcomer = newcomer.join().unwrap();
        let (mut all, mut late) = (BTreeMap::new(), BTreeMap::new());
        take(&engine, reader, &mut all);
        take(&engine, newcomer, &mut late);
        assert_eq!(all["a"], 5);
        assert!([0, 3, 4, 5].contains(&late.get("a").copied().unwrap_or_default()));
    });
}

#[test]
fn each_reader_is_given_what_a_full_cell_held() {
    check(|| {
        let engine = engine(2);
        let (first, second) = (engine.add_reader(), engine.add_reader());
        let roller = spawn_reading(&engine, first);
        let own = engine.new_thread();
        add(&engine, &own, "a", 2);
        add(&engine, &own, "a", 2);
        add(&engine, &own, "a", 2);
        let mut of_first = roller.join().unwrap();
        take(&engine, first, &mut of_first);
        let mut of_second = BTreeMap::new();
        take(&engine, second, &mut of_second);
        assert_eq!((of_first["a"], of_second["a"]), (6, 6));
    });
}

#[test]
fn what_was_seen_is_taken_and_no_more() {
    check(|| {
        let engine = engine(2);
        let reader = engine.add_reader();
        let sealing = spawn_sealing(&engine, reader, 1);
        let own = engine.new_thread();
        add(&engine, &own, "a", 1);
        // Fills the cell, perhaps between the two steps.
        add(&engine, &own, "a", 3);
        let mut totals = sealing.join().unwrap();
        take(&engine, reader, &mut totals);
        assert_eq!(totals["a"], 4);
    });
}
