//! Counters over restarts: formats, databases, changes of configuration, and persisting in the background.

#![cfg(feature = "serde-bincode")]
#![allow(clippy::unwrap_used)] // A failed assertion, wherever it stands.

use chrono::{DateTime, Duration};
use ron_accounting_events::{
    formatter::BincodeFormat, storage::MemoryStorage, Error, EventStore, Formatter, Result,
    SingleEventCounter, Storage, TestClock,
};

fn counter() -> SingleEventCounter {
    let store = EventStore::new();
    store.record_count("event", 3);
    store.record_count_ago("event", 70_000, Duration::days(9));
    store.export_all().unwrap().remove("event").unwrap()
}

#[test]
fn bincode_is_bincode() {
    let bytes = BincodeFormat.serialize(&counter()).unwrap();
    assert_eq!(BincodeFormat.extension(), ".bin");
    let decoded: SingleEventCounter = bincode::deserialize(&bytes).unwrap();
    assert_eq!(bincode::serialize(&decoded).unwrap(), bytes);
    assert_eq!(BincodeFormat.deserialize(&bytes).unwrap(), decoded);
}

#[cfg(feature = "serde-json")]
#[test]
fn json_is_readable_and_checked() {
    use ron_accounting_events::formatter::JsonFormat;
    let counter = counter();
    let text = String::from_utf8(JsonFormat.serialize(&counter).unwrap()).unwrap();
    assert_eq!(JsonFormat.extension(), ".json");
    assert!(text.starts_with(r#"{"version":1,"checksum":"#), "{text}");
    assert!(text.contains(r#"{"unit":"Days","newest":"#) && text.contains("70000"), "{text}");
    assert_eq!(JsonFormat.deserialize(text.as_bytes()).unwrap(), counter);
    for (from, to) in
        [("70000", "70001"), (r#""version":1"#, r#""version":2"#), (r#"{"version""#, r#"{"x":0,"version""#)]
    {
        let other = text.replacen(from, to, 1);
        assert!(matches!(JsonFormat.deserialize(other.as_bytes()), Err(Error::Serialization(_))), "{other}");
    }
}

#[test]
fn a_format_of_ones_own_is_used() {
    struct Backwards;
    impl Formatter for Backwards {
        fn serialize(&self, value: &SingleEventCounter) -> Result<Vec<u8>> {
            Ok(value.to_bytes().into_iter().rev().collect())
        }

        fn deserialize(&self, bytes: &[u8]) -> Result<SingleEventCounter> {
            SingleEventCounter::from_bytes(&bytes.iter().rev().copied().collect::<Vec<u8>>())
        }
    }
    assert_eq!(Backwards.extension(), "");
    let storage = MemoryStorage::new();
    let build =
        || EventStore::builder().with_storage(storage.clone()).with_format(Backwards).build().unwrap();
    build().record("event"); // and stored when the store is dropped
    assert_eq!(build().query("event").ever().sum(), Some(1));
    let other = EventStore::builder().with_storage(storage.clone()).build().unwrap();
    assert_eq!(other.unreadable_events().unwrap().len(), 1);
}

#[test]
fn an_unknown_version_is_named() {
    let mut bytes = counter().to_bytes();
    bytes[0] = 9;
    let error = SingleEventCounter::from_bytes(&bytes).unwrap_err();
    assert!(matches!(error, Error::Serialization(_)));
    assert_eq!(
        error.to_string(),
        "serialization error: stored counter has version 9, this build reads version 1"
    );
}

#[test]
fn only_what_changed_is_stored_again() {
    let storage = MemoryStorage::new();
    let store = EventStore::builder().with_storage(storage.clone()).build().unwrap();
    store.record("a");
    store.record("b");
    store.persist().unwrap();
    storage.clone().delete("a").unwrap();
    store.record("b");
    store.persist().unwrap();
    assert_eq!(storage.list_keys().unwrap(), ["b"]);
    store.persist_all().unwrap();
    assert_eq!(storage.list_keys().unwrap().len(), 2);
}

#[test]
fn a_change_of_configuration_keeps_what_fits() {
    let storage = MemoryStorage::new();
    // At noon, so that a day ago is yesterday in every zone.
    let noon = TestClock::new_at(DateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::hours(12));
    let build = || EventStore::builder().with_storage(storage.clone()).with_clock(noon.clone());
    let week = build().track_days(7).build().unwrap();
    for days in 0..7 {
        week.record_ago("event", Duration::days(days));
    }
    week.close().unwrap();
    let month = build().track_days(28).build().unwrap();
    assert_eq!(month.query("event").last_days(28).count_nonzero(), Some(7));
    month.record_ago("event", Duration::days(20));
    month.close().unwrap();
    let short = build().track_days(3).track_hours(48).build().unwrap();
    assert_eq!(short.query("event").last_days(28).into_buckets(), [1, 1, 1]);
    assert!(short.query("event").last_hours(48).sum() >= Some(1));
}

#[cfg(feature = "storage-sqlite")]
mod sqlite {
    use super::*;
    use ron_accounting_events::storage::Sqlite;

    #[test]
    fn a_database_keeps_events_over_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.db");
        let names = ["event", "EVENT", "a\0b", "", "ü'; DROP TABLE events"];
        let store = EventStore::builder().with_storage(Sqlite::open(&path).unwrap()).build().unwrap();
        for (count, name) in (1..).zip(names) {
            store.record_count(name, count);
        }
        store.close().unwrap();
        let mut store = EventStore::builder().with_storage(Sqlite::open(&path).unwrap()).build().unwrap();
        for (count, name) in (1..).zip(names) {
            assert_eq!(store.query(name).ever().sum(), Some(count), "{name:?}");
        }
        store.compact().unwrap();
        assert_eq!(store.memory_usage(), 0);
        assert_eq!(store.export_all().unwrap().len(), names.len());
    }

    #[test]
    fn transactions_are_all_or_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.db");
        let mut storage = Sqlite::open(&path).unwrap();
        storage.save("kept", vec![1]).unwrap();
        assert!(storage.commit_transaction().is_err() && storage.rollback_transaction().is_err());
        storage.begin_transaction().unwrap();
        assert!(storage.begin_transaction().is_err());
        storage.save("new", vec![2]).unwrap();
        storage.delete("kept").unwrap();
        storage.rollback_transaction().unwrap();
        assert_eq!(storage.list_keys().unwrap(), ["kept"]);
        storage.begin_transaction().unwrap();
        storage.delete("kept").unwrap();
        storage.commit_transaction().unwrap();
        assert_eq!(Sqlite::open(&path).unwrap().load("kept").unwrap(), None);
        assert!(matches!(Sqlite::open(folder.path()), Err(Error::Storage(_))));
    }
}

#[cfg(feature = "tokio")]
mod in_the_background {
    use super::*;

    fn store(storage: &MemoryStorage) -> EventStore {
        let builder = EventStore::builder().with_storage(storage.clone());
        builder.auto_persist(Duration::seconds(30)).build().unwrap()
    }

    /// Moves the paused clock, and lets others run.
    async fn advance(seconds: u64) {
        tokio::time::advance(std::time::Duration::from_secs(seconds)).await;
        tokio::task::yield_now().await;
    }

    /// Moves the paused clock until so many events are stored.
    async fn stored(storage: &MemoryStorage, events: usize) {
        while storage.list_keys().unwrap().len() < events {
            advance(1).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_changed_is_stored_once_per_interval() {
        let storage = MemoryStorage::new();
        let store = store(&storage);
        store.record("event");
        tokio::task::yield_now().await;
        advance(29).await;
        assert!(store.is_dirty());
        stored(&storage, 1).await;
        store.record("other");
        stored(&storage, 2).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_changes_are_stored_when_the_store_is_dropped() {
        let storage = MemoryStorage::new();
        let store = store(&storage);
        store.record("event");
        drop(store);
        assert_eq!(storage.list_keys().unwrap(), ["event"]);
        // The task has ended with the store, and does not bring the old state back.
        storage.clone().delete("event").unwrap();
        for _ in 0..100 {
            advance(1).await;
        }
        assert!(storage.list_keys().unwrap().is_empty());
    }
}

#[test]
fn the_stored_form_is_what_its_page_says() {
    let clock = TestClock::build_for_testing_at(DateTime::UNIX_EPOCH + Duration::milliseconds(7_200_500));
    let store = EventStore::builder()
        .with_clock(std::sync::Arc::new(clock.clone()))
        .track_minutes(60)
        .track_hours(2)
        .build()
        .unwrap();
    store.record_count("event", 300);
    clock.advance(Duration::minutes(3));
    store.record("event");
    let bytes = store.export_all().unwrap().remove("event").unwrap().to_bytes();
    let timeline: &[u8] = if cfg!(feature = "calendar") { &[0, 0, 0, 0, 0] } else { &[1, 0xb2, 0x07, 0, 0] };
    let mut expected = vec![1];
    expected.extend_from_slice(timeline);
    expected.extend_from_slice(&7_380_500_u64.to_le_bytes());
    expected.extend_from_slice(&7_380_500_u64.to_le_bytes());
    // Minutes: 60 buckets, the newest is 123, two have counts: 1 now, and after two empty ones 300.
    expected.extend_from_slice(&[2, 1, 60, 123, 2, 0, 1, 2, 0xac, 0x02]);
    // Hours: 2 buckets, the newest is 2, one has a count: 301.
    expected.extend_from_slice(&[2, 2, 2, 1, 0, 0xad, 0x02]);
    let (content, checksum) = bytes.split_last_chunk::<4>().unwrap();
    assert_eq!(content, expected);
    // CRC32C of the content; this crate's own calculation is not asked.
    let crc = expected.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg()))
    });
    assert_eq!(u32::from_le_bytes(*checksum), !crc);
}
