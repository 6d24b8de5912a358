//! What does the next process find?

use ron_accounting_export::PutError;
use ron_accounting_wal::fault::{MemoryStorage, Survival};
use ron_accounting_wal::{inspect, RecordKind, Wal};
use ron_ledger_wire::{ClaimId, Origin, Seq};

use crate::node::{lanes, options, small_log, stream, Node};

#[test]
fn a_stream_goes_on_where_it_stood() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options());
    for life in 0..4 {
        node.record("acme", 1 + life);
        node.settle();
        node.record("acme", 10);
        node.settle();
        node.assert_conserved();
        node.restart(&disk);
        assert!(node.pipeline.is_drained(), "acknowledged slices are not sent again");
        node.pipeline.check_heads(&node.ledger).unwrap();
    }
    node.assert_complete();
    assert_eq!(node.pipeline.origin(), crate::node::ORIGIN, "the log's origin wins over the one offered");
    assert_ne!(node.pipeline.origin(), Origin::from_bytes([9; 16]));
    // The ledger takes a slice only if it links to the one before.
    assert_eq!(node.ledger.seqs(&stream("acme")), (0..8).collect::<Vec<_>>());
}

#[test]
fn a_kill_between_log_and_ledger_loses_nothing() {
    for seed in 0..24 {
        let disk = MemoryStorage::new();
        let mut node = Node::on(&disk, options());
        node.record("acme", 1);
        node.settle();
        node.record("acme", 2);
        node.record("bolt", 3);
        node.boundary();
        let disk = disk.crash(seed);
        node.restart(&disk);
        assert_eq!(node.pending(), {
            let mut pending = node.recorded.clone();
            pending.insert(("acme".to_owned(), "requests".to_owned()), 2);
            pending
        });
        assert_eq!(node.pipeline.stats().recovered_slices, 2);
        node.settle();
        node.assert_complete();
    }
}

#[test]
fn a_kill_between_ledger_and_answer_leads_to_duplicates() {
    for seed in 0..24 {
        let disk = MemoryStorage::new();
        let mut node = Node::on(&disk, options().lanes(lanes().batch_max(2)));
        for n in 1..5 {
            node.record("acme", n);
            node.record("bolt", n);
            node.boundary();
        }
        node.put();
        node.put_and_die();
        let disk = disk.crash(seed);
        node.restart(&disk);
        node.record("acme", 100);
        node.settle();
        node.assert_complete();
        assert!(node.pipeline.stats().duplicates >= 2);
    }
}

#[test]
fn an_acknowledgement_that_was_not_synced_is_asked_for_again() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options());
    node.record("acme", 1);
    node.settle();
    node.restart(&disk.crash_with(Survival::Synced, 0));
    assert_eq!(node.pipeline.pending(), 1);
    node.settle();
    assert_eq!(node.pipeline.stats().duplicates, 1);
    node.assert_complete();
}

#[test]
fn a_ledger_that_lost_its_data_stops_the_stream_and_nothing_is_made_up() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options());
    node.record("acme", 1);
    node.settle();
    node.restart(&disk);
    node.ledger = crate::witness::Witness::default();
    node.record("acme", 2);
    node.boundary();
    let batch = node.pipeline.next_batch(node.now_ms).unwrap();
    let answers = ron_accounting_export::Exporter::put_batch(&node.ledger.memory, &batch.slices);
    node.pipeline.complete(batch.id, answers, node.now_ms);
    let parked = node.pipeline.stats().lanes.parked;
    assert_eq!(parked[0].error, PutError::Gap { expected: Seq::FIRST, found: Seq::new(1) });
}

#[test]
fn a_torn_tail_is_dropped_and_the_rest_goes_on() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options());
    node.record("acme", 1);
    node.boundary();
    let name = ron_accounting_wal::Storage::list(&disk).unwrap().remove(0);
    let mut content = disk.content(&name).unwrap();
    let end = content.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    content[end..end + 40].fill(0xa5);
    disk.put(&name, content);
    node.restart(&disk);
    assert_eq!(node.log_stats().torn_tails, 1);
    node.record("acme", 2);
    node.settle();
    node.restart(&disk);
    assert_eq!(node.log_stats().torn_tails, 0);
    node.settle();
    node.assert_complete();
}

#[test]
fn a_parked_stream_does_not_disturb_the_others_after_a_restart() {
    // Its slice keeps a segment alive, with slices of others that were acknowledged long ago. Their acknowledgements stood
    // in segments that are gone.
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options());
    let rejected = PutError::rejected("no such customer");
    node.ledger.memory.refuse(&stream("parked"), Some(rejected));
    node.record("parked", 1);
    node.ledger.memory.set_unavailable(true);
    for _ in 0..40 {
        node.record("acme", 1);
        node.boundary();
    }
    node.ledger.memory.set_unavailable(false);
    for _ in 0..100 {
        node.export();
        node.record("bolt", 1);
        node.boundary();
    }
    node.record("acme", 1);
    node.boundary();
    for _ in 0..3 {
        node.restart(&disk);
        assert_eq!(node.pipeline.stats().refused, 0, "{:?}", node.pipeline.stats().last_error);
        node.record("acme", 1);
        node.boundary();
        node.export();
        assert_eq!(node.pipeline.pending(), 1);
    }
    node.ledger.memory.refuse(&stream("parked"), None);
    node.pipeline.resume(&stream("parked"));
    node.settle();
    node.assert_complete();
}

#[test]
fn more_slices_than_the_queues_take_are_recovered_in_order() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options().lanes(lanes().pending_max(50)));
    for _ in 0..25 {
        node.record("acme", 1);
        node.record("bolt", 1);
        node.boundary();
    }
    assert_eq!(node.pipeline.pending(), 50);
    let mut small = Node::on(&disk, options().lanes(lanes().pending_max(3)));
    small.ledger = node.ledger;
    small.recorded = node.recorded;
    assert_eq!((small.pipeline.pending(), small.pipeline.room()), (50, 0));
    small.record("acme", 1);
    small.settle();
    small.assert_complete();
}

#[test]
fn slices_behind_a_damaged_one_wait_for_an_operator() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options());
    for n in 1..=4 {
        node.record("acme", n);
        node.record("bolt", n);
        node.boundary();
    }
    // Decay in the record of slice 1 of acme, which was durable.
    let log = inspect(&disk).unwrap();
    let (position, _) = log
        .segments
        .iter()
        .flat_map(|segment| &segment.records)
        .filter_map(|record| {
            Some((record.position, ron_ledger_wire::SealedSlice::from_bytes(&record.body[..]).ok()?))
        })
        .find(|(_, slice)| slice.stream() == &stream("acme") && slice.seq() == Seq::new(1))
        .unwrap();
    let name = format!("{:020}.wal", position.segment);
    assert!(disk.flip_bit(&name, position.offset + 60, 3));

    node.restart(&disk);
    let stats = node.pipeline.stats();
    assert_eq!((stats.refused, stats.pending), (2, 7), "slices 2 and 3 do not follow slice 0");
    assert!(stats.last_error.unwrap().contains("recovered slice 3"));
    assert_eq!(node.log_stats().corrupt_segments, 1);
    for _ in 0..3 {
        node.record("acme", 1);
        node.record("bolt", 1);
        node.boundary();
        node.export();
        node.assert_conserved();
    }
    assert_eq!(node.ledger.memory.total("bolt", "requests"), 1 + 2 + 3 + 4 + 3, "the other stream goes on");
    assert_eq!(node.ledger.memory.total("acme", "requests"), 1, "nothing is skipped");
    assert_eq!(node.pipeline.stats().refused, 2, "what cannot go out is not sealed");
    assert!(!node.pipeline.is_drained());
}

#[test]
fn records_of_a_kind_that_is_not_known_are_reported_and_kept() {
    let disk = MemoryStorage::new();
    let (mut wal, _) = Wal::open(disk.clone(), [7; 16], small_log(), 0).unwrap();
    for (kind, body) in
        [(1, "no slice"), (2, "no list"), (3, "\u{7f}"), (4, "short"), (5, "short"), (99, "new")]
    {
        wal.append(RecordKind(kind), body.as_bytes(), 0).unwrap();
    }
    wal.sync().unwrap();
    drop(wal);

    let mut node = Node::on(&disk, options());
    assert_eq!(node.log_stats().unreadable_records, 6);
    let error = node.pipeline.stats().last_error.unwrap();
    assert!(error.contains("not readable") && error.contains("kind 99"), "{error}");
    for _ in 0..200 {
        node.record("acme", 1);
        node.settle();
    }
    node.assert_complete();
    assert!(node.log_stats().segments <= 5, "the other segments are retired");
    let kinds: Vec<u8> =
        inspect(&disk).unwrap().segments[0].records.iter().map(|record| record.kind.0).collect();
    assert_eq!(kinds, [1, 2, 3, 4, 5, 99]);
}

#[test]
fn a_log_that_is_not_a_log_is_refused() {
    let disk = MemoryStorage::new();
    for origin in [7, 8] {
        let other = MemoryStorage::new();
        let (mut wal, _) = Wal::open(other.clone(), [origin; 16], small_log(), 0).unwrap();
        wal.append(RecordKind(1), b"x", 0).unwrap();
        wal.sync().unwrap();
        let content = other.content(&format!("{:020}.wal", 0)).unwrap();
        disk.put(&format!("{origin:020}.wal"), content);
    }
    let engine = ron_accounting_core::Engine::default();
    let opened = ron_accounting_pipeline::Pipeline::with_log(
        &engine,
        crate::node::ORIGIN,
        options(),
        disk,
        small_log(),
        0,
    );
    let error = opened.unwrap_err().with_causes();
    assert!(error.starts_with("write-ahead log failed: "), "{error}");
}

#[test]
fn a_stream_never_goes_back_behind_what_the_ledger_has() {
    // The acknowledgement of slice 4 survived, and nothing else of the stream.
    let disk = MemoryStorage::new();
    let (mut wal, _) = Wal::open(disk.clone(), [7; 16], small_log(), 0).unwrap();
    let body = b"\x81\xa3\x66tenant\x64acme\x69dimension\x68requests\x63seq\x04";
    wal.append(RecordKind(2), body, 0).unwrap();
    wal.sync().unwrap();
    drop(wal);
    let mut node = Node::on(&disk, options());
    assert_eq!(node.log_stats().unreadable_records, 0);
    for life in 1..4 {
        node.record("acme", 1);
        node.record("bolt", 1);
        node.boundary();
        node.drain();
        assert!(node.pipeline.stats().last_error.unwrap().contains("acme"));
        assert_eq!(node.ledger.memory.total("bolt", "requests"), life);
        assert_eq!(node.live().values().sum::<u128>(), 1, "what cannot be sealed stays live");
        node.assert_conserved();
        node.restart(&disk);
    }
}

#[test]
fn thousands_of_streams_keep_their_heads() {
    // More than one record of heads, which stand in several segments.
    let disk = MemoryStorage::new();
    let mut node = Node::with_log(&disk, options().lanes(lanes().pending_max(10_000)), small_log(), 10_000);
    for life in 0..3 {
        for tenant in 0..1_100 {
            node.record(&format!("tenant {tenant}"), 1 + life);
        }
        node.boundary();
        node.ledger.watch(None);
        node.drain();
        node.restart(&disk);
        assert!(node.pipeline.is_drained(), "{} slices came back", node.pipeline.pending());
        node.pipeline.check_heads(&node.ledger).unwrap();
    }
    node.assert_complete();
    assert_eq!(node.ledger.memory.slices().len(), 3_300);
}

/// The `number`th opening of a log.
fn claimed(number: u64) -> ron_accounting_pipeline::PipelineOptions {
    let mut id = [0xc1; 16];
    id[..8].copy_from_slice(&number.to_le_bytes());
    options().claim_id(Some(ClaimId::from_bytes(id)))
}

#[test]
fn a_log_may_be_opened_any_number_of_times_while_its_ledger_cannot_be_reached() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, claimed(0));
    node.record("acme", 1);
    node.settle();
    node.ledger.memory.set_unavailable(true);
    for opening in 1..=80 {
        node.options = claimed(opening);
        node.restart(&disk);
        node.record("acme", 1);
        node.boundary();
        node.export();
        let claim = node.pipeline.claim().unwrap();
        assert!(claim.ancestors().len() <= ron_ledger_wire::CLAIM_ANCESTORS_MAX);
    }
    node.ledger.memory.set_unavailable(false);
    node.settle();
    assert!(node.pipeline.stats().lanes.parked.is_empty());
    node.assert_complete();
    // And once more, with the opening that has reached the ledger now.
    node.ledger.memory.set_unavailable(true);
    for opening in 81..=160 {
        node.options = claimed(opening);
        node.restart(&disk);
    }
    node.ledger.memory.set_unavailable(false);
    node.record("acme", 1);
    node.settle();
    node.assert_complete();
}
