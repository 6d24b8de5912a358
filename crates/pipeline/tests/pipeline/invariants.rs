//! Do the promises hold whatever happens, in whatever order?
//!
//! A model knows what was recorded and how much of it was ever safe: sealed and durable, or in a durable checkpoint. The
//! witness in front of the ledger checks order, identity and durability at each put.

use ron_accounting_core::Dimension;
use ron_accounting_export::PutError;
use ron_accounting_pipeline::{PipelineOptions, SyncPolicy};
use ron_accounting_wal::fault::{MemoryStorage, Operation};
use ron_accounting_wal::WalOptions;

use proptest::prelude::*;

use ron_ledger_wire::StreamId;

use crate::node::{lanes, options, small_log, Node, Totals, ORIGIN};

#[derive(Debug, Clone, Copy)]
enum Step {
    Record {
        tenant: usize,
        route: usize,
        dimension: Dimension,
        n: u64,
    },
    Boundary,
    Checkpoint,
    /// Time passes, less than a window, and the pipeline looks after itself.
    Maintain(u64),
    Put(Answer),
    /// The ledger refuses a tenant's slices for good, or no longer.
    Refuse(usize, bool),
    Fail(Operation, u64),
    ShortWrite(u64, usize),
    /// The disk cannot grow by more than this.
    Fill(u64),
    Heal,
    /// The process dies, and with a seed the machine as well.
    Die(Option<u64>),
}

#[derive(Debug, Clone, Copy)]
enum Answer {
    Ok,
    Unavailable,
    LostAcknowledgement,
    /// The put itself dies.
    None,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // No failing renames: then a poisoned segment looks sound to the next process, as the log's documentation says.
    let operation = prop::sample::select(vec![
        Operation::Write,
        Operation::Allocate,
        Operation::SetLength,
        Operation::Sync,
        Operation::Sync,
        Operation::Create,
        Operation::Remove,
        Operation::SyncDirectory,
    ]);
    let answer = prop::sample::select(vec![
        Answer::Ok,
        Answer::Ok,
        Answer::Ok,
        Answer::Unavailable,
        Answer::LostAcknowledgement,
        Answer::None,
    ]);
    let dimension = prop::sample::select(vec![Dimension::REQUESTS, Dimension::CPU]);
    let step = prop_oneof![
        8 => (0..4_usize, 0..3_usize, dimension, 1..1000_u64)
            .prop_map(|(tenant, route, dimension, n)| Step::Record { tenant, route, dimension, n }),
        5 => Just(Step::Boundary),
        3 => Just(Step::Checkpoint),
        3 => (0..30_000_u64).prop_map(Step::Maintain),
        8 => answer.prop_map(Step::Put),
        1 => (0..4_usize, any::<bool>()).prop_map(|(tenant, refuse)| Step::Refuse(tenant, refuse)),
        2 => (operation, 0..4_u64).prop_map(|(operation, skip)| Step::Fail(operation, skip)),
        1 => (0..4_u64, 0..200_usize).prop_map(|(skip, kept)| Step::ShortWrite(skip, kept)),
        1 => (0..10_000_u64).prop_map(Step::Fill),
        2 => Just(Step::Heal),
        1 => prop::option::weighted(0.7, any::<u64>()).prop_map(Step::Die),
    ];
    prop::collection::vec(step, 1..80)
}

fn settings() -> impl Strategy<Value = (SyncPolicy, PipelineOptions, WalOptions)> {
    let sync = prop::sample::select(vec![
        SyncPolicy::OnSeal,
        SyncPolicy::OnSeal,
        SyncPolicy::IntervalMs(100_000),
        SyncPolicy::Never,
    ]);
    let log =
        prop::sample::select(vec![small_log(), small_log().max_bytes(48 << 10), small_log().max_entries(20)]);
    (sync, 1..10_usize, 1..4_usize, prop::sample::select(vec![0, 40_000]), log).prop_map(
        |(sync, pending_max, batch_max, checkpoint_ms, log)| {
            let lanes = lanes().pending_max(pending_max).batch_max(batch_max).in_flight_max(1);
            (sync, options().sync(sync).checkpoint_ms(checkpoint_ms).lanes(lanes), log)
        },
    )
}

/// What must arrive, whatever happens from now on.
#[derive(Default)]
struct Safe {
    all: Totals,
    /// As of the start of this life.
    inherited: Totals,
    /// What was recorded in this life.
    recorded: Totals,
    checkpoints: u64,
}

impl Safe {
    fn look(&mut self, node: &Node) {
        let stats = node.pipeline.stats();
        let is_checkpointed = stats.checkpoints > self.checkpoints;
        self.checkpoints = stats.checkpoints;
        if stats.not_durable > 0 && !is_checkpointed {
            return;
        }
        let live = if is_checkpointed { Totals::new() } else { node.live() };
        for (place, recorded) in &self.recorded {
            let inherited = self.inherited.get(place).copied().unwrap_or_default();
            let safe = inherited + recorded - live.get(place).copied().unwrap_or_default();
            let known = self.all.entry(place.clone()).or_default();
            *known = safe.max(*known);
        }
    }

    fn begin_life(&mut self, node: &Node) {
        self.inherited.clone_from(&self.all);
        self.recorded.clear();
        self.checkpoints = node.pipeline.stats().checkpoints;
    }
}

struct World {
    disk: MemoryStorage,
    node: Node,
    safe: Safe,
    sync: SyncPolicy,
    deaths: usize,
}

impl World {
    fn step(&mut self, step: Step) {
        let Self { disk, node, safe, .. } = self;
        match step {
            Step::Record { tenant, route, dimension, n } => {
                let tenant = format!("tenant {tenant}");
                node.record_row(&tenant, &format!("/{route}"), dimension, n);
                let name = node.engine.dimensions().name(dimension).unwrap();
                crate::node::add(&mut safe.recorded, &tenant, name, n.into());
                return;
            }
            Step::Boundary => node.boundary(),
            Step::Checkpoint => node.checkpoint(),
            Step::Maintain(ms) => {
                let end = node.window().end_ms - 1;
                node.now_ms = (node.now_ms + ms).min(end);
                node.maintain();
            }
            Step::Put(answer) => self.put(answer),
            Step::Refuse(tenant, refuse) => self.refuse(tenant, refuse),
            Step::Fail(operation, skip) => disk.fail_nth(operation, skip),
            Step::ShortWrite(skip, kept) => disk.short_write(skip, kept),
            Step::Fill(spare) => disk.set_capacity(node.log_stats().bytes + spare),
            Step::Heal => disk.heal(),
            Step::Die(seed) => self.die(seed),
        }
        self.safe.look(&self.node);
        self.node.assert_conserved();
    }

    fn put(&mut self, answer: Answer) {
        let memory = self.node.ledger.memory.clone();
        let node = &mut self.node;
        match answer {
            Answer::Ok => drop(node.put()),
            Answer::Unavailable => {
                memory.set_unavailable(true);
                node.put();
                memory.set_unavailable(false);
            }
            Answer::LostAcknowledgement => {
                memory.lose_acknowledgements(1);
                node.put();
                memory.lose_acknowledgements(0);
            }
            Answer::None => {
                if let Some(batch) = node.pipeline.next_batch(node.now_ms) {
                    node.pipeline.complete(batch.id, Vec::new(), node.now_ms);
                }
            }
        }
    }

    fn refuse(&mut self, tenant: usize, refuse: bool) {
        for dimension in ["requests", "cpu"] {
            let stream = StreamId::new(ORIGIN, &format!("tenant {tenant}"), dimension);
            let error = PutError::rejected("no such customer");
            self.node.ledger.memory.refuse(&stream, refuse.then_some(error));
            if !refuse {
                self.node.pipeline.resume(&stream);
            }
        }
    }

    fn die(&mut self, seed: Option<u64>) {
        self.deaths += 1;
        self.disk = match seed {
            Some(seed) if self.sync != SyncPolicy::Never => self.disk.crash(seed),
            _ => self.disk.clone(),
        };
        self.disk.heal();
        self.node.restart(&self.disk);
        if self.sync == SyncPolicy::Never {
            self.node.ledger.watch(None);
        }
        self.node.pipeline.check_heads(&self.node.ledger).unwrap();
        self.safe.begin_life(&self.node);
    }

    fn end(mut self) {
        self.disk.heal();
        (0..4).for_each(|tenant| self.refuse(tenant, false));
        self.node.settle();
        self.safe.look(&self.node);
        self.node.assert_conserved();
        self.assert_arrived();
        let arrived = self.node.ledger.memory.totals();
        self.node.restart(&self.disk);
        self.node.settle();
        assert_eq!(self.node.ledger.memory.totals(), arrived, "a further life adds nothing");
    }

    fn assert_arrived(&self) {
        if self.deaths == 0 {
            self.node.assert_complete();
        }
        for (place, recorded) in &self.node.recorded {
            let arrived = self.node.ledger.memory.total(&place.0, &place.1);
            let safe = self.safe.all.get(place).copied().unwrap_or_default();
            assert!(
                (safe..=*recorded).contains(&arrived),
                "{place:?}: {arrived} arrived, {safe} were safe, {recorded} recorded"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_safe_arrives_once(steps in steps(), (sync, options, log) in settings()) {
        let disk = MemoryStorage::new();
        let node = Node::with_log(&disk, options, log, 2048);
        if sync == SyncPolicy::Never {
            node.ledger.watch(None);
        }
        let mut safe = Safe::default();
        safe.begin_life(&node);
        let mut world = World { disk, node, safe, sync, deaths: 0 };
        for step in steps {
            world.step(step);
        }
        world.end();
    }
}
