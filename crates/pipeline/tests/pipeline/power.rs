//! What is left when the power fails, at any moment and with any part of the page cache?

use ron_accounting_core::Dimension;
use ron_accounting_pipeline::SyncPolicy;
use ron_accounting_wal::fault::{MemoryStorage, Operation, Survival};
use ron_accounting_wal::inspect;

use crate::node::{lanes, options, small_log, Node, Totals};

/// Some windows, with notes on what must survive. The power may go in between.
fn live(node: &mut Node, disk: &MemoryStorage) -> Totals {
    let mut safe = Totals::new();
    let mut note = |node: &Node, is_safe: bool| {
        if is_safe {
            safe.clone_from(&node.recorded);
        }
    };
    for window in 0..5 {
        node.record("acme", 1);
        node.record_row("bolt", &format!("/{window}"), Dimension::BYTES_IN, 100);
        let syncs = disk.count(Operation::Sync);
        let failures = node.log_stats().sync_failures;
        node.checkpoint();
        let is_synced = disk.count(Operation::Sync) > syncs && node.log_stats().sync_failures == failures;
        note(node, is_synced && node.pipeline.stats().last_error.is_none());
        node.record("acme", 1);
        node.boundary();
        let stats = node.pipeline.stats();
        note(node, stats.not_durable == 0 && stats.waiting_streams == 0);
        if window % 2 == 1 {
            node.export();
        }
    }
    safe
}

fn assert_between(node: &Node, safe: &Totals, context: &str) {
    for (place, recorded) in &node.recorded {
        let arrived = node.ledger.memory.total(&place.0, &place.1);
        let safe = safe.get(place).copied().unwrap_or_default();
        assert!(
            (safe..=*recorded).contains(&arrived),
            "{context}: {place:?}: {arrived} arrived, {safe} were safe, {recorded} recorded"
        );
    }
}

#[test]
fn the_power_may_fail_at_any_moment() {
    for options in
        [options(), options().sync(SyncPolicy::IntervalMs(130_000)), options().lanes(lanes().pending_max(3))]
    {
        for after in 0.. {
            let disk = MemoryStorage::new();
            let mut node = Node::on(&disk, options.clone());
            disk.power_off_after(after);
            let safe = live(&mut node, &disk);
            let is_off = disk.history().len() as u64 >= after;
            for seed in [0, 1, 2, 3] {
                let disk = disk.crash(seed + 4 * after);
                let mut next = Node::on(&disk, options.clone());
                next.ledger = node.ledger.copy();
                next.ledger.watch(Some(disk.clone()));
                next.recorded.clone_from(&node.recorded);
                next.now_ms = node.now_ms;
                next.pipeline.check_heads(&next.ledger).unwrap();
                next.settle();
                assert_between(&next, &safe, &format!("off after {after}, seed {seed}"));
                let before = next.ledger.memory.totals();
                next.restart(&disk.crash(seed));
                next.settle();
                assert_eq!(next.ledger.memory.totals(), before, "off after {after}, seed {seed}");
            }
            if !is_off {
                break;
            }
        }
    }
}

#[test]
fn slices_that_were_never_durable_leave_no_gap() {
    // Several slices of a stream are in the page cache. When one is lost and a later one survives, the stream must go on
    // from what the ledger can get.
    let mut orphans = 0;
    for seed in 0..200 {
        let disk = MemoryStorage::new();
        let options_then = options().sync(SyncPolicy::IntervalMs(10_000_000));
        let log = small_log().segment_bytes(64 << 10);
        let mut node = Node::with_log(&disk, options_then, log, 2048);
        node.record("acme", 1);
        node.boundary();
        node.pipeline.flush(node.now_ms);
        node.drain();
        for window in 1..5 {
            node.record("acme", window);
            // Long enough that slices stand in sectors of their own.
            node.record_row("acme", &"x".repeat(700), Dimension::REQUESTS, 1);
            node.boundary();
        }
        assert_eq!(node.pipeline.stats().not_durable, 4);
        let disk = disk.crash_with(Survival::AnyOrder, seed);
        node.options = options();
        node.restart(&disk);
        let error = node.pipeline.stats().last_error.unwrap_or_default();
        orphans += usize::from(error.contains("is dropped"));
        for _ in 0..2 {
            node.record("acme", 1);
            node.settle();
            node.assert_conserved();
            node.restart(&disk);
        }
        let arrived = node.ledger.memory.total("acme", "requests");
        assert!((3..=17).contains(&arrived), "seed {seed}: {arrived}");
    }
    assert!(orphans > 20, "{orphans}");
}

#[test]
fn a_failed_sync_and_a_power_failure_leave_no_gap() {
    for skip in 0..16 {
        for seed in 0..16 {
            let disk = MemoryStorage::new();
            let mut node = Node::on(&disk, options());
            for next in 0..(seed % 5) {
                disk.fail_nth(Operation::Sync, skip + next);
            }
            let safe = live(&mut node, &disk);
            let disk = disk.crash_with(Survival::AnyOrder, seed);
            node.restart(&disk);
            node.settle();
            assert_between(&node, &safe, &format!("sync {skip}, seed {seed}"));
        }
    }
}

#[test]
fn a_head_never_survives_the_slice_that_it_counts() {
    // Both may be in the page cache when the power fails, after a sync that failed or without one.
    for is_sync_broken in [false, true] {
        for after in 0..16 {
            for seed in 0..40 {
                let disk = MemoryStorage::new();
                let mut node = Node::on(&disk, options());
                if is_sync_broken {
                    node.record("acme", 1);
                    node.settle();
                    disk.fail_next(Operation::Sync);
                }
                disk.power_off_after(after);
                node.record("acme", 1);
                node.boundary();
                node.restart(&disk.crash_with(Survival::AnyOrder, seed));
                node.record("acme", 1);
                node.settle();
                node.assert_conserved();
            }
        }
    }
}

#[test]
fn an_acknowledgement_that_outlives_its_slice_still_tells_where_the_chain_ends() {
    const SLICE: u8 = 1;
    const ACKNOWLEDGEMENTS: u8 = 2;
    let mut outlived = 0;
    for seed in 0..200 {
        let disk = MemoryStorage::new();
        let mut node = Node::on(&disk, options().sync(SyncPolicy::Never));
        node.ledger.watch(None);
        // Long enough that the acknowledgement stands in another sector.
        node.record_row("acme", &"x".repeat(1_000), Dimension::REQUESTS, 3);
        node.boundary();
        node.export();
        let disk = disk.crash_with(Survival::AnyOrder, seed);
        let log = inspect(&disk).unwrap();
        let has = |kind| {
            log.segments.iter().flat_map(|segment| &segment.records).any(|record| record.kind.0 == kind)
        };
        if has(SLICE) || !has(ACKNOWLEDGEMENTS) {
            continue;
        }
        outlived += 1;
        node.options = options();
        node.restart(&disk);
        node.record("acme", 5);
        node.settle();
        assert_eq!(node.ledger.memory.total("acme", "requests"), 8, "seed {seed}");
    }
    assert!(outlived > 0);
}

#[test]
fn a_slice_that_supersedes_a_checkpoint_is_synced_whatever_the_policy() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options().sync(SyncPolicy::Never));
    node.record("acme", 3);
    node.checkpoint();
    // The ledger checks that what it is offered is durable.
    node.boundary();
    node.export();
    assert_eq!(node.ledger.memory.total("acme", "requests"), 3);
    let syncs = disk.count(Operation::Sync);
    node.ledger.watch(None);
    node.record("acme", 1);
    node.boundary();
    node.export();
    assert_eq!(node.ledger.memory.total("acme", "requests"), 4);
    assert_eq!(disk.count(Operation::Sync), syncs, "nothing but checkpoints asks for a sync");

    node.ledger.watch(Some(disk.clone()));
    node.record("acme", 1);
    node.checkpoint();
    (0..20).for_each(|skip| disk.fail_nth(Operation::Sync, skip));
    node.boundary();
    node.export();
    assert_eq!(node.ledger.memory.total("acme", "requests"), 4, "what could not be synced waits");
    node.settle();
    node.assert_complete();
}
