//! Is every unit that was recorded live, on its way, or in the ledger, and in one state only?
//!
//! Threads start and stop, label sets are fought for, meters come and go, windows close at any moment, and the ledger fails
//! or loses its answers.
#![cfg(feature = "export")]
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

#[path = "support/conserved.rs"]
mod conserved;
#[path = "support/dice.rs"]
mod dice;

use std::{
    sync::{
        atomic::{AtomicU64, Ordering},
        Arc,
    },
    thread,
    time::Duration,
};

use conserved::{add, assert_conserved, assert_delivered, assert_recorded, Units};
use dice::Dice;
use proptest::prelude::*;
use ron_accounting::{
    accounting::AccountKey,
    export::{MemoryLedger, Origin, PutError, StreamId},
    labels,
    normalize::OVERFLOW,
    window::{Clock, ManualClock},
    AccError, Accounting, AccountingBuilder, Dimension, Dimensions, Labels, Meter, OnFull,
};

const ORIGIN: Origin = Origin::from_bytes([7; 16]);
const PATIENCE: Duration = Duration::from_secs(30);
const TENANTS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const ROUTES: [&str; 9] = ["/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h", "/i"];
const DIMENSIONS: [&str; 4] = ["requests", "bytes_in", "cpu", "tokens"];
const ROUNDS: u64 = 5;
const THREADS: u64 = 4;
const STEPS: u64 = 1200;

/// A clock on which the longest delay between two puts has passed at the next reading.
#[derive(Default)]
struct Leaping(AtomicU64);

impl Clock for Leaping {
    fn now_ms(&self) -> u64 {
        self.0.fetch_add(2500, Ordering::Relaxed)
    }
}

fn builder(ledger: &MemoryLedger) -> AccountingBuilder {
    let mut dimensions = Dimensions::default();
    dimensions.register("tokens").unwrap();
    Accounting::builder()
        .window_ms(1000)
        .label_limit(8)
        .tenant_limit(4)
        .backlog_max(5)
        .dimensions(dimensions)
        .clock(Arc::new(ManualClock::new(0)))
        .export_clock(Arc::new(Leaping::default()))
        .origin(ORIGIN)
        .exporter(Arc::new(ledger.clone()))
}

/// Where a recording went: the tenant that it is counted under.
fn counted<'a>(tenant: &'a str, result: &Result<(), AccError>) -> &'a str {
    match result {
        Ok(()) | Err(AccError::LabelOverflow) => tenant,
        Err(AccError::CardinalityThrottled) => OVERFLOW,
        Err(error) => panic!("{error}"),
    }
}

/// Records at random, in all forms, and returns what it recorded.
fn recorder(acc: &Accounting, mut dice: Dice) -> Units {
    let mut recorded = Units::new();
    let mut meters: Vec<Meter> = Vec::new();
    for _ in 0..STEPS {
        let (tenant, name) = (dice.pick(&TENANTS), dice.pick(&DIMENSIONS));
        let set = labels().tenant(tenant).route(dice.pick(&ROUTES));
        let dimension = acc.dimension(name).unwrap();
        // Now and then enough to fill a cell within a few additions.
        let n = if dice.below(50) == 0 { 1 << 47 } else { dice.below(1000) };
        match dice.below(10) {
            0 => meters.push(acc.meter(&set)),
            1 => meters.truncate(3),
            2 | 3 => {
                for meter in &meters {
                    meter.record(dimension, n);
                    add(&mut recorded, meter.key().unwrap().tenant(), name, n.into());
                }
            }
            4 => {
                let (tenant, account) = (acc.tenant(tenant), AccountKey { ns: 1, id: dice.below(5).into() });
                let result = acc.try_record_account(&tenant, account, dimension, n);
                add(&mut recorded, counted(tenant.name(), &result), name, n.into());
            }
            5 => {
                let result = acc.try_record_each(&set, &[(dimension, n), (Dimension::REQUESTS, 1)]);
                add(&mut recorded, counted(tenant, &result), name, n.into());
                add(&mut recorded, counted(tenant, &result), "requests", 1);
            }
            _ => {
                let result = acc.try_record(&set, dimension, n);
                add(&mut recorded, counted(tenant, &result), name, n.into());
            }
        }
    }
    recorded
}

/// Runs recorders on threads of their own, and `meanwhile` on this one until they are done.
fn record_meanwhile(acc: &Accounting, round: u64, recorded: &mut Units, mut meanwhile: impl FnMut()) {
    thread::scope(|scope| {
        let recorders: Vec<_> = (1..=THREADS)
            .map(|number| scope.spawn(move || recorder(acc, Dice(round * THREADS + number))))
            .collect();
        while !recorders.iter().all(thread::ScopedJoinHandle::is_finished) {
            meanwhile();
        }
        for recorder in recorders {
            for ((tenant, dimension), n) in recorder.join().unwrap() {
                add(recorded, &tenant, &dimension, n);
            }
        }
    });
}

/// Breaks something of the ledger for a while.
fn disturb(ledger: &MemoryLedger, acc: &Accounting, dice: &mut Dice) {
    let count = usize::try_from(dice.below(4)).unwrap();
    match dice.below(5) {
        0 => ledger.fail_puts(count),
        1 => ledger.lose_acknowledgements(count),
        2 => ledger.answer_short(count),
        3 => {
            let stream = StreamId::new(ORIGIN, dice.pick(&TENANTS), dice.pick(&DIMENSIONS));
            ledger.refuse(&stream, Some(PutError::rejected("not today")));
        }
        _ => repair(ledger, acc),
    }
}

fn repair(ledger: &MemoryLedger, acc: &Accounting) {
    ledger.fail_puts(0);
    ledger.lose_acknowledgements(0);
    ledger.answer_short(0);
    for (tenant, dimension) in TENANTS.iter().flat_map(|tenant| DIMENSIONS.map(|name| (tenant, name))) {
        let stream = StreamId::new(ORIGIN, tenant, dimension);
        ledger.refuse(&stream, None);
        acc.resume(&stream);
    }
}

#[test]
fn by_hand_with_a_ledger_that_fails() {
    let (ledger, mut recorded, mut dice) = (MemoryLedger::new(), Units::new(), Dice(1));
    let acc = builder(&ledger).manual().build().unwrap();
    let mut now_ms = 0;
    for round in 0..ROUNDS {
        record_meanwhile(&acc, round, &mut recorded, || {
            // Sometimes back, sometimes over several windows.
            now_ms = (now_ms + dice.below(1500)).saturating_sub(300);
            acc.tick(now_ms).unwrap();
            disturb(&ledger, &acc, &mut dice);
            let _ = acc.drain(Duration::from_millis(1));
            if dice.below(10) == 0 {
                acc.seal_now();
            }
        });
        assert_conserved(&acc, &ledger, &recorded);
    }
    let stats = acc.stats();
    assert!(stats.engine.evicted_cardinality > 0 && stats.engine.overflowed_label_sets > 0, "{stats:?}");
    assert!(stats.engine.overflowed_tenants > 0, "{stats:?}");
    repair(&ledger, &acc);
    acc.shutdown(PATIENCE).unwrap();
    assert_conserved(&acc, &ledger, &recorded);
    assert_delivered(&ledger, &recorded);
    assert!(acc.stats().export.unwrap().duplicates > 0, "no answer was ever lost");
}

#[test]
fn on_threads_with_a_ledger_that_fails() {
    let (ledger, mut recorded, mut dice) = (MemoryLedger::new(), Units::new(), Dice(2));
    let clock = Arc::new(ManualClock::new(0));
    let acc = builder(&ledger).window_ms(10).clock(clock.clone()).build().unwrap();
    for round in 0..ROUNDS {
        record_meanwhile(&acc, round, &mut recorded, || {
            clock.advance(dice.below(12));
            disturb(&ledger, &acc, &mut dice);
            ledger.set_unavailable(dice.below(4) == 0);
            thread::yield_now();
        });
        assert_recorded(&acc, &recorded);
    }
    ledger.set_unavailable(false);
    repair(&ledger, &acc);
    acc.shutdown(PATIENCE).unwrap();
    assert_conserved(&acc, &ledger, &recorded);
    assert_delivered(&ledger, &recorded);

    // The last handle may go without a shutdown.
    record_meanwhile(&acc, ROUNDS, &mut recorded, || clock.advance(10));
    drop(acc);
    assert_delivered(&ledger, &recorded);
}

#[test]
fn waiting_for_the_ledger() {
    let (ledger, mut recorded, mut dice) = (MemoryLedger::new(), Units::new(), Dice(3));
    let acc = builder(&ledger).manual().on_full(OnFull::Wait).build().unwrap();
    let mut now_ms = 0;
    for round in 0..ROUNDS {
        record_meanwhile(&acc, round, &mut recorded, || {
            now_ms += dice.below(1500);
            ledger.fail_puts(usize::try_from(dice.below(3)).unwrap());
            ledger.lose_acknowledgements(usize::try_from(dice.below(3)).unwrap());
            acc.tick(now_ms).unwrap();
        });
        assert_conserved(&acc, &ledger, &recorded);
    }
    acc.shutdown(PATIENCE).unwrap();
    assert_delivered(&ledger, &recorded);
}

#[test]
fn what_is_shed_is_the_only_difference() {
    let (ledger, mut recorded, mut dice) = (MemoryLedger::new(), Units::new(), Dice(4));
    let acc = builder(&ledger).manual().on_full(OnFull::Shed).build().unwrap();
    let mut now_ms = 0;
    for round in 0..ROUNDS {
        record_meanwhile(&acc, round, &mut recorded, || {
            now_ms += dice.below(1500);
            acc.tick(now_ms).unwrap();
            ledger.set_unavailable(dice.below(2) == 0);
            let _ = acc.drain(Duration::from_millis(1));
        });
        let kept: u128 =
            acc.totals().iter().map(|place| place.live + place.pending + place.acknowledged).sum();
        let shed = acc.stats().export.unwrap().shed;
        assert!(shed > 0);
        assert_eq!(kept + shed, recorded.values().sum());
    }
    ledger.set_unavailable(false);
    acc.drain(PATIENCE).unwrap();
    for place in acc.totals() {
        assert_eq!((place.pending, ledger.total(&place.tenant, &place.dimension)), (0, place.acknowledged));
    }
}

#[derive(Debug, Clone)]
enum Step {
    Record { tenant: usize, route: usize, dimension: usize, n: u64 },
    Tick { ms: u64 },
    ClockBack,
    SealNow,
    Drain,
    Fail(usize),
    Lose(usize),
    Unavailable(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let record = (0..TENANTS.len(), 0..ROUTES.len(), 0..DIMENSIONS.len(), 0..=1000_u64);
    prop_oneof![
        8 => record.prop_map(|(tenant, route, dimension, n)| Step::Record { tenant, route, dimension, n }),
        3 => (0..2500_u64).prop_map(|ms| Step::Tick { ms }),
        1 => Just(Step::ClockBack),
        1 => Just(Step::SealNow),
        2 => Just(Step::Drain),
        1 => (0..4_usize).prop_map(Step::Fail),
        1 => (0..4_usize).prop_map(Step::Lose),
        1 => any::<bool>().prop_map(Step::Unavailable),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_every_step(steps in prop::collection::vec(step(), 1..60), shuts_down: bool) {
        let (ledger, mut recorded) = (MemoryLedger::new(), Units::new());
        let acc = builder(&ledger).manual().build().unwrap();
        let mut now_ms = 0;
        for step in steps {
            match step {
                Step::Record { tenant, route, dimension, n } => {
                    let (tenant, name) = (TENANTS[tenant], DIMENSIONS[dimension]);
                    let set: Labels<'_> = labels().tenant(tenant).route(ROUTES[route]);
                    let result = acc.try_record(&set, acc.dimension(name).unwrap(), n);
                    add(&mut recorded, counted(tenant, &result), name, n.into());
                }
                Step::Tick { ms } => {
                    now_ms += ms;
                    acc.tick(now_ms).unwrap();
                }
                Step::ClockBack => acc.tick(now_ms.saturating_sub(5000)).unwrap(),
                Step::SealNow => drop(acc.seal_now()),
                Step::Drain => drop(acc.drain(Duration::from_millis(1))),
                Step::Fail(count) => ledger.fail_puts(count),
                Step::Lose(count) => ledger.lose_acknowledgements(count),
                Step::Unavailable(unavailable) => ledger.set_unavailable(unavailable),
            }
            assert_conserved(&acc, &ledger, &recorded);
        }
        ledger.set_unavailable(false);
        if shuts_down {
            acc.shutdown(PATIENCE).unwrap();
            assert_conserved(&acc, &ledger, &recorded);
        }
        drop(acc);
        assert_delivered(&ledger, &recorded);
    }
}
