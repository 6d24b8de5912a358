//! Does what waits for the ledger end when it should, and is nothing lost meanwhile?

use std::{sync::Arc, thread, time::Duration};

use ron_accounting_core::{labels, Dimension, Engine};
use ron_accounting_export::{memory::MemoryLedger, PutError};
use ron_accounting_pipeline::{DeliveryError, Driver, OnFull, Pipeline};
use ron_accounting_window::{Clock, ManualClock, Span, SystemClock};
use ron_ledger_wire::{Seq, StreamId};

use crate::node::{lanes, options, ORIGIN};

/// Longer than any of this takes.
const LONG: Duration = Duration::from_secs(20);
const WINDOW: Span = Span { start_ms: 0, end_ms: 60_000 };

/// A driver whose queues take one slice, and the counts of some tenants.
fn narrow(ledger: &MemoryLedger, on_full: OnFull, tenants: &[&str]) -> (Engine, Driver) {
    narrow_at(SystemClock, ledger, on_full, tenants)
}

fn narrow_at(
    clock: impl Clock,
    ledger: &MemoryLedger,
    on_full: OnFull,
    tenants: &[&str],
) -> (Engine, Driver) {
    let engine = Engine::default();
    let options = options().on_full(on_full).lanes(lanes().pending_max(1));
    let pipeline = Pipeline::new(&engine, ORIGIN, options).unwrap();
    let driver = Driver::new(pipeline, ledger.clone(), clock);
    for tenant in tenants {
        engine.record(&labels().tenant(tenant), Dimension::REQUESTS, 1);
    }
    (engine, driver)
}

fn until_it_waits(driver: &Driver) {
    while driver.with(|pipeline| pipeline.stats().waiting_streams) == 0 {
        thread::yield_now();
    }
}

#[test]
fn only_a_boundary_that_waits_seals_more_than_the_queues_take() {
    for (on_full, sealed) in [(OnFull::Stretch, 1), (OnFull::Shed, 1), (OnFull::Wait, 3)] {
        let ledger = MemoryLedger::new();
        let (_engine, driver) = narrow(&ledger, on_full, &["a", "b", "c"]);
        driver.seal(WINDOW).unwrap();
        assert_eq!(driver.with(|pipeline| pipeline.stats().sealed_slices), sealed, "{on_full:?}");
    }
}

#[test]
fn sealing_all_goes_out_in_rounds_whatever_the_policy() {
    for on_full in [OnFull::Stretch, OnFull::Shed, OnFull::Wait] {
        let ledger = MemoryLedger::new();
        let (_engine, driver) = narrow(&ledger, on_full, &["a", "b", "c"]);
        driver.seal_all(WINDOW, || LONG).unwrap();
        driver.deliver(LONG).unwrap();
        assert_eq!(ledger.slices().len(), 3, "{on_full:?}");
    }
}

#[test]
fn a_boundary_makes_way_for_a_take_over_and_for_the_end() {
    type End = fn(&Driver);
    let ends: [End; 2] = [|driver| drop(driver.take_over()), |driver| drop(driver.close(Duration::ZERO))];
    for end in ends {
        let ledger = MemoryLedger::new();
        ledger.set_unavailable(true);
        // The first stream fails once: after several failures, the other one would be sealed as a probe.
        let clock = Arc::new(ManualClock::new(0));
        let (_engine, driver) = narrow_at(Arc::clone(&clock), &ledger, OnFull::Wait, &["a", "b"]);
        let result = thread::scope(|scope| {
            let boundary = scope.spawn(|| driver.seal(WINDOW));
            until_it_waits(&driver);
            // A take-over that ends before the boundary sees it has taken nothing over, so it is tried again.
            while !boundary.is_finished() {
                end(&driver);
            }
            boundary.join().unwrap()
        });
        assert!(matches!(result, Err(DeliveryError::Busy { .. })), "{result:?}");
        // A put that was left behind answers at its own time.
        while driver.with(|pipeline| pipeline.stats().lanes.in_flight) > 0 {
            thread::yield_now();
        }
        ledger.set_unavailable(false);
        clock.set(1000);
        driver.seal_all(WINDOW, || LONG).unwrap();
        driver.deliver(LONG).unwrap();
        assert_eq!((ledger.total("a", "requests"), ledger.total("b", "requests")), (1, 1));
    }
}

#[test]
fn the_end_seals_everything_and_keeps_its_first_timeout() {
    let ledger = MemoryLedger::new();
    let (_engine, driver) = narrow(&ledger, OnFull::Stretch, &["a", "b"]);
    let threads = driver.start(1).unwrap();
    let closing = driver.close(Duration::MAX);
    closing.finish(WINDOW).unwrap();
    assert_eq!(closing.stop(threads), 0);
    assert_eq!(ledger.slices().len(), 2);

    let ledger = MemoryLedger::new();
    ledger.set_unavailable(true);
    let (_engine, driver) = narrow(&ledger, OnFull::Stretch, &["a"]);
    let first = driver.close(Duration::ZERO);
    let second = driver.close(Duration::MAX);
    for closing in [first, second] {
        assert!(matches!(closing.finish(WINDOW), Err(DeliveryError::Busy { pending: 1, .. })));
    }
}

#[test]
fn a_delivery_names_the_stream_that_is_parked() {
    let ledger = MemoryLedger::new();
    let (_engine, driver) = narrow(&ledger, OnFull::Stretch, &["a"]);
    let parked = StreamId::new(ORIGIN, "a", "requests");
    let refusal = PutError::Gap { expected: Seq::new(7), found: Seq::FIRST };
    ledger.refuse(&parked, Some(refusal.clone()));
    driver.seal(WINDOW).unwrap();
    match driver.deliver(LONG) {
        Err(DeliveryError::Parked { pending: 1, stream, source }) => {
            assert_eq!((stream, source), (parked, refusal));
        }
        other => panic!("{other:?}"),
    }
}

#[cfg(feature = "wal")]
#[test]
fn the_end_keeps_in_a_checkpoint_what_the_log_has_no_room_for_as_slices() {
    use ron_accounting_wal::fault::{MemoryStorage, Survival};

    const NEXT: Span = Span { start_ms: 60_000, end_ms: 120_000 };
    let log = crate::node::small_log().max_bytes(96 << 10);
    let open = |disk: &MemoryStorage, ledger: &MemoryLedger| {
        let engine = Engine::default();
        let pipeline = Pipeline::with_log(&engine, ORIGIN, options(), disk.clone(), log.clone(), 0).unwrap();
        (engine, Driver::new(pipeline, ledger.clone(), ManualClock::new(0)))
    };
    let ledger = MemoryLedger::new();
    ledger.set_unavailable(true);
    let disk = MemoryStorage::new();
    let (engine, driver) = open(&disk, &ledger);
    // More than the share that a stream has of the log.
    for number in 0..50 {
        let route = format!("/{number}/{}", "x".repeat(800));
        engine.record(&labels().tenant("acme").route(&route), Dimension::REQUESTS, 1);
    }
    driver.seal(WINDOW).unwrap();
    assert!(driver.with(|pipeline| pipeline.stats().not_durable) > 0, "the log takes everything");
    engine.record(&labels().tenant("acme"), Dimension::REQUESTS, 7);
    driver.close(Duration::ZERO).finish(NEXT).unwrap_err();
    drop(driver);

    ledger.set_unavailable(false);
    let (_engine, driver) = open(&disk.crash_with(Survival::Synced, 0), &ledger);
    driver.seal_all(NEXT, || LONG).unwrap();
    driver.deliver(LONG).unwrap();
    assert_eq!(ledger.total("acme", "requests"), 57);
}
