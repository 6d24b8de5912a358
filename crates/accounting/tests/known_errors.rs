//! Faults that this product had: each lost or doubled usage, or stopped it for good.
//!
//! Nothing here may start a child: for a moment it would share the lock of a log that a test gives back.
#![cfg(all(feature = "wal", unix))]
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

use std::{fs, path::Path, sync::Arc, time::Duration};

use ron_accounting::{
    export::{MemoryLedger, Origin, PutError, StreamId},
    labels,
    normalize::CharacterNormalizer,
    window::ManualClock,
    Accounting, AccountingBuilder, Dimension,
};
use tempfile::tempdir;

const PATIENCE: Duration = Duration::from_secs(60);

fn over(log: &Path, ledger: &MemoryLedger) -> AccountingBuilder {
    Accounting::builder()
        .manual()
        .clock(Arc::new(ManualClock::new(0)))
        .normalizer(CharacterNormalizer)
        .wal_dir(log)
        .exporter(Arc::new(ledger.clone()))
}

fn count(acc: &Accounting, tenant: &str, route: &str) {
    acc.incr_request(&labels().tenant(tenant).method("GET").route(route));
}

/// More label sets left in one window than the limit, so that counts of a checkpoint were folded into overflow rows before
/// they were sealed, and recovery counted them again: 14,032 of 12,000.
#[test]
fn label_sets_that_are_folded_after_a_checkpoint_are_counted_once() {
    for is_killed in [false, true] {
        let (folder, ledger) = (tempdir().unwrap(), MemoryLedger::new());
        let (log, copy) = (folder.path().join("log"), folder.path().join("copy"));
        let acc = over(&log, &ledger).checkpoint_ms(1).build().unwrap();
        (0..6_000).for_each(|n| count(&acc, "acme", &format!("/{n}")));
        acc.tick(59_000).unwrap();
        (6_000..12_000).for_each(|n| count(&acc, "acme", &format!("/{n}")));
        acc.tick(60_000).unwrap();
        acc.drain(PATIENCE).unwrap();
        // A killed process leaves the bytes that are on the disk now.
        fs::create_dir(&copy).unwrap();
        for entry in fs::read_dir(&log).unwrap().map(Result::unwrap) {
            fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
        acc.shutdown(PATIENCE).unwrap();
        drop(acc);
        for _ in 0..2 {
            let next = over(if is_killed { &copy } else { &log }, &ledger).build().unwrap();
            next.shutdown(PATIENCE).unwrap();
            assert_eq!(ledger.total("acme", "requests"), 12_000, "killed: {is_killed}");
        }
    }
}

/// One stream that the log could hardly hold, or that the ledger refused, stopped all others: 0 of 12, and 0 of 30.
#[test]
fn one_stream_stops_no_other() {
    let (folder, ledger) = (tempdir().unwrap(), MemoryLedger::new());
    let acc = over(folder.path(), &ledger)
        .wal_max_bytes(8 << 20)
        .label_limit(10_000)
        .checkpoint_ms(1)
        .build()
        .unwrap();
    let long = "x".repeat(850);
    for minute in 1..=12 {
        if minute == 1 {
            (0..5_500).for_each(|n| count(&acc, "large", &format!("/{n:06}/{long}")));
        }
        count(&acc, "small", "/");
        acc.tick(minute * 60_000).unwrap();
        acc.drain(PATIENCE).unwrap();
    }
    assert_eq!(ledger.total("small", "requests"), 12);
    acc.shutdown(PATIENCE).unwrap();
    assert_eq!(ledger.total("large", "requests"), 5_500);

    let (folder, ledger) = (tempdir().unwrap(), MemoryLedger::new());
    let origin = Origin::from_bytes([7; 16]);
    let acc = over(folder.path(), &ledger).origin(origin).backlog_max(4).build().unwrap();
    let refusal = PutError::rejected("no such customer");
    for dimension in ["requests", "bytes_in", "bytes_out", "cpu"] {
        ledger.refuse(&StreamId::new(origin, "refused", dimension), Some(refusal.clone()));
    }
    for minute in 1..=30 {
        for dimension in [Dimension::REQUESTS, Dimension::BYTES_IN, Dimension::BYTES_OUT, Dimension::CPU] {
            acc.record(&labels().tenant("refused"), dimension, 1);
        }
        count(&acc, "other", "/");
        acc.tick(minute * 60_000).unwrap();
        acc.drain(PATIENCE).unwrap_err();
    }
    assert_eq!(ledger.total("other", "requests"), 30);
}

/// Heads of streams stayed in the log forever, until they filled it: 31,024 of 32,000.
#[test]
fn a_log_serves_more_streams_than_it_has_room_for_heads() {
    let (folder, ledger) = (tempdir().unwrap(), MemoryLedger::new());
    let mut recorded = 0_u64;
    for life in 0..2 {
        let acc = over(folder.path(), &ledger).wal_max_bytes(4 << 20).tenant_limit(8_000).build().unwrap();
        for batch in 0..4 {
            for tenant in 0..1_000 {
                let tenant = format!("tenant {}", life * 2_000 + batch * 1_000 + tenant);
                for dimension in
                    [Dimension::REQUESTS, Dimension::BYTES_IN, Dimension::BYTES_OUT, Dimension::CPU]
                {
                    acc.record(&labels().tenant(&tenant), dimension, 1);
                    recorded += 1;
                }
            }
            acc.tick((life * 4 + batch + 1) * 60_000).unwrap();
            acc.drain(PATIENCE).unwrap();
        }
        acc.shutdown(PATIENCE).unwrap();
        assert!(acc.stats().export.unwrap().log.unwrap().bytes < 6 << 20);
        drop(acc);
        assert_eq!(ledger.totals().values().sum::<u128>(), u128::from(recorded), "life {life}");
    }
}

/// A log folder that was deleted underneath a running process: nothing was said.
#[test]
fn a_log_folder_that_is_deleted_is_named_within_a_window() {
    let (folder, ledger) = (tempdir().unwrap(), MemoryLedger::new());
    let log = folder.path().join("log");
    let acc = over(&log, &ledger).build().unwrap();
    count(&acc, "acme", "/");
    acc.tick(60_000).unwrap();
    acc.drain(PATIENCE).unwrap();
    assert!(acc.readiness().is_ready());
    fs::remove_dir_all(&log).unwrap();
    acc.tick(61_000).unwrap();
    assert_eq!(acc.readiness().missing().collect::<Vec<_>>(), ["wal_ok"]);
    let trouble = acc.stats().export.unwrap().log.unwrap().trouble.unwrap();
    assert!(trouble.contains("find") && trouble.contains(".wal"), "{trouble}");
    // Nothing is called durable any more.
    count(&acc, "acme", "/");
    acc.tick(120_000).unwrap();
    acc.drain(PATIENCE).unwrap();
    assert!(!acc.readiness().is_ready());
    assert_eq!(ledger.total("acme", "requests"), 1);
    assert_eq!(acc.totals().iter().map(|place| place.live + place.pending).sum::<u128>(), 1);
}
