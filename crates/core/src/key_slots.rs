//! One slot per key id: which key has the id, and when it was last used. Decides which key is evicted, and
//! when its id is free.
//!
//! # Recency without a cost to writers
//! An *activity check* compares each key's cells with those of the check before: a cell that changed was
//! used. Keys are evicted in the order of the check at which they were last used. Of two keys used at the
//! same check, the lower id goes first.
//!
//! # Two steps
//! An evicted key no longer counts against the label limit. But it stays readable, findable and revivable
//! while a thread's cache or a meter owns it, so that a late increment is counted under its own labels. Only
//! when it has no owner, it is removed, its cells are read for the last time (`Readers::detach_key`), and its
//! id is freed.
//!
//! # Invariants
//! 1. The key in slot `n` has the id `n`.
//! 2. Every registered key is in its slot, or among the registry's new keys.
//! 3. The table, if there is one, names exactly the keys in the slots.

use std::collections::{HashMap, HashSet};

use crate::{
    cells::{self, Slab},
    key::{Key, KeyId, Quota, UsageKey},
    reading::KeyTable,
    registry::{Ids, Registry},
    sync::{Arc, RwLock},
    tenant::{TenantId, TenantRef},
};

/// What is known of the key that has an id.
#[derive(Debug, Default)]
struct KeySlot {
    /// `None` while the id is free.
    key: Option<Arc<Key>>,
    /// The sum of the key's cells at the last activity check; another sum means that the key was used.
    activity: u64,
    /// The activity check at which the key was last found in use, or the last one before it was registered.
    last_active: u64,
    /// How many calls of `evict_idle` in a row found the key unused.
    idle: u64,
}

/// The slots of all key ids.
#[derive(Debug)]
pub(crate) struct KeySlots {
    slots: Vec<KeySlot>,
    /// The names in the slots; dropped when a key comes or goes, and made again when a reading needs it.
    table: Option<KeyTable>,
    /// The number of the last activity check.
    check: u64,
    /// The activity check of the last [`Self::evict_idle`].
    check_of_idle: u64,
    /// Whether no tenant was idle at the last search for one. Until a window ends or a reader takes, none is.
    has_no_idle_tenant: bool,
    stride: usize,
}

/// What is known of a tenant when one has to go.
#[derive(Debug)]
struct TenantUse {
    entry: TenantRef,
    last_active: u64,
    is_spared: bool,
}

impl KeySlots {
    /// Makes slots for keys whose cells are `stride` apart.
    pub(crate) const fn new(stride: usize) -> Self {
        Self { slots: Vec::new(), table: None, check: 0, check_of_idle: 0, has_no_idle_tenant: false, stride }
    }

    /// Returns how many slots there are, those of free ids included.
    pub(crate) fn count(&self) -> usize {
        self.slots.len()
    }

    /// Returns the names of the keys by id. All readings share one table until a key comes or goes.
    pub(crate) fn table(&mut self) -> &KeyTable {
        let slots = &self.slots;
        self.table.get_or_insert_with(|| table_of(slots))
    }

    /// Returns the key that has an id.
    pub(crate) fn get(&self, id: KeyId) -> Option<&Key> {
        self.slots.get(id.index())?.key.as_deref()
    }

    /// Gives the keys that were registered since the last call their slots.
    #[inline(never)]
    pub(crate) fn add_new_keys(&mut self, registry: &Registry) {
        for key in registry.take_new_keys() {
            let index = key.id.index();
            if self.slots.len() <= index {
                self.slots.resize_with(index + 1, KeySlot::default);
            }
            if let Some(slot) = self.slots.get_mut(index) {
                debug_assert!(slot.key.is_none(), "{:?} is still in use", key.id);
                // The cells of a reused id still hold what the key before left in them.
                let activity = slot.activity;
                *slot = KeySlot { key: Some(key), activity, last_active: self.check, idle: 0 };
            }
            self.table = None;
        }
    }

    /// Finds out which keys were used since the last call.
    pub(crate) fn note_activity(&mut self, slabs: &RwLock<Vec<Slab>>) {
        self.check += 1;
        let (check, stride, cells) = (self.check, self.stride, self.slots.len() * self.stride);
        cells::sum_chunks(&slabs.read(), cells, |first, now| {
            for (slot, now) in self.slots.iter_mut().skip(first / stride).zip(now.chunks_exact(stride)) {
                let activity = cells::wrapping_sum(now);
                if slot.activity != activity {
                    slot.activity = activity;
                    slot.last_active = check;
                }
            }
        });
    }

    /// Evicts up to `wanted` least recently used keys and returns how many. Pinned keys are spared, and overflow rows, which
    /// make no room.
    pub(crate) fn evict_least_recent(&mut self, registry: &Registry, wanted: usize) -> usize {
        let mut candidates: Vec<_> =
            self.evictable().map(|(index, last_active)| (last_active, index)).collect();
        let wanted = wanted.min(candidates.len());
        if wanted == 0 {
            return 0;
        }
        // With the index as the second criterion, the choice is the same on every run.
        candidates.select_nth_unstable(wanted - 1);
        candidates.truncate(wanted);
        for (_, index) in &candidates {
            self.evict(registry, *index);
        }
        wanted
    }

    /// Evicts the keys that were unused for more than `calls_max` calls in a row and returns how many.
    pub(crate) fn evict_idle(&mut self, registry: &Registry, calls_max: u64) -> usize {
        self.has_no_idle_tenant = false;
        // Idleness is counted in calls and not in activity checks: an eviction at the limit checks activity, too.
        let since = std::mem::replace(&mut self.check_of_idle, self.check);
        for slot in &mut self.slots {
            slot.idle = if slot.last_active > since { 0 } else { slot.idle.saturating_add(1) };
        }
        let idle =
            self.slots.iter().filter(|slot| slot.idle > calls_max).filter_map(|slot| slot.key.as_ref());
        let evicted = idle.filter(|key| !key.is_evicted() && !key.is_pinned() && !key.is_last_resort());
        evicted.map(|key| registry.evict(key)).count()
    }

    /// Evicts all keys of up to `wanted` least recently used tenants. Returns the tenants, and how many keys it were.
    ///
    /// A tenant goes only if it is idle: it has a place, was not used since the last [`Self::evict_idle`], has no pinned key,
    /// and is none of those in `untaken`, which have counts to be taken.
    pub(crate) fn evict_idle_tenants(
        &mut self,
        registry: &Registry,
        wanted: usize,
        untaken: &HashSet<TenantId>,
    ) -> (Vec<TenantRef>, usize) {
        let mut tenants: HashMap<TenantId, TenantUse> = HashMap::new();
        for (slot, key) in self.slots.iter().filter_map(|slot| Some((slot, slot.key.as_ref()?))) {
            let entry = key.usage.tenant_entry();
            let tenant = tenants.entry(entry.id).or_insert_with(|| TenantUse {
                entry: TenantRef::clone(entry),
                last_active: 0,
                is_spared: entry.is_overflow() || !entry.has_place() || untaken.contains(&entry.id),
            });
            tenant.last_active = tenant.last_active.max(slot.last_active);
            tenant.is_spared |= key.is_pinned() || slot.last_active > self.check_of_idle;
        }
        let mut idle: Vec<_> = tenants.into_values().filter(|tenant| !tenant.is_spared).collect();
        self.has_no_idle_tenant = idle.len() <= wanted;
        // With the number as the second criterion, the choice is the same on every run.
        idle.sort_unstable_by_key(|tenant| (tenant.last_active, tenant.entry.id));
        idle.truncate(wanted);
        let gone: HashSet<TenantId> = idle.iter().map(|tenant| tenant.entry.id).collect();
        let keys = self.slots.iter().filter_map(|slot| slot.key.as_ref());
        let live = keys.filter(|key| !key.is_evicted() && gone.contains(&key.usage.tenant_id()));
        let evicted = live.map(|key| registry.evict(key)).count();
        (idle.into_iter().map(|tenant| tenant.entry).collect(), evicted)
    }

    /// Returns whether a search for an idle tenant would find none.
    pub(crate) const fn has_no_idle_tenant(&self) -> bool {
        self.has_no_idle_tenant
    }

    /// Lets the next search for an idle tenant look again: a reader took counts.
    pub(crate) fn note_taken(&mut self) {
        self.has_no_idle_tenant = false;
    }

    /// Revives evicted keys that were used since the last [`Self::evict_idle`]: a thread still counts under
    /// them.
    pub(crate) fn revive_active(&mut self, registry: &Registry) {
        let active = self.slots.iter().filter(|slot| slot.last_active > self.check_of_idle);
        for key in active.filter_map(|slot| slot.key.as_ref()).filter(|key| key.is_evicted()) {
            // Without room it stays evicted, and is counted under its own labels all the same.
            let _ = registry.revive(key);
        }
    }

    /// Removes the evicted keys that have no owner any more and frees their ids.
    ///
    /// `detach` moves what the cells of such a key hold to the readers, and returns the sums of the cells.
    pub(crate) fn remove_unowned(&mut self, registry: &Registry, mut detach: impl FnMut(&Key) -> Vec<u64>) {
        for slot in &mut self.slots {
            let Some(mut key) = slot.key.take_if(|key| key.is_evicted()) else { continue };
            // `get_mut` pairs with the release of each former owner's drop: their increments are visible to
            // the last reading. It fails only while there is another owner.
            if registry.remove_unowned(&key) && Arc::get_mut(&mut key).is_some() {
                self.table = None;
                slot.activity = cells::wrapping_sum(&detach(&key));
                registry.free(&key);
            } else {
                slot.key = Some(key);
            }
        }
    }

    /// Checks the invariants against the ids of the registry.
    pub(crate) fn validate(&self, ids: &Ids) -> Result<(), String> {
        for (index, slot) in self.slots.iter().enumerate() {
            if let Some(key) = slot.key.as_ref().filter(|key| key.id.index() != index) {
                return Err(format!("slot {index} has the key of {:?}", key.id));
            }
            if slot.last_active > self.check {
                return Err(format!(
                    "slot {index} was used at the check {}, which is to come",
                    slot.last_active
                ));
            }
        }
        if let Some(table) = &self.table {
            let is_named = |(slot, name): (&KeySlot, Option<&UsageKey>)| match (&slot.key, name) {
                (Some(key), Some(name)) => name.is_same(&key.usage),
                (key, name) => key.is_none() && name.is_none(),
            };
            if table.len() != self.slots.len() || !self.slots.iter().zip(table.iter()).all(is_named) {
                return Err("the table does not name the keys in the slots".to_owned());
            }
        }
        ids.validate_slots(&self.slots.iter().map(|slot| slot.key.as_ref()).collect::<Vec<_>>())
    }

    fn evictable(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let key = slot.key.as_ref()?;
            let is_spared = key.is_evicted() || key.is_pinned() || key.quota == Quota::Exempt;
            (!is_spared).then_some((index, slot.last_active))
        })
    }

    fn evict(&mut self, registry: &Registry, index: usize) {
        if let Some(key) = self.slots.get(index).and_then(|slot| slot.key.as_ref()) {
            registry.evict(key);
        }
    }
}

/// Kept out of line, as is [`KeySlots::add_new_keys`]: inlined into a reading, their loops run out of
/// registers.
#[inline(never)]
fn table_of(slots: &[KeySlot]) -> KeyTable {
    KeyTable::new(slots.iter().map(|slot| slot.key.as_ref().map(|key| key.usage.clone())))
}
