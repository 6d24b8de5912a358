//! Tenants as numbers, and the accounts within them.

/// A namespace and an id in it: what a host counts under that has numbers instead of labels.
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
    /// Returns the number, dense from zero: an index for side tables.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}
