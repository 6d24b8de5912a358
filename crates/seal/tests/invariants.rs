//! What sealing promises: nothing lost or counted twice, chains without gaps, the same bytes for the same counts.
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

use std::collections::BTreeMap;

use proptest::prelude::*;
use ron_accounting_core::{labels, AccountKey, Dimension, Engine, Reading};
use ron_accounting_seal::Sealer;
use ron_accounting_window::Span;
use ron_ledger_wire::{accept, Acceptance, Head, Origin, SealedSlice, StreamId};

const ORIGIN: Origin = Origin::from_bytes([7; 16]);
const DIMENSIONS: [Dimension; 3] = [Dimension::REQUESTS, Dimension::BYTES_IN, Dimension::BYTES_OUT];

#[derive(Debug, Clone)]
enum Op {
    Record { tenant: usize, route: usize, dimension: usize, n: u64 },
    Account { tenant: usize, id: u128, n: u64 },
    Seal { room: usize, held: Option<usize> },
    Idle,
}

const TENANTS: [&str; 3] = ["acme", "b", "zeta"];
const ROUTES: [&str; 5] = ["/", "/v1/feed", "/v1/objects/:id", "/é", ""];

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..3_usize, 0..5_usize, 0..3_usize, 0..1_000_u64)
            .prop_map(|(tenant, route, dimension, n)| Op::Record { tenant, route, dimension, n }),
        2 => (0..3_usize, 0..3_u128, 1..9_u64).prop_map(|(tenant, id, n)| Op::Account { tenant, id, n }),
        2 => (0..12_usize, prop::option::of(0..3_usize)).prop_map(|(room, held)| Op::Seal { room, held }),
        1 => Just(Op::Idle),
    ]
}

/// A ledger that believes nobody: totals per stream, by strict acceptance.
#[derive(Default)]
struct Ledger {
    heads: BTreeMap<StreamId, Head>,
    totals: BTreeMap<(String, String), u128>,
    spans: BTreeMap<StreamId, u64>,
}

impl Ledger {
    fn take(&mut self, slice: &SealedSlice) {
        let stream = slice.stream().clone();
        let head = self.heads.entry(stream.clone()).or_insert_with(|| Head::genesis(stream.clone()));
        match accept(head, &slice.digest(), slice.bytes()) {
            Acceptance::Next { head: next, .. } => *head = next,
            other => panic!("{stream} {}: {other:?}", slice.seq()),
        }
        let last_end = self.spans.insert(stream.clone(), slice.end_ms()).unwrap_or_default();
        assert!(slice.start_ms() >= last_end, "spans of {stream} overlap");
        *self.totals.entry((stream.tenant().into(), stream.dimension().into())).or_default() += slice.total();
    }
}

fn run(ops: &[Op], check: bool) -> Vec<Vec<u8>> {
    // Five label sets and no more, so that keys are evicted and come back.
    let engine = Engine::builder().label_limit(5).build().unwrap();
    let mut sealer = Sealer::new(&engine, ORIGIN, true);
    let mut ledger = Ledger::default();
    let mut recorded: BTreeMap<(String, String), u128> = BTreeMap::new();
    let mut bytes = Vec::new();
    let mut start_ms = 0;
    for op in ops {
        match op {
            Op::Record { tenant, route, dimension, n } => {
                let dimension = DIMENSIONS[*dimension];
                engine.record(&labels().tenant(TENANTS[*tenant]).route(ROUTES[*route]), dimension, *n);
                let name = engine.dimensions().name(dimension).unwrap_or_default().to_owned();
                *recorded.entry((TENANTS[*tenant].into(), name)).or_default() += u128::from(*n);
            }
            Op::Account { tenant, id, n } => {
                let account = AccountKey { ns: 1, id: *id };
                engine.record_account(&engine.tenant(TENANTS[*tenant]), account, Dimension::CPU, *n);
                *recorded.entry((TENANTS[*tenant].into(), "cpu".into())).or_default() += u128::from(*n);
            }
            Op::Seal { room, held } => {
                let window = Span { start_ms, end_ms: start_ms + 100 };
                let preview = sealer.preview(window);
                let held = held.map(|tenant| TENANTS[tenant]);
                let sealed = sealer.seal(window, *room, |stream| Some(stream.tenant()) == held);
                assert!(sealed.slices.len() <= *room && sealed.errors.is_empty());
                assert_eq!(preview.slices.len(), sealed.slices.len() + sealed.waiting);
                for slice in &sealed.slices {
                    assert_ne!(Some(slice.stream().tenant()), held);
                    let foreseen = preview.slices.iter().any(|seen| seen.bytes() == slice.bytes());
                    assert!(foreseen, "the preview is what would be sealed");
                    ledger.take(slice);
                    bytes.push(slice.bytes().to_vec());
                }
                start_ms += 100;
            }
            Op::Idle => start_ms += 300,
        }
        if check {
            assert_conserved(&sealer, &ledger, &recorded, &engine);
        }
    }
    bytes
}

fn assert_conserved(
    sealer: &Sealer,
    ledger: &Ledger,
    recorded: &BTreeMap<(String, String), u128>,
    engine: &Engine,
) {
    let mut sums = ledger.totals.clone();
    let mut live = Reading::default();
    sealer.unsealed(&mut live);
    for row in live.rows() {
        for (name, value) in engine.dimensions().names().zip(row.values).filter(|(_, value)| **value != 0) {
            *sums.entry((row.key.tenant().into(), name.into())).or_default() += u128::from(*value);
        }
    }
    let recorded: BTreeMap<_, _> = recorded.iter().filter(|(_, n)| **n != 0).collect();
    assert_eq!(sums.iter().collect::<BTreeMap<_, _>>(), recorded);
}

proptest! {
    #[test]
    fn recorded_is_sealed_or_live(ops in prop::collection::vec(op(), 0..80)) {
        run(&ops, true);
    }

    #[test]
    fn the_same_counts_give_the_same_bytes(ops in prop::collection::vec(op(), 0..80)) {
        prop_assert_eq!(run(&ops, false), run(&ops, false));
    }
}
