//! Which events are stored, and when.
//!
//! An event is dirty from its first change until a commit has stored that change. It is marked as stored only then. So after a
//! persist that fails, is rolled back or panics, every event is as dirty as before. Events are independent: one that cannot be
//! encoded or saved stays dirty, and the others are stored.

use std::{panic, sync::Arc};

use super::{
    event::{Base, Event},
    inner::{Access, Inner},
    EventStore,
};
use crate::{formatter::Formatter, storage::Storage, Error, Result};

impl EventStore {
    /// Returns whether an event has changed since it was last stored, or since [`EventStore::reset_dirty`].
    pub fn is_dirty(&self) -> bool {
        self.inner.is_dirty()
    }

    /// Marks all events as stored, without storing them.
    pub fn reset_dirty(&self) {
        for (_, event) in self.inner.events() {
            let mut state = event.lock();
            let changes = state.changes();
            state.mark_saved(changes);
        }
    }

    /// Stores the events that have changed. An event without any count left is deleted from the storage.
    ///
    /// Returns the first error after all events have been tried. The events that could not be stored stay dirty. If the stored
    /// counter of an event cannot be read, it is not overwritten. [`EventStore::import_event`] replaces it.
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

    /// Stores the events that have changed, and drops the store.
    pub fn close(self) -> Result<()> {
        self.persist()
    }

    /// Converts all stored events to the current time and configuration, stores them again, and frees their memory.
    ///
    /// Events with open reservations, and events that could not be stored, stay in memory. Fails without a storage.
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

    /// Returns the stored events that cannot be read, each with its error: damaged ones, and those of an unknown version.
    ///
    /// Reads everything that is stored.
    pub fn unreadable_events(&self) -> Result<Vec<(String, Error)>> {
        let now_ms = self.inner.now_ms();
        let names = self.inner.stored_names()?;
        let read = |name: String| self.inner.load(&name, now_ms).err().map(|error| (name, error));
        Ok(names.into_iter().filter_map(read).collect())
    }

    /// Returns the names of what else is in the storage and is ignored: files of others, and what interrupted writes left
    /// behind.
    pub fn foreign_entries(&self) -> Result<Vec<String>> {
        self.inner.storage()?.lock().foreign_entries()
    }
}

/// An event's state as it is to be stored.
struct Pending {
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
        let mut pending = Vec::new();
        for (name, event) in self.events() {
            match self.pending(name, event, all, &**formatter) {
                Ok(event) => pending.extend(event),
                Err(error) => errors.push(error),
            }
        }
        if let Err(error) = store(&mut **storage.lock(), &mut pending, &mut errors) {
            for event in &mut pending {
                event.saved = false;
            }
            errors.insert(0, error);
        }
        for event in pending {
            let mut state = event.event.lock();
            if event.saved {
                state.mark_saved(event.changes);
            } else if !state.is_dirty() {
                // It was marked as stored, and storing it again has failed.
                state.mark_dirty();
            }
        }
        errors.into_iter().next().map_or(Ok(()), Err)
    }

    /// Returns the state of an event as it is to be stored.
    fn pending(
        &self,
        name: Arc<str>,
        event: Arc<Event>,
        all: bool,
        formatter: &dyn Formatter,
    ) -> Result<Option<Pending>> {
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
        Ok(Some(Pending { name, event, changes, bytes, saved: false }))
    }
}

/// Saves events in one transaction, and marks those that were saved. The marks are valid only if the commit succeeds.
fn store(storage: &mut dyn Storage, pending: &mut [Pending], errors: &mut Vec<Error>) -> Result<()> {
    storage.begin_transaction()?;
    let outcome = panic::catch_unwind(panic::AssertUnwindSafe(|| {
        for event in pending {
            let result = match event.bytes.take() {
                Some(bytes) => storage.save(&event.name, bytes),
                None => storage.delete(&event.name),
            };
            match result {
                Ok(()) => event.saved = true,
                Err(error) => errors.push(error),
            }
        }
        storage.commit_transaction()
    }));
    match outcome {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            // The error of the commit is returned, not that of the rollback.
            let _second = storage.rollback_transaction();
            Err(error)
        }
        Err(panicked) => {
            let _second = panic::catch_unwind(panic::AssertUnwindSafe(|| storage.rollback_transaction()));
            panic::resume_unwind(panicked)
        }
    }
}
