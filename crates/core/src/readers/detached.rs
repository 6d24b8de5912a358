//! Counts that are no longer in the cells: what is detached, under which key, and how much of it is kept.

use std::collections::HashMap;

use super::ReaderSums;
use crate::{
    key::{overflow_labels, UsageKey},
    reading::Reading,
};

/// From here on, one more addition may pass the highest count. Below, the cells of 32,768 threads would have to be full.
pub(super) const HIGH_COUNT: u64 = u64::MAX / 2;

/// By key: counts that are no longer in the cells, by dimension.
pub(super) type DetachedRows = HashMap<UsageKey, Box<[u64]>>;

/// What becomes of a key's counts when they are detached and the map is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AtLimit {
    /// They go to the overflow row of the key's tenant. In a reader that holds no tenants, they go to that of all tenants once
    /// there are too many.
    Fold,
    /// They are kept under the key. Ids are limited, so keys that have one are too, and a reader that has
    /// peeked must find the counts under the same key.
    Keep,
}

/// What a detached row may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct DetachLimits {
    pub(super) dimensions: usize,
    pub(super) keys_max: usize,
    /// Overflow rows beyond these, in a reader that holds no tenants.
    pub(super) tenants_max: usize,
}

/// What happened at the limits of counts and rows.
#[derive(Debug, Default)]
pub(super) struct DetachCounters {
    /// Additions that reached 2^64 - 1 and stayed there.
    pub(super) saturations: u64,
    /// Keys whose counts went to an overflow row.
    pub(super) folded_keys: u64,
    /// What saturated first, and what was folded first, since that was last asked.
    pub(super) first_saturated: Option<(UsageKey, usize)>,
    pub(super) first_folded: Option<UsageKey>,
}

/// What detaching the counts of a key came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Detached {
    /// A reader that holds tenants has counts of the key's tenant now.
    pub(crate) holds_tenant: bool,
    /// A sum reached 2^64 - 1 and stays there.
    pub(crate) is_saturated: bool,
    /// A count of it is so high that additions to cells may pass the highest one.
    pub(crate) is_high: bool,
}

impl Detached {
    pub(super) fn add(&mut self, other: Self) {
        self.holds_tenant |= other.holds_tenant;
        self.is_saturated |= other.is_saturated;
        self.is_high |= other.is_high;
    }
}

impl ReaderSums {
    /// Adds counts by dimension to what is detached under a key.
    pub(super) fn detach(
        &mut self,
        key: &UsageKey,
        row: &[u64],
        at_limit: AtLimit,
        (limits, last_resort): (DetachLimits, &UsageKey),
        counters: &mut DetachCounters,
    ) -> Detached {
        if row.iter().all(|&value| value == 0) {
            return Detached::default();
        }
        let key = if at_limit == AtLimit::Keep || self.has_room(key, limits.keys_max) {
            key.clone()
        } else {
            counters.folded_keys += 1;
            counters.first_folded.get_or_insert_with(|| key.clone());
            let of_tenant = overflow_key(key);
            let has_room = self.holds_tenants
                || self.has_room(&of_tenant, limits.keys_max.saturating_add(limits.tenants_max));
            if has_room {
                of_tenant
            } else {
                last_resort.clone()
            }
        };
        let saturations = counters.saturations;
        let detached = self.detached.entry(key.clone()).or_insert_with(|| vec![0; limits.dimensions].into());
        for (dimension, (detached, &value)) in detached.iter_mut().zip(row).enumerate() {
            counters.saturated(&key, dimension, add_saturating(detached, value));
        }
        Detached {
            holds_tenant: self.holds_tenants,
            is_saturated: counters.saturations > saturations,
            is_high: detached.iter().any(|count| *count >= HIGH_COUNT),
        }
    }

    fn has_room(&self, key: &UsageKey, keys_max: usize) -> bool {
        self.detached.len() < keys_max || self.detached.contains_key(key)
    }
}

impl DetachCounters {
    /// Counts additions to a sum that saturated.
    pub(super) fn saturated(&mut self, key: &UsageKey, dimension: usize, times: u64) {
        self.saturations += times;
        if times > 0 && self.first_saturated.is_none() {
            self.first_saturated = Some((key.clone(), dimension));
        }
    }
}

/// Adds detached counts to the rows of keys that have an id, and the rest as rows without an id.
pub(super) fn add_detached(detached: &DetachedRows, stride: usize, out: &mut Reading) {
    let mut without_id: HashMap<_, _> = detached.iter().collect();
    for (key, values) in out.keys.iter().zip(out.values.chunks_mut(stride)) {
        let Some(key) = key else { continue };
        let Some(detached) = without_id.remove(key) else { continue };
        for (index, (value, detached)) in values.iter_mut().zip(&**detached).enumerate() {
            let excess = value.saturating_sub(u64::MAX - detached);
            if add_saturating(value, *detached) > 0 {
                out.excess.push((key.clone(), index, excess));
            }
        }
    }
    out.without_id.extend(without_id.into_iter().map(|(key, values)| (key.clone(), values.clone())));
}

/// Removes up to `n` from what is detached under a key, and returns how much that was.
pub(super) fn take_detached(detached: &mut DetachedRows, key: &UsageKey, dimension: usize, n: u64) -> u64 {
    let Some(value) = detached.get_mut(key).and_then(|values| values.get_mut(dimension)) else { return 0 };
    let taken = n.min(*value);
    *value -= taken;
    taken
}

pub(super) fn overflow_key(key: &UsageKey) -> UsageKey {
    UsageKey::from_labels(key.tenant_entry(), &overflow_labels(key.tenant()))
}

/// Adds in place. Returns 1 if the sum saturated, else 0.
pub(super) fn add_saturating(sum: &mut u64, n: u64) -> u64 {
    let saturated = sum.checked_add(n).is_none();
    *sum = sum.saturating_add(n);
    u64::from(saturated)
}
