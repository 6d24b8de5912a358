//! Does a look into the log show what the pipeline knows?

use std::collections::BTreeMap;

use proptest::prelude::*;
use ron_accounting_core::{labels, Dimension, Engine, Reading};
use ron_accounting_export::{memory::MemoryLedger, Exporter};
use ron_accounting_pipeline::{inspect, Pipeline, SyncPolicy};
use ron_accounting_wal::{DirectoryStorage, WalOptions};
use ron_accounting_window::Span;
use ron_ledger_wire::{Digest, Origin, Seq};

use crate::node::{lanes, options};

#[derive(Debug, Clone)]
enum Step {
    Record(usize, u64),
    Seal,
    Checkpoint,
    Export,
    Look,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..3_usize, 1..100_u64).prop_map(|(tenant, n)| Step::Record(tenant, n)),
        4 => Just(Step::Seal),
        2 => Just(Step::Checkpoint),
        3 => Just(Step::Export),
        2 => Just(Step::Look),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn inspection_agrees_with_the_pipeline(steps in steps(), pending_max in 1..5_usize) {
        let directory = tempfile::tempdir().unwrap();
        let log = WalOptions::default().segment_bytes(8 << 10);
        let options = options().lanes(lanes().pending_max(pending_max)).sync(SyncPolicy::OnSeal);
        let open = || {
            let engine = Engine::default();
            let storage = DirectoryStorage::open(directory.path()).unwrap();
            let origin = Origin::from_bytes([7; 16]);
            let pipeline =
                Pipeline::with_log(&engine, origin, options.clone(), storage, log.clone(), 0).unwrap();
            (engine, pipeline)
        };
        let (mut engine, mut pipeline) = open();
        let ledger = MemoryLedger::new();
        let mut window = 0;
        // Every slice that was sealed, and whether it is acknowledged.
        let mut unacknowledged: BTreeMap<(String, Seq), Digest> = BTreeMap::new();
        let mut checkpointed = 0;
        for step in steps.into_iter().chain([Step::Look]) {
            let span = Span { start_ms: window * 60_000, end_ms: (window + 1) * 60_000 };
            match step {
                Step::Record(tenant, n) => {
                    let tenant = format!("tenant {tenant}");
                    engine.record(&labels().tenant(&tenant), Dimension::REQUESTS, n);
                }
                Step::Seal => {
                    pipeline.seal(span, span.end_ms);
                    window += 1;
                    // What waited has been in the checkpoint, or not; either way it is there again after the next one.
                    pipeline.checkpoint(span, span.end_ms);
                    checkpointed = live(&pipeline);
                }
                Step::Checkpoint => {
                    pipeline.checkpoint(span, span.end_ms);
                    checkpointed = live(&pipeline);
                }
                Step::Export => {
                    if let Some(batch) = pipeline.next_batch(span.end_ms) {
                        let answers = ledger.put_batch(&batch.slices);
                        pipeline.complete(batch.id, answers, span.end_ms);
                    }
                    // What waited may have been sealed now that there is room.
                    pipeline.checkpoint(span, span.end_ms);
                    checkpointed = live(&pipeline);
                }
                Step::Look => {}
                Step::Restart => {
                    drop(pipeline);
                    (engine, pipeline) = open();
                    prop_assert_eq!(live(&pipeline), 0);
                    checkpointed = 0;
                }
            }
            unacknowledged.clear();
            let found = inspect(directory.path()).unwrap();
            for slice in &found.unacknowledged {
                unacknowledged.insert((slice.stream().to_string(), slice.seq()), slice.digest());
            }
            let pending: u128 = pipeline.totals().iter().map(|total| total.pending).sum();
            prop_assert_eq!(found.unacknowledged.len(), pipeline.pending());
            prop_assert_eq!(unacknowledged.len(), pipeline.pending(), "each once");
            prop_assert_eq!(found.unacknowledged.iter().map(ron_ledger_wire::SealedSlice::total).sum::<u128>(), pending);
            prop_assert_eq!(found.live, checkpointed);
            prop_assert!(!found.is_damaged());
            for head in &found.heads {
                let arrived = ledger.slices_of(head.stream()).len() as u64;
                let waiting = found.unacknowledged.iter().filter(|slice| slice.stream() == head.stream());
                prop_assert_eq!(head.next_seq(), Seq::new(arrived + waiting.count() as u64));
            }
        }
    }
}

fn live(pipeline: &Pipeline) -> u128 {
    let mut reading = Reading::default();
    pipeline.unsealed(&mut reading);
    reading.rows().flat_map(|row| row.values).map(|value| u128::from(*value)).sum()
}

#[test]
fn a_look_changes_nothing_and_names_what_it_sees() {
    let directory = tempfile::tempdir().unwrap();
    assert!(inspect(&directory.path().join("nowhere")).is_err());
    let empty = inspect(directory.path()).unwrap();
    assert_eq!((empty.origin, empty.segments.len(), empty.live), (None, 0, 0));

    let engine = Engine::default();
    let origin = Origin::from_bytes([7; 16]);
    let storage = DirectoryStorage::open(directory.path()).unwrap();
    let mut pipeline =
        Pipeline::with_log(&engine, origin, options(), storage, WalOptions::default(), 0).unwrap();
    let window = Span { start_ms: 0, end_ms: 60_000 };
    let ledger = MemoryLedger::new();
    engine.record(&labels().tenant("acme"), Dimension::REQUESTS, 1);
    pipeline.seal(window, 60_000);
    let batch = pipeline.next_batch(60_000).unwrap();
    let answers = ledger.put_batch(&batch.slices);
    pipeline.complete(batch.id, answers, 60_000);
    engine.record(&labels().tenant("bolt"), Dimension::REQUESTS, 2);
    pipeline.seal(window, 60_000);
    engine.record(&labels().tenant("bolt"), Dimension::CPU, 40);
    pipeline.checkpoint(window, 60_000);

    std::fs::write(directory.path().join("notes.txt"), "not ours").unwrap();
    let listing = || {
        let mut files: Vec<_> = std::fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = listing();
    let found = inspect(directory.path()).unwrap();
    assert_eq!(listing(), before);
    assert_eq!(found.origin, Some(origin));
    let records = [("acknowledgements", 1), ("checkpoint", 1), ("slice", 2)];
    assert_eq!(found.records, BTreeMap::from(records));
    let heads: Vec<_> =
        found.heads.iter().map(|head| (head.stream().tenant(), head.next_seq().get())).collect();
    assert_eq!(heads, [("acme", 1), ("bolt", 1)]);
    assert_eq!(found.unacknowledged.len(), 1);
    assert_eq!((found.live, found.ignored, found.unreadable.len()), (40, vec!["notes.txt".to_owned()], 0));
}
