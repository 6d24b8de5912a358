//! Do tenants leave their places through the whole instance, with every unit in the ledger under its own name?
#![cfg(feature = "export")]
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

use std::{collections::BTreeMap, time::Duration};

use ron_accounting::{export::MemoryLedger, labels, AccError, Accounting, Dimension};

const DAY_MS: u64 = 86_400_000;

fn by_tenant(ledger: &MemoryLedger) -> BTreeMap<String, u64> {
    let mut totals = BTreeMap::new();
    for slice in ledger.slices() {
        *totals.entry(slice.stream().tenant().to_owned()).or_default() +=
            u64::try_from(slice.total()).unwrap();
    }
    totals
}

#[test]
fn nine_thousand_tenants_in_ninety_days_are_all_counted_by_name() {
    let ledger = MemoryLedger::new();
    let acc = Accounting::builder().manual_at(0).exporter(ledger.clone()).build().unwrap();
    for day in 0..90 {
        // A hundred windows, and a hundred tenants.
        for window in 0..10 {
            for tenant in 0..100 {
                let tenant = format!("tenant-{day}-{tenant}");
                acc.try_incr_request(&labels().tenant(&tenant).route("/")).unwrap();
            }
            acc.tick(day * DAY_MS + (window + 1) * 60_000).unwrap();
            acc.drain(Duration::from_secs(60)).unwrap();
        }
    }
    let totals = by_tenant(&ledger);
    assert_eq!((totals.len(), totals.values().min(), totals.values().max()), (9000, Some(&10), Some(&10)));
    let stats = acc.stats();
    assert!(stats.engine.tenants <= 2049, "{:?}", stats.engine);
    assert_eq!(acc.totals().iter().map(|total| total.live + total.pending).sum::<u128>(), 0);
}

#[test]
fn past_the_limit_a_tenant_waits_under_overflow_until_another_is_idle() {
    let ledger = MemoryLedger::new();
    let acc = Accounting::builder().manual_at(0).tenant_limit(2).exporter(ledger.clone()).build().unwrap();
    let count = |tenant: &str| acc.try_incr_request(&labels().tenant(tenant).route("/"));
    count("a").unwrap();
    count("b").unwrap();
    assert!(matches!(count("c"), Err(AccError::CardinalityThrottled)));
    acc.tick(60_000).unwrap();
    count("b").unwrap();
    count("c").unwrap();
    assert!(matches!(count("a"), Err(AccError::CardinalityThrottled)));
    acc.tick(120_000).unwrap();
    count("a").unwrap();
    acc.shutdown(Duration::from_secs(60)).unwrap();
    let expected = [("a", 2), ("b", 2), ("c", 1), ("~overflow", 2)].map(|(tenant, n)| (tenant.to_owned(), n));
    assert_eq!(by_tenant(&ledger), expected.into());
}

#[test]
fn what_waits_for_the_ledger_keeps_its_tenant() {
    let ledger = MemoryLedger::new();
    let builder = Accounting::builder().manual_at(0).tenant_limit(3).backlog_max(1).idle_windows(0);
    let acc = builder.exporter(ledger.clone()).build().unwrap();
    // Nothing is exported for long, and others would like to come.
    for window in 1..50 {
        for tenant in ["a", "b", "c"].iter().take(if window < 3 { 3 } else { 0 }) {
            acc.incr_request(&labels().tenant(tenant));
        }
        acc.incr_request(&labels().tenant(&format!("late {window}")));
        acc.tick(window * 60_000).unwrap();
    }
    acc.shutdown(Duration::from_secs(60)).unwrap();
    let totals = by_tenant(&ledger);
    assert_eq!(["a", "b", "c"].map(|tenant| totals[tenant]), [2; 3]);
    assert_eq!(totals.values().sum::<u64>(), 6 + 49);
}

#[test]
fn every_try_form_says_at_once_that_a_count_is_saturated() {
    let acc = Accounting::builder().manual_at(0).build().unwrap();
    let set = labels().tenant("acme").route("/");
    let is_saturated = |result: Result<(), AccError>| {
        matches!(result, Err(AccError::Saturated { dimension: Dimension::BYTES_OUT }))
    };
    let bytes = Dimension::BYTES_OUT;
    for minute in 1..3 {
        acc.try_add_bytes_out(&set, u64::MAX).unwrap();
        assert!(is_saturated(acc.try_add_bytes_out(&set, 1)));
        assert!(is_saturated(acc.try_record(&set, bytes, 1)));
        assert!(is_saturated(acc.try_record_each(&set, &[(Dimension::REQUESTS, 1), (bytes, 1)])));
        assert!(is_saturated(AccError::check(acc.meter(&set).try_record(bytes, 1))));
        assert!(is_saturated(AccError::check(acc.scope(&set).try_record("acme", bytes, 1))));
        acc.try_incr_request(&set).unwrap();
        acc.tick(minute * 60_000).unwrap();
        assert_eq!(acc.history()[0].total(bytes), u64::MAX);
    }
    let (tenant, account) = (acc.tenant("acme"), ron_accounting::counters::AccountKey { ns: 1, id: 1 });
    acc.try_record_account(&tenant, account, bytes, u64::MAX).unwrap();
    assert!(is_saturated(acc.try_record_account(&tenant, account, bytes, 1)));
}
