//! The reading half of the engine: readers, maintenance and figures. All but the figures work under the
//! readings lock.
//!
//! `Reader` and `Engine` could lock by themselves. The lock is taken here so that the loom models, which have
//! neither of them, run the same code.

use super::{EngineState, Readings};
use crate::{
    key::UsageKey,
    limit::{Limit, LimitReached},
    readers::ReaderId,
    sync::{AtomicU64, MutexGuard, Ordering},
    tenant::TenantId,
    Dimension, EngineStats, EvictionReason, Label, Reading,
};

impl EngineState {
    pub(crate) fn add_reader(&self) -> ReaderId {
        let Readings { slots, readers } = &mut *self.readings_with_new_keys();
        readers.add(slots.count(), &self.slabs)
    }

    pub(crate) fn hold_tenants(&self, reader: ReaderId) {
        self.readings.lock().readers.hold_tenants(reader);
    }

    pub(crate) fn remove_reader(&self, reader: ReaderId) {
        self.readings.lock().readers.remove(reader);
    }

    /// Fills `out` with what `reader` has not taken yet, and takes nothing.
    pub(crate) fn peek(&self, reader: ReaderId, out: &mut Reading) {
        let Readings { slots, readers } = &mut *self.readings_with_new_keys();
        readers.peek(reader, slots.table(), &self.slabs, out);
    }

    /// Takes what the last `peek` showed.
    pub(crate) fn take_seen(&self, reader: ReaderId, seen: &Reading) {
        let mut readings = self.readings.lock();
        let Readings { slots, readers } = &mut *readings;
        readers.take_seen(reader, slots, seen);
        self.note_taken(&mut readings);
    }

    /// Fills `out` with what `reader` has not taken yet and takes it, as far as `accept` lets a tenant's
    /// dimension go.
    pub(crate) fn take(
        &self,
        reader: ReaderId,
        accept: impl FnMut(TenantId, Dimension) -> bool,
        out: &mut Reading,
    ) {
        let mut readings = self.readings_with_new_keys();
        let Readings { slots, readers } = &mut *readings;
        readers.peek(reader, slots.table(), &self.slabs, out);
        out.retain(accept);
        readers.take_seen(reader, slots, out);
        self.note_taken(&mut readings);
    }

    fn note_taken(&self, readings: &mut Readings) {
        readings.slots.note_taken();
        if self.has_high_count.load(Ordering::Relaxed) {
            self.has_high_count.store(readings.readers.has_high_count(), Ordering::Relaxed);
        }
    }

    pub(crate) fn restore(&self, reader: ReaderId, key: &UsageKey, dimension: Dimension, n: u64) {
        let mut readings = self.readings.lock();
        let detached = readings.readers.restore(reader, key, dimension.index(), n);
        self.note_detached(key.tenant_entry(), detached);
    }

    /// Finds out which keys are in use, evicts those that were idle, and frees the ids whose keys have no owner.
    pub(crate) fn maintain(&self, idle_calls_max: u64) {
        let mut readings = self.readings_with_new_keys();
        let slots = &mut readings.slots;
        slots.note_activity(&self.slabs);
        slots.revive_active(&self.registry);
        let evicted = slots.evict_idle(&self.registry, idle_calls_max);
        self.counters.evicted_age.fetch_add(evicted as u64, Ordering::Relaxed);
        self.reclaim(&mut readings, evicted, None);
        self.release_places(&readings);
        self.tenants.forget_unowned();
    }

    /// Takes their places from the tenants that have no live key, unless a reader holds them.
    pub(super) fn release_places(&self, readings: &Readings) {
        let idle = self.tenants.without_live_key();
        if !idle.is_empty() {
            let held = readings.readers.held_tenants(&readings.slots, &self.slabs);
            self.registry.release_places(idle.iter().filter(|tenant| !held.contains(&tenant.id)));
        }
    }

    /// Returns the limits that were reached since the last call.
    pub(crate) fn take_limits_reached(&self) -> Vec<LimitReached> {
        let (saturated, folded) = self.readings.lock().readers.take_firsts();
        if let Some((key, dimension)) = saturated {
            self.limits_reached.note(Limit::Counts, key.tenant(), Some(dimension));
        }
        if let Some(key) = folded {
            self.limits_reached.note(Limit::LeftLabelSets, key.tenant(), None);
        }
        let mut reached = self.limits_reached.take();
        if reached.iter().any(|reached| reached.limit != Limit::Dimensions && reached.limit != Limit::Counts)
        {
            let most =
                self.cardinality_of(|key| !key.is_overflow()).into_iter().max_by_key(|(label, values)| {
                    // Of two labels with as many values, the first.
                    (*values, std::cmp::Reverse(*label as usize))
                });
            for reached in &mut reached {
                reached.label = match reached.limit {
                    Limit::LabelSets | Limit::LeftLabelSets => most.map(|(label, _)| label),
                    Limit::Tenants => Some(Label::Tenant),
                    Limit::Dimensions | Limit::Counts => None,
                };
            }
        }
        reached
    }

    /// Locks the readings, and gives each key that was registered since the last time its slot.
    pub(super) fn readings_with_new_keys(&self) -> MutexGuard<'_, Readings> {
        let mut readings = self.readings.lock();
        readings.slots.add_new_keys(&self.registry);
        readings
    }

    pub(crate) fn evictions(&self, reason: EvictionReason) -> u64 {
        match reason {
            EvictionReason::Cardinality => self.counters.evicted_cardinality.load(Ordering::Relaxed),
            EvictionReason::Age => self.counters.evicted_age.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn stats(&self) -> EngineStats {
        let (saturations, folded_keys) = {
            let readings = self.readings.lock();
            (readings.readers.saturations(), readings.readers.folded_keys())
        };
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        EngineStats {
            label_sets: self.registry.live(),
            ids_in_use: self.registry.ids_in_use(),
            tenants: self.tenants.with_place(),
            threads: self.slabs.read().len(),
            evicted_cardinality: load(&self.counters.evicted_cardinality),
            evicted_age: load(&self.counters.evicted_age),
            evicted_tenants: load(&self.counters.evicted_tenants),
            overflowed_label_sets: load(&self.counters.overflowed_label_sets),
            overflowed_tenants: load(&self.counters.overflowed_tenants),
            folded_keys,
            replaced_label_sets: load(&self.counters.replaced),
            normalizer_panics: load(&self.counters.normalizer_panics),
            unknown_dimension: load(&self.counters.unknown_dimension),
            saturations,
        }
    }

    /// Counts how many values each label has among the live label sets.
    pub(crate) fn cardinality(&self) -> [(Label, usize); 5] {
        self.cardinality_of(|_| true)
    }

    fn cardinality_of(&self, is_wanted: impl Fn(&UsageKey) -> bool) -> [(Label, usize); 5] {
        let mut values: [std::collections::HashSet<Box<str>>; 5] = Default::default();
        self.registry.for_each_live(|key| {
            if let Some(labels) = key.labels().filter(|_| is_wanted(key)) {
                for (values, value) in values.iter_mut().zip(labels.values()) {
                    if !values.contains(value) {
                        values.insert(value.into());
                    }
                }
            }
        });
        let mut counts = values.iter().map(std::collections::HashSet::len);
        Label::ALL.map(|label| (label, counts.next().unwrap_or_default()))
    }
}
