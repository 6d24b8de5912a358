//! Does it hold with many threads at once? They start and stop, all keys are fought for, readings come at any
//! moment.
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

mod totals;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use ron_accounting_core::{labels, AccountKey, Dimension, Engine, Labels, Meter, Outcome, Reading};

use totals::{add, by_tenant, Totals};

const LABEL_LIMIT: usize = 8;
const TENANTS: [&str; 5] = ["a", "b", "c", "d", "e"];
const ROUTES: [&str; 13] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"];
const DIMENSIONS: [Dimension; 4] =
    [Dimension::REQUESTS, Dimension::BYTES_IN, Dimension::BYTES_OUT, Dimension::CPU];

/// A small generator of numbers that look random: the same in each run, so that only the schedule differs.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % end
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    fn raw(&mut self) -> Labels<'static> {
        labels().tenant(self.pick(&TENANTS)).route(self.pick(&ROUTES))
    }

    /// Mostly small; now and then enough to fill a cell within a few additions.
    fn amount(&mut self) -> u64 {
        if self.below(50) == 0 {
            1 << 47
        } else {
            self.below(1000)
        }
    }
}

/// Records at random and returns what it recorded.
fn recorder(engine: &Engine, seed: u64, recordings: usize) -> Totals {
    let mut dice = Dice(seed);
    let mut recorded = Totals::new();
    let mut meters: Vec<Meter> = Vec::new();
    for _ in 0..recordings {
        let raw = dice.raw();
        let (dimension, n) = (dice.pick(&DIMENSIONS), dice.amount());
        let mut count = |tenant: &str, outcome: Outcome| {
            assert!(matches!(outcome, Outcome::Counted | Outcome::Overflowed(_)), "{outcome:?}");
            add(&mut recorded, tenant, dimension, n);
        };
        match dice.below(8) {
            0 => meters.push(engine.meter(&raw).0),
            1 if !meters.is_empty() => {
                let index = dice.below(meters.len() as u64);
                meters.swap_remove(usize::try_from(index).unwrap());
            }
            2 | 3 if !meters.is_empty() => {
                let meter = &meters[usize::try_from(dice.below(meters.len() as u64)).unwrap()];
                count(meter.key().unwrap().tenant(), meter.try_record(dimension, n));
            }
            4 => {
                let account = AccountKey { ns: 0, id: 1 };
                let outcome = engine.try_record_account(&engine.tenant(raw.tenant), account, dimension, n);
                count(raw.tenant, outcome);
            }
            _ => count(raw.tenant, engine.try_record(&raw, dimension, n)),
        }
        // Too many held at once, and nothing is left to evict.
        meters.truncate(2);
    }
    recorded
}

fn merge(into: &mut Totals, from: Totals) {
    for (key, n) in from {
        *into.entry(key).or_default() += n;
    }
}

fn by_dimension(totals: Totals) -> Totals {
    let mut sums = Totals::new();
    for ((_, dimension), n) in totals {
        *sums.entry((String::new(), dimension)).or_default() += n;
    }
    sums
}

#[test]
fn recorded_is_taken_to_the_unit() {
    let engine = Engine::builder().label_limit(LABEL_LIMIT).tenant_limit(TENANTS.len()).build().unwrap();
    let mut patient = engine.reader().hold_tenants();
    let mut prompt = engine.reader().hold_tenants();
    // It holds no tenants, so that it may find counts of those that left in the tenant `~overflow`.
    let mut lazy = engine.reader();
    let (mut recorded, mut taken) = (Totals::new(), Totals::new());
    let done = &AtomicBool::new(false);
    let engine = &engine;

    thread::scope(|scope| {
        let long: Vec<_> = (1..=3).map(|seed| scope.spawn(move || recorder(engine, seed, 6000))).collect();
        let waves = scope.spawn(move || {
            let mut recorded = Totals::new();
            for wave in 1..=100 {
                let short: Vec<_> = (0..20)
                    .map(|n| {
                        let engine = engine.clone();
                        thread::spawn(move || recorder(&engine, wave << 32 | n, 12))
                    })
                    .collect();
                for thread in short {
                    merge(&mut recorded, thread.join().unwrap());
                }
            }
            recorded
        });
        let reading = scope.spawn(|| {
            let (mut dice, mut reading) = (Dice(7), Reading::default());
            while !done.load(Ordering::Acquire) {
                let chosen = dice.below(1 << 8);
                let accept =
                    |tenant: u64, dimension: usize| chosen >> (tenant % 4 + dimension as u64) & 1 == 1;
                if dice.below(2) == 0 {
                    prompt.take_if(
                        |tenant, dimension| accept(tenant.number(), dimension.index()),
                        &mut reading,
                    );
                } else {
                    prompt.peek(&mut reading);
                    thread::yield_now();
                    reading.retain(|tenant, dimension| accept(tenant.number(), dimension.index()));
                    prompt.take_seen(&reading);
                }
                merge(&mut taken, by_tenant(&reading));
                patient.peek(&mut reading);
                engine.reader().take();
                thread::yield_now();
            }
        });
        let maintaining = scope.spawn(|| {
            let mut dice = Dice(8);
            while !done.load(Ordering::Acquire) {
                engine.maintain(dice.below(4));
                let stats = engine.stats();
                assert!(stats.label_sets <= LABEL_LIMIT, "{stats:?}");
                assert!(stats.ids_in_use <= 8 * LABEL_LIMIT + TENANTS.len() + 1, "{stats:?}");
                assert_eq!(engine.validate(), Ok(()));
                thread::yield_now();
            }
        });
        let long: Vec<_> = long.into_iter().map(thread::ScopedJoinHandle::join).collect();
        let waves = waves.join();
        // Before a failure is passed on, or the loops above never end.
        done.store(true, Ordering::Release);
        long.into_iter().chain([waves]).for_each(|totals| merge(&mut recorded, totals.unwrap()));
        reading.join().unwrap();
        maintaining.join().unwrap();
    });

    merge(&mut taken, by_tenant(&prompt.take()));
    assert_eq!(taken, recorded);
    assert_eq!(by_tenant(&patient.take()), recorded);
    assert_eq!(by_dimension(by_tenant(&lazy.take())), by_dimension(recorded));
    let stats = engine.stats();
    assert_eq!(stats.saturations, 0);
    assert!(
        stats.evicted_cardinality > 0 && stats.overflowed_label_sets > 0 && stats.folded_keys > 0,
        "{stats:?}"
    );
    assert!(stats.threads <= 20 + 3 + 8, "{stats:?}");
}
