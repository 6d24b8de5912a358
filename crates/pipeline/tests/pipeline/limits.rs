//! Is everything bounded, and what happens at the bound?

use ron_accounting_core::{Dimension, Engine};
use ron_accounting_export::LaneError;
use ron_accounting_pipeline::{OnFull, Pipeline, PipelineError, SyncPolicy};
use ron_accounting_wal::fault::{MemoryStorage, Operation, Survival};
use ron_accounting_wal::{Storage, WalOptions};

use crate::node::{lanes, options, small_log, Node};

const SEGMENT: u64 = 8 << 10;

#[test]
fn a_log_whose_slices_are_acknowledged_does_not_grow() {
    for sync in [SyncPolicy::OnSeal, SyncPolicy::IntervalMs(130_000), SyncPolicy::Never] {
        let disk = MemoryStorage::new();
        let mut node = Node::on(&disk, options().sync(sync).checkpoint_ms(60_000));
        if sync == SyncPolicy::Never {
            node.ledger.watch(None);
        }
        let mut most = 0;
        for n in 0..1_000 {
            node.record("acme", 1);
            node.record("bolt", n);
            node.boundary();
            node.maintain();
            node.export();
            most = most.max(node.log_stats().bytes);
        }
        assert!(most <= 8 * SEGMENT, "{sync:?}: {most} bytes");
        // The heads outlived the slices that they count.
        node.restart(&disk);
        node.record("acme", 1);
        node.record("bolt", 1);
        node.settle();
        node.assert_complete();
    }
}

#[test]
fn a_log_of_checkpoints_does_not_grow_while_the_ledger_is_away() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options().lanes(lanes().pending_max(1)).checkpoint_ms(1));
    node.ledger.memory.set_unavailable(true);
    for n in 0..1_000 {
        node.record("acme", n);
        node.record("bolt", 1);
        if n % 10 == 0 {
            node.boundary();
        }
        node.now_ms += 1;
        node.maintain();
        node.export();
        assert!(node.log_stats().bytes <= 8 * SEGMENT, "{} bytes", node.log_stats().bytes);
    }
    node.restart(&disk);
    node.ledger.memory.set_unavailable(false);
    node.settle();
    node.assert_complete();
}

/// Logs that are full in every way in which a log can be.
fn tight_logs() -> [WalOptions; 6] {
    [
        small_log().max_bytes(6 * SEGMENT),
        small_log().max_bytes(7 * SEGMENT + 100),
        small_log().segment_bytes(16 << 10).max_bytes(6 * SEGMENT),
        small_log().max_entries(5),
        small_log().segment_bytes(64 << 10).max_entries(30),
        small_log().max_age_ms(200_000),
    ]
}

#[test]
fn a_full_log_stretches_spans_and_recovers_by_itself() {
    for log in tight_logs() {
        for checkpoint_ms in [0, 60_000] {
            let disk = MemoryStorage::new();
            let mut node = Node::with_log(&disk, options().checkpoint_ms(checkpoint_ms), log.clone(), 2048);
            for _ in 0..3 {
                node.ledger.memory.set_unavailable(true);
                for n in 0..90 {
                    node.record("acme", 1);
                    node.record(&format!("tenant {}", n % 7), n);
                    node.boundary();
                    node.maintain();
                    node.export();
                    node.assert_conserved();
                }
                let stats = node.pipeline.stats();
                assert!(stats.waiting_streams > 0 && stats.pending < 180, "{log:?}: it never was full");
                assert!(node.log_stats().bytes <= 8 * SEGMENT + (2 << 20));
                node.ledger.memory.set_unavailable(false);
                node.settle();
                node.assert_complete();
            }
            node.restart(&disk);
            assert!(node.pipeline.stats().refused == 0);
            node.record("acme", 1);
            node.settle();
            node.assert_complete();
        }
    }
}

#[test]
fn a_log_that_is_too_small_is_refused_with_the_least_size() {
    let opened = Pipeline::with_log(
        &Engine::default(),
        crate::node::ORIGIN,
        options(),
        MemoryStorage::new(),
        small_log().max_bytes(6 * SEGMENT - 1),
        0,
    );
    let error = opened.unwrap_err().with_causes();
    assert!(error.contains("max_bytes is 49151, must be 49152 to"), "{error}");
}

#[test]
fn a_full_log_can_be_killed_and_reopened() {
    for log in tight_logs() {
        let disk = MemoryStorage::new();
        let mut node = Node::with_log(&disk, options(), log.clone(), 2048);
        node.ledger.memory.set_unavailable(true);
        while node.pipeline.stats().waiting_streams == 0 {
            node.record("acme", 1);
            node.boundary();
            node.maintain();
        }
        let pending = node.pending();
        let durable = node.pipeline.pending() - node.pipeline.stats().not_durable;
        node.restart(&disk);
        assert_eq!(node.pipeline.pending(), durable, "{log:?}");
        node.ledger.memory.set_unavailable(false);
        node.settle();
        let arrived = node.ledger.memory.total("acme", "requests");
        let lost = pending.values().sum::<u128>() - arrived;
        assert!(lost <= 1, "{log:?}: at most the slice that the log had no room for");
        node.record("acme", 1);
        node.settle();
    }
}

#[test]
fn a_boundary_that_is_larger_than_the_log_goes_out_in_parts() {
    let disk = MemoryStorage::new();
    let mut node = Node::with_log(&disk, options(), small_log().max_bytes(6 * SEGMENT), 2048);
    for tenant in 0..60 {
        node.record_row(&format!("tenant {tenant}"), &"x".repeat(900), Dimension::REQUESTS, 1);
    }
    node.boundary();
    assert!(node.pipeline.stats().waiting_streams > 30);
    node.settle();
    node.assert_complete();
}

#[test]
fn what_is_shed_does_not_come_back() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options().on_full(OnFull::Shed).lanes(lanes().pending_max(1)));
    node.ledger.memory.set_unavailable(true);
    for n in 0..10 {
        node.record("acme", 1);
        node.record_row("acme", "/", Dimension::CPU, n);
        node.boundary();
        node.checkpoint();
    }
    let shed = node.pipeline.stats().shed;
    assert!(shed > 0);
    node.ledger.memory.set_unavailable(false);
    node.restart(&disk);
    node.settle();
    let recorded: u128 = node.recorded.values().sum();
    assert_eq!(node.ledger.memory.totals().values().sum::<u128>(), recorded - shed);
}

#[test]
fn a_full_disk_refuses_new_work_and_keeps_the_old() {
    for spare in [0, 10, 300, 5_000] {
        let disk = MemoryStorage::new();
        let mut node = Node::on(&disk, options().checkpoint_ms(60_000));
        node.ledger.memory.set_unavailable(true);
        for _ in 0..20 {
            node.record("acme", 1);
            node.record("bolt", 1);
            node.boundary();
        }
        disk.set_capacity(node.log_stats().bytes + spare);
        for _ in 0..40 {
            node.record("acme", 1);
            node.record("bolt", 1);
            node.boundary();
            node.maintain();
            node.export();
            node.assert_conserved();
        }
        assert!(node.pipeline.stats().not_durable > 0);
        assert!(node.log_stats().last_error.unwrap().contains("no space left"));

        // The ledger takes what is in the log, and that alone makes room again.
        node.ledger.memory.set_unavailable(false);
        node.settle();
        node.assert_complete();
        node.restart(&disk);
        node.record("acme", 1);
        node.settle();
        node.assert_complete();
    }
}

#[test]
fn a_disk_that_stays_full_still_makes_room_of_what_is_acknowledged() {
    let disk = MemoryStorage::new();
    let mut node = Node::on(&disk, options());
    node.ledger.memory.set_unavailable(true);
    for _ in 0..60 {
        node.record("acme", 1);
        node.boundary();
    }
    disk.set_capacity(node.log_stats().bytes);
    for _ in 0..60 {
        node.record("acme", 1);
        node.boundary();
        node.export();
    }
    assert!(node.pipeline.stats().not_durable > 0);
    node.ledger.memory.set_unavailable(false);
    node.settle();
    node.assert_complete();
    assert!(disk.count(Operation::Remove) > 0);
}

#[test]
fn what_is_shed_stays_away_after_a_power_cut() {
    for seed in 0..40 {
        let disk = MemoryStorage::new();
        let shedding = options().on_full(OnFull::Shed).lanes(lanes().pending_max(3));
        let log = small_log().segment_bytes(64 << 10).max_bytes(448 << 10).max_entries(200);
        let mut node = Node::with_log(&disk, shedding.sync(SyncPolicy::IntervalMs(1)), log, 1);
        node.ledger.memory.set_unavailable(true);
        node.record("acme", 1_000);
        node.record_row("acme", "/", Dimension::CPU, 6);
        node.record_row("acme", "/", Dimension::BYTES_IN, 26);
        node.boundary();
        node.record("acme", 1_016);
        node.checkpoint();
        node.boundary();
        assert_eq!(node.pipeline.stats().shed, 1_016);
        node.ledger.memory.set_unavailable(false);
        let mut disk = disk.crash(seed);
        // The next process dies while it recovers.
        disk.power_off_after(seed);
        drop(node.try_restart(&disk));
        disk = disk.crash(seed + 1);
        node.restart(&disk);
        node.settle();
        assert_eq!(node.ledger.memory.total("acme", "requests"), 1_000, "seed {seed}");
    }
}

#[test]
fn a_stream_that_floods_the_log_leaves_room_for_the_others() {
    let disk = MemoryStorage::new();
    let log = small_log().max_bytes(1 << 20);
    let mut node = Node::with_log(&disk, options(), log, 2048);
    node.ledger.memory.set_unavailable(true);
    for _ in 0..60 {
        for row in 0..20 {
            let route = format!("{row}{}", "x".repeat(900));
            node.record_row("flood", &route, Dimension::REQUESTS, 1);
        }
        node.boundary();
        node.maintain();
    }
    assert_eq!(node.pipeline.stats().waiting_streams, 1);
    let others: Vec<String> = (0..30).map(|tenant| format!("tenant {tenant}")).collect();
    for tenant in &others {
        node.record_row(tenant, &"y".repeat(900), Dimension::REQUESTS, 1);
    }
    node.boundary();
    let pending = node.pending();
    for tenant in others {
        assert_eq!(pending.get(&(tenant.clone(), "requests".to_owned())), Some(&1), "{tenant}");
    }
    node.ledger.memory.set_unavailable(false);
    node.settle();
    node.assert_complete();
}

#[test]
fn heads_of_idle_streams_leave_a_log_that_can_ask_the_ledger() {
    let disk = MemoryStorage::new();
    let mut node = Node::with_log(&disk, options(), small_log().max_bytes(8 * SEGMENT), 2048);
    node.pipeline.expect_ledger();
    for tenant in 0..300 {
        node.record(&format!("tenant {tenant}"), 1);
        for _ in 0..2 {
            node.boundary();
            node.answer_heads();
            node.drain();
        }
    }
    node.assert_complete();
    let stats = node.log_stats();
    assert!(stats.forgotten_streams > 100 && stats.streams < 200, "{stats:?}");
}

#[test]
fn heads_with_long_names_never_fill_a_log_for_good() {
    for segments in 6..=12 {
        let disk = MemoryStorage::new();
        let mut node = Node::with_log(&disk, options(), small_log().max_bytes(segments * SEGMENT), 2048);
        node.pipeline.expect_ledger();
        for round in 0_u64..120 {
            // Each boundary has other streams, so that each segment holds heads of streams that others have slices of.
            for number in 0..7 {
                let tenant = (round * 13 + number * round) % 90;
                node.record(&format!("t{tenant}{}", "-".repeat(150)), 1);
            }
            node.settle();
            if round % 40 == 39 {
                assert!(node.log_stats().forgotten_streams > 0);
                node.restart(&disk);
                node.pipeline.expect_ledger();
                let stats = node.pipeline.stats();
                assert_eq!(
                    (stats.recovered_slices, stats.pending),
                    (0, 0),
                    "{segments} segments, {stats:#?}"
                );
            }
        }
        node.assert_complete();
    }
}

/// A node whose log has dropped the heads of most of 300 tenants.
fn node_that_forgot(disk: &MemoryStorage) -> Node {
    let mut node = Node::with_log(disk, options(), small_log().max_bytes(8 * SEGMENT), 2048);
    node.pipeline.expect_ledger();
    for tenant in 0..300 {
        node.record(&format!("tenant {tenant}"), 1);
        node.boundary();
        node.answer_heads();
        node.settle();
    }
    assert!(node.log_stats().forgotten_streams > 100, "{:?}", node.log_stats());
    node
}

#[test]
fn what_a_stream_counts_after_its_head_was_dropped_survives_a_power_cut() {
    let disk = MemoryStorage::new();
    let mut node = node_that_forgot(&disk);
    for tenant in 0..40 {
        node.record(&format!("tenant {tenant}"), 10);
    }
    node.boundary();
    node.answer_heads();
    node.boundary();
    assert!(node.live().is_empty() && node.pipeline.stats().not_durable == 0, "it is sealed and durable");
    node.restart(&disk.crash_with(Survival::Synced, 0));
    node.pipeline.check_heads(&node.ledger).unwrap();
    node.settle();
    node.assert_complete();
}

#[test]
fn a_slice_is_admitted_when_nothing_in_a_full_backlog_can_move() {
    let disk = MemoryStorage::new();
    let log = small_log().max_bytes(8 * SEGMENT);
    let mut node = Node::with_log(&disk, options().lanes(lanes().pending_max(2)), log, 2048);
    let rejected = ron_accounting_export::PutError::rejected("no such customer");
    node.ledger.memory.refuse(&crate::node::stream("parked"), Some(rejected));
    for row in 0..60 {
        let route = format!("/{row}/{}", "x".repeat(900));
        node.record_row("parked", &route, Dimension::REQUESTS, 1);
    }
    node.boundary();
    node.export();
    let stats = node.pipeline.stats();
    assert!(stats.not_durable >= 2 && stats.lanes.parked.len() == 1, "the backlog is full: {stats:?}");
    for _ in 0..5 {
        node.record("acme", 1);
        node.boundary();
        node.export();
    }
    assert_eq!(node.ledger.memory.total("acme", "requests"), 5);
}

#[test]
fn options_out_of_range_are_refused_before_the_log_is_touched() {
    let engine = Engine::default();
    let opened = |options| {
        let disk = MemoryStorage::new();
        let opened = Pipeline::with_log(&engine, crate::node::ORIGIN, options, disk.clone(), small_log(), 0);
        assert!(disk.list().unwrap().is_empty());
        opened.unwrap_err()
    };
    let refused = opened(options().streams_max(0));
    let PipelineError::InvalidOption { option, value, min, .. } = &refused else { panic!("{refused}") };
    assert_eq!((*option, *value, *min), ("streams_max", 0, 1));
    for lanes in [lanes().pending_max(0), lanes().backoff_ms(10, 9)] {
        let refused = opened(options().lanes(lanes.clone()));
        assert!(matches!(refused, PipelineError::Lanes(LaneError::InvalidOption { .. })), "{refused}");
        assert!(Pipeline::new(&engine, crate::node::ORIGIN, options().lanes(lanes)).is_err());
    }
}
