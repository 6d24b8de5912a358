//! How much does a kill lose, and is what was recovered counted once?

use ron_accounting_core::Dimension;
use ron_accounting_export::PutError;
use ron_accounting_pipeline::SyncPolicy;
use ron_accounting_wal::fault::{MemoryStorage, Operation, Survival};
use ron_accounting_wal::inspect;
use ron_ledger_wire::SealedSlice;

use crate::node::{lanes, options, small_log, stream, Node};

fn total(node: &Node, tenant: &str) -> u128 {
    node.ledger.memory.total(tenant, "requests")
}

#[test]
fn a_kill_loses_only_what_came_after_the_checkpoint() {
    for seed in 0..24 {
        let disk = MemoryStorage::new();
        let mut node = Node::on(&disk, options());
        node.record("acme", 10);
        node.record_row("acme", "/b", Dimension::REQUESTS, 3);
        node.checkpoint();
        node.record("acme", 5);
        let disk = disk.crash(seed);
        node.restart(&disk);
        node.settle();
        assert_eq!(total(&node, "acme"), 13);
    }
}

#[test]
fn checkpoints_come_when_they_are_due() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options().checkpoint_ms(5_000));
    let recovered = |node: &mut Node| {
        let mut next = Node::on(&disk.crash_with(Survival::Synced, 0), options());
        next.now_ms = node.now_ms;
        next.settle();
        total(&next, "acme")
    };
    node.record("acme", 1);
    node.now_ms += 4_999;
    node.maintain();
    assert_eq!(recovered(&mut node), 0);
    node.now_ms += 1;
    node.maintain();
    assert_eq!(recovered(&mut node), 1);
    node.record("acme", 2);
    node.maintain();
    assert_eq!(recovered(&mut node), 1);
    node.now_ms += 5_000;
    node.maintain();
    assert_eq!(recovered(&mut node), 3);
    assert_eq!(node.pipeline.stats().last_error, None);
}

#[test]
fn a_checkpoint_of_nothing_new_writes_nothing() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options());
    node.checkpoint();
    assert_eq!(disk.count(Operation::Write), 0);
    node.record("acme", 1);
    node.checkpoint();
    let writes = disk.count(Operation::Write);
    node.checkpoint();
    assert_eq!(disk.count(Operation::Write), writes);
}

#[test]
fn recovered_counts_are_sealed_once_however_often_the_process_dies() {
    // Deaths: right after the start, after the seal, after the put, after the acknowledgement.
    for (deaths, seed) in (0..4_u64.pow(3)).zip(0..) {
        let disk = MemoryStorage::new();
        let mut node = Node::on(&disk, options());
        node.record("acme", 10);
        node.record("bolt", 20);
        node.checkpoint();
        let mut disk = disk.crash(seed);
        for death in [deaths % 4, deaths / 4 % 4, deaths / 16] {
            node.restart(&disk);
            if death > 0 {
                node.boundary();
            }
            match death {
                2 => node.put_and_die(),
                3 => node.export(),
                _ => {}
            }
            disk = disk.crash(seed + death);
        }
        node.restart(&disk);
        node.settle();
        node.assert_complete();
    }
}

#[test]
fn a_seal_after_the_checkpoint_has_all_of_it() {
    for seed in 0..24 {
        let disk = MemoryStorage::new();
        let mut node = Node::on(&disk, options());
        node.record("acme", 10);
        node.checkpoint();
        node.record("acme", 1);
        node.record_row("acme", "/new", Dimension::REQUESTS, 7);
        node.boundary();
        let disk = disk.crash(seed);
        node.restart(&disk);
        node.settle();
        node.assert_complete();
        assert_eq!(node.ledger.seqs(&stream("acme")), [0], "nothing was left to recover");
    }
}

#[test]
fn streams_that_wait_are_recovered_beside_those_that_were_sealed() {
    for seed in 0..24 {
        let disk = MemoryStorage::new();
        let mut node = Node::on(&disk, options().lanes(lanes().pending_max(1)));
        for tenant in ["a", "b", "c"] {
            node.record(tenant, 10);
        }
        node.checkpoint();
        node.record("a", 1);
        node.boundary();
        assert_eq!(node.pipeline.stats().waiting_streams, 2);
        let disk = disk.crash(seed);
        node.restart(&disk);
        node.settle();
        node.assert_complete();
    }
}

#[test]
fn slices_that_are_acknowledged_and_gone_are_not_recovered_again() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options());
    node.record("filler", 1);
    node.record("acme", 10);
    node.checkpoint();
    // The first slice of the boundary fills the segment, so that slice and checkpoint of acme stand in different ones.
    for route in 0..4 {
        node.record_row("filler", &format!("{}{route}", "x".repeat(850)), Dimension::REQUESTS, 1);
    }
    for _ in 0..60 {
        node.settle();
        node.record("bolt", 1);
    }
    node.settle();
    let log = inspect(&disk).unwrap();
    let records = log.segments.iter().flat_map(|segment| &segment.records);
    let kinds: Vec<u8> = records.clone().map(|record| record.kind.0).collect();
    assert!(!kinds.contains(&7), "what the slices have is in no checkpoint any more");
    let slices = records
        .filter(|record| record.kind.0 == 1)
        .map(|record| SealedSlice::from_bytes(&record.body[..]).unwrap());
    assert!(slices.into_iter().all(|slice| slice.stream() != &stream("acme")), "the slice is gone");
    node.restart(&disk);
    node.settle();
    node.assert_complete();
}

#[test]
fn a_slice_that_the_log_refused_is_in_the_next_checkpoint() {
    for operation in [Operation::Write, Operation::Sync] {
        let disk = MemoryStorage::new();
        let mut node = Node::on(&disk, options());
        node.record("acme", 1);
        node.settle();
        node.record("acme", 10);
        for skip in 0..4 {
            disk.fail_nth(operation, skip);
        }
        node.boundary();
        assert!(node.pipeline.stats().not_durable > 0);
        disk.heal();
        node.record("acme", 100);
        node.checkpoint();
        node.restart(&disk.crash_with(Survival::Synced, 0));
        node.settle();
        node.assert_complete();
    }
}

#[test]
fn a_checkpoint_counts_upon_nothing_that_is_not_durable() {
    // The slice and the second checkpoint are in the page cache when the power fails. Whatever survives, the counts of the
    // first checkpoint must.
    for after in 0..8 {
        for seed in 0..60 {
            let disk = MemoryStorage::new();
            let mut node = Node::on(&disk, options().sync(SyncPolicy::IntervalMs(10_000_000)));
            node.record("acme", 10);
            node.checkpoint();
            node.boundary();
            assert_eq!(node.pipeline.stats().not_durable, 1);
            node.record("acme", 5);
            disk.power_off_after(after);
            node.checkpoint();
            node.options = options();
            node.restart(&disk.crash_with(Survival::AnyOrder, seed));
            node.settle();
            let arrived = total(&node, "acme");
            assert!([10, 15].contains(&arrived), "off after {after}, seed {seed}: {arrived}");
        }
    }
}

#[test]
fn a_checkpoint_counts_upon_nothing_that_an_earlier_process_left_in_the_page_cache() {
    for after in 0..14 {
        for seed in 0..12 {
            let disk = MemoryStorage::new();
            let mut node = Node::on(&disk, options());
            node.record("acme", 10);
            node.checkpoint();
            for skip in 0..12 {
                disk.fail_nth(Operation::Sync, skip);
            }
            node.boundary();
            // Only the process dies, and the next one cannot write anything at first.
            node.restart(&disk);
            node.export();
            assert_eq!((node.pipeline.stats().not_durable, node.ledger.memory.puts()), (1, 0));
            disk.heal();
            disk.power_off_after(after);
            node.record("acme", 5);
            node.checkpoint();
            let disk = disk.crash_with(Survival::AnyOrder, seed);
            node.restart(&disk);
            node.settle();
            let arrived = total(&node, "acme");
            assert!([10, 15].contains(&arrived), "off after {after}, seed {seed}: {arrived}");
        }
    }
}

#[test]
fn a_checkpoint_outlives_a_failed_sync() {
    // With every stream but one sealed, the waiting one has nothing but the checkpoint.
    for seed in 0..24 {
        let disk = MemoryStorage::new();
        let mut node = Node::on(&disk, options().lanes(lanes().pending_max(1)));
        node.record("acme", 1);
        node.record("wait", 10);
        node.checkpoint();
        disk.fail_next(Operation::Sync);
        node.boundary();
        assert_eq!((node.pipeline.stats().not_durable, node.pipeline.stats().waiting_streams), (0, 1));
        let disk = disk.crash(seed);
        node.restart(&disk);
        node.settle();
        node.assert_complete();
    }
}

#[test]
fn a_checkpoint_is_written_although_the_last_sync_failed() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options());
    node.record("acme", 1);
    node.boundary();
    node.record("acme", 10);
    disk.fail_next(Operation::Sync);
    node.checkpoint();
    node.record("acme", 100);
    node.checkpoint();
    node.restart(&disk.crash_with(Survival::Synced, 0));
    node.settle();
    node.assert_complete();
}

/// A stream whose counts cannot be sealed, with a slice that cannot go out in an old segment.
fn park(node: &mut Node) {
    let rejected = PutError::rejected("no such customer");
    node.ledger.memory.refuse(&stream("parked"), Some(rejected));
    node.record("parked", 1);
    others_go_on(node);
}

/// Enough to fill some segments.
fn others_go_on(node: &mut Node) {
    for _ in 0..40 {
        node.record("acme", 1);
        node.boundary();
        node.export();
    }
}

#[test]
fn a_checkpoint_that_fails_leaves_the_last_one() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options());
    park(&mut node);
    node.record("parked", 10);
    node.checkpoint();
    others_go_on(&mut node);
    node.record("parked", 100);
    disk.fail_next(Operation::Write);
    node.checkpoint();
    assert!(node.pipeline.stats().last_error.unwrap().contains("injected"));
    // What is released is found until its segment goes.
    others_go_on(&mut node);
    node.restart(&disk.crash_with(Survival::Synced, 0));
    node.ledger.memory.refuse(&stream("parked"), None);
    node.settle();
    assert_eq!(total(&node, "parked"), 11);
}

#[test]
fn a_checkpoint_that_fails_leaves_the_last_one_also_when_the_log_moves_on() {
    for operation in [Operation::Write, Operation::Sync] {
        let disk = MemoryStorage::new();
        let mut node = Node::on(&disk, options());
        park(&mut node);
        node.record("parked", 10);
        node.checkpoint();
        node.record("parked", 100);
        disk.fail_next(operation);
        node.checkpoint();
        node.maintain();
        others_go_on(&mut node);
        node.restart(&disk.crash_with(Survival::Synced, 0));
        node.ledger.memory.refuse(&stream("parked"), None);
        node.settle();
        assert!(total(&node, "parked") >= 11, "{operation:?}");
    }
}

#[test]
fn a_checkpoint_that_is_used_up_does_not_stay() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options());
    node.record("bolt", 10);
    node.checkpoint();
    node.restart(&disk);
    others_go_on(&mut node);
    let log = inspect(&disk).unwrap();
    let mut records = log.segments.iter().flat_map(|segment| &segment.records);
    assert!(records.all(|record| record.kind.0 != 4), "its segment is gone");
    node.settle();
    node.assert_complete();
}

#[test]
fn making_room_for_a_checkpoint_keeps_what_is_written_of_it() {
    let disk = MemoryStorage::new();
    let few = lanes().pending_max(3).batch_max(1);
    let mut node = Node::with_log(&disk, options().lanes(few), small_log().max_entries(20), 2048);
    let cpu = |node: &mut Node, tenant: &str| node.record_row(tenant, "/", Dimension::CPU, 1);
    node.record("1", 1);
    node.record("0", 1);
    node.boundary();
    cpu(&mut node, "0");
    cpu(&mut node, "1");
    node.record("2", 1);
    node.record("1", 1);
    node.record("0", 1);
    node.checkpoint();
    node.boundary();
    node.record("3", 1);
    cpu(&mut node, "0");
    node.checkpoint();
    cpu(&mut node, "2");
    node.record("0", 1);
    node.boundary();
    node.checkpoint();
    let is_covered = node.pipeline.stats().checkpoints == 3;
    node.restart(&disk);
    node.settle();
    if is_covered {
        node.assert_complete();
    }
}

#[test]
fn the_last_checkpoint_has_what_was_counted_beside_slices_without_room() {
    let disk = MemoryStorage::new();
    let mut node = Node::with_log(&disk, options(), small_log().max_bytes(96 << 10), 2048);
    node.ledger.memory.set_unavailable(true);
    // More than the share that a stream has of the log.
    for number in 0..50 {
        let route = format!("/{number}/{}", "x".repeat(800));
        node.record_row("acme", &route, Dimension::REQUESTS, 1);
    }
    node.boundary();
    assert!(node.pipeline.stats().not_durable > 0, "the log takes everything");
    node.record("acme", 7);
    node.checkpoint();
    assert_eq!(node.log_stats().uncovered_streams, 1, "this checkpoint cannot have it, and says so");
    node.pipeline.checkpoint_last(node.window(), node.now_ms);
    assert_eq!(node.log_stats().uncovered_streams, 0);
    node.restart(&disk.crash_with(Survival::Synced, 0));
    node.ledger.memory.set_unavailable(false);
    node.settle();
    assert_eq!(total(&node, "acme"), 57);
}
