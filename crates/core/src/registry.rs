//! The shared registry: which key has which id, within limits.
//!
//! # Why not a concurrent map from a library
//! Three steps must be one step under the shard's lock: find by a borrowed key, insert if it is still absent,
//! and remove only if the key has no other owner. The last is what keeps eviction from racing a lookup, and
//! loom has to see it.
//!
//! # Invariants
//! 1. A key is in at most one shard, under its own hash, and has an id that no other key has.
//! 2. A key's `Arc` is cloned only from its shard, under the lock, or by an owner. So a key that is seen
//!    under the write lock to have no owner but its shard and its slot gets none before it is removed.
//! 3. Every id below `Ids::next` is free or has exactly one key.
//! 4. `Ids::live` is the number of keys that are not evicted and count against the label limit;
//!    `Ids::limited` is that number with the evicted keys included.
//!
//! Lock order: readings, then a shard, then ids.

use crossbeam_utils::CachePadded;
use hashbrown::HashTable;

use crate::{
    key::{Key, KeyId, UsageKey, Wanted},
    sync::{Arc, Mutex, RwLock},
};

const SHARDS: usize = if cfg!(loom) { 1 } else { 64 };

/// The owners that a key has when no thread counts under it: its shard, and its slot or the list of new keys.
const OWNERS_AT_REST: usize = 2;

/// Whether a key counts against the label limit. Overflow rows don't: they take the usage that is past the
/// limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quota {
    Limited,
    Exempt,
}

/// Why no key could be admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The label limit is reached.
    LabelSets,
    /// All ids are in use: too many evicted keys still have an owner.
    Ids,
}

type Shard = CachePadded<RwLock<HashTable<Arc<Key>>>>;

/// All keys of an engine, by hash.
#[derive(Debug)]
pub(crate) struct Registry {
    shards: Box<[Shard; SHARDS]>,
    ids: Mutex<Ids>,
    live_max: usize,
    /// Ids for the keys that count against the label limit. The ids beyond are reserved for overflow rows.
    limited_max: usize,
    ids_max: u32,
}

/// Which ids are in use, and how many of them count against the limits.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    free: Vec<KeyId>,
    /// The lowest id that was never used.
    next: u32,
    /// Keys that count against the label limit.
    live: usize,
    /// Ids in use by keys that count against the label limit, evicted ones included.
    limited: usize,
    /// Keys that have no slot yet.
    new_keys: Vec<Arc<Key>>,
}

impl Ids {
    /// Returns the ids that no key has.
    pub(crate) fn free(&self) -> &[KeyId] {
        &self.free
    }

    /// Checks that each key of the registry is in its slot or among the new keys, and that no other key is in
    /// a slot.
    pub(crate) fn validate_slots(&self, slots: &[Option<&Arc<Key>>]) -> Result<(), String> {
        let with_slot = slots.iter().flatten().count();
        if with_slot + self.new_keys.len() + self.free.len() != self.next as usize {
            let (new_keys, free, next) = (self.new_keys.len(), self.free.len(), self.next);
            return Err(format!(
                "{with_slot} slots, {new_keys} new keys and {free} free ids are not {next} ids"
            ));
        }
        let has_slot = |id: KeyId| slots.get(id.index()).is_some_and(Option::is_some);
        let mut without_slot = self.new_keys.iter().map(|key| key.id).chain(self.free.iter().copied());
        without_slot.find(|id| has_slot(*id)).map_or(Ok(()), |id| Err(format!("{id:?} has a slot already")))
    }
}

impl Registry {
    pub(crate) fn new(live_max: usize, limited_max: usize, ids_max: u32) -> Self {
        let shards = Box::new(std::array::from_fn(|_| CachePadded::new(RwLock::new(HashTable::new()))));
        Self { shards, ids: Mutex::new(Ids::default()), live_max, limited_max, ids_max }
    }

    /// Returns the key if it is registered and not evicted.
    pub(crate) fn find(&self, hash: u64, wanted: &Wanted<'_>) -> Option<Arc<Key>> {
        let shard = self.shard(hash).read();
        let key = shard.find(hash, |key| key.hash == hash && key.usage.is(wanted))?;
        (!key.is_evicted()).then(|| Arc::clone(key))
    }

    /// Returns the key, and registers or revives it if need be.
    pub(crate) fn admit(
        &self,
        hash: u64,
        wanted: &Wanted<'_>,
        quota: Quota,
        make: impl FnOnce() -> UsageKey,
    ) -> Result<Arc<Key>, Full> {
        let mut shard = self.shard(hash).write();
        if let Some(key) = shard.find(hash, |key| key.hash == hash && key.usage.is(wanted)) {
            return if self.revive(key) { Ok(Arc::clone(key)) } else { Err(Full::LabelSets) };
        }
        let mut ids = self.ids.lock();
        if quota == Quota::Limited && ids.live >= self.live_max {
            return Err(Full::LabelSets);
        }
        if quota == Quota::Limited && ids.limited >= self.limited_max {
            return Err(Full::Ids);
        }
        let id = match ids.free.pop() {
            Some(id) => id,
            None if ids.next < self.ids_max => {
                ids.next += 1;
                KeyId::new(ids.next - 1)
            }
            None => return Err(Full::Ids),
        };
        let key = Arc::new(Key::new(id, hash, make()));
        if quota == Quota::Limited {
            ids.live += 1;
            ids.limited += 1;
        }
        ids.new_keys.push(Arc::clone(&key));
        shard.insert_unique(hash, Arc::clone(&key), |key| key.hash);
        Ok(key)
    }

    /// Makes an evicted key live again if the limit allows. Returns whether it is live now.
    pub(crate) fn revive(&self, key: &Key) -> bool {
        let mut ids = self.ids.lock();
        if key.is_evicted() {
            if ids.live >= self.live_max {
                return false;
            }
            ids.live += 1;
            key.set_evicted(false);
        }
        true
    }

    /// Evicts a live key: it no longer counts against the limit. [`Self::admit`] still finds and revives it.
    pub(crate) fn evict(&self, key: &Key) {
        debug_assert!(!key.usage.is_overflow(), "overflow rows are never evicted");
        let mut ids = self.ids.lock();
        if !key.is_evicted() {
            ids.live -= 1;
            key.set_evicted(true);
        }
    }

    /// Removes an evicted key that only its shard and its slot own. Returns whether it was removed.
    pub(crate) fn remove_unowned(&self, key: &Arc<Key>) -> bool {
        let mut shard = self.shard(key.hash).write();
        if !key.is_evicted() || Arc::strong_count(key) > OWNERS_AT_REST {
            return false;
        }
        let registered = shard.find_entry(key.hash, |known| Arc::ptr_eq(known, key));
        debug_assert!(registered.is_ok(), "{key:?} is in a slot and not registered");
        if let Ok(entry) = registered {
            entry.remove();
        }
        true
    }

    /// Frees the id of a removed key, after the last reading of its cells. Overflow rows are never removed.
    pub(crate) fn free(&self, id: KeyId) {
        let mut ids = self.ids.lock();
        ids.limited -= 1;
        ids.free.push(id);
    }

    /// Returns the keys that were registered since the last call.
    pub(crate) fn take_new_keys(&self) -> Vec<Arc<Key>> {
        std::mem::take(&mut self.ids.lock().new_keys)
    }

    /// Returns whether keys were registered since the last call of [`Self::take_new_keys`].
    pub(crate) fn has_new_keys(&self) -> bool {
        !self.ids.lock().new_keys.is_empty()
    }

    /// Returns how many keys count against the label limit.
    pub(crate) fn live(&self) -> usize {
        self.ids.lock().live
    }

    /// Returns how many ids are in use, those of evicted keys with an owner and of overflow rows included.
    pub(crate) fn ids_in_use(&self) -> usize {
        let ids = self.ids.lock();
        ids.next as usize - ids.free.len()
    }

    /// Calls `visit` for each live key, a shard at a time.
    pub(crate) fn for_each_live(&self, mut visit: impl FnMut(&UsageKey)) {
        for shard in &*self.shards {
            for key in shard.read().iter().filter(|key| !key.is_evicted()) {
                visit(&key.usage);
            }
        }
    }

    /// Checks the invariants, then calls `check` while no key can be admitted or removed.
    pub(crate) fn validate(&self, check: impl FnOnce(&Ids) -> Result<(), String>) -> Result<(), String> {
        let shards: Vec<_> = self.shards.iter().map(|shard| shard.read()).collect();
        let ids = self.ids.lock();
        let mut seen: std::collections::HashSet<usize> = ids.free.iter().map(|id| id.index()).collect();
        let (mut live, mut limited) = (0, 0);
        for (shard, key) in
            shards.iter().enumerate().flat_map(|(n, shard)| shard.iter().map(move |key| (n, key)))
        {
            if Self::shard_index(key.hash) != shard {
                return Err(format!("{key:?} is in shard {shard}, not in that of its hash"));
            }
            if !seen.insert(key.id.index()) {
                return Err(format!("{:?} has two keys, or is free and has one", key.id));
            }
            live += usize::from(!key.is_evicted() && !key.usage.is_overflow());
            limited += usize::from(!key.usage.is_overflow());
        }
        if seen.len() != ids.next as usize || seen.iter().any(|id| *id >= ids.next as usize) {
            return Err(format!("{} ids are known of {}", seen.len(), ids.next));
        }
        if (live, limited) != (ids.live, ids.limited) {
            return Err(format!("{live} of {limited} keys are live, not {} of {}", ids.live, ids.limited));
        }
        if live > self.live_max || limited > self.limited_max {
            return Err(format!("{live} live keys of {limited} are past a limit"));
        }
        check(&ids)
    }

    fn shard(&self, hash: u64) -> &Shard {
        &self.shards[Self::shard_index(hash)]
    }

    const fn shard_index(hash: u64) -> usize {
        // The table uses the low and the top bits.
        (hash >> 32) as usize % SHARDS
    }
}
