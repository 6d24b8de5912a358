//! What goes to the storage, and when.
//!
//! An event is dirty from its first change until a commit has stored that change. Until then nothing is marked, so that
//! a persist that fails, is rolled back or panics leaves every event as dirty as it was. Each event is saved for itself:
//! one that cannot be encoded or saved stays dirty, and the others are stored.

use std::{panic, sync::Arc};

use super::{
    event::{Base, Event},
    inner::{Access, Inner},
    EventStore,
};
use crate::{formatter::Formatter, storage::Storage, Error, Result};

impl EventStore {
    /// Whether an event has changed since it was last stored, or since [`EventStore::reset_dirty`].
    pub fn is_dirty(&self) -> bool {
        self.inner.is_dirty()
    }

    /// Takes all events for stored, without storing them.
    pub fn reset_dirty(&self) {
        for (_, event) in self.inner.events() {
            let mut state = event.lock();
            let changes = state.changes();
            state.mark_saved(changes);
        }
    }

    /// Stores the events that have changed. An event without any count left is deleted from the storage.
    ///
    /// The first error is returned after all events have been tried; the events that could not be stored stay dirty.
    /// An event whose stored counter cannot be read is not stored over; [`EventStore::import_event`] replaces it.
    ///
    /// ```
    /// use ron_accounting_events::{storage::MemoryStorage, EventStore};
    /// # #[cfg(feature = "serde-bincode")] {
    /// let storage = MemoryStorage::new();
    /// let store = EventStore::builder().with_storage(storage.clone()).build()?;
    /// store.record("launch");
    /// store.persist()?;
    /// let after_restart = EventStore::builder().with_storage(storage).build()?;
    /// assert_eq!(after_restart.query("launch").last_days(1).sum(), Some(1));
    /// # }
    /// # Ok::<(), ron_accounting_events::Error>(())
    /// ```
    pub fn persist(&self) -> Result<()> {
        self.inner.persist(false)
    }

    /// Stores all events in memory, changed or not.
    pub fn persist_all(&self) -> Result<()> {
        self.inner.persist(true)
    }

    /// Stores what has changed, and ends the store.
    pub fn close(self) -> Result<()> {
        self.persist()
    }

    /// Brings all stored events to the current time and configuration, stores them again, and frees their memory.
    ///
    /// Events with open reservations stay in memory, and so does what could not be stored. Needs a storage.
    pub fn compact(&mut self) -> Result<()> {
        let names = self.inner.stored_names()?;
        let now_ms = self.inner.now_ms();
        for name in names {
            self.inner.with(&name, Access::Query, now_ms, |_| ());
        }
        for (_, event) in self.inner.events() {
            event.lock().counter.advance(now_ms);
        }
        let persisted = self.inner.persist(true);
        for (name, event) in self.inner.events() {
            self.inner.retire(&name, &event, |state| {
                state.pending == 0 && !state.is_dirty() && (state.base == Base::Merged)
            });
        }
        persisted
    }

    /// The stored events that cannot be read, each with its error: damaged ones, and those of an unknown version.
    ///
    /// Reads everything that is stored.
    pub fn unreadable_events(&self) -> Result<Vec<(String, Error)>> {
        let now_ms = self.inner.now_ms();
        let names = self.inner.stored_names()?;
        let read = |name: String| self.inner.load(&name, now_ms).err().map(|error| (name, error));
        Ok(names.into_iter().filter_map(read).collect())
    }

    /// What else lies in the storage and is ignored: files of others, and left-overs of interrupted writes.
    pub fn foreign_entries(&self) -> Result<Vec<String>> {
        self.inner.storage()?.lock().foreign_entries()
    }
}

/// An event's state, ready to be stored.
struct Snapshot {
    name: Arc<str>,
    event: Arc<Event>,
    changes: u64,
    /// `None` if the event has no count left.
    bytes: Option<Vec<u8>>,
    saved: bool,
}

impl Inner {
    fn storage(&self) -> Result<&crate::sync::Mutex<Box<dyn Storage>>> {
        self.storage.as_ref().ok_or_else(|| Error::Storage("No storage configured".to_owned()))
    }

    pub(super) fn stored_names(&self) -> Result<Vec<String>> {
        self.storage()?.lock().list_keys()
    }

    pub(crate) fn is_dirty(&self) -> bool {
        self.events().iter().any(|(_, event)| event.lock().is_dirty())
    }

    pub(crate) fn persist(&self, all: bool) -> Result<()> {
        let storage = self.storage()?;
        let formatter = self.formatter.as_ref().ok_or(Error::NoFormatterForStorage)?;
        let _turn = self.persist_turn.lock();
        let mut errors = Vec::new();
        let mut snapshots = Vec::new();
        for (name, event) in self.events() {
            match self.snapshot(name, event, all, &**formatter) {
                Ok(snapshot) => snapshots.extend(snapshot),
                Err(error) => errors.push(error),
            }
        }
        if let Err(error) = store(&mut **storage.lock(), &mut snapshots, &mut errors) {
            for snapshot in &mut snapshots {
                snapshot.saved = false;
            }
            errors.insert(0, error);
        }
        for snapshot in snapshots {
            let mut state = snapshot.event.lock();
            if snapshot.saved {
                state.mark_saved(snapshot.changes);
            } else if !state.is_dirty() {
                // It was taken for stored, and storing it again has failed.
                state.mark_dirty();
            }
        }
        errors.into_iter().next().map_or(Ok(()), Err)
    }

    /// The state of an event that is to be stored.
    fn snapshot(
        &self,
        name: Arc<str>,
        event: Arc<Event>,
        all: bool,
        formatter: &dyn Formatter,
    ) -> Result<Option<Snapshot>> {
        let (counter, changes) = {
            let mut state = event.lock();
            if state.retired || state.base == Base::Untried || !(all || state.is_dirty()) {
                return Ok(None);
            }
            if state.base == Base::Unreadable {
                let now_ms = state.counter.now_ms();
                if let Some(stored) = self.load(&name, now_ms)? {
                    state.counter.advance(stored.now_ms());
                    state.counter.absorb(&stored);
                }
                state.base = Base::Merged;
            }
            (state.counter.clone(), state.changes())
        };
        let bytes = if counter.is_empty() { None } else { Some(formatter.serialize(&counter)?) };
        Ok(Some(Snapshot { name, event, changes, bytes, saved: false }))
    }
}

/// Saves snapshots in one transaction and marks those that went well, which counts once the commit has.
fn store(storage: &mut dyn Storage, snapshots: &mut [Snapshot], errors: &mut Vec<Error>) -> Result<()> {
    storage.begin_transaction()?;
    let outcome = panic::catch_unwind(panic::AssertUnwindSafe(|| {
        for snapshot in snapshots {
            let result = match snapshot.bytes.take() {
                Some(bytes) => storage.save(&snapshot.name, bytes),
                None => storage.delete(&snapshot.name),
            };
            match result {
                Ok(()) => snapshot.saved = true,
                Err(error) => errors.push(error),
            }
        }
        storage.commit_transaction()
    }));
    match outcome {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            // The commit's error is the one to report.
            let _second = storage.rollback_transaction();
            Err(error)
        }
        Err(panicked) => {
            let _second = panic::catch_unwind(panic::AssertUnwindSafe(|| storage.rollback_transaction()));
            panic::resume_unwind(panicked)
        }
    }
}
