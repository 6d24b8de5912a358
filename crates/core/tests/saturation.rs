//! What happens to counts that are too high for a cell, and for a sum?

mod totals;

use std::thread;

use ron_accounting_core::{Dimension, Outcome, Reading};

use totals::{add, by_route, engine, record, requests, route, Totals};

/// A cell counts up to this.
const CELL_MAX: u64 = (1 << 48) - 1;

#[test]
fn a_cell_that_is_full_is_emptied_and_its_counts_are_kept() {
    let engine = engine(4);
    let (mut reader, mut other) = (engine.reader(), engine.reader());
    let elsewhere = engine.clone();
    thread::spawn(move || elsewhere.record(&route("a"), Dimension::REQUESTS, 5)).join().unwrap();
    let amounts = [CELL_MAX, 1, 1, CELL_MAX - 2, 2, 1 << 48, 1 << 60, 3];
    for (taken, n) in amounts.into_iter().enumerate() {
        engine.record_each(&route("a"), &[(Dimension::REQUESTS, n), (Dimension::CPU, 1)]);
        let mut expected = requests(&[("a", n + if taken == 0 { 5 } else { 0 })]);
        add(&mut expected, "a", Dimension::CPU, 1);
        assert_eq!(by_route(&reader.take()), expected);
    }
    let late = by_route(&engine.reader().take());
    assert_eq!(late, Totals::new());
    let mut expected = requests(&[("a", 5 + amounts.iter().sum::<u64>())]);
    add(&mut expected, "a", Dimension::CPU, amounts.len() as u64);
    assert_eq!(by_route(&other.take()), expected);
    assert_eq!(engine.stats().saturations, 0);
}

#[test]
fn a_saturated_count_is_counted_and_counting_goes_on() {
    let engine = engine(4);
    let (mut reader, mut other) = (engine.reader(), engine.reader());
    record(&engine, &["a"]);
    assert_eq!(engine.try_record(&route("a"), Dimension::REQUESTS, u64::MAX), Outcome::Counted);
    // However many readers, one addition saturated.
    assert_eq!(engine.stats().saturations, 1);
    engine.record(&route("a"), Dimension::REQUESTS, u64::MAX);
    assert_eq!(engine.stats().saturations, 2);
    assert_eq!(by_route(&reader.take()), requests(&[("a", u64::MAX)]));
    record(&engine, &["a"]);
    assert_eq!(by_route(&reader.take()), requests(&[("a", 1)]));
    // The other reader's sum stays where it is, until it is taken.
    assert_eq!(by_route(&other.take()), requests(&[("a", u64::MAX)]));
    record(&engine, &["a"]);
    assert_eq!(by_route(&other.take()), requests(&[("a", 1)]));
    assert!(engine.stats().saturations > 2);
}

#[test]
fn threads_that_together_pass_the_highest_count_saturate() {
    let engine = engine(4);
    let mut reader = engine.reader();
    // This thread is alive meanwhile, so the other has cells of its own.
    engine.record(&route("a"), Dimension::REQUESTS, 1);
    let elsewhere = engine.clone();
    thread::spawn(move || elsewhere.record(&route("a"), Dimension::REQUESTS, 1 << 63)).join().unwrap();
    engine.record(&route("a"), Dimension::REQUESTS, 1 << 63);
    assert_eq!(by_route(&reader.take()), requests(&[("a", u64::MAX)]));
    assert!(engine.stats().saturations > 0);
}

#[test]
fn sums_of_restored_and_live_counts_saturate() {
    let engine = engine(4);
    let mut reader = engine.reader();
    reader.restore(&engine.usage_key(&route("a")), Dimension::REQUESTS, u64::MAX);
    record(&engine, &["a"]);
    let mut seen = Reading::default();
    reader.peek(&mut seen);
    assert_eq!(by_route(&seen), requests(&[("a", u64::MAX)]));
    assert_eq!(engine.stats().saturations, 0);
    assert_eq!(by_route(&reader.take()), requests(&[("a", u64::MAX)]));
    assert_eq!(engine.stats().saturations, 1);
    assert!(reader.take().is_empty());
}
