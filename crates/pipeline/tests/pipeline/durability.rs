//! Is nothing exported before it is durable?

use ron_accounting_pipeline::SyncPolicy;
use ron_accounting_wal::fault::{MemoryStorage, Operation, Survival};

use crate::node::{options, stream, Node};

/// Makes every sync fail until the disk is healed.
fn break_syncs(disk: &MemoryStorage) {
    for skip in 0..100 {
        disk.fail_nth(Operation::Sync, skip);
    }
}

#[test]
fn a_slice_that_cannot_be_synced_is_not_offered() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options());
    node.record("acme", 1);
    break_syncs(&disk);
    node.boundary();
    for _ in 0..3 {
        node.record("acme", 1);
        node.maintain();
        node.boundary();
        node.export();
        node.assert_conserved();
    }
    assert_eq!(node.ledger.memory.puts(), 0);
    let stats = node.pipeline.stats();
    assert!(stats.not_durable > 0 && stats.not_durable == stats.pending, "{stats:?}");
    assert!(stats.last_error.unwrap().contains("injected failure"));
    assert!(node.log_stats().sync_failures > 0);

    disk.heal();
    node.settle();
    node.assert_complete();
    assert_eq!(node.pipeline.stats().not_durable, 0);
}

#[test]
fn one_sync_makes_all_slices_of_a_boundary_durable() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options());
    node.record("warm up", 1);
    node.settle();
    let before = disk.count(Operation::Sync);
    for tenant in 0..5 {
        node.record(&format!("tenant {tenant}"), 1);
    }
    node.boundary();
    assert_eq!(disk.count(Operation::Sync) - before, 1);
    assert_eq!(node.pipeline.stats().not_durable, 0);
}

#[test]
fn between_syncs_slices_wait() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options().sync(SyncPolicy::IntervalMs(150_000)));
    node.record("acme", 1);
    node.boundary();
    node.record("acme", 2);
    node.boundary();
    node.maintain();
    node.export();
    assert_eq!((node.ledger.memory.puts(), node.pipeline.stats().not_durable), (0, 2));
    assert_eq!(node.now_ms, 180_000);

    node.now_ms = 60_000 + 149_999;
    node.maintain();
    assert_eq!(node.pipeline.stats().not_durable, 2);
    node.now_ms += 1;
    node.maintain();
    assert_eq!(node.pipeline.stats().not_durable, 0);
    node.drain();
    node.assert_complete();
}

#[test]
fn a_clock_that_steps_back_delays_neither_sync_nor_checkpoint() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options().sync(SyncPolicy::IntervalMs(1_000)).checkpoint_ms(1_000));
    node.now_ms = 10_000_000;
    node.record("acme", 1);
    node.maintain();
    node.boundary();
    assert_eq!(node.pipeline.stats().not_durable, 0);
    node.now_ms = 5_000_000;
    node.record("acme", 2);
    node.pipeline.seal(node.window(), node.now_ms);
    node.maintain();
    assert_eq!(node.pipeline.stats().not_durable, 0, "nobody knows how long ago the last sync was");
    node.record("acme", 4);
    node.now_ms = 1_000;
    node.maintain();
    let disk = disk.crash_with(Survival::Synced, 0);
    node.restart(&disk);
    node.drain();
    node.assert_complete();
}

#[test]
fn without_syncs_slices_go_out_at_once() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options().sync(SyncPolicy::Never));
    node.ledger.watch(None);
    node.record("acme", 1);
    node.boundary();
    break_syncs(&disk);
    node.record("acme", 2);
    node.boundary();
    assert_eq!(node.pipeline.stats().not_durable, 0);
    node.export();
    node.drain();
    node.assert_complete();
    // A process that dies, on a machine that does not, leaves its writes behind all the same.
    node.record("acme", 4);
    node.boundary();
    disk.heal();
    node.restart(&disk);
    node.ledger.watch(None);
    node.record("acme", 8);
    node.settle();
    node.assert_complete();
    assert_eq!(node.ledger.seqs(&stream("acme")), [0, 1, 2, 3]);
}

#[test]
fn draining_syncs_what_waits_for_a_sync() {
    use ron_accounting_core::{labels, Dimension, Engine};
    use ron_accounting_pipeline::{Driver, Pipeline};
    use ron_accounting_window::{ManualClock, Span};
    use std::time::Duration;

    let engine = Engine::default();
    let options = options().sync(SyncPolicy::IntervalMs(3_600_000));
    let disk = MemoryStorage::new();
    let pipeline =
        Pipeline::with_log(&engine, crate::node::ORIGIN, options, disk, crate::node::small_log(), 0).unwrap();
    let ledger = crate::witness::Witness::default();
    let driver = Driver::new(pipeline, ledger.clone(), ManualClock::new(60_000));
    engine.record(&labels().tenant("acme"), Dimension::REQUESTS, 1);
    driver.with(|pipeline| pipeline.seal(Span { start_ms: 0, end_ms: 60_000 }, 60_000));
    assert!(
        driver.drain(Duration::from_millis(500), Pipeline::is_drained),
        "the last interval is not lost at exit"
    );
    assert_eq!(ledger.memory.total("acme", "requests"), 1);
}
