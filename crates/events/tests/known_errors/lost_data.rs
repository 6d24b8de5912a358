//! Storages that fail, and what must not be lost then.

#![cfg(feature = "serde-bincode")]

use std::{
    collections::HashMap,
    panic::{catch_unwind, AssertUnwindSafe},
    sync::{
        atomic::{AtomicBool, Ordering},
        Arc, Mutex,
    },
    thread,
};

use chrono::Duration;
use ron_accounting_events::{storage::MemoryStorage, Error, EventStore, Result, Storage, TimeUnit};

use super::builder_at;

/// What goes wrong in a storage.
#[derive(Clone, Default)]
struct Faults(Arc<Flags>);

#[derive(Default)]
struct Flags {
    load: AtomicBool,
    commit: AtomicBool,
    panic: AtomicBool,
    /// The event that cannot be saved.
    save: Mutex<Option<&'static str>>,
}

#[derive(Clone, Default)]
struct Faulty {
    faults: Faults,
    inner: MemoryStorage,
}

impl Faulty {
    fn failure(&self, flag: impl Fn(&Flags) -> &AtomicBool) -> Result<()> {
        if flag(&self.faults.0).load(Ordering::Relaxed) {
            return Err(Error::Storage("out of order".to_owned()));
        }
        Ok(())
    }

    fn set(&self, flag: impl Fn(&Flags) -> &AtomicBool, on: bool) {
        flag(&self.faults.0).store(on, Ordering::Relaxed);
    }

    fn stored(&self, key: &str) -> Option<Vec<u8>> {
        self.inner.load(key).unwrap()
    }
}

impl Storage for Faulty {
    fn save(&mut self, key: &str, data: Vec<u8>) -> Result<()> {
        assert!(!self.faults.0.panic.load(Ordering::Relaxed), "the storage panics");
        if *self.faults.0.save.lock().unwrap() == Some(key) {
            return Err(Error::Storage(format!("cannot keep {key}")));
        }
        self.inner.save(key, data)
    }

    fn load(&self, key: &str) -> Result<Option<Vec<u8>>> {
        self.failure(|flags| &flags.load)?;
        self.inner.load(key)
    }

    fn delete(&mut self, key: &str) -> Result<()> {
        self.inner.delete(key)
    }

    fn list_keys(&self) -> Result<Vec<String>> {
        self.inner.list_keys()
    }

    fn begin_transaction(&mut self) -> Result<()> {
        self.inner.begin_transaction()
    }

    fn commit_transaction(&mut self) -> Result<()> {
        self.failure(|flags| &flags.commit)?;
        self.inner.commit_transaction()
    }

    fn rollback_transaction(&mut self) -> Result<()> {
        self.inner.rollback_transaction()
    }
}

fn store(storage: &Faulty) -> EventStore {
    EventStore::builder().with_storage(storage.clone()).build().unwrap()
}

#[test]
fn a_persist_that_was_rolled_back_leaves_its_events_dirty() {
    let storage = Faulty::default();
    let events = store(&storage);
    events.record("a");
    events.record("b");
    storage.set(|flags| &flags.commit, true);
    assert!(events.persist().is_err());
    assert_eq!(events.export_dirty().unwrap().len(), 2);
    assert_eq!(storage.stored("a"), None);
    storage.set(|flags| &flags.commit, false);
    events.persist().unwrap();
    assert!(!events.is_dirty());
    assert_eq!(store(&storage).query("a").ever().sum(), Some(1));
}

#[test]
fn one_event_that_cannot_be_stored_does_not_keep_the_others_from_it() {
    let storage = Faulty::default();
    let events = store(&storage);
    for event in ["a", "b", "c"] {
        events.record(event);
    }
    *storage.faults.0.save.lock().unwrap() = Some("b");
    assert_eq!(events.persist().unwrap_err().to_string(), "storage error: cannot keep b");
    assert_eq!(events.export_dirty().unwrap().into_keys().collect::<Vec<_>>(), ["b"]);
    assert!(storage.stored("a").is_some() && storage.stored("c").is_some());
    *storage.faults.0.save.lock().unwrap() = None;
    events.persist().unwrap();
    assert!(storage.stored("b").is_some() && !events.is_dirty());
}

#[test]
fn a_read_error_never_lets_a_persist_overwrite_what_is_stored() {
    let storage = Faulty::default();
    let before = store(&storage);
    before.record_count("event", 100);
    before.close().unwrap();
    let stored = storage.stored("event");

    storage.set(|flags| &flags.load, true);
    let after = store(&storage);
    after.record("event");
    assert!(after.persist().is_err() && after.persist_all().is_err());
    assert!(after.is_dirty());
    assert_eq!(storage.stored("event"), stored);
    assert_eq!(after.query("event").ever().sum(), Some(1));

    storage.set(|flags| &flags.load, false);
    after.persist().unwrap();
    assert_eq!(after.query("event").ever().sum(), Some(101));
    assert_eq!(store(&storage).query("event").ever().sum(), Some(101));
}

#[test]
fn a_query_that_could_not_read_tries_again() {
    let storage = Faulty::default();
    let before = store(&storage);
    before.record_count("event", 100);
    before.close().unwrap();
    storage.set(|flags| &flags.load, true);
    let after = store(&storage);
    assert_eq!(after.query("event").ever().sum(), None);
    storage.set(|flags| &flags.load, false);
    assert_eq!(after.query("event").ever().sum(), Some(100));
}

#[test]
fn damage_is_an_error_of_that_event_and_the_others_load() {
    let mut storage = MemoryStorage::new();
    let build =
        |storage: &MemoryStorage| EventStore::builder().with_storage(storage.clone()).build().unwrap();
    let before = build(&storage);
    before.record("good");
    before.record("bad");
    before.close().unwrap();
    let good = storage.load("bad").unwrap().unwrap();
    // Any bit that is flipped, and any end that is missing.
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        storage.save("bad", bytes).unwrap();
        let after = build(&storage);
        let unreadable = after.unreadable_events().unwrap();
        assert!(matches!(&unreadable[..], [(name, Error::Serialization(_))] if name == "bad"), "bit {bit}");
        assert_eq!(after.query("good").ever().sum(), Some(1));
        assert_eq!(after.query("bad").ever().sum(), None);
    }
    for len in 0..good.len() {
        storage.save("bad", good[..len].to_vec()).unwrap();
        let after = build(&storage);
        assert_eq!(after.unreadable_events().unwrap().len(), 1, "{len} bytes");
        assert_eq!(after.export_all().unwrap().into_keys().collect::<Vec<_>>(), ["good"]);
    }
    // What is counted meanwhile is not stored over it, unless it is imported in its place.
    let mut damaged = good;
    damaged[12] ^= 1;
    storage.save("bad", damaged.clone()).unwrap();
    let mut after = build(&storage);
    after.record("bad");
    assert!(matches!(after.persist(), Err(Error::Serialization(_))));
    assert!(after.compact().is_err());
    assert_eq!(storage.load("bad").unwrap(), Some(damaged));
    let counted = after.export_dirty().unwrap().remove("bad").unwrap();
    after.import_event("bad", counted).unwrap();
    after.persist().unwrap();
    assert_eq!(build(&storage).query("bad").ever().sum(), Some(1));
}

#[test]
fn a_panic_in_a_storage_poisons_nothing() {
    let storage = Faulty::default();
    let events = store(&storage);
    events.record("event");
    storage.set(|flags| &flags.panic, true);
    assert!(catch_unwind(AssertUnwindSafe(|| events.persist())).is_err());
    events.record("event");
    assert_eq!(events.query("event").ever().sum(), Some(2));
    assert!(events.is_dirty());
    storage.set(|flags| &flags.panic, false);
    events.persist().unwrap();
    assert_eq!(store(&storage).query("event").ever().sum(), Some(2));
    // Not even when it is dropped.
    storage.set(|flags| &flags.panic, true);
    events.record("event");
    drop(events);
}

#[test]
fn a_first_query_and_a_first_record_of_a_stored_event_lose_nothing() {
    for _ in 0..200 {
        let storage = Faulty::default();
        let before = store(&storage);
        before.record_count("event", 10);
        before.close().unwrap();
        let events = store(&storage);
        thread::scope(|scope| {
            scope.spawn(|| events.record("event"));
            scope.spawn(|| assert!(events.query("event").ever().sum() >= Some(10)));
            scope.spawn(|| events.record("event"));
        });
        assert_eq!(events.query("event").ever().sum(), Some(12));
    }
}

#[test]
fn a_reservation_that_outlives_compact_still_counts() {
    let mut events = store(&Faulty::default());
    let limit = |events: &EventStore| events.limit().at_most("job", 1, TimeUnit::Hours);
    let job = limit(&events).reserve("job").unwrap();
    events.record("other");
    events.compact().unwrap();
    assert!(!limit(&events).allowed("job"));
    job.commit();
    assert_eq!(events.query("job").ever().sum(), Some(1));
    events.compact().unwrap();
    assert_eq!(events.memory_usage(), 0);
    assert_eq!(events.query("job").ever().sum(), Some(1));
}

#[test]
fn what_could_not_be_compacted_stays_in_memory() {
    let storage = Faulty::default();
    let mut events = store(&storage);
    events.record("event");
    events.reset_dirty();
    storage.set(|flags| &flags.commit, true);
    assert!(events.compact().is_err());
    storage.set(|flags| &flags.commit, false);
    assert_eq!(events.query("event").ever().sum(), Some(1));
    assert!(events.is_dirty());
}

#[test]
fn recording_and_compacting_at_once_lose_nothing() {
    let storage = Faulty::default();
    let mut events = store(&storage);
    let total = 40;
    for round in 0..total {
        let limiter = events.limit();
        thread::scope(|scope| {
            scope.spawn(move || limiter.check_and_record("event").unwrap());
            events.compact().unwrap();
        });
        assert_eq!(events.query("event").ever().sum(), Some(round + 1));
    }
}

#[test]
fn persists_at_once_store_the_latest_state() {
    let storage = Faulty::default();
    let events = store(&storage);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..50 {
                    events.record("event");
                    events.persist().unwrap();
                }
            });
        }
    });
    assert!(!events.is_dirty());
    assert_eq!(store(&storage).query("event").ever().sum(), Some(150));
}

#[test]
fn what_is_empty_is_deleted_and_only_then() {
    let storage = MemoryStorage::new();
    let (builder, clock) = builder_at("2024-01-31T12:00:00Z");
    let events = builder.with_storage(storage.clone()).track_days(40).track_months(1).build().unwrap();
    events.record("event");
    events.persist().unwrap();
    clock.advance(Duration::days(2));
    assert_eq!(events.query("event").last_months(1).sum(), Some(0));
    events.persist_all().unwrap();
    assert!(storage.load("event").unwrap().is_some());
    clock.advance(Duration::days(60));
    assert_eq!(events.query("event").last_days(40).sum(), Some(0));
    events.persist_all().unwrap();
    assert!(storage.load("event").unwrap().is_none());
}

#[test]
fn a_storage_that_begins_only_once_is_not_left_open() {
    // Rollback after a failed commit leaves the next transaction possible.
    let storage = Faulty::default();
    let events = store(&storage);
    let names: HashMap<&str, u32> = [("a", 1), ("b", 2)].into();
    for (name, count) in &names {
        events.record_count(*name, *count);
    }
    storage.set(|flags| &flags.commit, true);
    for _ in 0..3 {
        assert_eq!(events.persist().unwrap_err().to_string(), "storage error: out of order");
    }
    storage.set(|flags| &flags.commit, false);
    events.persist().unwrap();
    for (name, count) in names {
        assert_eq!(store(&storage).query(name).ever().sum(), Some(count));
    }
}
