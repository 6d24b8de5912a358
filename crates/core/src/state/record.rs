//! The hot path: from a call to a cell, without a lock or an allocation.
//!
//! Functions marked `#[cold]` handle the rest: a label set that the thread does not know, a cell that is
//! full, a dimension of another engine.

use super::{EngineState, Readings, Resolved, ThreadState};
use crate::{
    cache::CachedKey,
    cells::NotAdded,
    fixed_labels::FixedLabels,
    key::Key,
    limit::Limit,
    name::Lengths,
    readers::Detached,
    sync::{Arc, Ordering},
    tenant::{AccountKey, Tenant, TenantEntry},
    Dimension, Labels, Outcome,
};

impl EngineState {
    /// Counts `amounts` under a raw label set.
    #[inline]
    pub(crate) fn record(
        &self,
        thread: &ThreadState,
        labels: &Labels<'_>,
        amounts: &[(Dimension, u64)],
    ) -> Outcome {
        if let (Some(lengths), Ok(caches)) = (Lengths::of(labels), thread.caches.try_borrow()) {
            if let Some(cached) = caches.labels.find_again(labels, lengths) {
                return self.add_cached(thread, cached, amounts);
            }
            let hash = self.hashing.labels(labels);
            if let Some(cached) = caches.labels.find(hash, labels, lengths) {
                return self.add_cached(thread, cached, amounts);
            }
        }
        let resolved = self.resolve_labels(thread, labels);
        self.add_resolved(thread, resolved, amounts)
    }

    /// Counts `amounts` under a tenant's label set of a scope. `hash` is the hash of the whole label set.
    #[inline]
    pub(crate) fn record_scoped(
        &self,
        thread: &ThreadState,
        tenant: &str,
        hash: u64,
        fixed: &Arc<FixedLabels>,
        amounts: &[(Dimension, u64)],
    ) -> Outcome {
        if let Ok(caches) = thread.caches.try_borrow() {
            if let Some(cached) = caches.labels.find_scoped(hash, tenant, fixed) {
                return self.add_cached(thread, cached, amounts);
            }
        }
        self.record_new_in_scope(thread, hash, &fixed.with(tenant), fixed, amounts)
    }

    #[cold]
    #[inline(never)]
    fn record_new_in_scope(
        &self,
        thread: &ThreadState,
        hash: u64,
        labels: &Labels<'_>,
        fixed: &Arc<FixedLabels>,
        amounts: &[(Dimension, u64)],
    ) -> Outcome {
        let outcome = self.record(thread, labels, amounts);
        if let Ok(mut caches) = thread.caches.try_borrow_mut() {
            caches.labels.note_scope(hash, labels, fixed);
        }
        outcome
    }

    /// Counts `amounts` under an account of a tenant.
    #[inline]
    pub(crate) fn record_account(
        &self,
        thread: &ThreadState,
        tenant: &Tenant,
        account: AccountKey,
        amounts: &[(Dimension, u64)],
    ) -> Outcome {
        let hash = self.hashing.account(tenant.id, account);
        if let Ok(caches) = thread.caches.try_borrow() {
            if let Some(cached) = caches.accounts.find(hash, tenant.id, account) {
                return self.add_cached(thread, cached, amounts);
            }
        }
        let resolved = self.resolve_account(thread, hash, tenant, account);
        self.add_resolved(thread, resolved, amounts)
    }

    fn add_resolved(
        &self,
        thread: &ThreadState,
        resolved: Option<Resolved>,
        amounts: &[(Dimension, u64)],
    ) -> Outcome {
        let Some(Resolved { key, outcome }) = resolved else {
            debug_assert!(false, "every tenant has an id reserved for its overflow row");
            return Outcome::Lost;
        };
        self.add_cached(thread, CachedKey { key: &key, id: key.id, outcome }, amounts)
    }

    /// Counts `amounts` under a key that the cache or the caller owns.
    #[inline]
    fn add_cached(
        &self,
        thread: &ThreadState,
        cached: CachedKey<'_>,
        amounts: &[(Dimension, u64)],
    ) -> Outcome {
        let Some(cells) = thread.slab.cells(cached.id) else {
            return self.add_slowly(thread, cached, amounts);
        };
        for (index, &(dimension, n)) in amounts.iter().enumerate() {
            if cells.add(dimension.index(), n).is_err() {
                return self.add_slowly(thread, cached, amounts.get(index..).unwrap_or_default());
            }
        }
        cached.outcome
    }

    /// Counts under a key that the caller owns, in all cases that a single addition cannot handle.
    pub(crate) fn add_to_key(
        &self,
        thread: &ThreadState,
        key: &Arc<Key>,
        dimension: Dimension,
        n: u64,
    ) -> Outcome {
        let cached = CachedKey { key, id: key.id, outcome: Outcome::Counted };
        self.add_slowly(thread, cached, &[(dimension, n)])
    }

    /// Counts where the thread has no cells of the key yet, a cell is full, or a dimension is of another
    /// engine.
    #[cold]
    #[inline(never)]
    fn add_slowly(
        &self,
        thread: &ThreadState,
        cached: CachedKey<'_>,
        amounts: &[(Dimension, u64)],
    ) -> Outcome {
        let CachedKey { key, id, mut outcome } = cached;
        let Some(cells) = thread.slab.make_cells(id) else {
            debug_assert!(false, "{id:?} is past the limit of the slab");
            return Outcome::Lost;
        };
        for &(dimension, n) in amounts {
            match cells.add(dimension.index(), n) {
                Ok(()) => {}
                Err(NotAdded::CellIsFull) => {
                    if self.empty_full_cell(thread, key, dimension.index(), n).is_saturated {
                        outcome = Outcome::Saturated(dimension);
                    }
                }
                Err(NotAdded::NoCell) => {
                    self.counters.unknown_dimension.fetch_add(1, Ordering::Relaxed);
                    self.limits_reached.note(Limit::Dimensions, key.usage.tenant(), Some(dimension));
                    outcome = Outcome::UnknownDimension(dimension);
                }
            }
        }
        outcome
    }

    /// Moves what a full cell holds, and `n` more, to the readers. The cell starts again from zero.
    #[cold]
    fn empty_full_cell(&self, thread: &ThreadState, key: &Key, dimension: usize, n: u64) -> Detached {
        let Readings { readers, .. } = &mut *self.readings.lock();
        let detached = readers.empty_full_cell(&self.slabs, &thread.slab, key, dimension, n);
        self.note_detached(key.usage.tenant_entry(), detached);
        detached
    }

    /// To be called under the readings lock when counts were detached: their tenant keeps its place, and the `try_` functions
    /// look at high ones.
    pub(super) fn note_detached(&self, tenant: &TenantEntry, detached: Detached) {
        if detached.holds_tenant {
            self.registry.hold_place(tenant);
        }
        if detached.is_high {
            self.has_high_count.store(true, Ordering::Relaxed);
        }
    }

    /// Returns the outcome of counting `amounts` under a key: `outcome`, or that the highest count was passed.
    ///
    /// Only a `try_` function asks, after it has counted. It finds out here what an addition to a cell cannot see.
    #[inline]
    pub(crate) fn checked(
        &self,
        outcome: Outcome,
        amounts: &[(Dimension, u64)],
        key: impl FnOnce() -> Option<Arc<Key>>,
    ) -> Outcome {
        if !self.has_high_count.load(Ordering::Relaxed) {
            return outcome;
        }
        key().and_then(|key| self.saturated(&key, amounts)).map_or(outcome, Outcome::Saturated)
    }

    #[cold]
    #[inline(never)]
    fn saturated(&self, key: &Key, amounts: &[(Dimension, u64)]) -> Option<Dimension> {
        let readings = self.readings.lock();
        let is_saturated =
            |dimension: Dimension| readings.readers.is_saturated(key, dimension.index(), &self.slabs);
        let is_known = |dimension: Dimension| dimension.index() < self.dimensions.count();
        let added = amounts.iter().filter(|(dimension, n)| *n > 0 && is_known(*dimension));
        added.map(|(dimension, _)| *dimension).find(|dimension| is_saturated(*dimension))
    }
}
