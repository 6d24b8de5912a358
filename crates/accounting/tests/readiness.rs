//! Does readiness name what is missing, only that, and only as long as it is missing?
#![cfg(feature = "wal")]
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

use std::{fs, path::Path, sync::Arc, time::Duration};

use ron_accounting::{
    export::{MemoryLedger, Origin, PutError, StreamId, SyncPolicy},
    labels,
    normalize::CharacterNormalizer,
    wal::inspect,
    window::ManualClock,
    AccError, Accounting, AccountingBuilder, Dimension,
};
use tempfile::tempdir;

const ORIGIN: Origin = Origin::from_bytes([7; 16]);
const PATIENCE: Duration = Duration::from_secs(30);
/// Enough for a put that fails at once.
const MOMENT: Duration = Duration::from_millis(200);

fn by_hand(ledger: &MemoryLedger) -> AccountingBuilder {
    Accounting::builder()
        .manual()
        .clock(Arc::new(ManualClock::new(0)))
        .origin(ORIGIN)
        .exporter(Arc::new(ledger.clone()))
}

fn record(acc: &Accounting, tenant: &str) {
    acc.record(&labels().tenant(tenant), Dimension::REQUESTS, 1);
}

fn assert_missing<const N: usize>(acc: &Accounting, expected: [&str; N]) {
    assert_eq!(acc.readiness().missing().collect::<Vec<_>>(), expected);
    assert_eq!(acc.readiness().is_ready(), N == 0);
}

#[test]
fn a_ledger_that_is_down_shows_once_it_is_down_for_long() {
    let (ledger, clock) = (MemoryLedger::new(), Arc::new(ManualClock::new(0)));
    let acc = by_hand(&ledger).export_clock(clock.clone()).build().unwrap();
    assert_missing(&acc, []);
    ledger.set_unavailable(true);
    record(&acc, "a");
    acc.tick(60_000).unwrap();
    acc.drain(MOMENT).unwrap_err();
    assert_missing(&acc, []);
    clock.set(9_999);
    acc.drain(MOMENT).unwrap_err();
    assert_missing(&acc, []);
    clock.set(10_000);
    let message = acc.drain(MOMENT).unwrap_err().with_causes();
    assert!(message.contains("1 slices") && message.contains("ledger unavailable"), "{message}");
    assert_missing(&acc, ["exporter_ok"]);

    ledger.set_unavailable(false);
    clock.set(20_000);
    acc.drain(PATIENCE).unwrap();
    assert_missing(&acc, []);
}

#[test]
fn a_parked_stream_shows_until_an_operator_resumes_it() {
    let ledger = MemoryLedger::new();
    let acc = by_hand(&ledger).build().unwrap();
    let stream = StreamId::new(ORIGIN, "a", "requests");
    assert!(!acc.resume(&stream), "nothing is parked");
    ledger.refuse(&stream, Some(PutError::rejected("not today")));
    record(&acc, "a");
    record(&acc, "b");
    acc.tick(60_000).unwrap();
    acc.drain(PATIENCE).unwrap_err();
    assert_missing(&acc, ["exporter_ok"]);
    let parked = acc.stats().export.unwrap().lanes.parked;
    assert_eq!((parked.len(), &parked[0].stream, parked[0].pending), (1, &stream, 1));
    assert_eq!(ledger.total("b", "requests"), 1);

    ledger.refuse(&stream, None);
    assert!(acc.resume(&stream));
    acc.drain(PATIENCE).unwrap();
    assert_missing(&acc, []);
    assert_eq!(ledger.total("a", "requests"), 1);
}

#[test]
fn full_queues_show_until_they_have_room() {
    let ledger = MemoryLedger::new();
    let acc = by_hand(&ledger).backlog_max(2).build().unwrap();
    record(&acc, "a");
    acc.tick(60_000).unwrap();
    assert_missing(&acc, []);
    record(&acc, "b");
    acc.tick(120_000).unwrap();
    assert_missing(&acc, ["queues_bounded_ok"]);
    acc.drain(PATIENCE).unwrap();
    assert_missing(&acc, []);
}

#[test]
fn a_log_that_is_full_shows_and_nothing_is_lost() {
    let (folder, ledger) = (tempdir().unwrap(), MemoryLedger::new());
    let builder = by_hand(&ledger).normalizer(CharacterNormalizer).wal_dir(folder.path());
    let acc = builder.wal_max_bytes(4 << 20).build().unwrap();
    let long = "x".repeat(1000);
    let mut recorded = 0;
    for minute in 1..=10 {
        assert_missing(&acc, []);
        // Not quite the megabyte that a slice can have.
        for service in 0..200 {
            let service = service.to_string();
            let set = labels().tenant("a").method(&long).route(&long).region(&long).service(&service);
            acc.incr_request(&set);
            recorded += 1;
        }
        acc.tick(minute * 60_000).unwrap();
        if acc.stats().export.unwrap().waiting_streams > 0 {
            break;
        }
    }
    assert_missing(&acc, ["wal_ok"]);
    let last_error = acc.stats().export.unwrap().last_error.unwrap();
    assert!(last_error.contains("log is full"), "{last_error}");
    let totals = acc.totals();
    assert_eq!(totals[0].live + totals[0].pending, recorded);

    // The ledger takes the durable slices, and that makes space in the log.
    acc.shutdown(PATIENCE).unwrap();
    assert_missing(&acc, []);
    assert_eq!(ledger.total("a", "requests"), recorded);
}

#[test]
fn a_log_that_could_not_hold_a_segment_is_an_error_of_build() {
    let error = Accounting::builder().manual().wal_max_bytes(8192).build().unwrap_err();
    assert!(matches!(&error, AccError::Config { variable: "wal_max_bytes", .. }), "{error}");
}

#[test]
fn slices_that_wait_for_a_sync_are_no_fault() {
    let (folder, ledger) = (tempdir().unwrap(), MemoryLedger::new());
    let builder = by_hand(&ledger).wal_dir(folder.path()).export_clock(Arc::new(ManualClock::new(1)));
    let acc = builder.sync(SyncPolicy::IntervalMs(1000)).build().unwrap();
    for (minute, tenant) in (1..).zip(["a", "b"]) {
        record(&acc, tenant);
        acc.tick(minute * 60_000).unwrap();
    }
    assert!(acc.stats().export.unwrap().not_durable > 0, "{:?}", acc.stats());
    assert_missing(&acc, []);
}

/// Flips a bit of a name in a segment.
fn damage(log: &Path, name: &str) {
    for entry in fs::read_dir(log).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        let found = bytes.windows(name.len()).position(|window| window == name.as_bytes());
        if let Some(position) = found {
            bytes[position] ^= 1;
            fs::write(&path, bytes).unwrap();
            return;
        }
    }
    panic!("no {name} in {}", log.display());
}

#[test]
fn a_damaged_log_shows_and_what_verifies_is_exported() {
    let (folder, ledger) = (tempdir().unwrap(), MemoryLedger::new());
    let clock = || Arc::new(ManualClock::new(0));
    let acc = Accounting::builder().manual().clock(clock()).wal_dir(folder.path()).build().unwrap();
    for (minute, tenant) in (1..).zip(["first", "needle", "last"]) {
        record(&acc, tenant);
        acc.tick(minute * 60_000).unwrap();
    }
    drop(acc);
    assert!(!inspect(folder.path()).unwrap().is_damaged());
    damage(folder.path(), "needle");
    assert!(inspect(folder.path()).unwrap().is_damaged());

    let acc = by_hand(&ledger).wal_dir(folder.path()).build().unwrap();
    assert_missing(&acc, ["wal_ok"]);
    assert_eq!(acc.stats().export.unwrap().log.unwrap().corrupt_segments, 1);
    acc.drain(PATIENCE).unwrap();
    let delivered = ["first", "needle", "last"].map(|tenant| ledger.total(tenant, "requests"));
    assert_eq!(delivered, [1, 0, 1]);
    assert_missing(&acc, ["wal_ok"]);
}

#[test]
fn everything_that_is_missing_is_named() {
    let ledger = MemoryLedger::new();
    let acc = by_hand(&ledger).backlog_max(1).build().unwrap();
    let stream = StreamId::new(ORIGIN, "a", "requests");
    ledger.refuse(&stream, Some(PutError::rejected("not today")));
    record(&acc, "a");
    acc.tick(60_000).unwrap();
    acc.drain(PATIENCE).unwrap_err();
    assert_missing(&acc, ["queues_bounded_ok", "exporter_ok"]);
}
