//! Counts beyond what a bucket holds.

use ron_accounting_events::EventStore;

#[test]
fn counts_saturate_and_a_query_tells() {
    let store = EventStore::new();
    store.record_count("event", u32::MAX - 1);
    assert_eq!(store.query("event").last_days(1).saturated(), Some(false));
    store.record_count("event", 5);
    assert_eq!(store.query("event").last_days(1).sum(), Some(u32::MAX));
    assert_eq!(store.query("event").last_days(1).saturated(), Some(true));
    assert_eq!(store.query("event").days(1..5).saturated(), Some(false));
    store.record("event");
    assert_eq!(store.query("event").last_days(1).sum(), Some(u32::MAX));
}

#[test]
fn sums_saturate_and_a_query_tells() {
    let store = EventStore::new();
    store.record_count("one", u32::MAX - 1);
    store.record_count("other", 3);
    let both = || store.query_many(&["one", "other"]).last_days(1);
    assert_eq!((both().sum(), both().saturated()), (Some(u32::MAX), Some(true)));
    assert_eq!(store.query_delta("other", "one").ever().sum(), 3 - i64::from(u32::MAX - 1));
}
