//! What does a restart find after a process that was killed, and does a log belong to one process at a time?
#![cfg(all(feature = "wal", unix))]
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

#[path = "support/child.rs"]
mod child;
#[path = "support/conserved.rs"]
mod conserved;
#[path = "support/file_ledger.rs"]
mod file_ledger;
#[path = "support/restarts.rs"]
mod restarts;

use std::{env, path::Path, process::Command, sync::Arc};

use conserved::{assert_conserved, assert_delivered, Units};
use file_ledger::{FileLedger, Kill};
use restarts::{by_hand, log_of, note, record, with_ledger, PATIENCE};
use ron_accounting::{export::MemoryLedger, window::ManualClock, AccError};
use tempfile::{tempdir, TempDir};

/// Where the life of a process ends.
const ENDS: [&str; 6] = [
    "after sealing",
    "before storing",
    "before answering",
    "after answering",
    "after a checkpoint",
    "at rest",
];

/// A process that records, seals and exports on the log and the ledger of earlier ones in its folder, and is killed.
/// `role` is its end, and the minute in which it starts.
fn live_and_die(role: &str) -> ! {
    let folder = env::current_dir().unwrap();
    let (end, minute) = role.split_once(", ").unwrap();
    let now_ms = minute.parse::<u64>().unwrap() * 60_000;
    let kill = match end {
        "before storing" => Kill::BeforeStoring,
        "before answering" => Kill::BeforeAnswering,
        _ => Kill::Never,
    };
    let ledger = Arc::new(FileLedger::open(&folder.join("ledger"), kill));
    let export_clock = Arc::new(ManualClock::new(0));
    let acc = by_hand(&folder.join("log"))
        .clock(Arc::new(ManualClock::new(now_ms)))
        .exporter(ledger)
        .export_clock(export_clock.clone())
        .checkpoint_ms(1000)
        .build()
        .unwrap();
    let mut recorded = Units::new();
    record(&acc, 1, &mut recorded);
    acc.tick(now_ms + 60_000).unwrap();
    match end {
        "after sealing" => {}
        "after a checkpoint" => {
            record(&acc, 2, &mut recorded);
            export_clock.set(1000);
            acc.tick(now_ms + 60_001).unwrap();
            // Too late for it.
            record(&acc, 4, &mut recorded);
        }
        "at rest" => acc.shutdown(PATIENCE).unwrap(),
        _ => acc.drain(PATIENCE).unwrap(),
    }
    std::process::abort();
}

/// Runs a child in a folder, up to its end.
fn kill(mut child: Command, folder: &TempDir) {
    child.current_dir(folder.path());
    // A failed assertion ends a process with a code.
    child::run(child, |output| output.status.code().is_none());
}

#[test]
fn a_kill_at_any_point_leads_to_duplicates_and_never_to_gaps_or_doubles() {
    const TEST: &str = "a_kill_at_any_point_leads_to_duplicates_and_never_to_gaps_or_doubles";
    if let Some(role) = child::role() {
        live_and_die(&role);
    }
    for first in ENDS {
        let folder = tempdir().unwrap();
        let mut recorded = Units::new();
        // Each end after each other one, on the same log.
        for (minute, end) in [first].into_iter().chain(ENDS).enumerate() {
            let role = format!("{end}, {}", 2 * minute);
            kill(child::command(TEST, &role), &folder);
            let durable = if end == "after a checkpoint" { 1 + 2 } else { 1 };
            note(durable, &mut recorded);
        }
        let ledger = Arc::new(FileLedger::open(&folder.path().join("ledger"), Kill::Never));
        let acc = by_hand(&log_of(&folder)).exporter(ledger.clone()).build().unwrap();
        acc.shutdown(PATIENCE).unwrap();
        assert_delivered(&ledger.memory, &recorded);
        let stats = acc.stats().export.unwrap();
        assert_eq!((stats.pending, stats.lanes.parked.len(), stats.refused), (0, 0, 0));
    }
}

#[test]
fn a_kill_between_ledger_and_answer_leads_to_duplicates() {
    const TEST: &str = "a_kill_between_ledger_and_answer_leads_to_duplicates";
    if let Some(role) = child::role() {
        live_and_die(&role);
    }
    let (folder, mut recorded) = (tempdir().unwrap(), Units::new());
    kill(child::command(TEST, "before answering, 0"), &folder);
    let ledger = Arc::new(FileLedger::open(&folder.path().join("ledger"), Kill::Never));
    let acc = by_hand(&log_of(&folder)).exporter(ledger.clone()).build().unwrap();
    assert_eq!(ledger.memory.slices().len(), 3, "the batch was stored");
    record(&acc, 5, &mut recorded);
    note(1, &mut recorded);
    acc.shutdown(PATIENCE).unwrap();
    let stats = acc.stats().export.unwrap();
    assert_eq!((stats.recovered_slices, stats.duplicates, stats.acknowledged), (3, 3, 6));
    assert_delivered(&ledger.memory, &recorded);
}

#[test]
fn a_kill_costs_nothing_of_what_a_checkpoint_has_even_while_streams_wait_for_room() {
    const TEST: &str = "a_kill_costs_nothing_of_what_a_checkpoint_has_even_while_streams_wait_for_room";
    let mut recorded = Units::new();
    if child::role().is_some() {
        let clock = Arc::new(ManualClock::new(0));
        let builder = by_hand(&env::current_dir().unwrap().join("log")).export_clock(clock.clone());
        let acc = builder.backlog_max(1).checkpoint_ms(1000).build().unwrap();
        // Each tick closes a window, so that there is no other moment for a checkpoint.
        for minute in 1..=3 {
            record(&acc, 1, &mut recorded);
            clock.advance(1000);
            acc.tick(minute * 60_000).unwrap();
        }
        assert_eq!(acc.stats().export.unwrap().waiting_streams, 3);
        std::process::abort();
    }
    let (folder, ledger) = (tempdir().unwrap(), MemoryLedger::new());
    kill(child::command(TEST, "child"), &folder);
    let acc = with_ledger(&log_of(&folder), &ledger).build().unwrap();
    note(3, &mut recorded);
    assert_conserved(&acc, &ledger, &recorded);
    acc.shutdown(PATIENCE).unwrap();
    assert_delivered(&ledger, &recorded);
}

#[test]
fn a_log_belongs_to_one_process() {
    const TEST: &str = "a_log_belongs_to_one_process";
    if child::role().is_some() {
        let log = env::current_dir().unwrap().join("log");
        let error = by_hand(&log).build().unwrap_err();
        assert!(
            matches!(&error, AccError::WalLocked { directory } if log.ends_with(directory)
            || Path::new(directory) == log),
            "{error:?}"
        );
        let message = error.to_string();
        assert!(message.contains("in use by another process"), "{message}");
        return;
    }
    let folder = tempdir().unwrap();
    let acc = by_hand(&log_of(&folder)).build().unwrap();
    let mut second = child::command(TEST, "second");
    second.current_dir(folder.path());
    child::run(second, child::succeeded);
    assert!(by_hand(&log_of(&folder)).build().is_err(), "not even a second one in the same process");
    assert!(acc.readiness().is_ready());
}
