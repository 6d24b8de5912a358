//! What sealing promises: nothing lost or counted twice, chains without gaps, the same bytes for the same counts.
//!
//! Random steps, and a plain model that remembers what was recorded and what a strict ledger has accepted. After each step,
//! the model is compared with the sealer, and the invariants of the sealer and the engine are checked.
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use ron_accounting_core::{labels, AccountKey, Dimension, Engine, Reading, UsageKey};
use ron_accounting_seal::{Admission, Sealed, Sealer};
use ron_accounting_window::Span;
use ron_ledger_wire::{
    accept, encode_account_key, encode_labels_key, encode_row_key, Acceptance, Head, Origin, SealedSlice,
    Seq, StreamId, SLICE_BYTES_LEAST,
};

const ORIGIN: Origin = Origin::from_bytes([7; 16]);
const DIMENSIONS: [Dimension; 3] = [Dimension::REQUESTS, Dimension::BYTES_IN, Dimension::BYTES_OUT];
const TENANTS: [&str; 3] = ["acme", "b", "zeta"];
const ROUTES: usize = 8;

/// Some routes are so long that a stream fills several slices of the smallest size.
fn route(index: usize) -> String {
    match index {
        0 => "/".into(),
        1 => "/v1/objects/:id".into(),
        2 => "/\u{e9}".into(),
        3 => String::new(),
        long => format!("/{}/{long}", "x".repeat(1_000)),
    }
}

#[derive(Debug, Clone)]
enum Step {
    Record {
        tenant: usize,
        route: usize,
        dimension: usize,
        n: u64,
    },
    Account {
        tenant: usize,
        id: u128,
        n: u64,
    },
    /// Seals with a decision for each tenant. A span of 0 ms cannot be encoded, unless a stream waited before.
    Seal {
        admissions: [Admission; 3],
        span_ms: u64,
    },
    /// Seals until there is no room.
    SealUpTo {
        slices_max: usize,
        held: Option<usize>,
    },
    /// Evicts what was not used since the last time.
    Maintain,
    Shed,
    /// Forgets all streams, and continues them from the heads of the ledger.
    Forget,
    /// Another sealer takes over: from heads, and with the unsealed rows of the one before.
    Restart,
    Idle,
}

fn step() -> impl Strategy<Value = Step> {
    let admission =
        || prop_oneof![3 => Just(Admission::Seal), 1 => Just(Admission::Wait), 1 => Just(Admission::Skip)];
    prop_oneof![
        12 => (0..3_usize, 0..ROUTES, 0..3_usize, 0..1_000_u64)
            .prop_map(|(tenant, route, dimension, n)| Step::Record { tenant, route, dimension, n }),
        3 => (0..3_usize, 0..3_u128, 1..9_u64).prop_map(|(tenant, id, n)| Step::Account { tenant, id, n }),
        3 => (admission(), admission(), admission(), prop_oneof![Just(0), Just(100), Just(100)])
            .prop_map(|(a, b, c, span_ms)| Step::Seal { admissions: [a, b, c], span_ms }),
        2 => (0..12_usize, prop::option::of(0..3_usize))
            .prop_map(|(slices_max, held)| Step::SealUpTo { slices_max, held }),
        2 => Just(Step::Maintain),
        1 => Just(Step::Shed),
        1 => Just(Step::Forget),
        1 => Just(Step::Restart),
        1 => Just(Step::Idle),
    ]
}

/// Counts by encoded key.
type Rows = BTreeMap<Vec<u8>, u64>;

/// One stream of the model.
#[derive(Debug, Clone)]
struct Modelled {
    head: Head,
    unsealed: Rows,
    waits_since_ms: Option<u64>,
    /// Where the span of the last slice ends.
    sealed_until_ms: u64,
    /// Whether the sealer has heard of it.
    is_known: bool,
}

impl Modelled {
    fn total(&self) -> u128 {
        self.unsealed.values().map(|n| u128::from(*n)).sum()
    }
}

struct World {
    engine: Engine,
    sealer: Sealer,
    streams: BTreeMap<StreamId, Modelled>,
    /// Whether rows stay under their own keys: the label limit is never reached.
    has_exact_rows: bool,
    recorded: u128,
    sealed: u128,
    shed: u128,
    now_ms: u64,
    bytes: Vec<Vec<u8>>,
}

fn new_sealer(engine: &Engine) -> Sealer {
    Sealer::new(engine, ORIGIN).zeroize(true).slice_bytes_max(SLICE_BYTES_LEAST)
}

impl World {
    fn new(label_limit: usize) -> Self {
        let engine = Engine::builder().label_limit(label_limit).build().unwrap();
        let sealer = new_sealer(&engine);
        Self {
            engine,
            sealer,
            streams: BTreeMap::new(),
            has_exact_rows: label_limit > TENANTS.len() * (ROUTES + 3),
            recorded: 0,
            sealed: 0,
            shed: 0,
            now_ms: 0,
            bytes: Vec::new(),
        }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Record { tenant, route: index, dimension, n } => {
                let (tenant, route, dimension) = (TENANTS[tenant], route(index), DIMENSIONS[dimension]);
                let outcome = self.engine.try_record(&labels().tenant(tenant).route(&route), dimension, n);
                assert!(outcome.is_counted());
                let mut key = Vec::new();
                encode_labels_key("", &route, "", "", &mut key);
                self.recorded(tenant, dimension, key, n);
            }
            Step::Account { tenant, id, n } => {
                let account = AccountKey { ns: 1, id };
                let outcome = self.engine.try_record_account(
                    &self.engine.tenant(TENANTS[tenant]),
                    account,
                    Dimension::CPU,
                    n,
                );
                assert!(outcome.is_counted());
                let mut key = Vec::new();
                encode_account_key(1, id, &mut key);
                self.recorded(TENANTS[tenant], Dimension::CPU, key, n);
            }
            Step::Seal { admissions, span_ms } => self.seal(span_ms, admissions),
            Step::SealUpTo { slices_max, held } => self.seal_up_to(slices_max, held),
            Step::Maintain => self.engine.maintain(0),
            Step::Shed => self.shed(),
            Step::Forget => self.forget(),
            Step::Restart => self.restart(),
            Step::Idle => self.now_ms += 300,
        }
    }

    fn recorded(&mut self, tenant: &str, dimension: Dimension, key: Vec<u8>, n: u64) {
        if n > 0 {
            let name = self.engine.dimensions().name(dimension).unwrap();
            let id = StreamId::new(ORIGIN, tenant, name);
            *self.stream(&id).unsealed.entry(key).or_default() += n;
            self.recorded += u128::from(n);
        }
    }

    fn stream(&mut self, id: &StreamId) -> &mut Modelled {
        self.streams.entry(id.clone()).or_insert_with(|| Modelled {
            head: Head::genesis(id.clone()),
            unsealed: BTreeMap::new(),
            waits_since_ms: None,
            sealed_until_ms: 0,
            is_known: false,
        })
    }

    fn window(&self, span_ms: u64) -> Span {
        Span { start_ms: self.now_ms, end_ms: self.now_ms + span_ms }
    }

    /// Asserts that the sealer asks about each stream with counts, in the right order and with the right needs, and does
    /// what it is told.
    fn seal(&mut self, span_ms: u64, admissions: [Admission; 3]) {
        let window = self.window(span_ms);
        let preview = self.sealer.preview(window);
        self.check();
        let admission = |stream: &StreamId| {
            admissions[TENANTS.iter().position(|tenant| *tenant == stream.tenant()).unwrap()]
        };
        let used = self.streams.iter().filter(|(_, stream)| !stream.unsealed.is_empty());
        let mut expected: Vec<_> = used
            .map(|(id, stream)| {
                (stream.waits_since_ms.unwrap_or(u64::MAX), id.clone(), stream.head.next_seq())
            })
            .collect();
        expected.sort();

        let mut asked = Vec::new();
        let mut needs = BTreeMap::new();
        let sealed = self.sealer.seal_admitted(window, |candidate| {
            let waits_since_ms = candidate.waits_since_ms.unwrap_or(u64::MAX);
            asked.push((waits_since_ms, candidate.stream.clone(), candidate.next_seq));
            needs.insert(candidate.stream.clone(), (candidate.slices, candidate.row_bytes));
            admission(candidate.stream)
        });
        assert_eq!(asked, expected);
        for (stream, (slices, row_bytes)) in needs {
            let of_stream: Vec<_> = sealed.slices.iter().filter(|slice| *slice.stream() == stream).collect();
            assert!(of_stream.len() <= slices, "{stream} fills no more slices than it said");
            let rows: usize =
                of_stream.iter().flat_map(|slice| slice.decode().rows).map(|row| bytes_of_row(&row)).sum();
            assert!(rows <= row_bytes, "{stream} has {rows} bytes of rows, {row_bytes} at the most");
        }
        self.check_sealed(window, &preview, &sealed, &expected, admission);
    }

    fn seal_up_to(&mut self, slices_max: usize, held: Option<usize>) {
        let window = self.window(100);
        let preview = self.sealer.preview(window);
        self.check();
        let held = held.map(|tenant| TENANTS[tenant]);
        let sealed = self.sealer.seal(window, slices_max, |stream| Some(stream.tenant()) == held);
        assert!(sealed.slices.len() <= slices_max);
        assert!(sealed.slices.iter().all(|slice| Some(slice.stream().tenant()) != held));
        let was_sealed: BTreeSet<_> = sealed.slices.iter().map(|slice| slice.stream().clone()).collect();
        let used = self.streams.iter().filter(|(_, stream)| !stream.unsealed.is_empty());
        let asked: Vec<_> = used.map(|(id, _)| (0, id.clone(), Seq::FIRST)).collect();
        let admission =
            |stream: &StreamId| if was_sealed.contains(stream) { Admission::Seal } else { Admission::Wait };
        self.check_sealed(window, &preview, &sealed, &asked, admission);
    }

    /// Compares what a sealing did with the model, and moves the model.
    fn check_sealed(
        &mut self,
        window: Span,
        preview: &Sealed,
        sealed: &Sealed,
        asked: &[(u64, StreamId, Seq)],
        admission: impl Fn(&StreamId) -> Admission,
    ) {
        let (mut waiting, mut errors, mut slices) = (0, BTreeSet::new(), 0);
        for (_, id, _) in asked {
            let of_stream: Vec<_> = sealed.slices.iter().filter(|slice| slice.stream() == id).collect();
            slices += of_stream.len();
            let stream = self.streams.get_mut(id).unwrap();
            let start_ms = stream.waits_since_ms.unwrap_or(window.start_ms);
            match admission(id) {
                Admission::Seal if start_ms < window.end_ms => {
                    let seen: Vec<_> = preview.slices.iter().filter(|slice| slice.stream() == id).collect();
                    let bytes = |slices: &[&SealedSlice]| {
                        slices.iter().map(|slice| slice.bytes().to_vec()).collect::<Vec<_>>()
                    };
                    assert_eq!(bytes(&of_stream), bytes(&seen), "the preview is what would be sealed");
                    self.bytes.extend(bytes(&of_stream));
                    let rows = accepted(stream, start_ms, window.end_ms, &of_stream);
                    assert_eq!(rows, std::mem::take(&mut stream.unsealed), "a stream is sealed as a whole");
                    self.sealed += rows.values().map(|n| u128::from(*n)).sum::<u128>();
                    (stream.waits_since_ms, stream.is_known) = (None, true);
                }
                Admission::Skip => assert!(of_stream.is_empty()),
                admission => {
                    assert!(of_stream.is_empty());
                    stream.waits_since_ms = Some(start_ms);
                    stream.is_known = true;
                    if admission == Admission::Wait {
                        waiting += 1;
                    } else {
                        errors.insert(id.clone());
                    }
                }
            }
        }
        assert_eq!(sealed.slices.len(), slices, "only streams with counts are sealed");
        assert_eq!(sealed.waiting, waiting);
        assert_eq!(sealed.errors.iter().map(|error| error.stream.clone()).collect::<BTreeSet<_>>(), errors);
        self.now_ms = window.end_ms;
    }

    fn shed(&mut self) {
        let shed = self.sealer.shed_waiting();
        let mut expected = 0;
        for stream in self.streams.values_mut() {
            if stream.waits_since_ms.take().is_some() {
                expected += stream.total();
                stream.unsealed.clear();
            }
            // A stream that only waited has no slice, so its chain is dropped.
            stream.is_known &= !stream.head.next_seq().is_first();
        }
        assert_eq!(shed, expected);
        self.shed += shed;
    }

    fn forget(&mut self) {
        let all: Vec<_> = self.streams.keys().cloned().collect();
        self.sealer.forget(&all);
        for stream in self.streams.values_mut() {
            stream.is_known = stream.waits_since_ms.is_some();
        }
        self.check();
        self.continue_streams();
    }

    fn continue_streams(&mut self) {
        for stream in self.streams.values_mut().filter(|stream| !stream.head.next_seq().is_first()) {
            self.sealer.continue_from(&stream.head);
            self.sealer.continue_from(&Head::genesis(stream.head.stream().clone()));
            stream.is_known = true;
        }
    }

    fn restart(&mut self) {
        self.sealer = new_sealer(&self.engine);
        for stream in self.streams.values_mut() {
            (stream.is_known, stream.waits_since_ms) = (false, None);
        }
        self.continue_streams();
        let window = self.window(100);
        for (id, stream) in self.streams.iter_mut().filter(|(_, stream)| !stream.unsealed.is_empty()) {
            let rows = std::mem::take(&mut stream.unsealed);
            let slices = self.sealer.seal_recovered(id, window, &rows).unwrap();
            self.bytes.extend(slices.iter().map(|slice| slice.bytes().to_vec()));
            let slices: Vec<_> = slices.iter().collect();
            assert_eq!(accepted(stream, window.start_ms, window.end_ms, &slices), rows);
            self.sealed += rows.values().map(|n| u128::from(*n)).sum::<u128>();
            stream.is_known = true;
        }
        self.now_ms = window.end_ms;
    }

    /// Compares the model with the sealer, and checks the invariants of sealer and engine.
    fn check(&mut self) {
        self.sealer.validate().unwrap();
        self.engine.validate().unwrap();

        let mut reading = Reading::default();
        self.sealer.unsealed(&mut reading);
        let mut unsealed: BTreeMap<StreamId, Rows> = BTreeMap::new();
        for row in reading.rows() {
            let key = encoded(row.key);
            for (name, n) in self.engine.dimensions().names().zip(row.values).filter(|(_, n)| **n != 0) {
                let id = StreamId::new(ORIGIN, row.key.tenant(), name);
                assert_eq!(unsealed.entry(id).or_default().insert(key.clone(), *n), None, "a key twice");
            }
        }
        for (id, stream) in &mut self.streams {
            let rows = unsealed.remove(id).unwrap_or_default();
            let total: u128 = rows.values().map(|n| u128::from(*n)).sum();
            assert_eq!(stream.total(), total, "{id}");
            if self.has_exact_rows {
                assert_eq!(stream.unsealed, rows, "{id}");
            }
            // The engine may have folded rows into the tenant's overflow row. It is not the sealer's to know.
            stream.unsealed = rows;
        }
        assert!(unsealed.is_empty(), "{unsealed:?}");
        let left: u128 = self.streams.values().map(Modelled::total).sum();
        assert_eq!(self.recorded, self.sealed + self.shed + left, "recorded is sealed, shed or unsealed");

        let known = self.streams.values().filter(|stream| stream.is_known);
        assert_eq!(
            self.sealer.heads().collect::<Vec<_>>(),
            known.map(|stream| stream.head.clone()).collect::<Vec<_>>()
        );
        let waiting = self.streams.iter().filter(|(_, stream)| stream.waits_since_ms.is_some());
        assert_eq!(self.sealer.waiting(), waiting.map(|(id, _)| id.clone()).collect::<Vec<_>>());
    }
}

/// What a strict ledger makes of slices of one stream: the rows, if each follows the one before and has the span.
fn accepted(stream: &mut Modelled, start_ms: u64, end_ms: u64, slices: &[&SealedSlice]) -> Rows {
    let mut rows = Rows::new();
    for sealed in slices {
        let Acceptance::Next { slice, head } = accept(&stream.head, &sealed.digest(), sealed.bytes()) else {
            panic!("{} {} was refused", sealed.stream(), sealed.seq());
        };
        assert_eq!((slice.start_ms, slice.end_ms), (start_ms, end_ms));
        assert!(sealed.bytes().len() <= SLICE_BYTES_LEAST);
        for row in slice.rows {
            let mut key = Vec::new();
            encode_row_key(&row.key, &mut key);
            assert!(
                rows.last_key_value().map_or(true, |(last, _)| *last < key),
                "rows ascend over all slices"
            );
            rows.insert(key, row.increment);
        }
        stream.head = head;
    }
    assert!(start_ms >= stream.sealed_until_ms, "spans overlap");
    stream.sealed_until_ms = end_ms;
    rows
}

fn encoded(key: &UsageKey) -> Vec<u8> {
    let mut encoded = Vec::new();
    match (key.labels(), key.account()) {
        (Some(labels), _) => {
            encode_labels_key(labels.method, labels.route, labels.service, labels.region, &mut encoded);
        }
        (None, account) => encode_account_key(account.unwrap().ns, account.unwrap().id, &mut encoded),
    }
    encoded
}

fn bytes_of_row(row: &ron_ledger_wire::Row) -> usize {
    let mut key = Vec::new();
    encode_row_key(&row.key, &mut key);
    key.len() + 1
}

fn run(steps: &[Step], label_limit: usize) -> Vec<Vec<u8>> {
    let mut world = World::new(label_limit);
    for step in steps {
        world.take(step);
        world.check();
    }
    world.bytes
}

/// A label limit that is reached soon, so that keys are evicted, folded and come back, and one that never is.
fn label_limit() -> impl Strategy<Value = usize> {
    prop_oneof![Just(5), Just(9), Just(2_000)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn recorded_is_sealed_or_shed_or_unsealed(
        steps in prop::collection::vec(step(), 0..60),
        label_limit in label_limit(),
    ) {
        run(&steps, label_limit);
    }

    #[test]
    fn the_same_counts_give_the_same_bytes(
        steps in prop::collection::vec(step(), 0..60),
        label_limit in label_limit(),
    ) {
        prop_assert_eq!(run(&steps, label_limit), run(&steps, label_limit));
    }
}
