//! What is kept for how long can be changed at any restart.
//!
//! `cargo run -p ron-accounting-events --example retention_and_conversion`

use chrono::{DateTime, Duration};
use ron_accounting_events::{
    storage::MemoryStorage, Error, EventStore, EventStoreBuilder, TestClock, TimeUnit,
};

/// A store on what is kept already, as after a restart. A clock that stands still makes the days come out even.
fn restart(storage: &MemoryStorage) -> EventStoreBuilder {
    let noon = TestClock::new_at(DateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::hours(12));
    EventStore::builder().with_clock(noon).with_storage(storage.clone())
}

fn main() -> Result<(), Error> {
    let storage = MemoryStorage::new(); // clones share what they keep

    let store = restart(&storage).track_days(7).build()?;
    for days in 0..7 {
        store.record_count_ago("visit", 10, Duration::days(days));
    }
    store.close()?;

    // More days: those that are known are kept, the others are empty.
    let store = restart(&storage).track_days(28).build()?;
    assert_eq!(store.query("visit").last_days(28).sum(), Some(70));
    assert_eq!(store.query("visit").last_days(28).count_nonzero(), Some(7));
    store.close()?;

    // Another unit: it is filled from the days.
    let store = restart(&storage).track_days(28).track_years(2).build()?;
    assert_eq!(store.query("visit").last_years(2).sum(), Some(70));
    assert_eq!(store.tracked_intervals(), [(TimeUnit::Days, 28), (TimeUnit::Years, 2)]);
    store.close()?;

    // Fewer days: the latest are kept, and the years still know of the others.
    let mut store = restart(&storage).track_days(3).track_years(2).build()?;
    assert_eq!(store.query("visit").last_days(28).sum(), Some(30));
    assert_eq!(store.query("visit").ever().sum(), Some(70));

    // Memory is the same however much is counted, and all of it can be given back to the storage.
    let bytes = store.memory_usage();
    store.record_count("visit", 1_000_000);
    assert_eq!(store.memory_usage(), bytes);
    store.compact()?;
    assert_eq!(store.memory_usage(), 0);
    assert_eq!(store.query("visit").ever().sum(), Some(1_000_070));
    Ok(())
}
