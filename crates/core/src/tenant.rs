//! Tenants as numbers, the place that each has or has not, and the accounts within them.

// Not those of `sync`: all is written under a lock that loom models, so that there is nothing more to explore.
use std::sync::{
    atomic::{AtomicBool, AtomicU32, Ordering},
    Arc,
};

use crate::key::UsageKey;

/// A namespace and an id in it: what a host counts under that has numbers instead of labels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AccountKey {
    /// The namespace, chosen by the host.
    pub ns: u32,
    /// The account within it.
    pub id: u128,
}

/// A tenant as a number.
///
/// No other tenant of the engine ever gets the number. A tenant that left and comes back has another one, but not while
/// anybody still owns a [`UsageKey`] with the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(pub(crate) u64);

impl TenantId {
    /// Returns the number. The first tenant has 0, and each new one the next.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// A tenant of one engine, as its accounts are counted under it.
///
/// It takes no place: the tenant limit applies when something is counted.
#[derive(Debug, Clone)]
pub struct Tenant {
    pub(crate) entry: TenantRef,
    /// A copy of the entry's, so that recording need not read the entry.
    pub(crate) id: TenantId,
    pub(crate) name: Box<str>,
}

impl Tenant {
    pub(crate) fn new(entry: TenantRef, name: &str) -> Self {
        Self { id: entry.id, entry, name: name.into() }
    }

    /// Returns the tenant's number.
    pub const fn id(&self) -> TenantId {
        self.id
    }

    /// Returns the tenant's normalized name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the key of one of the tenant's accounts.
    pub fn usage_key(&self, account: AccountKey) -> UsageKey {
        UsageKey::from_account(&self.entry, &self.name, account)
    }
}

impl PartialEq for Tenant {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.name == other.name
    }
}

impl Eq for Tenant {}

/// An owner of a tenant's entry.
pub(crate) type TenantRef = Arc<TenantEntry>;

/// What all names of one tenant own together.
///
/// `place` and `live_keys` are written only under the ids lock of the registry.
#[derive(Debug)]
pub(crate) struct TenantEntry {
    pub(crate) id: TenantId,
    /// The tenant that takes the usage of those without a place. It always finds one, and does not count against the limit.
    is_overflow: bool,
    has_place: AtomicBool,
    live_keys: AtomicU32,
}

impl TenantEntry {
    pub(crate) fn new(id: TenantId, is_overflow: bool) -> Self {
        Self { id, is_overflow, has_place: AtomicBool::new(false), live_keys: AtomicU32::new(0) }
    }

    pub(crate) const fn is_overflow(&self) -> bool {
        self.is_overflow
    }

    /// Returns whether the tenant has a place, within the limit or as the overflow tenant.
    pub(crate) fn has_place(&self) -> bool {
        self.has_place.load(Ordering::Relaxed)
    }

    /// Returns how many keys of the tenant are registered and not evicted.
    pub(crate) fn live_keys(&self) -> u32 {
        self.live_keys.load(Ordering::Relaxed)
    }

    pub(crate) fn set_place(&self, has_place: bool) {
        self.has_place.store(has_place, Ordering::Relaxed);
    }

    pub(crate) fn add_live_key(&self) {
        self.live_keys.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn remove_live_key(&self) {
        self.live_keys.fetch_sub(1, Ordering::Relaxed);
    }
}
