//! Names: five labels, or a tenant and an account, in one allocation.
//!
//! A thread compares a name with the caller's five strings on every look-up. So a name is one pointer to one
//! block: first the lengths, which differ for most names, then the text.

use std::hash::{Hash, Hasher};

use triomphe::ThinArc;

use crate::{
    normalizer::LABEL_BYTES_MAX,
    tenant::{AccountKey, TenantId, TenantRef},
    Labels,
};

const _: () = assert!(LABEL_BYTES_MAX <= Lengths::LABEL_MAX, "a name must hold every normalized label");

/// The bytes of an account behind its tenant: namespace and id, big-endian.
const ACCOUNT_BYTES: usize = 20;
const NAMESPACE_BYTES: usize = 4;

/// The lengths of five labels, 12 bits each, or of an account's tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Lengths(u64);

impl Lengths {
    const BITS: u32 = 12;
    /// The longest label that a name can hold, in bytes.
    pub(crate) const LABEL_MAX: usize = (1 << Self::BITS) - 1;
    const MASK: u64 = Self::LABEL_MAX as u64;
    const OF_ACCOUNT: u64 = 1 << 63;

    /// Returns the lengths of labels, or `None` if one is longer than [`Self::LABEL_MAX`]. Normalized labels
    /// never are.
    #[inline]
    pub(crate) fn of(labels: &Labels<'_>) -> Option<Self> {
        let [tenant, method, route, service, region] = labels.values().map(|value| value.len() as u64);
        if (tenant | method | route | service | region) > Self::MASK {
            return None;
        }
        let bits = Self::BITS;
        Some(Self(
            tenant | method << bits | route << (2 * bits) | service << (3 * bits) | region << (4 * bits),
        ))
    }

    fn of_account(tenant: &str) -> Self {
        debug_assert!(tenant.len() <= Self::LABEL_MAX, "tenants are normalized");
        Self(Self::OF_ACCOUNT | (tenant.len() as u64 & Self::MASK))
    }

    fn is_account(self) -> bool {
        self.0 & Self::OF_ACCOUNT != 0
    }

    /// Returns the lengths of the labels in their order.
    fn each(self) -> [usize; 5] {
        // At most 12 bits each.
        #[allow(clippy::cast_possible_truncation)]
        [0, 1, 2, 3, 4].map(|label| (self.0 >> (label * Self::BITS) & Self::MASK) as usize)
    }
}

#[derive(Debug)]
struct Header {
    lengths: Lengths,
    tenant: TenantRef,
}

/// An immutable name. A clone is another reference to the same block. Two names are equal if their texts are: the tenant's
/// number follows from its name.
#[derive(Debug, Clone)]
pub(crate) struct Name(ThinArc<Header, u8>);

impl Name {
    /// Makes the name of labels.
    ///
    /// A label longer than [`Lengths::LABEL_MAX`] is a caller's bug, since the normalizer's limit and the
    /// cache's are lower. It is left empty, and debug builds panic.
    pub(crate) fn of_labels(tenant: &TenantRef, labels: &Labels<'_>) -> Self {
        debug_assert!(Lengths::of(labels).is_some(), "a label is longer than a name can hold");
        let values = labels.values().map(|value| if value.len() > Lengths::LABEL_MAX { "" } else { value });
        let mut text = Vec::with_capacity(values.iter().map(|value| value.len()).sum());
        let mut lengths = 0;
        for (index, value) in (0_u32..).zip(values) {
            text.extend_from_slice(value.as_bytes());
            lengths |= (value.len() as u64) << (index * Lengths::BITS);
        }
        Self(ThinArc::from_header_and_slice(
            Header { lengths: Lengths(lengths), tenant: TenantRef::clone(tenant) },
            &text,
        ))
    }

    /// Makes the name of a tenant's account.
    pub(crate) fn of_account(tenant: &TenantRef, name: &str, account: AccountKey) -> Self {
        let lengths = Lengths::of_account(name);
        let mut text = Vec::with_capacity(name.len() + ACCOUNT_BYTES);
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(&account.ns.to_be_bytes());
        text.extend_from_slice(&account.id.to_be_bytes());
        Self(ThinArc::from_header_and_slice(Header { lengths, tenant: TenantRef::clone(tenant) }, &text))
    }

    /// Returns whether the two are clones of each other.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq(self.0.slice.as_ptr(), other.0.slice.as_ptr())
    }

    pub(crate) fn tenant_id(&self) -> TenantId {
        self.tenant_entry().id
    }

    pub(crate) fn tenant_entry(&self) -> &TenantRef {
        &self.0.header.header.tenant
    }

    pub(crate) fn tenant(&self) -> &str {
        self.text(0, self.lengths().each()[0])
    }

    pub(crate) fn labels(&self) -> Option<Labels<'_>> {
        let lengths = self.lengths();
        if lengths.is_account() {
            return None;
        }
        let mut start = 0;
        let [tenant, method, route, service, region] = lengths.each().map(|len| {
            let value = self.text(start, len);
            start += len;
            value
        });
        Some(Labels { tenant, method, route, service, region })
    }

    pub(crate) fn account(&self) -> Option<AccountKey> {
        if !self.lengths().is_account() {
            return None;
        }
        let (rest, id) = self.0.slice.split_last_chunk()?;
        let (_, ns) = rest.split_last_chunk::<NAMESPACE_BYTES>()?;
        Some(AccountKey { ns: u32::from_be_bytes(*ns), id: u128::from_be_bytes(*id) })
    }

    /// Returns the length of the text in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.0.slice.len()
    }

    /// Returns whether this is the name of `labels`, whose lengths are `lengths`.
    #[inline]
    pub(crate) fn is(&self, labels: &Labels<'_>, lengths: Lengths) -> bool {
        self.lengths() == lengths && starts_with(&self.0.slice, labels.values())
    }

    /// Returns whether this is a label set of `tenant`. The other labels are not compared.
    #[inline]
    pub(crate) fn is_of_tenant(&self, tenant: &str) -> bool {
        let len = tenant.len();
        let lengths = self.lengths().0;
        lengths & Lengths::MASK == len as u64
            && lengths & Lengths::OF_ACCOUNT == 0
            && starts_with(&self.0.slice, [tenant])
    }

    #[inline]
    fn lengths(&self) -> Lengths {
        self.0.header.header.lengths
    }

    fn text(&self, start: usize, len: usize) -> &str {
        let bytes = self.0.slice.get(start..start + len).unwrap_or_default();
        let text = std::str::from_utf8(bytes);
        debug_assert!(text.is_ok() && bytes.len() == len, "the text is cut where its labels end");
        text.unwrap_or_default()
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || self.lengths() == other.lengths() && self.0.slice == other.0.slice
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.lengths().hash(state);
        self.0.slice.hash(state);
    }
}

/// Returns whether `text` begins with the values, one after the other.
#[inline]
fn starts_with<const N: usize>(text: &[u8], values: [&str; N]) -> bool {
    let mut rest = text;
    values.into_iter().all(|value| {
        let Some((head, tail)) = rest.split_at_checked(value.len()) else { return false };
        rest = tail;
        equal(head, value.as_bytes())
    })
}

/// Returns whether two short texts of the same length are equal. Two overlapping words cover up to 16 bytes.
///
/// A call of `memcmp` would cost more than the comparison. With the dangling pointer of an empty string it
/// takes a tenth of a microsecond on processors that suppress the fault in microcode.
#[inline]
fn equal(a: &[u8], b: &[u8]) -> bool {
    if let (Some((a0, a1)), Some((b0, b1))) = (ends::<8>(a), ends::<8>(b)) {
        let differ = (word(*a0) ^ word(*b0)) | (word(*a1) ^ word(*b1));
        return differ == 0 && (a.len() <= 16 || equal_inside(a, b));
    }
    if let (Some((a0, a1)), Some((b0, b1))) = (ends::<4>(a), ends::<4>(b)) {
        return a0 == b0 && a1 == b1;
    }
    a.iter().zip(b).all(|(a, b)| a == b)
}

/// Compares texts of more than 16 bytes whose first and last 8 bytes are equal.
#[inline]
fn equal_inside(a: &[u8], b: &[u8]) -> bool {
    if let (Some((a0, a1)), Some((b0, b1)), true) = (ends::<16>(a), ends::<16>(b), a.len() <= 32) {
        return (u128::from_le_bytes(*a0) ^ u128::from_le_bytes(*b0))
            | (u128::from_le_bytes(*a1) ^ u128::from_le_bytes(*b1))
            == 0;
    }
    a == b
}

/// Returns the first and the last `N` bytes, which may overlap.
#[inline]
pub(crate) fn ends<const N: usize>(text: &[u8]) -> Option<(&[u8; N], &[u8; N])> {
    Some((text.first_chunk()?, text.last_chunk()?))
}

#[inline]
pub(crate) fn word(bytes: [u8; 8]) -> u64 {
    u64::from_le_bytes(bytes)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::tenant::TenantEntry;
    use proptest::prelude::*;

    fn tenant(number: u64) -> TenantRef {
        TenantRef::new(TenantEntry::new(TenantId(number), false))
    }

    proptest! {
        #[test]
        fn equal_is_equality(a in "[ab]{0,40}", b in "[ab]{0,40}", same in any::<bool>()) {
            let b = if same { a.clone() } else { b };
            if a.len() == b.len() {
                prop_assert_eq!(equal(a.as_bytes(), b.as_bytes()), a == b);
            }
        }

        #[test]
        fn one_changed_byte_is_seen(text in "[a-z]{1,40}", at in any::<prop::sample::Index>()) {
            let mut other = text.clone().into_bytes();
            other[at.index(text.len())] ^= 1;
            prop_assert!(!equal(text.as_bytes(), &other));
        }

        #[test]
        fn a_name_gives_back_its_labels(values in prop::array::uniform5("[a-zé/]{0,30}")) {
            let [owner, method, route, service, region] = values.each_ref().map(String::as_str);
            let labels = Labels { tenant: owner, method, route, service, region };
            let name = Name::of_labels(&tenant(7), &labels);
            prop_assert_eq!(name.labels(), Some(labels));
            prop_assert_eq!((name.tenant(), name.tenant_id(), name.account()), (owner, TenantId(7), None));
            prop_assert!(name.is(&labels, Lengths::of(&labels).unwrap()));
        }
    }

    #[test]
    fn the_same_text_cut_elsewhere_is_another_name() {
        let name = Name::of_labels(&tenant(0), &crate::labels().tenant("ab").method("c"));
        let other = crate::labels().tenant("a").method("bc");
        assert!(!name.is(&other, Lengths::of(&other).unwrap()));
        assert!(!name.is_of_tenant("a") && name.is_of_tenant("ab") && !name.is_of_tenant("abc"));
    }

    #[test]
    fn an_account_is_no_label_set() {
        let account = AccountKey { ns: 7, id: 1 << 100 };
        let name = Name::of_account(&tenant(1), "acme", account);
        assert_eq!((name.account(), name.tenant(), name.labels()), (Some(account), "acme", None));
        assert!(!name.is_of_tenant("acme"));
    }

    #[test]
    fn a_label_that_is_too_long_has_no_lengths() {
        let long = "x".repeat(4096);
        assert!(Lengths::of(&crate::labels().route(&long)).is_none());
        assert!(Lengths::of(&crate::labels().route(&long[1..])).is_some());
    }
}
