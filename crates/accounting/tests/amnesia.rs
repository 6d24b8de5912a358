//! Does amnesia keep everything in memory, even if a log is configured, and does it count as well as ever?
#![cfg(all(feature = "wal", unix))]
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

#[path = "support/child.rs"]
mod child;
#[path = "support/conserved.rs"]
mod conserved;
#[path = "support/warnings.rs"]
mod warnings;

use std::{fs, path::Path, process::Command, sync::Arc, time::Duration};

use conserved::{add, assert_conserved, assert_delivered, Units};
use ron_accounting::{
    export::MemoryLedger, labels, window::ManualClock, Accounting, AccountingBuilder, Dimension,
};
use warnings::Warnings;

const PATIENCE: Duration = Duration::from_secs(30);

fn builder() -> AccountingBuilder {
    Accounting::builder().clock(Arc::new(ManualClock::new(0))).amnesia(true)
}

/// Names in a folder, those in its folders included.
fn tree(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names.extend(tree(&path));
        }
        names.push(path.display().to_string());
    }
    names
}

/// Counts through windows, full queues and the last sealing, into a ledger.
fn work(builder: AccountingBuilder) {
    let (ledger, mut recorded) = (MemoryLedger::new(), Units::new());
    let acc = builder.exporter(Arc::new(ledger.clone())).backlog_max(2).build().unwrap();
    for minute in 1..=4 {
        for tenant in ["a", "b", "c", "d"] {
            acc.record(&labels().tenant(tenant), Dimension::REQUESTS, minute);
            add(&mut recorded, tenant, "requests", minute.into());
        }
        acc.tick(minute * 60_000).unwrap();
        assert_eq!(acc.snapshot().entries().len(), 0);
    }
    assert!(acc.readiness().wal_ok && acc.stats().export.unwrap().log.is_none());
    acc.incr_request(&labels().tenant("a"));
    add(&mut recorded, "a", "requests", 1);
    acc.shutdown(PATIENCE).unwrap();
    assert_conserved(&acc, &ledger, &recorded);
    acc.incr_request(&labels().tenant("a"));
    add(&mut recorded, "a", "requests", 1);
    drop(acc);
    assert_delivered(&ledger, &recorded);
}

#[test]
fn a_configured_log_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let acc = builder().manual().wal_dir(folder.path().join("log")).build().unwrap();
    assert!(acc.stats().wal_refused && acc.stats().export.is_none());
    // It is what was asked for, so nothing is missing.
    assert!(acc.readiness().is_ready());
    drop(acc);
    work(builder().manual().wal_dir(folder.path().join("log")));
    work(builder().wal_dir(folder.path().join("log")));
    assert_eq!(tree(folder.path()), [""; 0]);
    assert!(!builder().manual().build().unwrap().stats().wal_refused, "there is none to refuse");
}

#[test]
fn a_log_from_before_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let acc = Accounting::builder().manual().wal_dir(folder.path()).build().unwrap();
    acc.incr_request(&labels().tenant("a"));
    acc.seal_now();
    drop(acc);
    let content = |folder: &Path| -> Vec<_> {
        tree(folder).into_iter().map(|name| (fs::read(&name).unwrap(), name)).collect()
    };
    let before = content(folder.path());
    work(builder().manual().wal_dir(folder.path()));
    assert_eq!(content(folder.path()), before);
}

/// The same child with limits of the shell.
fn limited(child: &Command, limits: &str) -> Command {
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("{limits} && exec \"$@\""), "sh"]).arg(child.get_program());
    limited.args(child.get_args());
    limited.envs(child.get_envs().filter_map(|(variable, value)| Some((variable, value?))));
    limited
}

/// The child may not write a byte to a file, and has as many files open as it can have. So whatever it does now, it does
/// without opening one.
#[test]
fn no_file_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    if child::role().is_none() {
        let child = child::command("no_file_is_opened", "child");
        let mut child = limited(&child, "ulimit -n 64 && ulimit -f 0");
        child.current_dir(folder.path()).env("ACC_AMNESIA", "1").env("ACC_WAL_DIR", "log");
        child::run(child, child::succeeded);
        assert_eq!(tree(folder.path()), [""; 0]);
        return;
    }
    let warnings = Warnings::of_this_process();
    let mut files = Vec::new();
    while let Ok(file) = fs::File::open("/dev/null") {
        files.push(file);
    }
    let control = Accounting::builder().manual().wal_dir(folder.path()).build();
    assert!(control.unwrap_err().with_causes().contains("Too many open files"));

    let acc = Accounting::new_default();
    assert!(acc.stats().wal_refused && acc.readiness().is_ready());
    warnings.assert_one(&["ron-accounting", "amnesia", "write-ahead log is refused"]);
    drop(acc);
    work(Accounting::builder().clock(Arc::new(ManualClock::new(0))).env().unwrap());
    work(builder().manual().wal_dir("log"));
}

#[test]
fn a_snapshot_that_is_held_stays_as_it_was() {
    let acc = builder().manual().history_windows(1).build().unwrap();
    acc.record(&labels().tenant("a"), Dimension::REQUESTS, 3);
    acc.tick(60_000).unwrap();
    let held = acc.history().remove(0);
    for minute in 2..=3 {
        acc.record(&labels().tenant("a"), Dimension::REQUESTS, 5);
        acc.tick(minute * 60_000).unwrap();
    }
    // The buffers of windows that left the history are overwritten, but not this one while it is read.
    assert_eq!((held.total(Dimension::REQUESTS), acc.history().len()), (3, 1));
    assert_eq!(acc.history()[0].total(Dimension::REQUESTS), 5);
}
