//! Slices at random, with a liking for the values where an encoding changes its width.

use std::collections::BTreeMap;

use proptest::collection::btree_map;
use proptest::prelude::*;
use ron_ledger_wire::{Digest, Origin, Row, RowKey, SealedSlice, Seq, Slice, StreamId};

pub(crate) fn integer() -> impl Strategy<Value = u64> {
    let edges = [23, 24, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0000, u64::MAX];
    prop_oneof![0..4_u64, proptest::sample::select(edges.to_vec()), any::<u64>()]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,8}", "[a-z/:]{20,28}", proptest::sample::select(vec![String::new(), "é".repeat(130)])]
}

pub(crate) fn row_key() -> impl Strategy<Value = RowKey> {
    let labels = (text(), text(), text(), text()).prop_map(|(m, r, s, g)| RowKey::labels(&m, &r, &s, &g));
    let namespace = prop_oneof![0..30_u32, any::<u32>()];
    let account = (namespace, any::<u128>()).prop_map(|(namespace, id)| RowKey::account(namespace, id));
    prop_oneof![labels, account]
}

pub(crate) fn rows(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Row>> {
    let increment = integer().prop_map(|value| value.max(1));
    btree_map(row_key(), increment, count).prop_map(|rows: BTreeMap<RowKey, u64>| {
        rows.into_iter().map(|(key, increment)| Row { key, increment }).collect()
    })
}

pub(crate) fn stream() -> impl Strategy<Value = StreamId> {
    (any::<[u8; 16]>(), text(), text()).prop_map(|(origin, tenant, dimension)| {
        StreamId::new(Origin::from_bytes(origin), &tenant, &dimension)
    })
}

pub(crate) fn slice() -> impl Strategy<Value = Slice> {
    (stream(), integer(), integer(), integer(), any::<[u8; 32]>(), rows(1..40)).prop_map(
        |(stream, seq, one, other, link, rows)| Slice {
            stream,
            seq: Seq::new(seq),
            start_ms: one.min(other).min(u64::MAX - 1),
            end_ms: one.max(other).max(one.min(other).min(u64::MAX - 1) + 1),
            previous: (seq > 0).then(|| Digest::from_bytes(link)),
            rows,
        },
    )
}

/// The slices of one stream from number 0, properly chained.
pub(crate) fn chain(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<SealedSlice>> {
    (stream(), proptest::collection::vec(rows(1..5), length)).prop_map(|(stream, contents)| {
        let mut chain: Vec<SealedSlice> = Vec::new();
        for (seq, rows) in (0_u64..).zip(contents) {
            let slice = Slice {
                stream: stream.clone(),
                seq: Seq::new(seq),
                start_ms: seq * 60_000,
                end_ms: (seq + 1) * 60_000,
                previous: chain.last().map(SealedSlice::digest),
                rows,
            };
            chain.push(slice.encode().unwrap());
        }
        chain
    })
}
