//! The tenants that an engine knows by name.
//!
//! # Known, and with a place
//! A tenant is *known* while anybody owns its entry: each of its names does, wherever it is. So two names of one tenant
//! always have the same number, and side tables by number never mix an old life of a tenant with a new one. A known
//! tenant costs memory alone.
//!
//! A tenant that has a live key has a *place*, and places are limited. It leaves its place when no key of it is live, and
//! each reader that holds tenants ([`Reader::hold_tenants`](crate::Reader::hold_tenants)) has taken all its counts.
//!
//! # Invariants
//! 1. Each name has one entry, and each entry a number of its own.
//! 2. An entry is forgotten only when the map is its last owner, and it has no place.

// Not those of `sync`: the lock is innermost, so that loom has nothing to explore.
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    tenant::{TenantEntry, TenantId, TenantRef},
    OVERFLOW,
};

/// The least number of known tenants at which those without an owner are looked for.
const SWEEP_AT_LEAST: usize = 64;

/// All known tenants. Its lock is innermost.
#[derive(Debug)]
pub(crate) struct Tenants {
    overflow: TenantRef,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    by_name: HashMap<Box<str>, TenantRef>,
    next: u64,
    /// When so many are known, those without an owner are forgotten: the cost of it is shared by as many new ones.
    sweep_at: usize,
}

impl Tenants {
    pub(crate) fn new() -> Self {
        let overflow = Arc::new(TenantEntry::new(TenantId(0), true));
        let by_name = HashMap::from([(OVERFLOW.into(), Arc::clone(&overflow))]);
        Self { overflow, known: Mutex::new(Known { by_name, next: 1, sweep_at: SWEEP_AT_LEAST }) }
    }

    /// Returns the tenant that takes the usage of those without a place.
    pub(crate) const fn overflow(&self) -> &TenantRef {
        &self.overflow
    }

    /// Returns the tenant of a normalized name. If it is not known, it is from now on.
    pub(crate) fn intern(&self, name: &str) -> TenantRef {
        let mut known = self.known();
        if let Some(entry) = known.by_name.get(name) {
            return Arc::clone(entry);
        }
        if known.by_name.len() >= known.sweep_at {
            known.forget_unowned();
        }
        let entry = Arc::new(TenantEntry::new(TenantId(known.next), false));
        known.next += 1;
        known.by_name.insert(name.into(), Arc::clone(&entry));
        entry
    }

    /// Returns the tenants that have a place and no live key.
    pub(crate) fn without_live_key(&self) -> Vec<TenantRef> {
        let known = self.known();
        let idle = known.by_name.values().filter(|entry| entry.has_place() && entry.live_keys() == 0);
        idle.cloned().collect()
    }

    /// Forgets the tenants that nobody owns.
    pub(crate) fn forget_unowned(&self) {
        self.known().forget_unowned();
    }

    /// Returns how many tenants have a place, the overflow tenant included.
    pub(crate) fn with_place(&self) -> usize {
        self.known().by_name.values().filter(|entry| entry.has_place()).count()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks the invariants, and that so many tenants have a place as the registry says.
    pub(crate) fn validate(&self, places: usize) -> Result<(), String> {
        let known = self.known();
        let ids: std::collections::HashSet<_> = known.by_name.values().map(|entry| entry.id).collect();
        if ids.len() != known.by_name.len() || ids.iter().any(|id| id.0 >= known.next) {
            return Err(format!("{} tenants have {} numbers", known.by_name.len(), ids.len()));
        }
        let limited = known.by_name.values().filter(|entry| !entry.is_overflow());
        match limited.filter(|entry| entry.has_place()).count() {
            with_place if with_place == places => Ok(()),
            with_place => Err(format!("{with_place} tenants have a place, not {places}")),
        }
    }
}

impl Known {
    fn forget_unowned(&mut self) {
        // An entry is cloned only here, under the lock, or by an owner: one whose last owner this is gets no other.
        self.by_name.retain(|_, entry| entry.has_place() || Arc::strong_count(entry) > 1);
        self.sweep_at = self.by_name.len().saturating_mul(2).max(SWEEP_AT_LEAST);
    }
}
