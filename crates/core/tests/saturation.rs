//! What happens to counts that are too high for a cell, and for a sum?

mod totals;

use std::thread;

use ron_accounting_core::{AccountKey, Dimension, Outcome, Reading};

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
    let saturated = Outcome::Saturated(Dimension::REQUESTS);
    assert_eq!(engine.try_record(&route("a"), Dimension::REQUESTS, u64::MAX), saturated);
    // However many readers, one addition saturated.
    assert_eq!(engine.stats().saturations, 1);
    engine.record(&route("a"), Dimension::REQUESTS, u64::MAX);
    assert_eq!(engine.stats().saturations, 2);
    assert_eq!(by_route(&reader.take()), requests(&[("a", u64::MAX)]));
    engine.record(&route("a"), Dimension::REQUESTS, 1);
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
    engine.record(&route("a"), Dimension::REQUESTS, 1);
    let mut seen = Reading::default();
    reader.peek(&mut seen);
    assert_eq!(by_route(&seen), requests(&[("a", u64::MAX)]));
    assert_eq!(engine.stats().saturations, 0);
    assert_eq!(by_route(&reader.take()), requests(&[("a", u64::MAX)]));
    assert_eq!(engine.stats().saturations, 1);
    assert!(reader.take().is_empty());
}

#[test]
fn every_try_form_says_at_once_that_a_count_is_saturated() {
    let engine = engine(4);
    let mut reader = engine.reader();
    let requests = Dimension::REQUESTS;
    let saturated = Outcome::Saturated(requests);
    let (tenant, account) = (engine.tenant("t"), AccountKey { ns: 0, id: 1 });
    let (meter, _) = engine.meter(&route("a"));
    let (account_meter, _) = engine.account_meter(&tenant, account);
    let scope = engine.scope(&route("a"));
    for times in 0..3 {
        // It is the one that passes the highest count, and not the one that reaches it.
        assert_eq!(meter.try_record(requests, u64::MAX), Outcome::Counted, "{times}");
        assert_eq!(account_meter.try_record(requests, u64::MAX), Outcome::Counted);
        for n in [1, 1 << 48, u64::MAX] {
            assert_eq!(engine.try_record(&route("a"), requests, n), saturated, "{n}");
            assert_eq!(engine.try_record_each(&route("a"), &[(Dimension::CPU, 0), (requests, n)]), saturated);
            assert_eq!(meter.try_record(requests, n), saturated);
            assert_eq!(scope.try_record("t", requests, n), saturated);
            assert_eq!(scope.try_record_each("t", &[(requests, n)]), saturated);
            assert_eq!(engine.try_record_account(&tenant, account, requests, n), saturated);
            assert_eq!(account_meter.try_record(requests, n), saturated);
        }
        let elsewhere = engine.clone();
        let outcome = thread::spawn(move || elsewhere.try_record(&route("a"), requests, 1)).join().unwrap();
        assert_eq!(outcome, saturated);
        // Neither other counts are meant, nor nothing.
        assert_eq!(meter.try_record(requests, 0), Outcome::Counted);
        assert_eq!(meter.try_record(Dimension::CPU, 1), Outcome::Counted);
        assert_eq!(engine.try_record(&route("b"), requests, 1), Outcome::Counted);
        let taken = reader.take();
        assert_eq!(taken.rows().map(|row| row.values[0]).max(), Some(u64::MAX));
        assert_eq!(engine.try_record(&route("a"), requests, 1), Outcome::Counted);
        assert_eq!(account_meter.try_record(requests, 1), Outcome::Counted);
        reader.take();
    }
}
