//! Does a disk that fails now and then lose or double anything?

use ron_accounting_core::Dimension;
use ron_accounting_pipeline::{PipelineOptions, SyncPolicy};
use ron_accounting_wal::fault::{MemoryStorage, Operation};
use ron_accounting_wal::Storage as _;

use crate::node::{lanes, options, small_log, Node};

/// Some windows in the life of a node, with everything that a node does.
fn live(node: &mut Node) {
    for window in 0..12 {
        node.record("acme", 1);
        node.record_row("bolt", &format!("/{window}"), Dimension::BYTES_IN, 100);
        node.checkpoint();
        node.record("acme", 1);
        if window % 4 == 2 {
            node.ledger.memory.fail_puts(2);
        }
        node.boundary();
        node.maintain();
        node.export();
        node.assert_conserved();
    }
}

const OPERATIONS: [Operation; 7] = [
    Operation::Write,
    Operation::Allocate,
    Operation::SetLength,
    Operation::Sync,
    Operation::Create,
    Operation::Remove,
    Operation::SyncDirectory,
];

/// How often each operation is asked for when nothing fails.
fn count(options: &PipelineOptions, operation: Operation) -> u64 {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options.clone());
    live(&mut node);
    disk.count(operation)
}

fn all_options() -> [PipelineOptions; 2] {
    let interval = options().sync(SyncPolicy::IntervalMs(130_000));
    [options().lanes(lanes().pending_max(3)), interval]
}

#[test]
fn any_operation_may_fail_once() {
    for options in all_options() {
        for operation in OPERATIONS {
            for skip in 0..count(&options, operation) {
                let disk = MemoryStorage::new();
                let mut node = Node::on(&disk, options.clone());
                disk.fail_nth(operation, skip);
                live(&mut node);
                node.settle();
                node.assert_complete();
                disk.heal();
                node.restart(&disk);
                node.settle();
                node.assert_complete();
            }
        }
    }
}

#[test]
fn syncs_may_fail_in_a_row() {
    let options = &all_options()[0];
    for skip in 0..count(options, Operation::Sync) {
        let disk = MemoryStorage::new();
        let mut node = Node::on(&disk, options.clone());
        for next in 0..7 {
            disk.fail_nth(Operation::Sync, skip + next);
        }
        live(&mut node);
        disk.heal();
        node.settle();
        node.assert_complete();
    }
}

#[test]
fn writes_may_be_short() {
    let options = &all_options()[0];
    for skip in 0..count(options, Operation::Write) {
        for kept in [0, 1, 25, 100] {
            let disk = MemoryStorage::new();
            let mut node = Node::on(&disk, options.clone());
            disk.short_write(skip, kept);
            if kept == 25 {
                // Nor can what was written be taken back.
                disk.fail_next(Operation::SetLength);
            }
            live(&mut node);
            node.settle();
            node.assert_complete();
        }
    }
}

#[test]
fn one_failed_sync_is_repaired_at_once() {
    // The sync of a commit, or the one that ends a segment while a slice is appended.
    for period in 1..6 {
        let disk = MemoryStorage::new();
        let mut node = Node::on(&disk, options());
        for window in 1..30 {
            node.record("acme", 1);
            node.record_row("bolt", &"x".repeat(800), Dimension::REQUESTS, 1);
            if window % period == 0 && window > 1 {
                disk.fail_next(Operation::Sync);
            }
            node.boundary();
            assert_eq!(node.pipeline.stats().not_durable, 0, "{:?}", node.pipeline.stats().last_error);
        }
        assert!(node.log_stats().sync_failures >= 29 / period - 1);
        node.settle();
        node.assert_complete();
    }
}

#[test]
fn what_is_not_acknowledged_survives_a_failed_sync_and_a_crash() {
    // Nothing is exported before the crash, so all of it must come from the log.
    for skip in 0..12 {
        for seed in 0..12 {
            let disk = MemoryStorage::new();
            let mut node = Node::on(&disk, options());
            disk.fail_nth(Operation::Sync, skip);
            disk.fail_nth(Operation::Sync, skip + seed % 3);
            for window in 0..6 {
                node.record("acme", 1);
                node.record(&format!("tenant {window}"), 10);
                node.boundary();
                node.maintain();
                node.maintain();
                assert_eq!(node.pipeline.stats().not_durable, 0, "the pipeline recovers soon");
            }
            let disk = disk.crash(seed);
            node.restart(&disk);
            node.settle();
            node.assert_complete();
        }
    }
}

#[test]
fn a_segment_that_cannot_be_deleted_does_not_stop_the_export() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options());
    for skip in 0..200 {
        disk.fail_nth(Operation::Remove, skip);
        disk.fail_nth(Operation::Rename, skip);
    }
    for _ in 0..60 {
        node.record("acme", 1);
        node.boundary();
        node.export();
        assert!(node.pipeline.is_drained());
    }
    assert!(node.log_stats().segments > 3);
    assert!(node.log_stats().last_error.unwrap().contains("remove"));
    disk.heal();
    for _ in 0..20 {
        node.record("acme", 1);
        node.settle();
    }
    assert!(node.log_stats().segments <= 3);
    node.assert_complete();
}

#[test]
fn a_checkpoint_after_a_failed_sync_is_kept_when_slices_are_acknowledged() {
    for seed in 0..12 {
        let disk = MemoryStorage::new();
        let mut node = Node::with_log(&disk, options(), small_log().max_bytes(1 << 20).max_entries(60), 8);
        node.record_row("acme", &"x".repeat(450), Dimension::REQUESTS, 10);
        node.boundary();
        disk.fail_next(Operation::Sync);
        node.record_row("acme", &"y".repeat(450), Dimension::REQUESTS, 22);
        node.checkpoint();
        assert_eq!(node.pipeline.stats().checkpoints, 1);
        node.export();
        node.restart(&disk.crash(seed));
        node.settle();
        node.assert_complete();
    }
}

#[test]
fn several_segments_whose_syncs_failed_do_not_keep_each_other() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options());
    node.ledger.memory.set_unavailable(true);
    for window in 0..10 {
        node.record("acme", 1);
        node.record("bolt", window);
        node.boundary();
    }
    // A process that can write headers and nothing else leaves one segment after the other that cannot be trusted.
    let poisoned =
        |disk: &MemoryStorage| disk.list().unwrap().iter().filter(|name| name.ends_with(".poisoned")).count();
    for _ in 0..2 {
        for next in 0..40 {
            disk.fail_nth(Operation::Sync, 2 * next + u64::from(poisoned(&disk) > 0));
        }
        node.restart(&disk);
        disk.heal();
    }
    assert!(poisoned(&disk) >= 2, "{:?}", disk.list());
    node.restart(&disk);
    node.ledger.memory.set_unavailable(false);
    node.settle();
    node.assert_complete();
    assert_eq!(poisoned(&disk), 0);
}
