//! What does a restart find? The processes here end in order; those in `kill` do not.
//!
//! Nothing here may start a child: for a moment it would share the lock of a log that a test gives back.
#![cfg(all(feature = "wal", unix))]
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

#[path = "support/conserved.rs"]
mod conserved;
#[path = "support/restarts.rs"]
mod restarts;

use std::{fs, path::Path, sync::Arc, time::Duration};

use conserved::{add, assert_conserved, assert_delivered, Units};
use restarts::{by_hand, log_of, record, with_ledger, PATIENCE, TENANTS};
use ron_accounting::{
    export::{MemoryLedger, Origin, SyncPolicy},
    labels,
    wal::inspect,
    window::ManualClock,
    AccError, Dimension,
};
use tempfile::tempdir;

#[test]
fn a_restart_continues_origin_seq_and_chain() {
    let (folder, ledger, mut recorded) = (tempdir().unwrap(), MemoryLedger::new(), Units::new());
    let mut origins = Vec::new();
    for run in 0..4_u8 {
        // The log's own origin wins over any other.
        let now_ms = u64::from(run) * 120_000;
        let builder = with_ledger(&log_of(&folder), &ledger).clock(Arc::new(ManualClock::new(now_ms)));
        let acc = builder.origin(Origin::from_bytes([run; 16])).build().unwrap();
        origins.push(acc.origin().unwrap());
        record(&acc, 1, &mut recorded);
        acc.tick(now_ms + 60_000).unwrap();
        record(&acc, 2, &mut recorded);
        match run {
            1 => ledger.set_unavailable(true),
            2 => ledger.set_unavailable(false),
            _ => acc.shutdown(PATIENCE).unwrap(),
        }
    }
    assert_eq!(origins, [Origin::from_bytes([0; 16]); 4]);
    // The ledger took a chain without gaps.
    assert_delivered(&ledger, &recorded);
    assert_eq!(ledger.slices().len(), 4 * 2 * TENANTS.len());
}

#[test]
fn what_the_ledger_did_not_take_waits_in_the_log() {
    let (folder, ledger, mut recorded) = (tempdir().unwrap(), MemoryLedger::new(), Units::new());
    let acc = with_ledger(&log_of(&folder), &ledger).build().unwrap();
    ledger.set_unavailable(true);
    record(&acc, 1, &mut recorded);
    acc.tick(60_000).unwrap();
    drop(acc);
    let found = inspect(&log_of(&folder)).unwrap();
    assert_eq!((found.unacknowledged.len(), found.is_damaged()), (3, false));

    ledger.set_unavailable(false);
    let acc = with_ledger(&log_of(&folder), &ledger).build().unwrap();
    assert_eq!(acc.stats().export.unwrap().recovered_slices, 3);
    assert_conserved(&acc, &ledger, &recorded);
    acc.drain(PATIENCE).unwrap();
    assert_delivered(&ledger, &recorded);
    drop(acc);
    assert_eq!(inspect(&log_of(&folder)).unwrap().unacknowledged.len(), 0);
}

#[test]
fn without_room_counts_wait_in_the_log_as_well() {
    let (folder, ledger, mut recorded) = (tempdir().unwrap(), MemoryLedger::new(), Units::new());
    // There is no ledger, so nothing leaves the log.
    let acc = by_hand(&log_of(&folder)).backlog_max(1).checkpoint_ms(0).build().unwrap();
    record(&acc, 1, &mut recorded);
    acc.tick(60_000).unwrap();
    record(&acc, 2, &mut recorded);
    drop(acc);
    let acc = with_ledger(&log_of(&folder), &ledger).backlog_max(1).build().unwrap();
    acc.shutdown(PATIENCE).unwrap();
    assert_delivered(&ledger, &recorded);
}

#[test]
fn without_a_ledger_nobody_waits_for_one() {
    let (folder, mut recorded) = (tempdir().unwrap(), Units::new());
    let acc = by_hand(&log_of(&folder)).build().unwrap();
    record(&acc, 1, &mut recorded);
    let result = acc.shutdown(Duration::MAX);
    assert!(matches!(result, Err(AccError::ExportBusy { pending: 3, .. })), "{result:?}");
    drop(acc);
    assert_eq!(inspect(&log_of(&folder)).unwrap().unacknowledged.len(), 3);
}

#[test]
fn the_end_waits_for_no_sync() {
    for policy in [SyncPolicy::OnSeal, SyncPolicy::IntervalMs(3_600_000), SyncPolicy::Never] {
        let (folder, ledger, mut recorded) = (tempdir().unwrap(), MemoryLedger::new(), Units::new());
        // For this clock, no sync is ever due.
        let frozen = Arc::new(ManualClock::new(1));
        let builder = with_ledger(&log_of(&folder), &ledger).sync(policy).export_clock(frozen);
        let acc = builder.build().unwrap();
        record(&acc, 1, &mut recorded);
        acc.shutdown(PATIENCE).unwrap();
        assert_delivered(&ledger, &recorded);
        record(&acc, 2, &mut recorded);
        drop(acc);
        assert_delivered(&ledger, &recorded);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_log_that_is_behind_its_ledger_is_refused() {
    let (folder, ledger) = (tempdir().unwrap(), MemoryLedger::new());
    let (log, old) = (log_of(&folder), folder.path().join("restored"));
    let mut recorded = Units::new();
    for run in 0..2 {
        let acc = with_ledger(&log, &ledger).build().unwrap();
        record(&acc, 1, &mut recorded);
        acc.shutdown(PATIENCE).unwrap();
        drop(acc);
        if run == 0 {
            copy(&log, &old);
        }
    }
    let error = with_ledger(&old, &ledger).build().unwrap_err();
    assert!(matches!(error, AccError::LedgerAhead { .. }), "{error:?}");
    let message = error.with_causes();
    for part in ["expects slice 2", "continues with 1", "/a/requests"] {
        assert!(message.contains(part), "{part} is missing in: {message}");
    }
    // The refusal released the log, and the right one goes on.
    assert!(with_ledger(&old, &MemoryLedger::new()).build().is_ok());
    with_ledger(&log, &ledger).build().unwrap().shutdown(PATIENCE).unwrap();
    assert_delivered(&ledger, &recorded);
}

#[test]
fn a_fork_parks_its_stream_and_no_other() {
    let (folder, ledger) = (tempdir().unwrap(), MemoryLedger::new());
    let (log, clone) = (log_of(&folder), folder.path().join("clone"));
    let mut recorded = Units::new();
    let acc = with_ledger(&log, &ledger).replay().build().unwrap();
    record(&acc, 1, &mut recorded);
    drop(acc);
    copy(&log, &clone);
    // The ledger can't be asked while the second log is opened.
    ledger.set_unavailable(true);
    let second = with_ledger(&clone, &ledger).replay().build().unwrap();
    ledger.set_unavailable(false);

    let acc = with_ledger(&log, &ledger).replay().build().unwrap();
    acc.incr_request(&labels().tenant("a"));
    add(&mut recorded, "a", "requests", 1);
    acc.shutdown(PATIENCE).unwrap();
    second.record(&labels().tenant("a"), Dimension::REQUESTS, 1000);
    second.record(&labels().tenant("b"), Dimension::REQUESTS, 7);
    add(&mut recorded, "b", "requests", 7);
    let message = second.shutdown(PATIENCE).unwrap_err().with_causes();
    assert!(message.contains("/a/requests") && message.contains("fork"), "{message}");
    assert_eq!(second.readiness().missing().collect::<Vec<_>>(), ["exporter_ok"]);
    assert_delivered(&ledger, &recorded);
}
#[test]
fn a_clone_of_a_log_is_refused_before_its_slices_count_as_duplicates() {
    let (folder, ledger) = (tempdir().unwrap(), MemoryLedger::new());
    let (log, clone) = (log_of(&folder), folder.path().join("clone"));
    let mut recorded = Units::new();
    let acc = with_ledger(&log, &ledger).build().unwrap();
    record(&acc, 1, &mut recorded);
    drop(acc);
    copy(&log, &clone);
    // The ledger can't be asked while the second log is opened.
    ledger.set_unavailable(true);
    let second = with_ledger(&clone, &ledger).build().unwrap();
    ledger.set_unavailable(false);

    let acc = with_ledger(&log, &ledger).build().unwrap();
    acc.incr_request(&labels().tenant("a"));
    add(&mut recorded, "a", "requests", 1);
    acc.shutdown(PATIENCE).unwrap();
    // The same as the other, in the same window.
    second.incr_request(&labels().tenant("a"));
    let message = second.shutdown(PATIENCE).unwrap_err().with_causes();
    assert!(message.contains("another copy"), "{message}");
    assert_eq!(second.totals().iter().map(|place| place.pending).sum::<u128>(), 1, "it is kept");
    assert_eq!(second.readiness().missing().collect::<Vec<_>>(), ["exporter_ok"]);
    assert_delivered(&ledger, &recorded);
}
