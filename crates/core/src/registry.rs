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
//!    `Ids::limited` is that number with the evicted keys included, and `Ids::exempt` that of all other keys but the last
//!    resort.
//! 5. A tenant with a live key has a place. `Ids::places` is the number of tenants with a place, the overflow tenant left out.
//!
//! Lock order: readings, then a shard, then ids.

use std::collections::HashMap;

use crossbeam_utils::CachePadded;
use hashbrown::HashTable;

use crate::{
    key::{Key, KeyId, Quota, UsageKey, Wanted},
    sync::{Arc, Mutex, RwLock},
    tenant::{TenantEntry, TenantId, TenantRef},
};

const SHARDS: usize = if cfg!(loom) { 1 } else { 64 };

/// The owners that a key has when no thread counts under it: its shard, and its slot or the list of new keys.
const OWNERS_AT_REST: usize = 2;

/// Why no key could be admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The label limit is reached.
    LabelSets,
    /// The tenant has no place, and the tenant limit is reached.
    Tenants,
    /// All ids are in use: too many evicted keys still have an owner.
    Ids,
}

type Shard = CachePadded<RwLock<HashTable<Arc<Key>>>>;

/// All keys of an engine, by hash.
#[derive(Debug)]
pub(crate) struct Registry {
    shards: Box<[Shard; SHARDS]>,
    ids: Mutex<Ids>,
    maxima: Maxima,
}

/// How many keys and tenants there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Maxima {
    /// Live keys that count against the label limit.
    pub(crate) live: usize,
    /// Ids for the keys that count against the label limit. The ids beyond are reserved: one for the overflow row of each
    /// tenant with a place, and one for the last resort.
    pub(crate) limited: usize,
    /// Tenants with a place, the overflow tenant left out.
    pub(crate) tenants: usize,
    pub(crate) ids: u32,
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
    /// Ids in use by overflow rows of tenants.
    exempt: usize,
    /// Tenants with a place.
    places: usize,
    /// Keys that have no slot yet.
    new_keys: Vec<Arc<Key>>,
}

impl Ids {
    /// Returns the ids that no key has.
    pub(crate) fn free(&self) -> &[KeyId] {
        &self.free
    }

    /// Returns how many tenants have a place, the overflow tenant left out.
    pub(crate) const fn places(&self) -> usize {
        self.places
    }

    fn has_place_for(&self, tenant: &TenantEntry, max: usize) -> bool {
        tenant.has_place() || tenant.is_overflow() || self.places < max
    }

    fn take_place(&mut self, tenant: &TenantEntry) {
        if !tenant.has_place() {
            tenant.set_place(true);
            self.places += usize::from(!tenant.is_overflow());
        }
    }

    /// Counts a key that is live from now on.
    fn add_live(&mut self, key: &Key) {
        let tenant = key.usage.tenant_entry();
        self.take_place(tenant);
        tenant.add_live_key();
        self.live += usize::from(key.quota == Quota::Limited);
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
    pub(crate) fn new(maxima: Maxima) -> Self {
        let shards = Box::new(std::array::from_fn(|_| CachePadded::new(RwLock::new(HashTable::new()))));
        Self { shards, ids: Mutex::new(Ids::default()), maxima }
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
        tenant: &TenantEntry,
        make: impl FnOnce() -> UsageKey,
    ) -> Result<Arc<Key>, Full> {
        let mut shard = self.shard(hash).write();
        if let Some(key) = shard.find(hash, |key| key.hash == hash && key.usage.is(wanted)) {
            return self.revive(key).map(|()| Arc::clone(key));
        }
        let mut ids = self.ids.lock();
        // Tenants first: no label set is evicted for a tenant that finds no place.
        if !ids.has_place_for(tenant, self.maxima.tenants) {
            return Err(Full::Tenants);
        }
        if quota == Quota::Limited && ids.live >= self.maxima.live {
            return Err(Full::LabelSets);
        }
        let is_last_resort = quota == Quota::Exempt && tenant.is_overflow();
        let has_id = match quota {
            Quota::Limited => ids.limited < self.maxima.limited,
            Quota::Exempt => is_last_resort || ids.exempt < self.maxima.tenants,
        };
        if !has_id {
            return Err(Full::Ids);
        }
        let id = match ids.free.pop() {
            Some(id) => id,
            None if ids.next < self.maxima.ids => {
                ids.next += 1;
                KeyId::new(ids.next - 1)
            }
            None => return Err(Full::Ids),
        };
        let key = Arc::new(Key::new(id, hash, quota, make()));
        ids.add_live(&key);
        match quota {
            Quota::Limited => ids.limited += 1,
            Quota::Exempt => ids.exempt += usize::from(!is_last_resort),
        }
        ids.new_keys.push(Arc::clone(&key));
        shard.insert_unique(hash, Arc::clone(&key), |key| key.hash);
        Ok(key)
    }

    /// Makes an evicted key live again if the limits allow.
    pub(crate) fn revive(&self, key: &Key) -> Result<(), Full> {
        let mut ids = self.ids.lock();
        if key.is_evicted() {
            if !ids.has_place_for(key.usage.tenant_entry(), self.maxima.tenants) {
                return Err(Full::Tenants);
            }
            if key.quota == Quota::Limited && ids.live >= self.maxima.live {
                return Err(Full::LabelSets);
            }
            ids.add_live(key);
            key.set_evicted(false);
        }
        Ok(())
    }

    /// Evicts a live key: it no longer counts against the label limit. [`Self::admit`] still finds and revives it. Its
    /// tenant keeps its place until [`Self::release_places`].
    pub(crate) fn evict(&self, key: &Key) {
        debug_assert!(!key.is_last_resort(), "the last resort is never evicted");
        let mut ids = self.ids.lock();
        if !key.is_evicted() {
            ids.live -= usize::from(key.quota == Quota::Limited);
            key.usage.tenant_entry().remove_live_key();
            key.set_evicted(true);
        }
    }

    /// Gives a tenant a place even beyond the limit: counts of it have to be kept that came when it had left.
    pub(crate) fn hold_place(&self, tenant: &TenantEntry) {
        self.ids.lock().take_place(tenant);
    }

    /// Takes their places from those of the tenants that have no live key.
    pub(crate) fn release_places<'a>(&self, tenants: impl Iterator<Item = &'a TenantRef>) {
        let mut ids = self.ids.lock();
        for tenant in tenants.filter(|tenant| tenant.has_place() && tenant.live_keys() == 0) {
            tenant.set_place(false);
            ids.places = ids.places.saturating_sub(usize::from(!tenant.is_overflow()));
        }
    }

    /// Returns whether a tenant without a place would find one.
    pub(crate) fn has_free_place(&self) -> bool {
        self.ids.lock().places < self.maxima.tenants
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

    /// Frees the id of a removed key, after the last reading of its cells.
    pub(crate) fn free(&self, key: &Key) {
        let mut ids = self.ids.lock();
        match key.quota {
            Quota::Limited => ids.limited -= 1,
            Quota::Exempt => ids.exempt -= 1,
        }
        ids.free.push(key.id);
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
        let (mut live, mut limited, mut exempt) = (0, 0, 0);
        let mut live_keys: HashMap<TenantId, (&TenantRef, u32)> = HashMap::new();
        for (shard, key) in
            shards.iter().enumerate().flat_map(|(n, shard)| shard.iter().map(move |key| (n, key)))
        {
            if Self::shard_index(key.hash) != shard {
                return Err(format!("{key:?} is in shard {shard}, not in that of its hash"));
            }
            if !seen.insert(key.id.index()) {
                return Err(format!("{:?} has two keys, or is free and has one", key.id));
            }
            let is_limited = !key.usage.is_overflow();
            if is_limited != (key.quota == Quota::Limited) {
                return Err(format!("{key:?} counts against the wrong limit"));
            }
            live += usize::from(!key.is_evicted() && is_limited);
            limited += usize::from(is_limited);
            exempt += usize::from(!is_limited && !key.is_last_resort());
            let tenant = key.usage.tenant_entry();
            live_keys.entry(tenant.id).or_insert((tenant, 0)).1 += u32::from(!key.is_evicted());
        }
        if seen.len() != ids.next as usize || seen.iter().any(|id| *id >= ids.next as usize) {
            return Err(format!("{} ids are known of {}", seen.len(), ids.next));
        }
        if (live, limited, exempt) != (ids.live, ids.limited, ids.exempt) {
            let expected = (ids.live, ids.limited, ids.exempt);
            return Err(format!("{live} of {limited} and {exempt} keys are live, not {expected:?}"));
        }
        if live > self.maxima.live || limited > self.maxima.limited || exempt > self.maxima.tenants {
            return Err(format!("{live} live keys of {limited} and {exempt} are past a limit"));
        }
        for (tenant, live) in live_keys.values() {
            if tenant.live_keys() != *live || *live > 0 && !tenant.has_place() {
                return Err(format!("{tenant:?} has {live} live keys"));
            }
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
