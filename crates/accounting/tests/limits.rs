//! What happens when the queues to the ledger are full, and does everything arrive all the same?
#![cfg(feature = "export")]
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

#[path = "support/conserved.rs"]
mod conserved;
#[path = "support/waiting.rs"]
mod waiting;

use std::{
    sync::{
        atomic::{AtomicBool, Ordering},
        Arc,
    },
    thread,
    time::{Duration, Instant},
};

use conserved::{add, assert_conserved, assert_delivered, Units};
use ron_accounting::{
    export::{MemoryLedger, Origin, PutError, StreamId},
    labels,
    normalize::CharacterNormalizer,
    window::ManualClock,
    AccError, Accounting, AccountingBuilder, Dimension, OnFull,
};
use waiting::until;

const ORIGIN: Origin = Origin::from_bytes([7; 16]);
const PATIENCE: Duration = Duration::from_secs(30);

fn by_hand(ledger: &MemoryLedger) -> AccountingBuilder {
    Accounting::builder()
        .manual()
        .clock(Arc::new(ManualClock::new(0)))
        .origin(ORIGIN)
        .exporter(Arc::new(ledger.clone()))
}

/// Counts 1 request for the first tenant, 10 for the next, and so on.
fn record(acc: &Accounting, tenants: &[&str], recorded: &mut Units) {
    for (n, tenant) in tenants.iter().enumerate() {
        let requests = 10_u64.pow(u32::try_from(n).unwrap());
        acc.record(&labels().tenant(tenant).route("/v1/feed"), Dimension::REQUESTS, requests);
        add(recorded, tenant, "requests", requests.into());
    }
}

fn spans(ledger: &MemoryLedger, tenant: &str) -> Vec<(u64, u64, u128)> {
    let slices = ledger.slices_of(&StreamId::new(ORIGIN, tenant, "requests"));
    slices.iter().map(|slice| (slice.start_ms(), slice.end_ms(), slice.total())).collect()
}

#[test]
fn stretch_leaves_counts_where_they_are_until_there_is_room() {
    let (ledger, mut recorded) = (MemoryLedger::new(), Units::new());
    let acc = by_hand(&ledger).backlog_max(2).build().unwrap();
    record(&acc, &["a", "b", "c"], &mut recorded);
    acc.tick(60_000).unwrap();
    let stats = acc.stats().export.unwrap();
    assert_eq!((stats.sealed_slices, stats.pending, stats.waiting_streams), (2, 2, 1));
    assert_eq!(acc.readiness().missing().collect::<Vec<_>>(), ["queues_bounded_ok"]);
    let totals = acc.totals();
    let places: Vec<_> = totals.iter().map(|place| (&*place.tenant, place.live, place.pending)).collect();
    assert_eq!(places, [("a", 0, 1), ("b", 0, 10), ("c", 100, 0)]);

    acc.drain(PATIENCE).unwrap();
    assert_conserved(&acc, &ledger, &recorded);
    assert!(acc.readiness().is_ready(), "as soon as there is room, nothing waits");
    assert_eq!(spans(&ledger, "c"), [(0, 120_000, 100)]);
    record(&acc, &["a", "b", "c"], &mut recorded);
    acc.tick(120_000).unwrap();
    acc.shutdown(PATIENCE).unwrap();
    assert!(acc.readiness().is_ready());
    assert_eq!(spans(&ledger, "c").iter().map(|span| span.2).sum::<u128>(), 200);
    assert_delivered(&ledger, &recorded);
    // The history shows each window by itself all the same.
    assert_eq!(acc.history().iter().map(|window| window.total(Dimension::REQUESTS)).max(), Some(111));
}

#[test]
fn shed_throws_away_what_has_no_room_and_counts_it() {
    let (ledger, mut recorded) = (MemoryLedger::new(), Units::new());
    let acc = by_hand(&ledger).backlog_max(2).on_full(OnFull::Shed).build().unwrap();
    record(&acc, &["a", "b", "c"], &mut recorded);
    acc.tick(60_000).unwrap();
    assert_eq!(acc.stats().export.unwrap().shed, 100);
    assert!(acc.totals().iter().all(|place| place.live == 0));
    acc.drain(PATIENCE).unwrap();
    acc.record(&labels().tenant("c"), Dimension::REQUESTS, 7);
    acc.tick(120_000).unwrap();
    acc.shutdown(PATIENCE).unwrap();
    add(&mut recorded, "c", "requests", 7);
    *recorded.get_mut(&("c".to_owned(), "requests".to_owned())).unwrap() -= 100;
    assert_eq!(spans(&ledger, "c"), [(60_000, 120_000, 7)]);
    assert_delivered(&ledger, &recorded);
    assert_eq!(acc.stats().export.unwrap().shed, 100);
}

#[test]
fn wait_seals_every_stream_within_its_window() {
    let (ledger, mut recorded) = (MemoryLedger::new(), Units::new());
    let acc = by_hand(&ledger).backlog_max(1).on_full(OnFull::Wait).build().unwrap();
    let tenants = ["a", "b", "c", "d", "e"];
    for minute in 1..=3 {
        record(&acc, &tenants, &mut recorded);
        acc.tick(minute * 60_000).unwrap();
        assert!(acc.totals().iter().all(|place| place.live == 0), "{:?}", acc.totals());
    }
    acc.drain(PATIENCE).unwrap();
    for (n, tenant) in (0..).zip(tenants) {
        let units = 10_u128.pow(n);
        let expected = [(0, 60_000, units), (60_000, 120_000, units), (120_000, 180_000, units)];
        assert_eq!(spans(&ledger, tenant), expected);
    }
    assert_delivered(&ledger, &recorded);
}

#[test]
fn wait_says_which_stream_holds_it_up_and_brings_the_others_on() {
    let (ledger, mut recorded) = (MemoryLedger::new(), Units::new());
    let acc = by_hand(&ledger).backlog_max(2).on_full(OnFull::Wait).build().unwrap();
    let held = StreamId::new(ORIGIN, "b", "requests");
    ledger.refuse(&held, Some(PutError::rejected("not today")));
    for minute in 1..=2 {
        record(&acc, &["a", "b", "c", "d"], &mut recorded);
        let result = acc.tick(minute * 60_000);
        assert_conserved(&acc, &ledger, &recorded);
        if minute == 2 {
            let message = result.unwrap_err().with_causes();
            assert!(message.contains(&held.to_string()) && message.contains("not today"), "{message}");
        }
    }
    assert!(acc.drain(PATIENCE).is_err());
    for tenant in ["a", "c", "d"] {
        assert_eq!(spans(&ledger, tenant).len(), 2, "{tenant}");
    }
    ledger.refuse(&held, None);
    assert!(acc.resume(&held));
    acc.shutdown(PATIENCE).unwrap();
    assert_delivered(&ledger, &recorded);
}

#[test]
fn wait_ends_although_others_go_on_recording() {
    let ledger = MemoryLedger::new();
    let acc = by_hand(&ledger).backlog_max(1).on_full(OnFull::Wait).build().unwrap();
    let tenants = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let is_over = AtomicBool::new(false);
    let mut recorded = Units::new();
    let record_until_over = || {
        let mut recorded = Units::new();
        while !is_over.load(Ordering::Relaxed) {
            record(&acc, &tenants, &mut recorded);
        }
        recorded
    };
    thread::scope(|scope| {
        let recorders = [scope.spawn(record_until_over), scope.spawn(record_until_over)];
        for minute in 1..=5 {
            acc.tick(minute * 60_000).unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        for recorder in recorders {
            for ((tenant, dimension), n) in recorder.join().unwrap() {
                add(&mut recorded, &tenant, &dimension, n);
            }
        }
    });
    assert_conserved(&acc, &ledger, &recorded);
    acc.shutdown(PATIENCE).unwrap();
    assert_delivered(&ledger, &recorded);
}

#[test]
fn shutdown_and_drop_bring_everything_whatever_the_room() {
    let tenants = ["a", "b", "c", "d", "e", "f", "g"];
    for on_full in [OnFull::Stretch, OnFull::Wait] {
        for (is_manual, shuts_down) in [(true, true), (true, false), (false, true), (false, false)] {
            let (ledger, mut recorded) = (MemoryLedger::new(), Units::new());
            let builder = Accounting::builder().clock(Arc::new(ManualClock::new(0)));
            let builder = if is_manual { builder.manual() } else { builder };
            let builder = builder.exporter(Arc::new(ledger.clone())).backlog_max(2).on_full(on_full);
            let acc = builder.build().unwrap();
            record(&acc, &tenants, &mut recorded);
            if shuts_down {
                acc.shutdown(Duration::MAX).unwrap();
                assert!(acc.totals().iter().all(|place| place.live + place.pending == 0));
                assert_conserved(&acc, &ledger, &recorded);
            }
            record(&acc, &tenants, &mut recorded);
            drop(acc);
            assert_delivered(&ledger, &recorded);
        }
    }
}

#[test]
fn shutdown_keeps_its_deadline_whatever_the_policy() {
    let (ledger, mut recorded) = (MemoryLedger::new(), Units::new());
    let acc = by_hand(&ledger).backlog_max(2).on_full(OnFull::Wait).build().unwrap();
    ledger.set_unavailable(true);
    record(&acc, &["a", "b", "c"], &mut recorded);
    let start = Instant::now();
    let error = acc.shutdown(Duration::ZERO).unwrap_err();
    assert!(start.elapsed() < PATIENCE, "it waited for the ledger as long as a tick does");
    assert!(matches!(error, AccError::ExportBusy { pending: 2, .. }), "{error:?}");
    assert_conserved(&acc, &ledger, &recorded);
    ledger.set_unavailable(false);
    acc.shutdown(PATIENCE).unwrap();
    assert_delivered(&ledger, &recorded);
}

#[test]
fn drop_ends_a_tick_that_waits_for_the_ledger() {
    let (ledger, mut recorded) = (MemoryLedger::new(), Units::new());
    let clock = Arc::new(ManualClock::new(0));
    let builder = Accounting::builder().clock(clock.clone()).window_ms(10).backlog_max(1);
    let acc = builder.on_full(OnFull::Wait).exporter(Arc::new(ledger.clone())).build().unwrap();
    ledger.set_unavailable(true);
    record(&acc, &["a", "b"], &mut recorded);
    clock.set(10);
    until("the ticker waits", || acc.stats().export.unwrap().waiting_streams == 1);
    let start = Instant::now();
    drop(acc);
    assert!(start.elapsed() < PATIENCE, "it waited for the ledger as long as a tick does");
    assert_eq!(Arc::strong_count(&clock), 1, "the threads have ended");
}

#[test]
fn a_stream_of_more_slices_than_the_queue_takes_goes_out_in_rounds() {
    for on_full in [OnFull::Stretch, OnFull::Wait, OnFull::Shed] {
        let ledger = MemoryLedger::new();
        let builder = by_hand(&ledger).normalizer(CharacterNormalizer).on_full(on_full);
        let acc = builder.backlog_max(1).build().unwrap();
        // More than a slice can hold.
        let long = "x".repeat(1000);
        for n in 0..400 {
            let service = n.to_string();
            acc.incr_request(
                &labels().tenant("a").method(&long).route(&long).region(&long).service(&service),
            );
        }
        acc.tick(60_000).unwrap();
        acc.shutdown(PATIENCE).unwrap();
        assert_eq!(ledger.total("a", "requests"), 400, "{on_full:?}");
        assert!(ledger.slices().len() > 1, "{on_full:?}");
    }
}

#[test]
fn a_stream_of_several_slices_needs_room_for_all() {
    let (ledger, mut recorded) = (MemoryLedger::new(), Units::new());
    let builder = by_hand(&ledger).normalizer(CharacterNormalizer).on_full(OnFull::Wait);
    let acc = builder.backlog_max(2).build().unwrap();
    let long = "x".repeat(1000);
    for n in 0..400 {
        let service = n.to_string();
        acc.incr_request(&labels().tenant("a").method(&long).route(&long).region(&long).service(&service));
        add(&mut recorded, "a", "requests", 1);
    }
    record(&acc, &["b"], &mut recorded);
    acc.tick(60_000).unwrap();
    acc.drain(PATIENCE).unwrap();
    let spans = spans(&ledger, "a");
    assert!(spans.len() == 2 && spans.iter().all(|span| (span.0, span.1) == (0, 60_000)), "{spans:?}");
    assert_delivered(&ledger, &recorded);
}
