//! Instructions per operation, counted by callgrind. `cargo xtask perf-gate` runs this and compares with `baseline.json`.
//!
//! Hash seeds are fixed and addresses are not random, so that the same program gives the same number.
#![allow(missing_docs, unused_qualifications)] // what the macros write

use gungraun::{library_benchmark, library_benchmark_group};
use ron_accounting_benches::{operations::Known, slices::Sealing};

/// How often most benchmarks do what they do. The name of a case says it again, to whoever computes the share of one.
const TIMES: usize = 10_000;

/// Ready to seal for the third time: the first two learn the keys and make room.
fn counted(rows: usize) -> Sealing {
    let mut sealing = Sealing::new(rows);
    for _ in 0..2 {
        sealing.count();
        sealing.seal();
    }
    sealing.count();
    sealing
}

#[library_benchmark]
#[bench::per_10000(Known::default())]
fn meter(mut known: Known) -> Known {
    known.meter(TIMES);
    known
}

#[library_benchmark]
#[bench::per_10000(Known::default())]
fn record_hot(mut known: Known) -> Known {
    known.record_hot(TIMES);
    known
}

#[library_benchmark]
#[bench::per_10000(Known::default())]
fn record_80_20(mut known: Known) -> Known {
    known.record_80_20(TIMES);
    known
}

#[library_benchmark]
#[bench::per_10000(Known::default())]
fn record_runs_of_16(mut known: Known) -> Known {
    known.record_runs_of_16(TIMES);
    known
}

#[library_benchmark]
#[bench::per_10000(Known::default())]
fn record_each(mut known: Known) -> Known {
    known.record_each(TIMES);
    known
}

#[library_benchmark]
#[bench::per_10000(Known::default())]
fn scope(mut known: Known) -> Known {
    known.scope(TIMES);
    known
}

#[library_benchmark]
#[bench::per_10000(Known::default())]
fn account(mut known: Known) -> Known {
    known.account(TIMES);
    known
}

#[library_benchmark]
#[bench::per_1(Known::default())]
fn snapshot(known: Known) -> (usize, Known) {
    (known.snapshot(), known)
}

#[library_benchmark]
#[bench::per_1(counted(2048))]
fn seal_2k(mut sealing: Sealing) -> (usize, Sealing) {
    (sealing.seal().len(), sealing)
}

mod runner {
    use super::{
        account, library_benchmark_group, meter, record_80_20, record_each, record_hot, record_runs_of_16,
        scope, seal_2k, snapshot,
    };

    library_benchmark_group!(
        name = paths,
        benchmarks = [
            meter,
            record_hot,
            record_80_20,
            record_runs_of_16,
            record_each,
            scope,
            account,
            snapshot,
            seal_2k
        ]
    );

    gungraun::main!(library_benchmark_groups = paths);

    pub(super) fn start() {
        main();
    }
}

fn main() {
    // Cargo passes the first word under `cargo bench`, and the runner the second one to the program that it measures.
    // Otherwise this is a test run, which has no runner, and the operations have tests of their own.
    if std::env::args().any(|word| word == "--bench" || word == "--gungraun-run") {
        runner::start();
    }
}
