//! What happens at each limit? Totals stay exact, the outcome is told and counted, and memory stays bounded.

mod totals;

use std::{sync::mpsc, thread};

use ron_accounting_core::{
    labels, AccountKey, Dimension, Engine, EngineError, Labels, Outcome, Overflow, LIMIT_MAX, OVERFLOW,
};

use totals::{add, by_route, by_tenant, engine, record, requests, route, Totals};

fn overflow_row(tenant: &str) -> Labels<'_> {
    labels().tenant(tenant).method(OVERFLOW).route(OVERFLOW).service(OVERFLOW).region(OVERFLOW)
}

#[test]
fn when_all_is_held_usage_goes_to_the_tenants_overflow_row() {
    let engine = engine(4);
    let mut reader = engine.reader();
    let held: Vec<_> = ["a", "b", "c", "d"].map(|name| engine.meter(&route(name)).0).into();
    let overflowed = Outcome::Overflowed(Overflow::LabelSets);
    for n in 0..10 {
        let name = n.to_string();
        let row = [(Dimension::REQUESTS, 1), (Dimension::CPU, n)];
        assert_eq!(engine.try_record_each(&route(&name), &row), overflowed);
        assert_eq!(engine.try_record_each(&labels().tenant("u").route(&name), &row), overflowed);
    }
    let tenant = engine.tenant("t");
    let account = AccountKey { ns: 0, id: 1 };
    assert_eq!(engine.try_record_account(&tenant, account, Dimension::REQUESTS, 1), overflowed);
    let (meter, outcome) = engine.meter(&route("x"));
    assert_eq!((meter.key().unwrap().labels(), outcome), (Some(overflow_row("t")), overflowed));
    meter.incr_request();
    let (meter, outcome) = engine.account_meter(&tenant, account);
    assert!(meter.key().unwrap().is_overflow());
    assert_eq!(outcome, overflowed);
    assert_eq!(meter.try_record(Dimension::REQUESTS, 1), Outcome::Counted);
    held[0].incr_request();

    let stats = engine.stats();
    assert_eq!((stats.overflowed_label_sets, stats.overflowed_tenants), (23, 0));
    assert_eq!((stats.label_sets, stats.ids_in_use), (4, 6));
    let reading = reader.take();
    assert_eq!(reading.rows().filter(|row| row.key.is_overflow()).count(), 2);
    let mut expected = requests(&[("t", 14), ("u", 10)]);
    add(&mut expected, "t", Dimension::CPU, 45);
    add(&mut expected, "u", Dimension::CPU, 45);
    assert_eq!(by_tenant(&reading), expected);

    drop(held);
    record(&engine, &["x"]);
    assert_eq!(by_route(&reader.take()), requests(&[("x", 1)]));
}

#[test]
fn labels_written_like_an_overflow_row_do_not_count_against_the_limit() {
    let engine = engine(1);
    let mut reader = engine.reader();
    for tenant in ["t", "u", "v"] {
        assert_eq!(engine.try_record(&overflow_row(tenant), Dimension::REQUESTS, 1), Outcome::Counted);
    }
    record(&engine, &["a", "b"]);
    assert_eq!(engine.stats().label_sets, 1);
    assert_eq!(by_tenant(&reader.take()), requests(&[("t", 3), ("u", 1), ("v", 1)]));
}

#[test]
fn tenants_past_the_limit_share_one() {
    let engine = Engine::builder().tenant_limit(2).build().unwrap();
    let mut reader = engine.reader();
    let overflowed = Outcome::Overflowed(Overflow::Tenants);
    // The overflow tenant does not count against the limit, though it comes first.
    assert_eq!(engine.try_record(&labels().tenant(OVERFLOW), Dimension::REQUESTS, 1), Outcome::Counted);
    for (tenant, expected) in [("a", Outcome::Counted), ("b", Outcome::Counted), ("c", overflowed)] {
        assert_eq!(engine.try_record(&labels().tenant(tenant).route("/"), Dimension::REQUESTS, 1), expected);
    }
    assert_eq!(engine.try_record(&labels().tenant("d"), Dimension::REQUESTS, 1), overflowed);
    assert_eq!(engine.try_record(&labels().tenant("a"), Dimension::REQUESTS, 1), Outcome::Counted);
    // What has no count yet has its own name.
    let other = engine.tenant("e");
    assert_eq!(other.name(), "e");
    assert_eq!(engine.usage_key(&labels().tenant("f").route("/")).tenant(), "f");
    let account = AccountKey { ns: 0, id: 0 };
    assert_eq!(engine.try_record_account(&other, account, Dimension::REQUESTS, 1), overflowed);
    let (meter, outcome) = engine.meter(&labels().tenant("g"));
    assert_eq!((meter.key().unwrap().labels(), outcome), (Some(overflow_row(OVERFLOW)), overflowed));
    let stats = engine.stats();
    assert_eq!((stats.tenants, stats.overflowed_tenants), (3, 4));
    assert_eq!(by_tenant(&reader.take()), requests(&[("a", 2), ("b", 1), (OVERFLOW, 4)]));
}

#[test]
fn a_limit_out_of_range_is_refused_by_name_value_and_range() {
    for (value, is_ok) in [(0, false), (1, true), (LIMIT_MAX, true), (LIMIT_MAX + 1, false)] {
        let refused = |option| EngineError::InvalidOption {
            option,
            value: value as u64,
            min: 1,
            max: LIMIT_MAX as u64,
        };
        for (option, builder) in [
            ("label_limit", Engine::builder().label_limit(value)),
            ("tenant_limit", Engine::builder().tenant_limit(value)),
        ] {
            assert_eq!(builder.build().err(), (!is_ok).then(|| refused(option)));
        }
    }
}

#[test]
fn limits_of_one_are_enough_to_count() {
    let engine = Engine::builder().label_limit(1).tenant_limit(1).build().unwrap();
    let mut reader = engine.reader();
    record(&engine, &["a", "b"]);
    let other = engine.try_record(&labels().tenant("u"), Dimension::REQUESTS, 1);
    assert_eq!(other, Outcome::Overflowed(Overflow::Tenants));
    assert_eq!(by_tenant(&reader.take()), requests(&[("t", 2), (OVERFLOW, 1)]));
}

#[test]
fn evicted_keys_past_the_limit_of_detached_keys_are_folded_and_totals_stay() {
    let engine = engine(4);
    let (mut reader, mut prompt) = (engine.reader(), engine.reader());
    let mut taken = Totals::new();
    for n in 0..100 {
        let name = n.to_string();
        let tenant = if n % 3 == 0 { "t" } else { "u" };
        let raw = labels().tenant(tenant).route(&name);
        assert_eq!(engine.try_record(&raw, Dimension::BYTES_IN, n + 1), Outcome::Counted);
        // In time: the detached keys of eight recordings are as many as it keeps.
        if n % 8 == 7 || n == 99 {
            for (key, n) in by_route(&prompt.take()) {
                *taken.entry(key).or_default() += n;
            }
        }
    }
    // The prompt reader lost no name; only the other one had too many to keep.
    assert!((0..100).all(|n| taken[&(n.to_string(), Dimension::BYTES_IN.index())] == n + 1));
    let stats = engine.stats();
    assert_eq!(stats.folded_keys, 100 - 4 - 4);
    let reading = reader.take();
    // The live ones, the detached ones, and an overflow row of each tenant.
    assert_eq!(reading.len(), 4 + 4 + 2);
    // 1 + 4 + ... + 100, and what is missing to 1 + 2 + ... + 100.
    let expected: Totals = [("t", 1717), ("u", 3333)]
        .map(|(tenant, n)| ((tenant.to_owned(), Dimension::BYTES_IN.index()), n))
        .into();
    assert_eq!(by_tenant(&reading), expected);
    assert!(reader.take().is_empty());
}

#[test]
fn restored_keys_past_the_limit_of_detached_keys_are_folded() {
    let engine = engine(2);
    let mut reader = engine.reader();
    for n in 0..10 {
        reader.restore(&engine.usage_key(&route(&n.to_string())), Dimension::REQUESTS, 1);
    }
    let reading = reader.take();
    assert_eq!(reading.len(), 3);
    assert_eq!(by_tenant(&reading), requests(&[("t", 10)]));
}

#[test]
fn hostile_label_sets_use_no_more_than_their_ids() {
    const EACH: u64 = 100_000;
    let engine = Engine::builder().label_limit(1024).tenant_limit(4).build().unwrap();
    let (mut prompt, mut patient) = (engine.reader(), engine.reader());
    let (step, steps) = mpsc::channel();
    let hostile = thread::spawn({
        let engine = engine.clone();
        move || {
            for n in 0..EACH {
                if n % 5000 == 0 {
                    step.send(()).unwrap();
                }
                let name = n.to_string();
                for tenant in ["a", "b"] {
                    let raw = labels().tenant(tenant).route(&name);
                    assert_eq!(engine.try_record(&raw, Dimension::REQUESTS, 1), Outcome::Counted);
                }
            }
        }
    });
    let mut taken = Totals::new();
    let mut bounded = |taken: &mut Totals| {
        for (key, n) in by_tenant(&prompt.take()) {
            *taken.entry(key).or_default() += n;
        }
        let stats = engine.stats();
        assert!(stats.label_sets <= 1024 && stats.ids_in_use <= 2 * 1024 + 4 + 1, "{stats:?}");
    };
    for () in steps {
        bounded(&mut taken);
    }
    hostile.join().unwrap();
    bounded(&mut taken);
    let expected = requests(&[("a", EACH), ("b", EACH)]);
    assert_eq!(taken, expected);
    let rest = patient.take();
    assert_eq!(by_tenant(&rest), expected);
    assert!(rest.len() <= 3 * 1024 + 2, "{} rows", rest.len());
}

#[test]
fn raw_labels_too_long_to_remember_are_counted_all_the_same() {
    let engine = engine(4);
    let mut reader = engine.reader();
    let long = "x".repeat(100_000);
    for _ in 0..3 {
        engine.record(&route(&long), Dimension::REQUESTS, 1);
    }
    // More distinct raw label sets than a thread remembers.
    for n in 0..2000 {
        let raw = format!("{n}\n{}", "x".repeat(900));
        engine.record(&route(&raw), Dimension::REQUESTS, 1);
    }
    assert_eq!(by_tenant(&reader.take()), requests(&[("t", 2003)]));
    let stats = engine.stats();
    assert_eq!((stats.label_sets, stats.replaced_label_sets, stats.evicted_cardinality), (1, 2003, 0));
}
