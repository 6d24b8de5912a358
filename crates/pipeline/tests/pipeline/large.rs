//! Does a sealing that takes several slices stay whole?

use std::collections::BTreeSet;

use ron_accounting_core::Dimension;
use ron_accounting_export::PutError;
use ron_accounting_wal::fault::{MemoryStorage, Operation};
use ron_accounting_wal::WalOptions;

use crate::node::{options, small_log, stream, Node};

/// Counts that take about one KiB each.
fn record_much(node: &mut Node, routes: usize) {
    let long = "x".repeat(900);
    for number in 0..routes {
        node.record_row("acme", &format!("/{number:06}/{long}"), Dimension::REQUESTS, 1);
    }
}

fn large(disk: &MemoryStorage) -> Node {
    let log = WalOptions::default().segment_bytes(1 << 20).max_bytes(64 << 20);
    Node::with_log(disk, options(), log, 10_000)
}

#[test]
fn a_group_of_slices_that_was_torn_counts_not_at_all() {
    // The power fails at each write of a boundary of three slices. With segments of one MiB, each slice is synced before
    // the next one is written.
    let mut found = BTreeSet::new();
    for after in (0..48).step_by(3) {
        let disk = MemoryStorage::new();
        let mut node = large(&disk);
        record_much(&mut node, 2_400);
        node.checkpoint();
        node.record_row("acme", "/000000/first", Dimension::REQUESTS, 7);
        // The boundary closes a later window than the one that the checkpoint knew.
        node.now_ms += 60_000;
        disk.power_off_after(after);
        node.boundary();
        let disk = disk.crash(after);
        node.restart(&disk);
        let recovered = node.pipeline.stats().recovered_slices;
        found.insert(recovered);
        if after % 2 == 0 {
            // Once more: what was recovered is not recovered again.
            node.put_and_die();
            node.restart(&disk.crash(after + 1));
        }
        node.drain();
        for _ in 0..3 {
            node.record("bolt", 1);
            node.settle();
        }
        assert!(node.log_stats().segments <= 3, "{:?}", node.log_stats());
        let since_checkpoint = if recovered == 0 { 0 } else { 7 };
        let arrived = node.ledger.memory.total("acme", "requests");
        assert_eq!(arrived, 2_400 + since_checkpoint, "power off after {after}");
    }
    assert_eq!(found, BTreeSet::from([0, 3]));
}

#[test]
fn a_part_of_a_sealing_waits_for_the_rest() {
    let mut torn = 0;
    for skip in 0..6 {
        let disk = MemoryStorage::new();
        let mut node = large(&disk);
        record_much(&mut node, 1_300);
        node.checkpoint();
        disk.fail_nth(Operation::Write, skip);
        node.boundary();
        torn += usize::from(node.pipeline.stats().not_durable > 1);
        if node.pipeline.stats().not_durable > 0 {
            node.export();
            assert_eq!(node.ledger.memory.puts(), 0, "write {skip} failed");
        }
        node.settle();
        node.assert_complete();
        assert_eq!(node.ledger.seqs(&stream("acme")), [0, 1]);
    }
    assert!(torn > 1, "{torn}");
}

/// A node with a log of nine segments, of which streams that wait for an operator have taken what they may.
fn crowded(disk: &MemoryStorage) -> Node {
    let mut node = Node::with_log(disk, options(), small_log().max_bytes(72 << 10), 2048);
    for (tenant, routes) in [("refused", 20), ("refused too", 14)] {
        node.ledger.memory.refuse(&stream(tenant), Some(PutError::rejected("not a customer")));
        for number in 0..routes {
            node.record_row(tenant, &format!("/{number}/{}", "x".repeat(800)), Dimension::REQUESTS, 1);
        }
    }
    for _ in 0..4 {
        node.boundary();
        node.maintain();
        node.export();
    }
    node
}

#[test]
fn what_a_checkpoint_has_survives_although_its_slices_have_no_room_together() {
    let mut went_beyond = 0;
    for after in 0..40 {
        let disk = MemoryStorage::new();
        let mut node = crowded(&disk);
        for number in 0..20 {
            node.record_row("acme", &format!("/{number}/{}", "x".repeat(800)), Dimension::REQUESTS, 1);
        }
        node.checkpoint();
        let is_safe = node.pipeline.stats().checkpoints > 0;
        disk.power_off_after(after);
        for _ in 0..3 {
            node.boundary();
            node.maintain();
            node.export();
        }
        went_beyond += usize::from(is_safe && node.log_stats().bytes > 72 << 10);
        let disk = disk.crash(after);
        node.restart(&disk);
        for _ in 0..200 {
            node.boundary();
            node.maintain();
            node.export();
        }
        let arrived = node.ledger.memory.total("acme", "requests");
        assert!(!is_safe || arrived == 20, "power off after {after}: {arrived} of 20 arrived");
        assert!(node.log_stats().bytes <= 96 << 10, "{:?}", node.log_stats());
    }
    assert!(went_beyond > 0);
}
