//! The shared registry: which key has which id, within limits.
//!
//! # Why not a concurrent map from a library
//! Three steps must be one step under the shard's lock: find by a borrowed key, insert if it is still absent, and remove
//! only if nobody else owns the key. The last is what keeps eviction from racing a lookup, and loom has to see it.
//!
//! # Invariants
//! 1. A key is in at most one shard, under its own hash, and has an id that no other key has.
//! 2. Clones of a key's `Arc` come from its shard, under the lock, or from another owner. So a key that is seen under the
//!    write lock to have no owner but registry and slots can have none when it is removed.
//! 3. `Ids::live` is the number of keys that are not evicted and count against the limit.
//!
//! Lock order: readings, then a shard, then ids.

use crossbeam_utils::CachePadded;
use hashbrown::HashTable;

use crate::{
    key::{Key, UsageKey, Wanted},
    sync::{Arc, Mutex, RwLock},
};

const SHARDS: usize = if cfg!(loom) { 1 } else { 64 };

/// The owners that a key has when nobody counts under it: its shard and its slot (or the arrivals).
const OWNERS_AT_REST: usize = 2;

/// Whether a key counts against the label limit. Overflow rows don't: they are what happens at the limit.
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

#[derive(Debug)]
pub(crate) struct Registry {
    shards: Box<[Shard]>,
    ids: Mutex<Ids>,
    live_max: usize,
    /// Ids for the keys that count against the limit. Those beyond are set aside for overflow rows.
    limited_max: usize,
    ids_max: u32,
}

#[derive(Debug, Default)]
struct Ids {
    free: Vec<u32>,
    next: u32,
    live: usize,
    /// Ids in use by keys that count against the limit, evicted ones included.
    limited: usize,
    arrivals: Vec<Arc<Key>>,
}

impl Registry {
    pub(crate) fn new(live_max: usize, limited_max: usize, ids_max: u32) -> Self {
        let shards = (0..SHARDS).map(|_| CachePadded::new(RwLock::new(HashTable::new()))).collect();
        Self { shards, ids: Mutex::new(Ids::default()), live_max, limited_max, ids_max }
    }

    /// The key, if it is registered and counts as live.
    pub(crate) fn find(&self, hash: u64, wanted: &Wanted<'_>) -> Option<Arc<Key>> {
        let shard = self.shard(hash)?.read();
        let key = shard.find(hash, |key| key.hash == hash && key.usage.is(wanted))?;
        (!key.is_evicted()).then(|| Arc::clone(key))
    }

    /// The key, registered now or revived if need be.
    pub(crate) fn admit(
        &self,
        hash: u64,
        wanted: &Wanted<'_>,
        quota: Quota,
        make: impl FnOnce() -> UsageKey,
    ) -> Result<Arc<Key>, Full> {
        let Some(shard) = self.shard(hash) else { return Err(Full::Ids) };
        let mut shard = shard.write();
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
                ids.next - 1
            }
            None => return Err(Full::Ids),
        };
        let key = Arc::new(Key::new(id, hash, make()));
        if quota == Quota::Limited {
            ids.live += 1;
            ids.limited += 1;
        }
        ids.arrivals.push(Arc::clone(&key));
        shard.insert_unique(hash, Arc::clone(&key), |key| key.hash);
        Ok(key)
    }

    /// Makes an evicted key live again if the limit allows; `true` if it is live now.
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

    /// Takes a live key off the limit. It stays readable, and findable for whoever wants to revive it.
    pub(crate) fn evict(&self, key: &Key) {
        let mut ids = self.ids.lock();
        if !key.is_evicted() {
            ids.live -= 1;
            key.set_evicted(true);
        }
    }

    /// Removes an evicted key that only registry and slots own; `true` if it is out of the registry now.
    pub(crate) fn remove_unowned(&self, key: &Arc<Key>) -> bool {
        let Some(shard) = self.shard(key.hash) else { return false };
        let mut shard = shard.write();
        if !key.is_evicted() || Arc::strong_count(key) > OWNERS_AT_REST {
            return false;
        }
        if let Ok(entry) = shard.find_entry(key.hash, |known| Arc::ptr_eq(known, key)) {
            entry.remove();
        }
        true
    }

    /// Gives the id of an evicted key back, after its last reading. Overflow rows are never evicted.
    pub(crate) fn free(&self, id: u32) {
        let mut ids = self.ids.lock();
        ids.limited -= 1;
        ids.free.push(id);
    }

    /// The keys that were registered since the last call.
    pub(crate) fn take_arrivals(&self) -> Vec<Arc<Key>> {
        std::mem::take(&mut self.ids.lock().arrivals)
    }

    /// Whether keys were registered since the last call of [`Self::take_arrivals`].
    pub(crate) fn has_arrivals(&self) -> bool {
        !self.ids.lock().arrivals.is_empty()
    }

    /// How many keys count against the limit.
    pub(crate) fn live(&self) -> usize {
        self.ids.lock().live
    }

    /// How many ids are in use, evicted keys with an owner and overflow rows included.
    pub(crate) fn ids_in_use(&self) -> usize {
        let ids = self.ids.lock();
        ids.next as usize - ids.free.len()
    }

    /// Calls `visit` for each live key, a shard at a time.
    pub(crate) fn for_each_live(&self, mut visit: impl FnMut(&UsageKey)) {
        for shard in &self.shards {
            for key in shard.read().iter().filter(|key| !key.is_evicted()) {
                visit(&key.usage);
            }
        }
    }

    fn shard(&self, hash: u64) -> Option<&Shard> {
        // The table uses the low and the top bits.
        self.shards.get((hash >> 32) as usize % SHARDS)
    }
}
