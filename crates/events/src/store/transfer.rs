//! Export, import and merge.

use std::collections::{BTreeSet, HashMap};

use super::{
    event::{Base, State},
    inner::Access,
    EventId, EventStore,
};
use crate::{counter::SingleEventCounter, Result};

impl EventStore {
    /// Returns the counters of all events, in memory or stored. Events that cannot be read are left out.
    /// [`EventStore::unreadable_events`] names them.
    pub fn export_all(&self) -> Result<HashMap<String, SingleEventCounter>> {
        let mut names: BTreeSet<String> =
            self.inner.events().into_iter().map(|(name, _)| name.as_ref().to_owned()).collect();
        if self.inner.storage.is_some() {
            names.extend(self.inner.stored_names()?);
        }
        let now_ms = self.inner.now_ms();
        let export = |name: String| {
            let counter = self.inner.with(&name, Access::Query, now_ms, |state| state.counter.clone())?;
            Some((name, counter))
        };
        Ok(names.into_iter().filter_map(export).collect())
    }

    /// Returns the counters of the events that have changed since they were stored, or since [`EventStore::reset_dirty`].
    pub fn export_dirty(&self) -> Result<HashMap<String, SingleEventCounter>> {
        let export = |(name, event): (std::sync::Arc<str>, std::sync::Arc<super::event::Event>)| {
            let state = event.lock();
            state.is_dirty().then(|| (name.as_ref().to_owned(), state.counter.clone()))
        };
        Ok(self.inner.events().into_iter().filter_map(export).collect())
    }

    /// Replaces an event's counter, or creates the event. Open reservations stay open. The counter is converted to this store's
    /// units. Its counts at times after this store's clock are added to the current buckets.
    pub fn import_event(&self, event_id: impl EventId, counter: SingleEventCounter) -> Result<()> {
        let now_ms = self.inner.now_ms();
        let mut imported = self.inner.new_counter(now_ms);
        let mut counter = counter;
        counter.advance(now_ms);
        imported.absorb(&counter);
        self.inner.with(event_id.as_ref(), Access::Replace, now_ms, |state: &mut State| {
            state.counter = imported;
            state.base = Base::Merged;
            state.mark_dirty();
        });
        Ok(())
    }

    /// Replaces the counters of several events, see [`EventStore::import_event`].
    pub fn import_all(&self, events: HashMap<String, SingleEventCounter>) -> Result<()> {
        events.into_iter().try_for_each(|(event_id, counter)| self.import_event(event_id, counter))
    }

    /// Adds a counter to an event's, or creates the event. The order of merges does not matter. The counter is converted to this
    /// store's units. Its counts at times after this store's clock are added to the current buckets.
    ///
    /// ```
    /// use ron_accounting_events::EventStore;
    /// let (phone, laptop) = (EventStore::new(), EventStore::new());
    /// phone.record_count("page", 2);
    /// laptop.record_count("page", 3);
    /// phone.merge_all(laptop.export_all()?)?;
    /// assert_eq!(phone.query("page").last_days(1).sum(), Some(5));
    /// # Ok::<(), ron_accounting_events::Error>(())
    /// ```
    pub fn merge_event(&self, event_id: impl EventId, counter: SingleEventCounter) -> Result<()> {
        let now_ms = self.inner.now_ms();
        self.inner.with(event_id.as_ref(), Access::Record, now_ms, |state| {
            state.counter.absorb(&counter);
            state.mark_dirty();
        });
        Ok(())
    }

    /// Adds the counters of several events, see [`EventStore::merge_event`].
    pub fn merge_all(&self, events: HashMap<String, SingleEventCounter>) -> Result<()> {
        events.into_iter().try_for_each(|(event_id, counter)| self.merge_event(event_id, counter))
    }

    /// Adds all events of another store, and drops that store.
    pub fn merge(&self, other: Self) -> Result<()> {
        self.merge_all(other.export_all()?)
    }
}
