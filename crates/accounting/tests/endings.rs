//! Does an instance end in time, whatever its ledger does, and whichever thread ends it?
#![cfg(feature = "wal")]
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

#[path = "support/waiting.rs"]
mod waiting;
#[path = "support/warnings.rs"]
mod warnings;

use std::{
    sync::{
        mpsc::{self, Receiver, Sender},
        Arc, Mutex, OnceLock,
    },
    thread,
    time::Duration,
};

use ron_accounting::{
    export::{Ack, Exporter, Head, MemoryLedger, PutError, SealedSlice, StreamId},
    labels,
    window::ManualClock,
    AccError, Accounting, AccountingBuilder, Dimension, OnFull,
};
use tempfile::tempdir;
use waiting::until;
use warnings::Warnings;

const PATIENCE: Duration = Duration::from_secs(30);
const MOMENT: Duration = Duration::from_millis(5);

/// Tests of one file share their process, and it has one subscriber.
fn warnings() -> &'static Warnings {
    static WARNINGS: OnceLock<Warnings> = OnceLock::new();
    WARNINGS.get_or_init(Warnings::of_this_process)
}

/// A ledger whose first put returns only when the test lets it.
struct Stuck {
    ledger: MemoryLedger,
    enter: Mutex<Sender<()>>,
    release: Mutex<Option<Receiver<()>>>,
}

impl Exporter for Stuck {
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        let first = self.release.lock().unwrap().take();
        if let Some(release) = first {
            self.enter.lock().unwrap().send(()).unwrap();
            let _: Result<(), _> = release.recv();
        }
        self.ledger.put_batch(batch)
    }

    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError> {
        self.ledger.head(stream)
    }
}

struct Rig {
    ledger: MemoryLedger,
    exporter: Arc<Stuck>,
    entered: Receiver<()>,
    /// The put returns when this is dropped.
    release: Sender<()>,
}

impl Rig {
    fn new() -> Self {
        warnings();
        let ledger = MemoryLedger::new();
        let ((enter, entered), (release, released)) = (mpsc::channel(), mpsc::channel());
        let exporter = Arc::new(Stuck {
            ledger: ledger.clone(),
            enter: Mutex::new(enter),
            release: Mutex::new(Some(released)),
        });
        Self { ledger, exporter, entered, release }
    }

    fn builder(&self) -> AccountingBuilder {
        Accounting::builder()
            .clock(Arc::new(ManualClock::new(0)))
            .exporter(Arc::clone(&self.exporter))
            .export_jitter_ms(0)
            .drop_timeout_ms(5)
    }
}

fn record(acc: &Accounting, tenant: &str) {
    acc.record(&labels().tenant(tenant), Dimension::REQUESTS, 1);
}

#[test]
fn shutdown_ends_in_time_although_a_put_never_returns() {
    for is_manual in [false, true] {
        let rig = Rig::new();
        let builder = if is_manual { rig.builder().manual() } else { rig.builder() };
        let acc = builder.build().unwrap();
        record(&acc, "a");
        let error = acc.shutdown(MOMENT).unwrap_err();
        assert!(matches!(error, AccError::ExportBusy { pending: 1, .. }), "{error}");
        rig.entered.recv().unwrap();
        record(&acc, "b");
        acc.shutdown(MOMENT).unwrap_or_default();
        drop(rig.release);
        acc.shutdown(PATIENCE).unwrap();
        assert_eq!((rig.ledger.total("a", "requests"), rig.ledger.total("b", "requests")), (1, 1));
        assert_eq!(acc.stats().export.unwrap().duplicates, 0, "the late answer counted");
    }
}

#[test]
fn dropping_ends_in_time_although_a_put_never_returns_and_gives_the_log_free() {
    let (rig, folder) = (Rig::new(), tempdir().unwrap());
    let acc = rig.builder().wal_dir(folder.path()).build().unwrap();
    record(&acc, "a");
    acc.seal_now();
    rig.entered.recv().unwrap();
    record(&acc, "b");
    drop(acc);
    warnings().assert_one(&["dropped before the ledger had everything", "puts_left_behind=1"]);

    // The exporter works again, while the old put still hangs.
    let next = rig.builder().manual().wal_dir(folder.path()).build().unwrap();
    next.shutdown(PATIENCE).unwrap();
    drop(rig.release);
    until("the old put has returned", || Arc::strong_count(&rig.exporter) == 2);
    assert_eq!((rig.ledger.total("a", "requests"), rig.ledger.total("b", "requests")), (1, 1));
}

#[test]
fn a_tick_that_waits_for_the_ledger_makes_way_for_a_shutdown() {
    let rig = Rig::new();
    let acc = rig.builder().manual().backlog_max(1).on_full(OnFull::Wait).build().unwrap();
    for tenant in ["a", "b", "c"] {
        record(&acc, tenant);
    }
    let ticking = acc.clone();
    let tick = thread::spawn(move || ticking.tick(60_000));
    rig.entered.recv().unwrap();
    acc.shutdown(MOMENT).unwrap_err();
    drop(rig.release);
    acc.shutdown(PATIENCE).unwrap();
    // It may have been let go either way.
    let _: Result<(), AccError> = tick.join().unwrap();
    for tenant in ["a", "b", "c"] {
        assert_eq!(rig.ledger.total(tenant, "requests"), 1);
    }
}

#[test]
fn a_shutdown_seals_in_rounds_whatever_the_policy() {
    for on_full in [OnFull::Stretch, OnFull::Wait] {
        let ledger = MemoryLedger::new();
        let builder = Accounting::builder().manual().clock(Arc::new(ManualClock::new(0)));
        let builder = builder.exporter(Arc::new(ledger.clone())).backlog_max(2).on_full(on_full);
        let acc = builder.build().unwrap();
        let tenants: Vec<String> = (0..9).map(|number| format!("t{number}")).collect();
        for tenant in &tenants {
            record(&acc, tenant);
        }
        acc.shutdown(PATIENCE).unwrap();
        assert!(tenants.iter().all(|tenant| ledger.total(tenant, "requests") == 1), "{on_full:?}");
    }
}

#[test]
fn a_host_thread_may_have_any_name() {
    let ledger = MemoryLedger::new();
    let builder = Accounting::builder().clock(Arc::new(ManualClock::new(0)));
    let acc = builder.exporter(Arc::new(ledger.clone())).build().unwrap();
    record(&acc, "a");
    let host = thread::Builder::new().name("accounting-department".to_owned());
    host.spawn(move || drop(acc)).unwrap().join().unwrap();
    assert_eq!(ledger.total("a", "requests"), 1, "dropping has waited for it");
}

#[test]
fn a_second_instance_on_one_log_is_refused_by_name() {
    let folder = tempdir().unwrap();
    let _first = Accounting::builder().manual().wal_dir(folder.path()).build().unwrap();
    let error = Accounting::builder().manual().wal_dir(folder.path()).build().unwrap_err();
    let AccError::WalLocked { directory } = &error else { panic!("{error}") };
    assert_eq!(*directory, folder.path().display().to_string());
    assert!(error.to_string().contains(directory));
}

#[test]
fn a_log_that_the_system_refuses_is_unavailable_and_not_corrupt() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "no folder").unwrap();
    let error = Accounting::builder().manual().wal_dir(file.join("log")).build().unwrap_err();
    assert!(matches!(error, AccError::WalUnavailable { .. }), "{error}");
}
