//! The numeric façade: one account recorded in a loop, and sealed.
#![allow(missing_docs, unused_imports)] // the macros' functions; `Row` is among the names that are promised

use criterion::{black_box, criterion_group, criterion_main, Criterion};
use ron_accounting::accounting::{AccountKey, Dimension, Recorder, Row};

fn bench_record_row(c: &mut Criterion) {
    let rec = Recorder::default();
    let key = AccountKey { ns: 1, id: 0xAA };
    c.bench_function("record_row_hot", |b| {
        b.iter(|| rec.record(black_box(key), black_box(1u64)));
    });
}

fn bench_seal_slice(c: &mut Criterion) {
    let rec = Recorder::default();
    for _ in 0..2048 {
        rec.record(AccountKey { ns: 1, id: 42 }, 1);
    }
    c.bench_function("seal_slice_2k", |b| b.iter(|| rec.seal_now()));
}

criterion_group!(benches, bench_record_row, bench_seal_slice);
criterion_main!(benches);
