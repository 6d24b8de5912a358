//! Speed beside `tiny-counter`, in one run: each round measures both, in turn, and what is shown are medians of rounds.
//!
//! `cargo bench -p ron-accounting-events --bench versus_tiny_counter`; one argument sets the number of rounds.

#![allow(clippy::unwrap_used, clippy::cast_precision_loss, clippy::cast_possible_truncation)]

use std::{env, hint::black_box, thread, time::Instant};

/// This crate's default, given to both. The other's default tracks 256 buckets of six units.
macro_rules! store {
    ($lib:ident) => {
        $lib::EventStore::builder().track_minutes(60).track_hours(24).track_days(32).track_months(12)
    };
}

/// A case, measured in nanoseconds per operation, for either crate.
macro_rules! cases {
    ($lib:ident) => {{
        fn record(store: &$lib::EventStore) -> f64 {
            store.record("event");
            per_operation(20_000, || store.record(black_box("event")))
        }

        fn sum(store: &$lib::EventStore) -> f64 {
            store.record("event");
            per_operation(20_000, || {
                black_box(store.query(black_box("event")).last_days(7).sum());
            })
        }

        fn limit(store: &$lib::EventStore) -> f64 {
            store.record("event");
            per_operation(10_000, || {
                let limit = store.limit().at_most("event", u32::MAX, $lib::TimeUnit::Hours);
                limit.check_and_record(black_box("event")).unwrap();
            })
        }

        fn persist(batch: usize) -> f64 {
            let folder = tempfile::tempdir().unwrap();
            let storage = $lib::storage::FilePerEvent::new(folder.path(), ".bin").unwrap();
            let store = store!($lib).with_storage(storage).build().unwrap();
            let names: Vec<String> = (0..batch).map(|number| format!("event{number}")).collect();
            let mut nanos = 0.0;
            let rounds = 20 / batch.min(20) + 2;
            for _ in 0..rounds {
                for name in &names {
                    store.record(name);
                }
                let start = Instant::now();
                store.persist().unwrap();
                nanos += start.elapsed().as_nanos() as f64;
            }
            nanos / (rounds * batch) as f64
        }

        /// Millions of records per second.
        fn threads(names: &[&str]) -> f64 {
            const RECORDS: usize = 100_000;
            let store = store!($lib).build().unwrap();
            for name in names {
                store.record(*name);
            }
            let start = Instant::now();
            thread::scope(|scope| {
                for name in names {
                    let store = &store;
                    scope.spawn(move || (0..RECORDS).for_each(|_| store.record(black_box(*name))));
                }
            });
            (names.len() * RECORDS) as f64 / start.elapsed().as_secs_f64() / 1e6
        }

        fn memory() -> f64 {
            const EVENTS: usize = 1000;
            let names: Vec<String> = (0..EVENTS).map(|number| format!("event{number}")).collect();
            let mut kept = None;
            let info = allocation_counter::measure(|| {
                let store = $lib::EventStore::new();
                for name in &names {
                    store.record(name);
                }
                kept = Some(store);
            });
            drop(kept);
            info.bytes_current as f64 / EVENTS as f64
        }

        let (default, same) = ($lib::EventStore::new(), store!($lib).build().unwrap());
        [
            record(&default),
            sum(&default),
            limit(&default),
            record(&same),
            sum(&same),
            limit(&same),
            persist(1),
            persist(200),
            threads(&["a"]),
            threads(&["a", "b"]),
            threads(&["a", "a"]),
            memory(),
        ]
    }};
}

/// Where the case of one thread stands; those of two follow.
const ONE_THREAD: usize = 8;
const CASES: [&str; 12] = [
    "record, each one's default, ns",
    "query last_days(7).sum, ns",
    "at_most + check_and_record, ns",
    "record, same units, ns",
    "query last_days(7).sum, ns",
    "at_most + check_and_record, ns",
    "persist 1 event, ns",
    "persist 200 events, ns each",
    "1 thread, M/s",
    "2 threads, 2 events, M/s",
    "2 threads, 1 event, M/s",
    "memory per event, bytes",
];

fn per_operation(operations: u32, mut operation: impl FnMut()) -> f64 {
    (0..operations / 10).for_each(|_| operation());
    let start = Instant::now();
    (0..operations).for_each(|_| operation());
    start.elapsed().as_nanos() as f64 / f64::from(operations)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let rounds = env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(15);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(cases!(ron_accounting_events));
        theirs.push(cases!(tiny_counter));
    }
    println!("{:32} {:>12} {:>12} {:>8}   ({rounds} rounds)", "", "ours", "theirs", "ratio");
    for (index, name) in CASES.iter().enumerate() {
        let value = |rounds: &[[f64; CASES.len()]]| median(rounds.iter().map(|round| round[index]).collect());
        let ratio = median(ours.iter().zip(&theirs).map(|(one, other)| one[index] / other[index]).collect());
        println!("{name:32} {:12.1} {:12.1} {ratio:8.3}", value(&ours), value(&theirs));
    }
    for (index, name) in [
        (ONE_THREAD + 1, "2 threads, 2 events / 1 thread"),
        (ONE_THREAD + 2, "2 threads, 1 event / 1 thread"),
    ] {
        let ratio = |rounds: &[[f64; CASES.len()]]| {
            median(rounds.iter().map(|round| round[index] / round[ONE_THREAD]).collect())
        };
        println!("{name:32} {:12.2} {:12.2}", ratio(&ours), ratio(&theirs));
    }
}
