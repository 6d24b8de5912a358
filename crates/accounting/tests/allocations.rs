//! No public form of recording allocates once its thread knows the label set: with the route normalizer on, and across the
//! roll of a window.
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

use std::sync::Arc;

use ron_accounting::{labels, window::ManualClock, Accounting, Dimension, Labels, Meter, Scope};

const AMOUNTS: [(Dimension, u64); 3] =
    [(Dimension::REQUESTS, 1), (Dimension::BYTES_IN, 10), (Dimension::BYTES_OUT, 20)];
/// Templated, lowercased, and as it is.
const SETS: [Labels<'static>; 3] = [
    labels().tenant("acme").method("get").route("/v1/objects/12345?page=2").service("omnigate").region("iad"),
    labels().tenant("umbrella").method("POST").route("/v1/feed").service("omnigate").region("iad"),
    labels(),
];

fn record_in_every_way(acc: &Accounting, meter: &Meter, scope: &Scope) {
    for set in &SETS {
        acc.incr_request(set);
        acc.add_bytes_in(set, 1);
        acc.add_bytes_out(set, 1);
        acc.record(set, Dimension::CPU, 1);
        acc.record_each(set, &AMOUNTS);
        acc.try_incr_request(set).unwrap();
        acc.try_add_bytes_in(set, 1).unwrap();
        acc.try_add_bytes_out(set, 1).unwrap();
        acc.try_record(set, Dimension::CPU, 1).unwrap();
        acc.try_record_each(set, &AMOUNTS).unwrap();
        scope.incr_request(set.tenant);
        scope.record_each(set.tenant, &AMOUNTS);
    }
    meter.incr_request();
    meter.add_bytes_in(1);
    meter.add_bytes_out(1);
    meter.record(Dimension::CPU, 1);
}

fn allocations(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).count_total
}

#[test]
fn recording_what_a_thread_knows_allocates_nothing_in_any_window() {
    let acc =
        Accounting::builder().window_ms(1000).clock(Arc::new(ManualClock::new(0))).manual().build().unwrap();
    let (meter, scope) = (acc.meter(&SETS[0]), acc.scope(&SETS[0]));
    assert!(allocations(|| record_in_every_way(&acc, &meter, &scope)) > 0, "the counter counts");
    for window in 1..5 {
        assert_eq!(allocations(|| record_in_every_way(&acc, &meter, &scope)), 0);
        acc.snapshot();
        acc.tick(window * 1000).unwrap();
        assert_eq!(allocations(|| record_in_every_way(&acc, &meter, &scope)), 0);
    }
    assert_eq!(acc.history().len(), 4);
}

#[test]
#[cfg(feature = "ledger-wire")]
fn accounts_allocate_nothing_either_across_a_sealing() {
    use ron_accounting::accounting::{AccountKey, Recorder};

    let recorder = Recorder::default();
    let record = || {
        for id in 0..100 {
            recorder.record(AccountKey { ns: 1, id }, 3);
        }
    };
    record();
    for _ in 0..3 {
        assert_eq!(allocations(record), 0);
        assert!(!recorder.seal_now().is_empty());
        assert_eq!(allocations(record), 0);
    }

    let acc = Accounting::builder().manual().build().unwrap();
    let (tenant, account) = (acc.tenant("acme"), AccountKey { ns: 1, id: 7 });
    let meter = acc.account_meter(&tenant, account);
    let record = || {
        acc.record_account(&tenant, account, Dimension::REQUESTS, 1);
        acc.try_record_account(&tenant, account, Dimension::BYTES_IN, 1).unwrap();
        meter.incr_request();
    };
    record();
    assert_eq!(allocations(record), 0);
}
