//! Which key goes, when, and what becomes of its counts?

mod totals;

use std::{
    sync::{mpsc, Arc, Mutex},
    thread,
};

use ron_accounting_core::{
    labels, AccountKey, Dimension, EvictionReason, Outcome, Overflow, Reader, Reading, OVERFLOW,
};

use totals::{by_route, by_tenant, engine, record, requests, route};

const LOOKS_FOREVER: u64 = u64::MAX;

/// The routes of which the reader has not taken all counts.
fn placed(reader: &Reader) -> Vec<String> {
    let mut seen = Reading::default();
    reader.peek(&mut seen);
    let rows = seen.rows().filter(|row| row.id.is_some());
    let mut routes: Vec<_> =
        rows.filter_map(|row| row.key.labels()).map(|labels| labels.route.to_owned()).collect();
    routes.sort();
    routes
}

#[test]
fn the_least_recently_used_key_goes() {
    let engine = engine(4);
    let mut reader = engine.reader();
    record(&engine, &["a", "b", "c", "d"]);
    engine.maintain(LOOKS_FOREVER);
    record(&engine, &["d", "a", "c"]);
    engine.maintain(LOOKS_FOREVER);
    record(&engine, &["d", "a"]);
    assert_eq!(placed(&reader), ["a", "b", "c", "d"]);

    record(&engine, &["e"]);
    assert_eq!(placed(&reader), ["a", "c", "d", "e"]);
    record(&engine, &["f"]);
    assert_eq!(placed(&reader), ["a", "d", "e", "f"]);
    let stats = engine.stats();
    assert_eq!((stats.evicted_cardinality, stats.evicted_age, stats.label_sets), (2, 0, 4));
    assert_eq!(engine.evictions(EvictionReason::Cardinality), 2);
    let expected = [("a", 3), ("b", 1), ("c", 2), ("d", 3), ("e", 1), ("f", 1)];
    assert_eq!(by_route(&reader.take()), requests(&expected));
}

#[test]
fn accounts_share_the_label_limit() {
    let engine = engine(2);
    let mut reader = engine.reader();
    let tenant = engine.tenant("t");
    for id in 0..5 {
        let account = AccountKey { ns: 0, id };
        assert_eq!(engine.try_record_account(&tenant, account, Dimension::REQUESTS, 1), Outcome::Counted);
        record(&engine, &["a"]);
    }
    let stats = engine.stats();
    assert_eq!((stats.label_sets, stats.evicted_cardinality > 0), (2, true));
    assert_eq!(by_tenant(&reader.take()), requests(&[("t", 10)]));
}

#[test]
fn a_metered_key_is_never_evicted() {
    let engine = engine(4);
    let reader = engine.reader();
    let (meter, _) = engine.meter(&route("held"));
    let clone = meter.clone();
    drop(meter);
    clone.incr_request();
    for wave in ["a", "b", "c"] {
        for n in 0..20 {
            record(&engine, &[&format!("{wave}{n}")]);
        }
        engine.maintain(0);
        engine.maintain(0);
        assert!(placed(&reader).contains(&"held".to_owned()));
        assert!(engine.stats().label_sets >= 1);
    }
    drop(clone);
    engine.maintain(0);
    // This thread's cache still owns it, so it goes at this thread's next miss.
    record(&engine, &["d"]);
    engine.maintain(0);
    assert_eq!(placed(&reader), ["d"]);
}

#[test]
fn idle_keys_go_and_their_counts_stay() {
    let engine = engine(16);
    let mut reader = engine.reader();
    record(&engine, &["used", "idle"]);
    for _ in 0..3 {
        engine.maintain(2);
        record(&engine, &["used"]);
        assert_eq!(engine.stats().evicted_age, 0);
    }
    engine.maintain(2);
    let stats = engine.stats();
    assert_eq!((stats.evicted_age, stats.evicted_cardinality, stats.label_sets), (1, 0, 1));
    assert_eq!(engine.evictions(EvictionReason::Age), 1);
    // This thread's cache owns the evicted key until its next miss.
    assert_eq!(stats.ids_in_use, 2);
    record(&engine, &["new"]);
    engine.maintain(2);
    assert_eq!(engine.stats().ids_in_use, 2);
    assert_eq!(by_route(&reader.take()), requests(&[("used", 4), ("idle", 1), ("new", 1)]));
}

#[test]
fn eviction_at_the_limit_does_not_make_other_keys_idle() {
    let engine = engine(4);
    let mut reader = engine.reader();
    record(&engine, &["a"]);
    engine.maintain(2);
    let held = ["a", "b", "c", "d"].map(|name| engine.meter(&route(name)).0);
    for n in 0..10 {
        let outcome = engine.try_record(&route(&n.to_string()), Dimension::REQUESTS, 1);
        assert_eq!(outcome, Outcome::Overflowed(Overflow::LabelSets));
    }
    drop(held);
    engine.maintain(2);
    // However often there was no room, "a" was unused for one call only.
    assert_eq!(engine.stats().evicted_age, 0);
    assert_eq!(by_tenant(&reader.take()), requests(&[("t", 11)]));
}

#[test]
fn a_key_that_is_used_again_before_it_is_gone_is_revived() {
    let engine = engine(4);
    let mut reader = engine.reader();
    record(&engine, &["a"]);
    engine.maintain(0);
    engine.maintain(0);
    assert_eq!((engine.stats().label_sets, engine.stats().evicted_age), (0, 1));
    // From this thread's cache: the engine learns it at the next activity check.
    record(&engine, &["a"]);
    engine.maintain(0);
    assert_eq!((engine.stats().label_sets, engine.stats().evicted_age), (1, 1));
    assert_eq!(by_route(&reader.take()), requests(&[("a", 2)]));

    // From another thread: the engine learns it at once.
    engine.maintain(0);
    assert_eq!(engine.stats().label_sets, 0);
    let other = engine.clone();
    thread::spawn(move || record(&other, &["a"])).join().unwrap();
    assert_eq!((engine.stats().label_sets, engine.stats().ids_in_use), (1, 1));
    assert_eq!(by_route(&reader.take()), requests(&[("a", 1)]));

    // By a meter: at once, so that a metered key is a live one.
    engine.maintain(0);
    engine.maintain(0);
    assert_eq!(engine.stats().label_sets, 0);
    let (meter, _) = engine.meter(&route("a"));
    assert_eq!(engine.stats().label_sets, 1);
    engine.maintain(0);
    engine.maintain(0);
    meter.incr_request();
    assert_eq!((engine.stats().label_sets, engine.stats().ids_in_use), (1, 1));
    assert_eq!(by_route(&reader.take()), requests(&[("a", 1)]));
}

#[test]
fn late_counts_of_an_evicted_key_stand_under_its_own_labels() {
    let engine = engine(1);
    let mut reader = engine.reader();
    let (ask, asked) = mpsc::channel::<()>();
    let (answer, answered) = mpsc::channel();
    let holder = thread::spawn({
        let engine = engine.clone();
        move || {
            record(&engine, &["late"]);
            for () in asked {
                answer.send(engine.try_record(&route("late"), Dimension::REQUESTS, 1)).unwrap();
            }
        }
    });
    ask.send(()).unwrap();
    answered.recv().unwrap();
    for n in 0..20 {
        record(&engine, &[&n.to_string()]);
        ask.send(()).unwrap();
        assert_eq!(answered.recv(), Ok(Outcome::Counted));
    }
    drop(ask);
    holder.join().unwrap();
    let totals = by_route(&reader.take());
    assert_eq!(totals[&("late".to_owned(), 0)], 22);
    assert_eq!(totals.values().sum::<u64>(), 42);
    assert_eq!(engine.stats().ids_in_use, 2);
}

#[test]
fn keys_that_idle_threads_own_cost_names_but_no_counts() {
    const LIMIT: u64 = 8;
    const THREADS: u64 = 20;
    let engine = engine(8);
    let mut reader = engine.reader();
    let (go, stay) = mpsc::channel::<()>();
    let stay = Arc::new(Mutex::new(stay));
    let mut idle = Vec::new();
    for n in 0..THREADS {
        let (ready, wait) = mpsc::channel();
        let (engine, stay) = (engine.clone(), stay.clone());
        idle.push(thread::spawn(move || {
            for set in 0..LIMIT {
                let outcome = engine.try_record(&route(&format!("{n}/{set}")), Dimension::REQUESTS, 1);
                ready.send(outcome).unwrap();
            }
            // Lives on, and owns what its cache holds.
            stay.lock().unwrap().recv().unwrap_err();
        }));
        for _ in 0..LIMIT {
            let outcome = wait.recv().unwrap();
            let expected = [Outcome::Counted, Outcome::Overflowed(Overflow::LabelSets)];
            assert!(expected.contains(&outcome), "{outcome:?}");
        }
    }
    // A tenant that comes late has its overflow row all the same.
    for tenant in ["u", "v", "w", "x"] {
        let outcome = engine.try_record(&labels().tenant(tenant), Dimension::REQUESTS, 1);
        assert!(matches!(outcome, Outcome::Overflowed(_)), "{outcome:?}");
    }
    drop(go);
    for thread in idle {
        thread.join().unwrap();
    }
    let total = LIMIT * THREADS;
    let expected = [("t", total), ("u", 1), ("v", 1), ("w", 1), (OVERFLOW, 1)];
    assert_eq!(by_tenant(&reader.take()), requests(&expected));
}

#[test]
fn threads_that_end_leave_their_cells_to_later_ones() {
    let engine = engine(16);
    let mut reader = engine.reader();
    let (meter, _) = engine.meter(&route("meter"));
    for n in 0..500 {
        let (engine, meter) = (engine.clone(), meter.clone());
        let last = n % 7;
        thread::spawn(move || {
            meter.incr_request();
            record(&engine, &[&last.to_string()]);
        })
        .join()
        .unwrap();
    }
    // Other tests of this process run threads of their own, which take numbers in between.
    assert!(engine.stats().threads < 50, "{:?}", engine.stats());
    let totals = by_route(&reader.take());
    assert_eq!(totals[&("meter".to_owned(), 0)], 500);
    assert_eq!(totals.values().sum::<u64>(), 1000);
}
