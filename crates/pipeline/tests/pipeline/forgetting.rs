//! Does the memory stay the same however many streams come and go, and do those that come back go on where they ended?

use crate::node::{options, stream, Node};

const STREAMS_MAX: usize = 100;
const TENANTS_PER_WINDOW: usize = 20;

/// Tenants that are used in one window each, one group after the other.
fn tenants_come_and_go(node: &mut Node, windows: std::ops::Range<usize>) {
    for window in windows {
        for tenant in 0..TENANTS_PER_WINDOW {
            node.record(&format!("tenant {}", window * TENANTS_PER_WINDOW + tenant), 3);
        }
        node.boundary();
        node.answer_heads();
        node.drain();
        // Keys that nobody uses leave the engine, too.
        node.engine.maintain(1);
        node.pipeline.validate().unwrap();
        node.assert_sum_conserved();
    }
}

fn seqs(node: &Node, tenant: &str) -> Vec<u64> {
    node.ledger.memory.slices_of(&stream(tenant)).iter().map(|slice| slice.seq().get()).collect()
}

#[test]
fn without_a_log_the_memory_of_streams_that_ended_is_bounded() {
    let mut node = Node::in_memory(options().streams_max(STREAMS_MAX));
    node.pipeline.expect_ledger();
    tenants_come_and_go(&mut node, 0..500);
    let (stats, totals) = (node.pipeline.stats(), node.pipeline.totals());
    let bound = STREAMS_MAX + TENANTS_PER_WINDOW;
    assert!(totals.len() <= bound, "{} streams have totals", totals.len());
    assert!(stats.known_streams <= bound, "{} chains are known", stats.known_streams);
    assert!(node.forgotten() >= 9_800 * 3, "{:?}", stats.forgotten);
    node.assert_complete();

    // One began before anything was forgotten, the other when the ledger had to be asked whether it is new.
    let returning = ["tenant 7", "tenant 5000"];
    for tenant in returning {
        node.record(tenant, 5);
    }
    node.boundary();
    assert_eq!(node.pipeline.stats().unknown_heads, 2, "the ledger is asked");
    assert_eq!(node.pipeline.stats().waiting_streams, 2, "and the streams wait for its answer");
    node.answer_heads();
    node.drain();
    node.assert_complete();
    node.assert_sum_conserved();
    for tenant in returning {
        assert_eq!(seqs(&node, tenant), [0, 1]);
    }
    let stats = node.pipeline.stats();
    assert_eq!((stats.duplicates, stats.lanes.parked.len(), stats.last_error), (0, 0, None));
}

#[test]
fn a_stream_that_comes_and_goes_for_ever_has_one_chain_without_gaps() {
    let mut node = Node::in_memory(options().streams_max(STREAMS_MAX));
    node.pipeline.expect_ledger();
    for round in 0..20 {
        node.record("regular", 1);
        tenants_come_and_go(&mut node, round * 10..(round + 1) * 10);
    }
    assert_eq!(seqs(&node, "regular"), (0..20).collect::<Vec<_>>());
    node.assert_complete();
}

#[test]
fn streams_in_use_are_never_forgotten_however_many_there_are() {
    let mut node = Node::in_memory(options().streams_max(1));
    node.pipeline.expect_ledger();
    for _ in 0..10 {
        for tenant in 0..50 {
            node.record(&format!("tenant {tenant}"), 1);
        }
        node.boundary();
        assert_eq!(node.pipeline.stats().unknown_heads, 0);
        node.drain();
    }
    assert_eq!((node.pipeline.stats().forgotten, node.pipeline.totals().len()), (Vec::new(), 50));
    node.assert_complete();
}

#[test]
fn what_the_ledger_has_not_is_never_forgotten() {
    let mut node = Node::in_memory(options().streams_max(1));
    node.pipeline.expect_ledger();
    node.ledger.memory.set_unavailable(true);
    for tenant in 0..50 {
        node.record(&format!("tenant {tenant}"), 1);
        node.boundary();
        node.export();
        node.maintain();
        node.assert_sum_conserved();
    }
    assert_eq!((node.forgotten(), node.pipeline.totals().len()), (0, 50));
    node.ledger.memory.set_unavailable(false);
    node.settle();
    node.assert_complete();
}

#[cfg(feature = "wal")]
mod with_a_log {
    use ron_accounting_export::PutError;
    use ron_accounting_wal::fault::MemoryStorage;

    use super::*;
    use crate::node::small_log;

    /// A log that has room for the heads of about eighty streams.
    fn node_on(disk: &MemoryStorage) -> Node {
        let log = small_log().max_bytes(64 << 10);
        let mut node = Node::with_log(disk, options().streams_max(STREAMS_MAX), log, 2048);
        node.pipeline.expect_ledger();
        node
    }

    #[test]
    fn chains_go_together_with_the_streams_of_the_log() {
        let disk = MemoryStorage::new();
        let mut node = node_on(&disk);
        tenants_come_and_go(&mut node, 0..150);
        node.maintain();
        let (stats, log) = (node.pipeline.stats(), node.log_stats());
        assert!(log.forgotten_streams > 2_000, "{log:?}");
        assert_eq!(stats.known_streams, log.streams);
        assert!(node.pipeline.totals().len() <= STREAMS_MAX + TENANTS_PER_WINDOW);
        node.assert_complete();

        node.record("tenant 7", 5);
        node.settle();
        node.assert_complete();
        assert_eq!(seqs(&node, "tenant 7"), [0, 1]);
    }

    #[test]
    fn slices_that_wait_in_the_oldest_segment_keep_no_heads_of_other_streams() {
        let disk = MemoryStorage::new();
        let mut node = node_on(&disk);
        // They fill the first segment, so that emptying it would free nothing.
        for tenant in (0..30).map(|number| format!("waiting {number}")) {
            node.record(&tenant, 1);
            node.ledger.memory.refuse(&stream(&tenant), Some(PutError::Busy));
        }
        for tenant in 0..1_000 {
            node.record(&format!("tenant {tenant}"), 1);
            node.boundary();
            node.answer_heads();
            node.export();
            node.maintain();
        }
        let log = node.log_stats();
        assert!(log.last_error.is_none() && log.forgotten_streams > 800, "{log:#?}");
        assert_eq!(node.pending().values().sum::<u128>(), 30);
    }

    #[test]
    fn slices_of_streams_that_come_back_survive_a_kill_before_they_are_acknowledged() {
        let disk = MemoryStorage::new();
        let mut node = node_on(&disk);
        tenants_come_and_go(&mut node, 0..20);
        let returning = || (100..100 + TENANTS_PER_WINDOW).map(|tenant| format!("tenant {tenant}"));
        for tenant in returning() {
            node.record(&tenant, 5);
        }
        node.boundary();
        // Some of these may still be known to the log.
        let unknown = node.pipeline.stats().unknown_heads;
        assert!(unknown > TENANTS_PER_WINDOW / 2, "{unknown}");
        node.answer_heads();
        node.maintain();
        assert_eq!((node.pipeline.stats().not_durable, node.pipeline.pending()), (0, TENANTS_PER_WINDOW));
        node.restart(&disk.crash(1));
        node.pipeline.expect_ledger();
        node.settle();
        node.assert_complete();
        for tenant in returning() {
            assert_eq!(seqs(&node, &tenant), [0, 1], "{tenant}");
        }
    }

    #[test]
    fn checkpointed_counts_of_a_stream_that_comes_back_survive_a_kill() {
        let disk = MemoryStorage::new();
        let mut node = node_on(&disk);
        tenants_come_and_go(&mut node, 0..20);
        node.record("tenant 0", 5);
        node.checkpoint();
        node.restart(&disk.crash(1));
        node.pipeline.expect_ledger();
        node.settle();
        node.assert_complete();
        assert_eq!(seqs(&node, "tenant 0"), [0, 1]);
    }
}
