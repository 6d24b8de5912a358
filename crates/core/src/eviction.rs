//! Eviction: which key goes at the label limit, and when its id is free.
//!
//! # Recency without a cost to writers
//! A *look* compares each key's cells with those of the look before; a cell that moved was used. Keys are evicted in the
//! order of the look at which they were last used, older arrivals first.
//!
//! # Two steps
//! An evicted key no longer counts against the limit, but stays readable, findable and revivable while a thread's cache
//! or a meter owns it, so a late increment lands under its own labels. Only when nobody owns it is it removed, read for
//! the last time (`Readings::settle_key`), and its id freed.

use crate::{
    cells::Slab,
    readings::Readings,
    registry::Registry,
    sync::{Arc, RwLock},
};

/// Why a key was evicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EvictionReason {
    /// The label limit was reached, and this key was the least recently used.
    Cardinality,
    /// The key was not used for longer than idle keys are kept.
    Age,
}

impl EvictionReason {
    /// The value of the label `reason` of `accounting_evictions_total`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cardinality => "cardinality",
            Self::Age => "age",
        }
    }
}

impl Readings {
    /// Evicts up to `wanted` least recently used keys and returns how many went. Pinned keys and overflow rows stay.
    pub(crate) fn evict_least_recent(&mut self, registry: &Registry, wanted: usize) -> usize {
        let mut candidates: Vec<_> =
            self.evictable().map(|(index, last_active)| (last_active, index)).collect();
        let wanted = wanted.min(candidates.len());
        if wanted == 0 {
            return 0;
        }
        // Equal looks are told apart by the slot: deterministic, and older first unless ids were reused.
        candidates.select_nth_unstable(wanted - 1);
        candidates.truncate(wanted);
        for (_, index) in &candidates {
            self.evict(registry, *index);
        }
        wanted
    }

    /// Evicts the keys that were not used for more than `calls_max` calls and returns how many went.
    pub(crate) fn evict_idle(&mut self, registry: &Registry, calls_max: u64) -> usize {
        // Looks don't tell, since any number of them may have been taken to make room.
        let since = std::mem::replace(&mut self.idle_look, self.look);
        for slot in &mut self.slots {
            slot.idle = if slot.last_active > since { 0 } else { slot.idle.saturating_add(1) };
        }
        let is_idle = |index: usize| self.slots.get(index).is_some_and(|slot| slot.idle > calls_max);
        let idle: Vec<_> = self.evictable().map(|(index, _)| index).filter(|&index| is_idle(index)).collect();
        for index in &idle {
            self.evict(registry, *index);
        }
        idle.len()
    }

    /// Revives evicted keys that were used since the last [`Self::evict_idle`]: someone still counts under them.
    pub(crate) fn revive_active(&mut self, registry: &Registry) {
        let active = self.slots.iter().filter(|slot| slot.last_active > self.idle_look);
        for key in active.filter_map(|slot| slot.key.as_ref()).filter(|key| key.is_evicted()) {
            registry.revive(key);
        }
    }

    /// Frees the ids of evicted keys that nobody owns any more.
    pub(crate) fn reclaim(&mut self, registry: &Registry, slabs: &RwLock<Vec<Slab>>) {
        for index in 0..self.slots.len() {
            let Some(slot) = self.slots.get_mut(index) else { continue };
            let Some(mut key) = slot.key.take_if(|key| key.is_evicted()) else { continue };
            // `get_mut` pairs with the release of each former owner's drop: their increments are visible to the last
            // reading. It fails only while there is another owner.
            if registry.remove_unowned(&key) && Arc::get_mut(&mut key).is_some() {
                self.forget_table();
                self.settle_key(&key, slabs);
                registry.free(key.id);
            } else {
                slot.key = Some(key);
            }
        }
    }

    fn evictable(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let key = slot.key.as_ref()?;
            let stays = key.is_evicted() || key.is_pinned() || key.usage.is_overflow();
            (!stays).then_some((index, slot.last_active))
        })
    }

    fn evict(&mut self, registry: &Registry, index: usize) {
        if let Some(key) = self.slots.get(index).and_then(|slot| slot.key.as_ref()) {
            registry.evict(key);
        }
    }
}
