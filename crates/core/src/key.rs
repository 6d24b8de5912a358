//! Keys: what is counted under, and who still owns its id.

use std::fmt;

use crate::{
    name::{Lengths, Name},
    sync::{AtomicBool, AtomicU32, Ordering},
    Labels, OVERFLOW,
};

/// The numeric alternative to a label set: a namespace and an id in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AccountKey {
    /// The namespace, chosen by the host.
    pub ns: u32,
    /// The account within it.
    pub id: u128,
}

/// A tenant as a small number, stable for the life of its engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(pub(crate) u32);

impl TenantId {
    /// The number, dense from zero: an index for side tables.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a count stands under: a tenant, and within it a normalized label set or an account key. Cloning counts a
/// reference.
///
/// Values come only from an engine, so whoever holds one knows that its labels are normalized.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UsageKey(Name);

impl UsageKey {
    pub(crate) fn from_labels(tenant: TenantId, labels: &Labels<'_>) -> Self {
        Self(Name::of_labels(tenant, labels))
    }

    pub(crate) fn from_account(tenant: TenantId, name: &str, account: AccountKey) -> Self {
        Self(Name::of_account(tenant, name, account))
    }

    /// The tenant's number.
    pub fn tenant_id(&self) -> TenantId {
        self.0.tenant_id()
    }

    /// The tenant.
    pub fn tenant(&self) -> &str {
        self.0.tenant()
    }

    /// The label set, unless the key is an account.
    pub fn labels(&self) -> Option<Labels<'_>> {
        self.0.labels()
    }

    /// The account, unless the key is a label set.
    pub fn account(&self) -> Option<AccountKey> {
        self.0.account()
    }

    /// Whether this is a tenant's overflow row.
    pub fn is_overflow(&self) -> bool {
        self.labels().is_some_and(|labels| labels == overflow_labels(labels.tenant))
    }

    /// Whether the two are one: clones of each other, not only equal.
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.is_same(&other.0)
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

/// A tenant's overflow row as a label set.
pub(crate) const fn overflow_labels(tenant: &str) -> Labels<'_> {
    Labels { tenant, method: OVERFLOW, route: OVERFLOW, service: OVERFLOW, region: OVERFLOW }
}

/// A key that is looked for, borrowed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted<'a> {
    Labels(Labels<'a>),
    Account(TenantId, AccountKey),
}

/// A registered key. Whoever holds an `Arc` of one may count under its id; the id is reused only when nobody does.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) id: u32,
    pub(crate) hash: u64,
    pub(crate) usage: UsageKey,
    /// Off while the key counts against the label limit. Written only under the ids lock.
    evicted: AtomicBool,
    /// Live meters. A pinned key is not evicted.
    pins: AtomicU32,
}

impl Key {
    pub(crate) fn new(id: u32, hash: u64, usage: UsageKey) -> Self {
        Self { id, hash, usage, evicted: AtomicBool::new(false), pins: AtomicU32::new(0) }
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

    pub(crate) fn pin(&self) {
        self.pins.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn unpin(&self) {
        self.pins.fetch_sub(1, Ordering::Relaxed);
    }
}
