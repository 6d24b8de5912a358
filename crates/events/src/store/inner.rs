//! The map from names to events.
//!
//! # Locks
//! The map has shards, each behind a lock. A shard's lock is taken exclusively only when an event is added or removed. Usually
//! an event is found and locked under the shared lock, without changing its reference count.
//!
//! Locks are taken in this order: that of a persist, a shard, an event (several in the order of their names), the storage. No
//! thread waits for an event while it holds a shard, and none takes a shard while it holds an event.
//!
//! # Loading
//! For a name that is not in the map, an event that is `Untried` is added first. The first thread that locks it loads it. So a
//! first query and a first record of a stored event cannot both make a counter of their own.

use std::{
    fmt,
    hash::BuildHasher,
    sync::{
        atomic::{AtomicU64, Ordering},
        Arc,
    },
};

use chrono::{DateTime, Utc};
use crossbeam_utils::CachePadded;
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::{
    cache,
    event::{Base, Event, State},
};
use crate::{
    clock::{Clock, SystemClock},
    counter::{tracked_units::TrackedUnits, SingleEventCounter},
    formatter::Formatter,
    storage::Storage,
    sync::{Mutex, MutexGuard, RwLock},
    time::timeline::Timeline,
    Error, Result,
};

/// A power of two, and large enough that two threads with different events seldom use the same shard.
#[cfg(not(loom))]
const SHARDS: usize = 32;
#[cfg(loom)]
const SHARDS: usize = 1;

/// What an event is looked up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Reading. A name that is neither known nor stored has no event.
    Query,
    /// Counting. The event is created if there is none.
    Record,
    /// Replacing. The event is created if there is none, and what is stored is not read.
    Replace,
}

pub(crate) struct Inner {
    /// The number of the store, which distinguishes stores in the threads' caches.
    id: u64,
    shards: Box<[CachePadded<RwLock<HashTable<Entry>>>]>,
    hasher: RandomState,
    pub(crate) tracked: TrackedUnits,
    pub(crate) timeline: Timeline,
    clock: Arc<dyn Clock>,
    pub(crate) formatter: Option<Arc<dyn Formatter>>,
    pub(crate) storage: Option<Mutex<Box<dyn Storage>>>,
    /// Held during a persist, so that an older state is never stored after a newer one.
    pub(super) persist_turn: Mutex<()>,
}

struct Entry {
    name: Arc<str>,
    event: Arc<Event>,
}

impl Inner {
    pub(crate) fn new(
        tracked: TrackedUnits,
        clock: Arc<dyn Clock>,
        storage: Option<Box<dyn Storage>>,
        formatter: Option<Arc<dyn Formatter>>,
    ) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            shards: (0..SHARDS).map(|_| CachePadded::new(RwLock::new(HashTable::new()))).collect(),
            hasher: RandomState::default(),
            timeline: Timeline::new(clock.now()),
            tracked,
            clock,
            formatter,
            storage: storage.map(Mutex::new),
            persist_turn: Mutex::new(()),
        }
    }

    pub(crate) fn standard() -> Self {
        Self::new(TrackedUnits::standard(), SystemClock::new(), None, None)
    }

    #[inline]
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    #[inline]
    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Counts an event now.
    #[inline]
    pub(crate) fn record(&self, name: &str, count: u32) {
        let now_ms = self.now_ms();
        let hash = self.hasher.hash_one(name);
        let counted = cache::find(self.id, hash, name, |event| Some(event.add(now_ms, count)));
        if counted != Some(true) {
            self.look_up(hash, name, Access::Record, now_ms, |state| state.record(count));
        }
    }

    /// Calls `use_it` with the event of a name, locked and advanced to `now_ms`. Returns `None` if there is no such event.
    #[inline]
    pub(crate) fn with<R>(
        &self,
        name: &str,
        access: Access,
        now_ms: u64,
        use_it: impl FnOnce(&mut State) -> R,
    ) -> Option<R> {
        let hash = self.hasher.hash_one(name);
        let mut use_it = Some(use_it);
        let remembered = cache::find(self.id, hash, name, |event| {
            let mut state = event.try_lock().filter(|state| state.is_ready())?;
            state.counter.advance(now_ms);
            use_it.take().map(|use_it| use_it(&mut state))
        });
        match use_it {
            Some(use_it) => self.look_up(hash, name, access, now_ms, use_it),
            None => remembered,
        }
    }

    fn look_up<R>(
        &self,
        hash: u64,
        name: &str,
        access: Access,
        now_ms: u64,
        use_it: impl FnOnce(&mut State) -> R,
    ) -> Option<R> {
        let shard = self.shard(hash)?.read();
        match shard.find(hash, |entry| *entry.name == *name) {
            Some(entry) => {
                cache::remember(self.id, hash, &entry.name, &entry.event);
                if let Some(mut state) = entry.event.try_lock() {
                    if state.is_ready() {
                        state.counter.advance(now_ms);
                        return Some(use_it(&mut state));
                    }
                }
            }
            None if access == Access::Query && self.storage.is_none() => return None,
            None => {}
        }
        drop(shard);
        loop {
            let event = self.find_or_add(hash, name, access, now_ms)?;
            let mut state = event.lock();
            if self.make_ready(name, access, now_ms, &event, &mut state) {
                state.counter.advance(now_ms);
                return Some(use_it(&mut state));
            }
            drop(state);
            self.remove(hash, name, &event);
            if access == Access::Query && !self.contains(hash, name) {
                return None;
            }
        }
    }

    /// Calls `use_them` with the events of several names, all locked at once and advanced to `now_ms`. It is given `None` for a
    /// name without an event. No name may be given twice.
    pub(crate) fn with_all<R>(
        &self,
        names: &[(&str, Access)],
        now_ms: u64,
        use_them: impl FnOnce(&mut [Option<MutexGuard<'_, State>>]) -> R,
    ) -> R {
        loop {
            let events: Vec<Option<Arc<Event>>> =
                names.iter().map(|(name, access)| self.ready_event(name, *access, now_ms)).collect();
            let mut order: Vec<usize> = (0..events.len()).collect();
            let name_of = |index: &usize| names.get(*index).map(|(name, _)| *name);
            order.sort_by_key(name_of);
            let mut states: Vec<Option<MutexGuard<'_, State>>> = events.iter().map(|_| None).collect();
            let mut last = None;
            for index in order {
                // If a name is given twice nevertheless, it is locked once: the second lock would wait for the first.
                if std::mem::replace(&mut last, name_of(&index)) == name_of(&index) {
                    continue;
                }
                let event = events.get(index).and_then(Option::as_ref);
                if let (Some(event), Some(place)) = (event, states.get_mut(index)) {
                    *place = Some(event.lock());
                }
            }
            // An event can be retired between the two steps. Then all are looked up again.
            if states.iter().flatten().all(|state| state.is_ready()) {
                for state in states.iter_mut().flatten() {
                    state.counter.advance(now_ms);
                }
                return use_them(&mut states);
            }
        }
    }

    /// Returns the event of a name, loaded. Returns `None` if there is no such event.
    pub(crate) fn ready_event(&self, name: &str, access: Access, now_ms: u64) -> Option<Arc<Event>> {
        let hash = self.hasher.hash_one(name);
        loop {
            let event = self.find_or_add(hash, name, access, now_ms)?;
            if self.make_ready(name, access, now_ms, &event, &mut event.lock()) {
                return Some(event);
            }
            self.remove(hash, name, &event);
            if access == Access::Query && !self.contains(hash, name) {
                return None;
            }
        }
    }

    /// Loads an event that was not loaded yet. Returns `false` if it must be removed from the map: it is retired, or nothing is
    /// stored and nothing was counted.
    fn make_ready(&self, name: &str, access: Access, now_ms: u64, event: &Event, state: &mut State) -> bool {
        if state.retired {
            return false;
        }
        if state.base != Base::Untried {
            return true;
        }
        if access == Access::Replace {
            state.base = Base::Merged;
            return true;
        }
        let stored = self.load(name, now_ms);
        let base = if stored.is_err() { Base::Unreadable } else { Base::Merged };
        if let Ok(Some(mut stored)) = stored {
            // Other threads may have counted in lanes already.
            stored.absorb(&state.counter);
            state.counter = stored;
        } else if access == Access::Query && !state.is_dirty() && event.retire(state) {
            return false;
        }
        state.base = base;
        true
    }

    /// Reads what is stored under a name, and converts it to this store's units.
    pub(crate) fn load(&self, name: &str, now_ms: u64) -> Result<Option<SingleEventCounter>> {
        let Some(storage) = &self.storage else { return Ok(None) };
        let Some(bytes) = storage.lock().load(name)? else { return Ok(None) };
        let formatter = self.formatter.as_ref().ok_or(Error::NoFormatterForStorage)?;
        let counter = formatter.deserialize(&bytes)?;
        Ok(Some(counter.converted(&self.tracked, self.timeline, now_ms)))
    }

    pub(crate) fn new_counter(&self, now_ms: u64) -> SingleEventCounter {
        SingleEventCounter::new(&self.tracked, self.timeline, now_ms)
    }

    fn find_or_add(&self, hash: u64, name: &str, access: Access, now_ms: u64) -> Option<Arc<Event>> {
        let shard = self.shard(hash)?;
        let same = |entry: &Entry| *entry.name == *name;
        if let Some(entry) = shard.read().find(hash, same) {
            return Some(entry.event.clone());
        }
        if access == Access::Query && self.storage.is_none() {
            return None;
        }
        let base = if self.storage.is_some() { Base::Untried } else { Base::Merged };
        let entry = Entry { name: name.into(), event: Arc::new(Event::new(self.new_counter(now_ms), base)) };
        let rehash = |entry: &Entry| self.hasher.hash_one(&*entry.name);
        let mut shard = shard.write();
        Some(shard.entry(hash, same, rehash).or_insert(entry).get().event.clone())
    }

    fn contains(&self, hash: u64, name: &str) -> bool {
        self.shard(hash).is_some_and(|shard| shard.read().find(hash, |entry| *entry.name == *name).is_some())
    }

    /// Removes an event from the map, unless its name has another one already.
    fn remove(&self, hash: u64, name: &str, event: &Arc<Event>) {
        if let Some(shard) = self.shard(hash) {
            let same = |entry: &Entry| *entry.name == *name && Arc::ptr_eq(&entry.event, event);
            if let Ok(entry) = shard.write().find_entry(hash, same) {
                entry.remove();
            }
        }
    }

    /// Retires an event if `may_go` returns `true`, and removes it from the map.
    pub(crate) fn retire(&self, name: &str, event: &Arc<Event>, may_go: impl FnOnce(&State) -> bool) {
        let mut state = event.lock();
        if may_go(&state) && event.retire(&mut state) {
            drop(state);
            self.remove(self.hasher.hash_one(name), name, event);
        }
    }

    /// Removes an event that was created for an action that was refused.
    pub(crate) fn forget_unused(&self, name: &str) {
        let hash = self.hasher.hash_one(name);
        let find = |shard: &RwLock<HashTable<Entry>>| {
            shard.read().find(hash, |entry| *entry.name == *name).map(|entry| entry.event.clone())
        };
        if let Some(event) = self.shard(hash).and_then(find) {
            self.retire(name, &event, |state| {
                state.changes() == 0 && state.pending == 0 && state.counter.is_empty()
            });
        }
    }

    /// Returns all events in memory with their names.
    pub(crate) fn events(&self) -> Vec<(Arc<str>, Arc<Event>)> {
        let mut events = Vec::new();
        for shard in &self.shards {
            events.extend(shard.read().iter().map(|entry| (entry.name.clone(), entry.event.clone())));
        }
        events
    }

    /// Checks the invariants of all events in memory, for tests. No other thread may use the store meanwhile.
    pub(crate) fn validate(&self) -> std::result::Result<(), String> {
        for (name, event) in self.events() {
            let state = event.lock();
            state.validate().map_err(|reason| format!("event {name}: {reason}"))?;
            if state.retired {
                return Err(format!("event {name}: 1: retired and in the map"));
            }
        }
        Ok(())
    }

    pub(crate) fn memory_usage(&self) -> usize {
        // An `Arc` holds two counts and its value, with the value's alignment.
        let counts = 2 * size_of::<usize>();
        let event_counts = counts.max(align_of::<Event>());
        self.events().iter().fold(0, |bytes, (name, event)| {
            let fixed = size_of::<Entry>() + 1 + counts + event_counts + size_of::<Event>();
            let counted = event.lock().counter.heap_bytes().saturating_add(event.heap_bytes());
            bytes.saturating_add(fixed + name.len()).saturating_add(counted)
        })
    }

    #[inline]
    fn shard(&self, hash: u64) -> Option<&RwLock<HashTable<Entry>>> {
        // The hash table itself uses the low bits and the top seven.
        let index = (hash >> 48) as usize % SHARDS;
        self.shards.get(index).map(|shard| &**shard)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Threads may have events in their caches for longer.
        for (_, event) in self.events() {
            event.retire(&mut event.lock());
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("tracked", &self.tracked)
            .field("timeline", &self.timeline)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
