//! Can logs that older builds wrote be opened and carried on, and does this build write what it wrote before?

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use ron_accounting_core::{Dimension, Engine};
use ron_accounting_pipeline::{OnFull, Pipeline};
use ron_accounting_wal::{fault::MemoryStorage, inspect, inspect_directory, DirectoryStorage, Storage};
use ron_ledger_wire::ClaimId;

use crate::node::{lanes, options, small_log, Node, ORIGIN};

const SEGMENT: &str = "00000000000000000000.wal";

/// Written by the build of payload version 1: acme 0 and bolt 0 acknowledged, acme 1 (10) and 2 (20) pending, a checkpoint
/// with 100 of acme and 1000 of crow.
const VERSION_1: &[u8] = include_bytes!("../golden/version-1/00000000000000000000.wal");

/// What [`life`] wrote when the identity did not have the claim that the ledger has taken, and what it writes now.
const VERSION_2: [&str; 2] = ["version-2", "version-2-confirmed"];

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn golden_files(name: &str) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(golden(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect()
}

fn files(disk: &MemoryStorage) -> BTreeMap<String, Vec<u8>> {
    let names = disk.list().unwrap();
    names.into_iter().map(|name| (name.clone(), disk.content(&name).unwrap())).collect()
}

/// A life that writes each kind of record.
fn life(disk: &MemoryStorage) -> Node {
    let shedding = options().on_full(OnFull::Shed).lanes(lanes().pending_max(4).batch_max(1));
    // Without recycling, so that the files show nothing but the records.
    let log = small_log().segment_bytes(32 << 10).max_bytes(64 << 10).recycle(false);
    let claimed = shedding.claim_id(Some(ClaimId::from_bytes([5; 16])));
    let mut node = Node::with_log(disk, claimed, log, 2048);
    node.record("acme", 1);
    node.record("bolt", 2);
    node.boundary();
    node.export();
    // Two slices that count together, since a checkpoint has them.
    for row in 0..13 {
        node.record_row("large", &format!("/{row:02}/{}", "x".repeat(900)), Dimension::REQUESTS, 1);
    }
    node.record("acme", 10);
    node.checkpoint();
    node.boundary();
    // There is room for one stream more; what the others counted is thrown away.
    node.ledger.memory.set_unavailable(true);
    for (tenant, n) in [("acme", 20), ("bolt", 40)] {
        node.record(tenant, n);
    }
    node.checkpoint();
    node.boundary();
    node.record("crow", 1_000);
    node.checkpoint();
    node.ledger.memory.set_unavailable(false);
    node.now_ms += 10;
    node.put();
    node
}

#[test]
fn a_log_of_version_1_is_carried_on() {
    let disk = MemoryStorage::new();
    disk.put(SEGMENT, VERSION_1);
    for _ in 0..2 {
        let node = Node::on(&disk, options());
        let pending: BTreeMap<_, _> =
            node.pending().into_iter().map(|((tenant, _), units)| (tenant, units)).collect();
        assert_eq!(pending, BTreeMap::from([("acme".to_owned(), 130), ("crow".to_owned(), 1_000)]));
        let stats = node.pipeline.stats();
        assert_eq!((stats.not_durable, stats.last_error), (0, None));
        assert_eq!(node.log_stats().unreadable_records, 0);
    }
}

#[test]
fn a_log_of_version_2_is_written_as_before_and_carried_on() {
    let disk = MemoryStorage::new();
    let node = life(&disk);
    let (shed, recorded) = (node.pipeline.stats().shed, node.recorded.values().sum::<u128>());
    assert!(shed > 0);
    let log = inspect(&disk).unwrap();
    let kinds: BTreeSet<u8> =
        log.segments.iter().flat_map(|segment| &segment.records).map(|record| record.kind.0).collect();
    assert!([1, 2, 3, 6, 7, 8, 9].iter().all(|kind| kinds.contains(kind)), "{kinds:?}");

    let written = files(&disk);
    let [_, folder] = VERSION_2.map(golden);
    // A change of the bytes is a change of the format: write anew only together with a new version.
    if std::env::var_os("WRITE_GOLDEN_LOG").is_some() {
        fs::create_dir_all(&folder).unwrap();
        for (name, content) in &written {
            fs::write(folder.join(name), content).unwrap();
        }
    }
    let [before, kept] = VERSION_2.map(golden_files);
    assert_eq!(written.keys().collect::<Vec<_>>(), kept.keys().collect::<Vec<_>>());
    assert!(written == kept, "this build writes other bytes");

    for log in [before, kept] {
        let disk = MemoryStorage::new();
        for (name, content) in log {
            disk.put(&name, content);
        }
        let mut next = Node::on(&disk, options());
        assert_eq!(next.log_stats().unreadable_records, 0);
        next.ledger = node.ledger.copy();
        next.settle();
        assert_eq!(next.ledger.memory.totals().values().sum::<u128>(), recorded - shed);
    }
}

#[test]
fn golden_logs_hold_every_kind_of_record_and_open_as_folders() {
    let mut kinds = BTreeSet::new();
    for name in ["version-1"].into_iter().chain(VERSION_2) {
        let (folder, disk) = (tempfile::tempdir().unwrap(), MemoryStorage::new());
        for (file, content) in golden_files(name) {
            fs::write(folder.path().join(&file), &content).unwrap();
            disk.put(&file, content);
        }
        let segments = inspect_directory(folder.path()).unwrap().segments;
        kinds.extend(segments.iter().flat_map(|segment| &segment.records).map(|record| record.kind.0));

        let expected = Node::on(&disk, options()).pending();
        assert!(!expected.is_empty(), "{name}");
        for _ in 0..2 {
            let storage = DirectoryStorage::open(folder.path()).unwrap();
            let engine = Engine::default();
            let pipeline = Pipeline::with_log(&engine, ORIGIN, options(), storage, small_log(), 0).unwrap();
            let pending: BTreeMap<_, _> = pipeline
                .totals()
                .into_iter()
                .filter(|total| total.pending > 0)
                .map(|total| (total.stream, total.pending))
                .map(|(stream, units)| ((stream.tenant().to_owned(), stream.dimension().to_owned()), units))
                .collect();
            let log = pipeline.stats().log.unwrap();
            assert_eq!((log.unreadable_records, log.corrupt_segments), (0, 0), "{name}");
            assert_eq!(pending, expected, "{name}");
        }
    }
    assert_eq!(kinds, (1..=9).collect());
}
