//! Does a sealing that takes several slices stay whole?

use std::collections::BTreeSet;

use ron_accounting_core::Dimension;
use ron_accounting_wal::fault::{MemoryStorage, Operation, Survival};
use ron_accounting_wal::WalOptions;

use crate::node::{options, stream, Node};

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
fn a_group_of_slices_that_was_torn_is_completed_from_the_checkpoint() {
    // The power fails at each write of a boundary of three slices. With segments of one MiB, each slice is synced before
    // the next one is written.
    let mut prefixes = BTreeSet::new();
    for after in [0, 6, 9, 12, 15, 18, 21] {
        let disk = MemoryStorage::new();
        let mut node = large(&disk);
        record_much(&mut node, 2_400);
        node.checkpoint();
        node.record_row("acme", "/000000/first", Dimension::REQUESTS, 7);
        let checkpointed = 2_400;
        // The boundary closes a later window than the one that the checkpoint knew.
        node.now_ms += 60_000;
        disk.power_off_after(after);
        node.boundary();
        let disk = disk.crash(after);
        let copy = disk.crash_with(Survival::Synced, 0);
        node.restart(&disk);
        let recovered = node.pipeline.stats().recovered_slices;
        prefixes.insert(recovered);
        if after % 2 == 0 {
            if (1..3).contains(&recovered) {
                assert_a_part_waits_for_the_rest(&copy, &mut node);
                node.restart(&disk);
            }
            // Once more: what was completed is not completed again.
            node.put_and_die();
            node.restart(&disk.crash(after + 1));
        }
        node.drain();
        let lost = u128::from(recovered == 0) * 7;
        let slices = node.ledger.memory.slices_of(&stream("acme"));
        assert!(recovered == 0 || slices.iter().all(|slice| slice.end_ms() == 180_000), "{slices:?}");
        others_go_on(&mut node);
        assert!(node.log_stats().segments <= 2, "{:?}", node.log_stats());
        assert_eq!(
            node.ledger.memory.total("acme", "requests"),
            checkpointed + 7 - lost,
            "power off after {after}"
        );
    }
    assert!(prefixes.len() > 2, "the group was torn in {prefixes:?} only");
}

fn others_go_on(node: &mut Node) {
    for _ in 0..3 {
        node.record("bolt", 1);
        node.settle();
    }
}

/// Were a part of the group exported and forgotten first, a further kill would leave nothing to tell the rest by.
fn assert_a_part_waits_for_the_rest(disk: &MemoryStorage, node: &mut Node) {
    disk.set_capacity(1);
    node.restart(disk);
    assert!(node.pipeline.stats().not_durable > 0);
    node.export();
    node.maintain();
    node.export();
    assert_eq!(node.ledger.memory.puts(), 0);
}

#[test]
fn a_part_of_a_sealing_waits_for_the_rest() {
    let mut torn = 0;
    for skip in 0..6 {
        let disk = MemoryStorage::new();
        let mut node = large(&disk);
        record_much(&mut node, 1_300);
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
