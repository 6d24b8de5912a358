//! The numeric façade: accounts recorded in a loop, and sealed.
#![allow(missing_docs, unused_imports)] // the macros' functions; `Row` is among the names that are promised

use std::time::Duration;

use criterion::{black_box, criterion_group, criterion_main, Criterion};
use ron_accounting::accounting::{AccountKey, Dimension, Recorder, Row};
use ron_accounting::export::SealedSlice;
use ron_accounting_benches::{
    label_sets::{Pattern, Walk, LABEL_SETS},
    race::time_of,
    slices::{accounts, Sealing},
};

fn bench_record_row(c: &mut Criterion) {
    let rec = Recorder::default();
    let key = AccountKey { ns: 1, id: 0xAA };
    c.bench_function("record_row_hot", |b| {
        b.iter(|| rec.record(black_box(key), black_box(1u64)));
    });

    let rec = Recorder::default();
    let (keys, sequence) = (accounts(LABEL_SETS), Pattern::EightyTwenty.sequence(LABEL_SETS));
    let mut walk = Walk::new(&keys, &sequence);
    c.bench_function("record_row_80_20", |b| {
        b.iter(|| rec.record(black_box(*walk.step()), black_box(1u64)));
    });
}

fn bench_seal_slice(c: &mut Criterion) {
    for (name, rows) in [("seal_slice_1k", 1024), ("seal_slice_2k", 2048), ("seal_slice_4k", 4096)] {
        let mut sealing = Sealing::new(rows);
        c.bench_function(name, |b| {
            // Each time all rows have a new count, or there would be nothing to seal. Counting is not what is measured.
            let mut seal = || {
                sealing.count();
                let (took, slices) = time_of(|| sealing.seal());
                assert_eq!(slices.iter().map(SealedSlice::row_count).sum::<usize>(), rows);
                took
            };
            b.iter_custom(|iterations| (0..iterations).map(|_| seal()).sum::<Duration>());
        });
    }
}

criterion_group!(benches, bench_record_row, bench_seal_slice);
criterion_main!(benches);
