//! Which tenants have a place, who leaves for a new one, and what becomes of counts that are not taken yet?
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

mod totals;

use std::thread;

use proptest::prelude::*;
use ron_accounting_core::{
    labels, AccountKey, Dimension, Engine, Labels, LimitReached, Outcome, Overflow, OVERFLOW,
};

use totals::{add, by_tenant, requests, Totals};

const OVERFLOWED: Outcome = Outcome::Overflowed(Overflow::Tenants);

fn engine(label_limit: usize, tenant_limit: usize) -> Engine {
    Engine::builder().label_limit(label_limit).tenant_limit(tenant_limit).hash_seed(1).build().unwrap()
}

fn of(tenant: &str) -> Labels<'_> {
    labels().tenant(tenant).route("/")
}

fn count(engine: &Engine, tenant: &str) -> Outcome {
    engine.try_record(&of(tenant), Dimension::REQUESTS, 1)
}

#[test]
fn nine_thousand_tenants_in_ninety_days_are_all_counted_by_name() {
    let engine = Engine::default();
    let mut ledger = engine.reader().hold_tenants();
    // A reader that nobody takes from does not change the names in the others.
    let mut forgotten = engine.reader();
    for day in 0..90 {
        for tenant in 0..100 {
            let outcome = count(&engine, &format!("{day}-{tenant}"));
            assert_eq!(outcome, Outcome::Counted, "{tenant} on day {day}");
        }
        engine.maintain(60);
        let taken = by_tenant(&ledger.take());
        assert_eq!(taken.len(), 100);
        assert!(taken.iter().all(|((tenant, _), n)| *n == 1 && tenant.starts_with(&format!("{day}-"))));
    }
    let rest = by_tenant(&forgotten.take());
    assert_eq!(rest.values().sum::<u64>(), 9000);
    let stats = engine.stats();
    assert_eq!((stats.overflowed_tenants, stats.overflowed_label_sets), (0, 0));
    assert!(stats.tenants <= 2048 + 1, "{stats:?}");
    assert_eq!(engine.validate(), Ok(()));
}

#[test]
fn the_least_recently_used_idle_tenant_leaves_for_a_new_one() {
    let engine = engine(64, 3);
    let mut ledger = engine.reader().hold_tenants();
    for window in [["a", "b", "c"], ["b", "c", "b"], ["c", "c", "c"]] {
        for tenant in window {
            assert_eq!(count(&engine, tenant), Outcome::Counted);
        }
        engine.maintain(u64::MAX);
        ledger.take();
    }
    // "c" was used in this window, "a" is idle for longest.
    assert_eq!(count(&engine, "c"), Outcome::Counted);
    for (tenant, expected) in [("d", Outcome::Counted), ("e", Outcome::Counted), ("f", OVERFLOWED)] {
        assert_eq!(count(&engine, tenant), expected, "{tenant}");
    }
    let stats = engine.stats();
    assert_eq!((stats.tenants, stats.evicted_tenants, stats.evicted_age), (4, 2, 0));
    assert_eq!(by_tenant(&ledger.take()), requests(&[("c", 1), ("d", 1), ("e", 1), (OVERFLOW, 1)]));
    assert_eq!(engine.validate(), Ok(()));
}

#[test]
fn a_tenant_stays_until_a_reader_that_holds_it_has_its_counts() {
    let engine = engine(64, 1);
    let mut ledger = engine.reader().hold_tenants();
    assert_eq!(count(&engine, "a"), Outcome::Counted);
    for _ in 0..5 {
        engine.maintain(0);
        assert_eq!(count(&engine, "b"), OVERFLOWED);
    }
    // The boundary takes after it has found out what is idle. The new tenant comes at once.
    let taken = by_tenant(&ledger.take());
    assert_eq!(taken, requests(&[("a", 1), (OVERFLOW, 5)]));
    assert_eq!(count(&engine, "b"), Outcome::Counted);
    assert_eq!(by_tenant(&ledger.take()), requests(&[("b", 1)]));
}

#[test]
fn a_tenant_with_a_meter_stays() {
    let engine = engine(64, 1);
    let (meter, _) = engine.meter(&of("a"));
    engine.maintain(0);
    engine.maintain(0);
    assert_eq!(count(&engine, "b"), OVERFLOWED);
    drop(meter);
    engine.maintain(0);
    assert_eq!(count(&engine, "b"), Outcome::Counted);
}

#[test]
fn an_overflow_row_leaves_with_its_tenant() {
    let engine = engine(1, 2);
    let mut ledger = engine.reader().hold_tenants();
    let (held, _) = engine.meter(&of("a"));
    for round in 0..50 {
        let tenant = format!("b{round}");
        assert_eq!(count(&engine, &tenant), Outcome::Overflowed(Overflow::LabelSets), "{round}");
        engine.maintain(60);
        assert_eq!(by_tenant(&ledger.take()), requests(&[(&tenant, 1)]));
        assert!(engine.stats().ids_in_use <= 2, "{:?}", engine.stats());
        assert_eq!(engine.validate(), Ok(()));
    }
    drop(held);
}

#[test]
fn a_tenant_whose_keys_a_thread_still_knows_counts_under_its_name() {
    let engine = engine(64, 1);
    let mut ledger = engine.reader().hold_tenants();
    let (go, stay) = std::sync::mpsc::channel::<()>();
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let knows = thread::spawn({
        let engine = engine.clone();
        move || {
            assert_eq!(count(&engine, "a"), Outcome::Counted);
            done.send(()).unwrap();
            for () in stay {
                assert_eq!(count(&engine, "a"), Outcome::Counted);
                done.send(()).unwrap();
            }
        }
    });
    wait.recv().unwrap();
    ledger.take();
    engine.maintain(0);
    assert_eq!(count(&engine, "b"), Outcome::Counted, "\"a\" has left");
    // Its number is still its own: the thread counts under it, beyond the limit.
    go.send(()).unwrap();
    wait.recv().unwrap();
    assert_eq!(engine.tenant("a").id(), engine.usage_key(&of("a")).tenant_id());
    engine.maintain(60);
    assert_eq!(by_tenant(&ledger.take()), requests(&[("a", 1), ("b", 1)]));
    drop(go);
    knows.join().unwrap();
    assert_eq!(engine.validate(), Ok(()));
}

#[test]
fn a_tenant_that_comes_back_has_another_number() {
    let engine = engine(64, 1);
    let before = engine.tenant("a").id();
    for round in 0..200 {
        count(&engine, &round.to_string());
        engine.maintain(0);
        engine.maintain(0);
    }
    assert_ne!(engine.tenant("a").id(), before);
    let (one, other) = (engine.tenant("a"), engine.usage_key(&of("a")));
    assert_eq!(one.id(), other.tenant_id());
}

#[test]
fn a_handle_of_a_tenant_takes_no_place_and_works_after_it_has_left() {
    let engine = engine(64, 1);
    let mut ledger = engine.reader().hold_tenants();
    let (first, second) = (engine.tenant("a"), engine.tenant("b"));
    let account = AccountKey { ns: 1, id: 7 };
    let record = |tenant| engine.try_record_account(tenant, account, Dimension::REQUESTS, 1);
    for round in 0..10 {
        assert_eq!(record(&first), Outcome::Counted, "{round}");
        assert_eq!(record(&second), OVERFLOWED);
        engine.maintain(0);
        engine.maintain(0);
        assert_eq!(by_tenant(&ledger.take()), requests(&[("a", 1), (OVERFLOW, 1)]));
        assert_eq!(record(&second), Outcome::Counted);
        engine.maintain(0);
        engine.maintain(0);
        assert_eq!(by_tenant(&ledger.take()), requests(&[("b", 1)]));
    }
}

#[test]
fn a_flood_of_new_tenants_does_not_grow_the_engine() {
    let engine = engine(64, 8);
    let mut ledger = engine.reader().hold_tenants();
    let forgotten = engine.reader();
    let mut taken = Totals::new();
    for n in 0..20_000 {
        let tenant = n.to_string();
        // Some have no count at all, and some only a name.
        engine.record(&of(&tenant), Dimension::REQUESTS, n % 3);
        let _ = engine.usage_key(&of(&format!("only {n}")));
        if n % 500 == 0 {
            engine.maintain(n % 1000);
            for (key, n) in by_tenant(&ledger.take()) {
                *taken.entry(key).or_default() += n;
            }
        }
        let stats = engine.stats();
        assert!(stats.tenants <= 9 && stats.ids_in_use <= 8 * 64 + 8 + 1, "{stats:?}");
    }
    let mut rows = ron_accounting_core::Reading::default();
    forgotten.peek(&mut rows);
    // Live ones, and as many names, overflow rows of tenants and last resorts as it keeps.
    assert!(rows.len() <= 64 + 64 + 8 + 2, "{} rows", rows.len());
    for (key, n) in by_tenant(&ledger.take()) {
        *taken.entry(key).or_default() += n;
    }
    assert_eq!(taken.values().sum::<u64>(), (0..20_000).map(|n| n % 3).sum());
    assert_eq!(engine.validate(), Ok(()));
}

#[test]
fn each_limit_is_told_once_with_who_reached_it() {
    let engine = engine(2, 2);
    let _reader = engine.reader();
    assert_eq!(engine.take_limits_reached(), []);
    let held = ["/a", "/b"].map(|route| engine.meter(&labels().tenant("acme").route(route)).0);
    for route in ["/c", "/d"] {
        engine.record(&labels().tenant("acme").route(route), Dimension::REQUESTS, 1);
    }
    let brief = |reached: &LimitReached| {
        let label = reached.label.map(|label| label.to_string());
        (reached.limit.as_str(), reached.tenant.to_string(), label, reached.dimension, reached.times)
    };
    let all = || engine.take_limits_reached().iter().map(brief).collect::<Vec<_>>();
    assert_eq!(all(), [("label_sets", "acme".to_owned(), Some("route".to_owned()), None, 2)]);
    assert_eq!(all(), []);
    drop(held);
    for tenant in ["umbrella", "initech", "hooli"] {
        let _ = engine.meter(&of(tenant));
    }
    held_saturates(&engine);
    let reached = all();
    let limits: Vec<_> = reached.iter().map(|(limit, tenant, ..)| (*limit, tenant.as_str())).collect();
    // The first of them found no room for its label set, the others no place.
    assert_eq!(limits, [("label_sets", "umbrella"), ("tenants", "initech"), ("counts", "acme")]);
    assert_eq!(reached[2].3, Some(Dimension::CPU));
}

fn held_saturates(engine: &Engine) {
    let full = labels().tenant("acme").route("/a");
    engine.record(&full, Dimension::CPU, u64::MAX);
    engine.record(&full, Dimension::CPU, u64::MAX);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn totals_of_each_tenant_are_exact_whoever_comes_and_goes(
        (label_limit, tenant_limit) in (1..12_usize, 1..6_usize),
        steps in prop::collection::vec((0..24_u64, 0..3_u64, any::<[bool; 3]>()), 1..400),
    ) {
        let engine = engine(label_limit, tenant_limit);
        let mut ledger = engine.reader().hold_tenants();
        let (mut recorded, mut taken) = (Totals::new(), Totals::new());
        let mut meters = Vec::new();
        for (who, idle, [ends, takes, metered]) in steps {
            let tenant = format!("t{}", who / 2);
            let raw = labels().tenant(&tenant).method(if who % 2 == 0 { "GET" } else { "PUT" });
            let name = if metered {
                let (meter, _) = engine.meter(&raw);
                meter.incr_request();
                let name = meter.key().unwrap().tenant().to_owned();
                meters.push(meter);
                name
            } else {
                match engine.try_record(&raw, Dimension::REQUESTS, 1) {
                    OVERFLOWED => OVERFLOW.to_owned(),
                    _ => tenant,
                }
            };
            add(&mut recorded, &name, Dimension::REQUESTS, 1);
            if ends {
                meters.clear();
                engine.maintain(idle);
            }
            if takes {
                for (key, n) in by_tenant(&ledger.take()) {
                    *taken.entry(key).or_default() += n;
                }
            }
            prop_assert_eq!(engine.validate(), Ok(()));
        }
        for (key, n) in by_tenant(&ledger.take()) {
            *taken.entry(key).or_default() += n;
        }
        prop_assert_eq!(taken, recorded);
        // Beyond the limit were only those whose counts came when they had left.
        engine.maintain(u64::MAX);
        prop_assert!(engine.stats().tenants <= tenant_limit + 1, "{:?}", engine.stats());
    }
}
