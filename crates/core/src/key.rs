//! Keys: what is counted under, and who still owns its id.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use crate::{
    sync::{AtomicBool, AtomicUsize, Ordering},
    Label, Labels, OVERFLOW,
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

/// Five strings in one allocation.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct LabelText {
    text: Box<str>,
    ends: [u32; 5],
}

impl LabelText {
    pub(crate) fn new(labels: &Labels<'_>) -> Self {
        let values = labels.values();
        let mut text = String::with_capacity(values.iter().map(|value| value.len()).sum());
        let ends = values.map(|value| {
            text.push_str(value);
            // Longer text than u32 can tell is refused before it gets here (`cache::RAW_BYTES_MAX`, `LABEL_BYTES_MAX`).
            u32::try_from(text.len()).unwrap_or(u32::MAX)
        });
        Self { text: text.into(), ends }
    }

    pub(crate) fn labels(&self) -> Labels<'_> {
        let mut start = 0;
        let [tenant, method, route, service, region] = self.ends.map(|end| {
            let piece = self.text.get(start..end as usize).unwrap_or_default();
            start = end as usize;
            piece
        });
        Labels { tenant, method, route, service, region }
    }

    /// Whether these are the labels. Empty ones are not left to `==`: it calls `memcmp` with a dangling pointer, which
    /// takes a tenth of a microsecond on processors that suppress the fault in microcode.
    pub(crate) fn is(&self, wanted: &Labels<'_>) -> bool {
        let mut start = 0;
        wanted.values().into_iter().zip(self.ends).all(|(wanted, end)| {
            let value = self.text.as_bytes().get(start..end as usize).unwrap_or_default();
            start = end as usize;
            value.len() == wanted.len() && (wanted.is_empty() || value == wanted.as_bytes())
        })
    }

    pub(crate) fn bytes(&self) -> usize {
        self.text.len()
    }
}

impl fmt::Debug for LabelText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.labels().fmt(f)
    }
}

/// What a count stands under: a tenant, and within it a normalized label set or an account key.
///
/// Values come only from an engine, so whoever holds one knows that its labels are normalized.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UsageKey {
    tenant: TenantId,
    name: KeyName,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum KeyName {
    Labels(LabelText),
    Account { tenant: Box<str>, account: AccountKey },
}

impl UsageKey {
    pub(crate) fn from_labels(tenant: TenantId, labels: &Labels<'_>) -> Self {
        Self { tenant, name: KeyName::Labels(LabelText::new(labels)) }
    }

    pub(crate) fn from_account(tenant: TenantId, name: &str, account: AccountKey) -> Self {
        Self { tenant, name: KeyName::Account { tenant: name.into(), account } }
    }

    /// The tenant's number.
    pub const fn tenant_id(&self) -> TenantId {
        self.tenant
    }

    /// The tenant.
    pub fn tenant(&self) -> &str {
        match &self.name {
            KeyName::Labels(text) => text.labels().tenant,
            KeyName::Account { tenant, .. } => tenant,
        }
    }

    /// The label set, unless the key is an account.
    pub fn labels(&self) -> Option<Labels<'_>> {
        match &self.name {
            KeyName::Labels(text) => Some(text.labels()),
            KeyName::Account { .. } => None,
        }
    }

    /// The account, unless the key is a label set.
    pub const fn account(&self) -> Option<AccountKey> {
        match &self.name {
            KeyName::Labels(_) => None,
            KeyName::Account { account, .. } => Some(*account),
        }
    }

    /// Whether this is a tenant's overflow row.
    pub fn is_overflow(&self) -> bool {
        self.labels().is_some_and(|labels| labels == overflow_labels(labels.tenant))
    }

    pub(crate) fn is(&self, wanted: &Wanted<'_>) -> bool {
        match (&self.name, wanted) {
            (KeyName::Labels(text), Wanted::Labels(labels)) => text.is(labels),
            (KeyName::Account { account, .. }, Wanted::Account(tenant, wanted)) => {
                self.tenant == *tenant && account == wanted
            }
            _ => false,
        }
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

impl Hash for Wanted<'_> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Labels(labels) => {
                for label in Label::ALL {
                    labels.get(label).hash(state);
                }
            }
            Self::Account(tenant, account) => {
                state.write_u64(u64::from(tenant.0) << 32 | u64::from(account.ns));
                state.write_u128(account.id);
            }
        }
    }
}

/// A registered key. Whoever holds an `Arc` of one may count under its id; the id is reused only when nobody does.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) id: u32,
    pub(crate) hash: u64,
    pub(crate) usage: std::sync::Arc<UsageKey>,
    /// Off while the key counts against the label limit. Written only under the ids lock.
    evicted: AtomicBool,
    /// Live meters. A pinned key is not evicted.
    pins: AtomicUsize,
}

impl Key {
    pub(crate) fn new(id: u32, hash: u64, usage: UsageKey) -> Self {
        Self {
            id,
            hash,
            usage: std::sync::Arc::new(usage),
            evicted: AtomicBool::new(false),
            pins: AtomicUsize::new(0),
        }
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
