//! Does an instance get along with its exporter, be it slow, curious, clumsy, or the last one to hold it?
#![cfg(feature = "export")]
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

#[path = "support/conserved.rs"]
mod conserved;
#[path = "support/waiting.rs"]
mod waiting;

use std::{
    sync::{
        atomic::{AtomicU64, Ordering},
        Arc, Mutex,
    },
    thread,
    time::{Duration, Instant},
};

use conserved::{add, assert_conserved, assert_delivered, Units};
use ron_accounting::{
    export::{Ack, Exporter, Head, MemoryLedger, Origin, PutError, SealedSlice, StreamId},
    labels,
    window::{Clock, ManualClock},
    Accounting, AccountingBuilder, Dimension, OnFull,
};
use waiting::until;

const PATIENCE: Duration = Duration::from_secs(30);

fn by_hand(ledger: &MemoryLedger) -> AccountingBuilder {
    Accounting::builder().manual().clock(Arc::new(ManualClock::new(0))).exporter(Arc::new(ledger.clone()))
}

/// Counts a request for each tenant.
fn record(acc: &Accounting, tenants: &[&str], recorded: &mut Units) {
    for tenant in tenants {
        acc.record(&labels().tenant(tenant), Dimension::REQUESTS, 1);
        add(recorded, tenant, "requests", 1);
    }
}

/// A ledger with a hook before each put.
struct Hooked<F> {
    ledger: MemoryLedger,
    hook: F,
}

impl<F: Fn(&[SealedSlice]) + Send + Sync> Exporter for Hooked<F> {
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        (self.hook)(batch);
        self.ledger.put_batch(batch)
    }

    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError> {
        self.ledger.head(stream)
    }
}

#[test]
fn an_exporter_may_look_at_the_instance_that_it_serves() {
    let (ledger, mut recorded) = (MemoryLedger::new(), Units::new());
    let handle: Arc<Mutex<Option<Accounting>>> = Arc::default();
    let looks = Arc::new(AtomicU64::new(0));
    let (shared, counter) = (Arc::clone(&handle), Arc::clone(&looks));
    let hook = move |_: &[SealedSlice]| {
        let handle = shared.lock().unwrap();
        let Some(acc) = handle.as_ref() else { return };
        acc.incr_request(&labels().tenant("exporter"));
        let seen = acc.snapshot().total(Dimension::REQUESTS) + acc.stats().windows;
        assert!(seen > 0 && acc.history().len() == 1 && acc.readiness().boundary_ticker_ok);
        assert!(!acc.totals().is_empty());
        counter.fetch_add(1, Ordering::Relaxed);
    };
    let exporter = Arc::new(Hooked { ledger: ledger.clone(), hook });
    let builder = by_hand(&ledger).exporter(exporter).backlog_max(1).on_full(OnFull::Wait);
    let acc = builder.build().unwrap();
    *handle.lock().unwrap() = Some(acc.clone());
    record(&acc, &["a", "b", "c"], &mut recorded);
    acc.tick(60_000).unwrap();
    acc.drain(PATIENCE).unwrap();
    // A put that panicked would have been repeated.
    assert_eq!(looks.load(Ordering::Relaxed), ledger.puts());
    add(&mut recorded, "exporter", "requests", ledger.puts().into());
    assert_conserved(&acc, &ledger, &recorded);
    handle.lock().unwrap().take();
}

#[test]
fn an_exporter_may_hold_the_last_handle() {
    let (ledger, mut recorded) = (MemoryLedger::new(), Units::new());
    let clock = Arc::new(ManualClock::new(0));
    let handle: Arc<Mutex<Option<Accounting>>> = Arc::default();
    let shared = Arc::clone(&handle);
    let hook = move |_: &[SealedSlice]| drop(shared.lock().unwrap().take());
    let exporter = Arc::new(Hooked { ledger: ledger.clone(), hook });
    let acc = Accounting::builder().clock(clock.clone()).exporter(exporter).build().unwrap();
    record(&acc, &["a", "b"], &mut recorded);
    let slices = acc.seal_now();
    assert_eq!(slices.len(), 2);
    record(&acc, &["a", "b"], &mut recorded);
    let mut place = handle.lock().unwrap();
    *place = Some(acc);
    drop(place);
    until("the instance is gone", || Arc::strong_count(&clock) == 1);
    assert_delivered(&ledger, &recorded);
}

#[test]
fn an_exporter_that_panics_gets_its_batch_again() {
    let (ledger, mut recorded) = (MemoryLedger::new(), Units::new());
    let left = AtomicU64::new(3);
    let hook = move |_: &[SealedSlice]| {
        let is_bad = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        assert!(is_bad.is_err(), "on purpose: an exporter that panics");
    };
    let exporter = Arc::new(Hooked { ledger: ledger.clone(), hook });
    let acc = by_hand(&ledger).exporter(exporter).build().unwrap();
    record(&acc, &["a", "b"], &mut recorded);
    acc.shutdown(PATIENCE).unwrap();
    assert_delivered(&ledger, &recorded);
    let last_error = acc.stats().export.unwrap().last_error.unwrap();
    assert!(last_error.contains("0 answers to"), "{last_error}");
}

/// A manual clock that counts how often the export threads read it.
#[derive(Default)]
struct Watched {
    clock: ManualClock,
    looks: AtomicU64,
}

impl Clock for Watched {
    fn now_ms(&self) -> u64 {
        if thread::current().name().is_some_and(|name| name.starts_with("accounting-export")) {
            self.looks.fetch_add(1, Ordering::Relaxed);
        }
        self.clock.now_ms()
    }
}

#[test]
fn export_is_delayed_so_that_not_all_processes_come_at_once() {
    let (ledger, watched) = (MemoryLedger::new(), Arc::new(Watched::default()));
    let put_at = Arc::new(Mutex::new(None));
    let (clock, first) = (Arc::clone(&watched), Arc::clone(&put_at));
    let hook = move |_: &[SealedSlice]| {
        first.lock().unwrap().get_or_insert(clock.clock.now_ms());
    };
    let exporter = Arc::new(Hooked { ledger, hook });
    let builder = Accounting::builder().exporter(exporter).export_clock(watched.clone());
    // The delay follows from the origin.
    let acc = builder.origin(Origin::from_bytes([7; 16])).export_jitter_ms(60_000).build().unwrap();
    record(&acc, &["a"], &mut Units::new());
    acc.seal_now();
    let looks = watched.looks.load(Ordering::Relaxed);
    until("the threads have looked", || watched.looks.load(Ordering::Relaxed) > looks + 2);
    watched.clock.set(60_000);
    until("it is exported", || put_at.lock().unwrap().is_some());
    assert_eq!(*put_at.lock().unwrap(), Some(60_000));
}

#[test]
fn a_batch_has_as_many_slices_as_was_set() {
    for batch_max in [1, 2, 5] {
        let (ledger, lengths) = (MemoryLedger::new(), Arc::new(Mutex::new(Vec::new())));
        let seen = Arc::clone(&lengths);
        let hook = move |batch: &[SealedSlice]| seen.lock().unwrap().push(batch.len());
        let exporter = Arc::new(Hooked { ledger: ledger.clone(), hook });
        let acc = by_hand(&ledger).exporter(exporter).batch_max(batch_max).build().unwrap();
        record(&acc, &["a", "b", "c", "d"], &mut Units::new());
        acc.shutdown(PATIENCE).unwrap();
        assert_eq!(lengths.lock().unwrap().first(), Some(&batch_max.min(4)));
    }
}

#[test]
fn a_host_that_ticks_may_leave_the_export_to_threads() {
    let ledger = MemoryLedger::new();
    let (put, puts) = std::sync::mpsc::channel();
    let put = Mutex::new(put);
    let hook = move |_: &[SealedSlice]| put.lock().unwrap().send(()).unwrap();
    let exporter = Arc::new(Hooked { ledger: ledger.clone(), hook });
    let acc = by_hand(&ledger).exporter(exporter).export_in_background().build().unwrap();
    let mut recorded = Units::new();
    record(&acc, &["a", "b"], &mut recorded);
    acc.tick(60_000).unwrap();
    // Without a drain.
    puts.recv_timeout(PATIENCE).unwrap();
    acc.shutdown(PATIENCE).unwrap();
    assert_delivered(&ledger, &recorded);
}

#[test]
fn a_delayed_export_does_not_hold_up_the_end() {
    let (ledger, mut recorded) = (MemoryLedger::new(), Units::new());
    // For this clock, no delay ever ends.
    let frozen = Arc::new(ManualClock::new(1));
    let builder = Accounting::builder().export_clock(frozen).export_jitter_ms(60_000);
    let acc = builder.exporter(Arc::new(ledger.clone())).build().unwrap();
    record(&acc, &["a", "b"], &mut recorded);
    acc.shutdown(PATIENCE).unwrap();
    assert_delivered(&ledger, &recorded);
    record(&acc, &["a", "b"], &mut recorded);
    drop(acc);
    assert_delivered(&ledger, &recorded);
}

#[test]
fn what_takes_longer_than_its_budget_is_counted() {
    let ledger = MemoryLedger::new();
    let hook = |_: &[SealedSlice]| {
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(3) {
            std::hint::spin_loop();
        }
    };
    let exporter = Arc::new(Hooked { ledger: ledger.clone(), hook });
    for (budget_ms, expected) in [(2, 1), (600_000, 0)] {
        let builder = by_hand(&ledger).exporter(exporter.clone());
        let builder = builder.backlog_max(1).on_full(OnFull::Wait).export_budget_ms(budget_ms);
        let acc = builder.build().unwrap();
        record(&acc, &["a", "b"], &mut Units::new());
        acc.tick(60_000).unwrap();
        assert_eq!(acc.stats().over_budget, expected);
    }
}
