//! The hot path: from a call to a cell, with nothing on the way that a thread would have to wait for.
//!
//! What is not known to the thread, does not fit, or is wrong goes to functions that are kept out of line.

use super::{Resolved, Shared, ThreadState};
use crate::{
    cache::Found,
    cells::NotAdded,
    key::{AccountKey, Key, TenantId},
    name::Lengths,
    scope::FixedLabels,
    sync::{Arc, Ordering},
    Dimension, Labels, Outcome,
};

impl Shared {
    /// Counts `amounts` under a raw label set.
    #[inline]
    pub(crate) fn record(
        &self,
        thread: &ThreadState,
        labels: &Labels<'_>,
        amounts: &[(Dimension, u64)],
    ) -> Outcome {
        if let (Some(lengths), Ok(local)) = (Lengths::of(labels), thread.local.try_borrow()) {
            if let Some(found) = local.labels.find_again(labels, lengths) {
                return self.add_found(thread, found, amounts);
            }
            let hash = self.hashing.labels(labels);
            if let Some(found) = local.labels.find(hash, labels, lengths) {
                return self.add_found(thread, found, amounts);
            }
        }
        let resolved = self.resolve_labels(thread, labels);
        self.add_resolved(thread, resolved, amounts)
    }

    /// Counts `amounts` under a tenant's label set of a scope, of which the caller has the hash.
    #[inline]
    pub(crate) fn record_scoped(
        &self,
        thread: &ThreadState,
        tenant: &str,
        hash: u64,
        fixed: &Arc<FixedLabels>,
        amounts: &[(Dimension, u64)],
    ) -> Outcome {
        if let Ok(local) = thread.local.try_borrow() {
            if let Some(found) = local.labels.find_scoped(hash, tenant, fixed) {
                return self.add_found(thread, found, amounts);
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
        if let Ok(mut local) = thread.local.try_borrow_mut() {
            local.labels.note_scope(hash, labels, fixed);
        }
        outcome
    }

    /// Counts `amounts` under an account of a tenant.
    #[inline]
    pub(crate) fn record_account(
        &self,
        thread: &ThreadState,
        tenant: (TenantId, &str),
        account: AccountKey,
        amounts: &[(Dimension, u64)],
    ) -> Outcome {
        let hash = self.hashing.account(tenant.0, account);
        if let Ok(local) = thread.local.try_borrow() {
            if let Some(found) = local.accounts.find(hash, tenant.0, account) {
                return self.add_found(thread, found, amounts);
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
        // Every tenant has an id set aside for its overflow row, so there is always a key.
        let Some(Resolved { key, outcome }) = resolved else { return Outcome::Lost };
        self.add_found(thread, Found { key: &key, id: key.id, outcome }, amounts)
    }

    /// Counts `amounts` under a key that the cache or the caller owns.
    #[inline]
    fn add_found(&self, thread: &ThreadState, found: Found<'_>, amounts: &[(Dimension, u64)]) -> Outcome {
        let Some(row) = thread.slab.row(found.id) else { return self.add_slowly(thread, found, amounts) };
        for (place, &(dimension, n)) in amounts.iter().enumerate() {
            if row.add(dimension.index(), n).is_err() {
                return self.add_slowly(thread, found, amounts.get(place..).unwrap_or_default());
            }
        }
        found.outcome
    }

    /// Counts under a key that the caller owns, whatever stands in the way.
    pub(crate) fn add_to_key(
        &self,
        thread: &ThreadState,
        key: &Arc<Key>,
        dimension: Dimension,
        n: u64,
    ) -> Outcome {
        let found = Found { key, id: key.id, outcome: Outcome::Counted };
        self.add_slowly(thread, found, &[(dimension, n)])
    }

    /// Counts where the chunk is not there yet, a cell is full, or a dimension is not the engine's.
    #[cold]
    #[inline(never)]
    fn add_slowly(&self, thread: &ThreadState, found: Found<'_>, amounts: &[(Dimension, u64)]) -> Outcome {
        let Found { key, id, mut outcome } = found;
        let Some(row) = thread.slab.make_row(id) else { return Outcome::Lost };
        for &(dimension, n) in amounts {
            match row.add(dimension.index(), n) {
                Ok(()) => {}
                Err(NotAdded::CellIsFull) => self.carry(thread, key, dimension.index(), n),
                Err(NotAdded::NoCell) => {
                    self.counters.unknown_dimension.fetch_add(1, Ordering::Relaxed);
                    outcome = Outcome::UnknownDimension(dimension);
                }
            }
        }
        outcome
    }

    #[cold]
    fn carry(&self, thread: &ThreadState, key: &Key, index: usize, n: u64) {
        let mut readings = self.readings.lock();
        readings.carry(&self.slabs, &thread.slab, key, index, n);
    }
}
