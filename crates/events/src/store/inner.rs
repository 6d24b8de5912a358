//! The map from names to events.
//!
//! # Locks
//! The map is cut into shards, each behind a lock that is written only when an event comes or goes. In the common case
//! an event is found and locked under the shard's shared lock, without touching its reference count. Locks are taken
//! in this order: the turn to persist, a shard, an event (several in the order of their names), the storage. Nobody
//! waits for an event while holding a shard, and nobody takes a shard while holding an event.
//!
//! # Loading
//! A name that is not in the map gets an event that is `Untried` first. Its first user loads it under the event's own
//! lock, so that a first query and a first record of a stored event cannot both bring a counter of their own.

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
    counter::{layout::Layout, SingleEventCounter},
    formatter::Formatter,
    storage::Storage,
    sync::{Mutex, MutexGuard, RwLock},
    time::timeline::Timeline,
    Error, Result,
};

/// A power of two, so that two threads on different events seldom meet.
#[cfg(not(loom))]
const SHARDS: usize = 32;
#[cfg(loom)]
const SHARDS: usize = 1;

/// What a name's event is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// For reading: a name that is neither known nor stored has no event.
    Query,
    /// For counting: the event is made if there is none.
    Record,
    /// For replacing: the event is made if there is none, and what is stored is not read.
    Replace,
}

pub(crate) struct Inner {
    /// Tells stores apart in what threads remember.
    id: u64,
    shards: Box<[CachePadded<RwLock<HashTable<Entry>>>]>,
    hasher: RandomState,
    pub(crate) layout: Layout,
    pub(crate) timeline: Timeline,
    clock: Arc<dyn Clock>,
    pub(crate) formatter: Option<Arc<dyn Formatter>>,
    pub(crate) storage: Option<Mutex<Box<dyn Storage>>>,
    /// Held during a persist, so that an older state never follows a newer one into the storage.
    pub(super) persist_turn: Mutex<()>,
}

struct Entry {
    name: Arc<str>,
    event: Arc<Event>,
}

impl Inner {
    pub(crate) fn new(
        layout: Layout,
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
            layout,
            clock,
            formatter,
            storage: storage.map(Mutex::new),
            persist_turn: Mutex::new(()),
        }
    }

    pub(crate) fn standard() -> Self {
        Self::new(Layout::standard(), SystemClock::new(), None, None)
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

    /// Runs `use_it` on a name's event, advanced to `now_ms` and locked. `None` if there is no such event.
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

    /// Runs `use_them` on the events of several names, all locked at once and advanced to `now_ms`. A name that has no
    /// event has none there; a name may be given once only.
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
                // A name that was given twice is locked once: the second lock would wait for the first.
                if std::mem::replace(&mut last, name_of(&index)) == name_of(&index) {
                    continue;
                }
                let event = events.get(index).and_then(Option::as_ref);
                if let (Some(event), Some(place)) = (event, states.get_mut(index)) {
                    *place = Some(event.lock());
                }
            }
            // An event can be retired between the two steps; then all are looked up again.
            if states.iter().flatten().all(|state| state.is_ready()) {
                for state in states.iter_mut().flatten() {
                    state.counter.advance(now_ms);
                }
                return use_them(&mut states);
            }
        }
    }

    /// A name's event, loaded.
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

    /// Loads an event that nobody has loaded yet. False if it must leave the map: it is retired, or there is nothing to
    /// read and nothing counted.
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

    /// What is stored under a name, converted to this store's units.
    pub(crate) fn load(&self, name: &str, now_ms: u64) -> Result<Option<SingleEventCounter>> {
        let Some(storage) = &self.storage else { return Ok(None) };
        let Some(bytes) = storage.lock().load(name)? else { return Ok(None) };
        let formatter = self.formatter.as_ref().ok_or(Error::NoFormatterForStorage)?;
        let counter = formatter.deserialize(&bytes)?;
        Ok(Some(counter.converted(&self.layout, self.timeline, now_ms)))
    }

    pub(crate) fn new_counter(&self, now_ms: u64) -> SingleEventCounter {
        SingleEventCounter::new(&self.layout, self.timeline, now_ms)
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

    /// Takes an event out of the map, unless its name has another one already.
    fn remove(&self, hash: u64, name: &str, event: &Arc<Event>) {
        if let Some(shard) = self.shard(hash) {
            let same = |entry: &Entry| *entry.name == *name && Arc::ptr_eq(&entry.event, event);
            if let Ok(entry) = shard.write().find_entry(hash, same) {
                entry.remove();
            }
        }
    }

    /// Retires an event if `may_go` says so, and takes it out of the map.
    pub(crate) fn retire(&self, name: &str, event: &Arc<Event>, may_go: impl FnOnce(&State) -> bool) {
        let mut state = event.lock();
        if may_go(&state) && event.retire(&mut state) {
            drop(state);
            self.remove(self.hasher.hash_one(name), name, event);
        }
    }

    /// Takes an event out of the map that was made for an action which did not take place.
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

    /// All events in memory with their names.
    pub(crate) fn events(&self) -> Vec<(Arc<str>, Arc<Event>)> {
        let mut events = Vec::new();
        for shard in &self.shards {
            events.extend(shard.read().iter().map(|entry| (entry.name.clone(), entry.event.clone())));
        }
        events
    }

    pub(crate) fn memory_usage(&self) -> usize {
        // Beside its value, an `Arc` has two counts, and keeps the value's alignment.
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
        // The table's own probe uses the low bits and the top seven.
        let index = (hash >> 48) as usize % SHARDS;
        self.shards.get(index).map(|shard| &**shard)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Threads may remember events for longer.
        for (_, event) in self.events() {
            event.retire(&mut event.lock());
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("layout", &self.layout)
            .field("timeline", &self.timeline)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
