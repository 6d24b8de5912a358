//! Keys: the names that usage is counted under, their ids, and who owns them.

use std::fmt;

use crate::{
    name::{Lengths, Name},
    sync::{AtomicBool, AtomicU32, Ordering},
    tenant::{AccountKey, TenantId, TenantRef},
    Labels, OVERFLOW,
};

/// The number of a key in its engine: the index of its cells, its slot and its row in a
/// [`Reading`](crate::Reading). An id is used again when its key has no owner any more, see
/// [`KeyTable`](crate::KeyTable).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(u32);

impl KeyId {
    /// Makes the id of a number. There need not be a key of this id.
    #[inline]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Returns the number, dense from zero: an index for side tables.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The name that usage is counted under: a tenant, and within it a normalized label set or an account key.
///
/// Only an engine makes these, so the labels of each are normalized. A clone is another reference to the same
/// name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UsageKey(Name);

impl UsageKey {
    pub(crate) fn from_labels(tenant: &TenantRef, labels: &Labels<'_>) -> Self {
        Self(Name::of_labels(tenant, labels))
    }

    pub(crate) fn from_account(tenant: &TenantRef, name: &str, account: AccountKey) -> Self {
        Self(Name::of_account(tenant, name, account))
    }

    /// Returns the tenant's number.
    pub fn tenant_id(&self) -> TenantId {
        self.0.tenant_id()
    }

    /// Returns the tenant's name.
    pub fn tenant(&self) -> &str {
        self.0.tenant()
    }

    /// Returns the label set, or `None` for an account.
    pub fn labels(&self) -> Option<Labels<'_>> {
        self.0.labels()
    }

    /// Returns the account, or `None` for a label set.
    pub fn account(&self) -> Option<AccountKey> {
        self.0.account()
    }

    /// Returns whether this is a tenant's overflow row.
    pub fn is_overflow(&self) -> bool {
        self.labels().is_some_and(|labels| labels == overflow_labels(labels.tenant))
    }

    /// Returns whether the two are clones of each other, which is more than equal and cheaper to find out.
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.is_same(&other.0)
    }

    /// Returns the tenant that owns the name.
    pub(crate) fn tenant_entry(&self) -> &TenantRef {
        self.0.tenant_entry()
    }

    pub(crate) const fn name(&self) -> &Name {
        &self.0
    }

    pub(crate) fn is(&self, wanted: &Wanted<'_>) -> bool {
        match wanted {
            Wanted::Labels(labels) => Lengths::of(labels).is_some_and(|lengths| self.0.is(labels, lengths)),
            Wanted::Account(tenant, account) => {
                self.0.tenant_id() == *tenant && self.0.account() == Some(*account)
            }
        }
    }
}

impl fmt::Debug for UsageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("UsageKey");
        match (self.labels(), self.account()) {
            (Some(labels), _) => f.field("labels", &labels),
            (None, account) => f.field("tenant", &self.tenant()).field("account", &account),
        };
        f.finish_non_exhaustive()
    }
}

/// Returns a tenant's overflow row as a label set.
pub(crate) const fn overflow_labels(tenant: &str) -> Labels<'_> {
    Labels { tenant, method: OVERFLOW, route: OVERFLOW, service: OVERFLOW, region: OVERFLOW }
}

/// The name of a key to find, borrowed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted<'a> {
    Labels(Labels<'a>),
    Account(TenantId, AccountKey),
}

/// Whether a key counts against the label limit. Overflow rows don't: they take the usage that is past the
/// limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quota {
    Limited,
    Exempt,
}

/// A registered key.
///
/// An owner of an `Arc` of it may count under its id. The id is freed only when registry and slots are the
/// last owners, so no increment can land under a later key of the same id.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) id: KeyId,
    pub(crate) hash: u64,
    pub(crate) usage: UsageKey,
    pub(crate) quota: Quota,
    /// Whether the key no longer counts against the limits. Written only under the ids lock.
    evicted: AtomicBool,
    /// The number of live meters. A pinned key is not evicted.
    pins: AtomicU32,
}

impl Key {
    pub(crate) fn new(id: KeyId, hash: u64, quota: Quota, usage: UsageKey) -> Self {
        Self { id, hash, usage, quota, evicted: AtomicBool::new(false), pins: AtomicU32::new(0) }
    }

    pub(crate) fn is_evicted(&self) -> bool {
        self.evicted.load(Ordering::Relaxed)
    }

    pub(crate) fn set_evicted(&self, evicted: bool) {
        self.evicted.store(evicted, Ordering::Relaxed);
    }

    pub(crate) fn is_pinned(&self) -> bool {
        self.pins.load(Ordering::Relaxed) > 0
    }

    /// Returns whether the key is the row that takes the usage of tenants without a place. It is never evicted.
    pub(crate) fn is_last_resort(&self) -> bool {
        self.quota == Quota::Exempt && self.usage.tenant_entry().is_overflow()
    }

    pub(crate) fn pin(&self) {
        self.pins.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn unpin(&self) {
        self.pins.fetch_sub(1, Ordering::Relaxed);
    }
}
