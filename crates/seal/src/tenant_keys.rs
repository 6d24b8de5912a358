//! The keys of one tenant, encoded and in wire order.

use ron_accounting_core::UsageKey;
use ron_ledger_wire::{encode_account_key, encode_labels_key, EncodeError, MergeSource, SortedKeys};

/// The bytes of the longest count.
const COUNT_BYTES_MAX: usize = 9;

/// A tenant's keys in wire order, each with the index of its counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct TenantKeys {
    tenant: Box<str>,
    encoded: SortedKeys,
    /// For each key of `encoded`: where a reading has its counts. The module `layout` says what the numbers mean.
    count_indexes: Vec<u32>,
    /// Why the keys can't be encoded.
    refused: Option<EncodeError>,
}

/// A key to be merged in.
pub(crate) struct AddedKey<'a> {
    encoded: Vec<u8>,
    count_index: u32,
    key: &'a UsageKey,
}

impl<'a> AddedKey<'a> {
    pub(crate) fn new(count_index: u32, key: &'a UsageKey) -> Self {
        Self { encoded: encode(key), count_index, key }
    }
}

impl TenantKeys {
    /// Returns the tenant's name.
    pub(crate) fn tenant(&self) -> &str {
        &self.tenant
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count_indexes.is_empty()
    }

    /// Returns the encoded keys, in wire order.
    pub(crate) fn encoded(&self) -> Result<&SortedKeys, EncodeError> {
        self.refused.clone().map_or(Ok(&self.encoded), Err)
    }

    /// Returns the index of the counts of each key, in wire order.
    pub(crate) fn count_indexes(&self) -> &[u32] {
        &self.count_indexes
    }

    /// Returns the most bytes that a row of each key takes together.
    pub(crate) fn rows_bytes_max(&self) -> usize {
        self.encoded.bytes() + self.count_indexes.len() * COUNT_BYTES_MAX
    }

    /// Returns the most bytes that a row of one key takes.
    pub(crate) fn row_bytes_max(&self, index: usize) -> usize {
        self.encoded.get(index).map_or(0, <[u8]>::len) + 1 + COUNT_BYTES_MAX
    }

    /// Returns the keys whose counts `keep` accepts, by the index of their counts, and others.
    pub(crate) fn merged(&self, keep: impl Fn(u32) -> bool, mut added: Vec<AddedKey<'_>>) -> Self {
        added.sort_unstable_by(|a, b| a.encoded.cmp(&b.encoded));
        let tenant = added.first().map_or_else(|| self.tenant.clone(), |added| added.key.tenant().into());
        let mut count_indexes = Vec::with_capacity(self.count_indexes.len() + added.len());
        let mut encoded = SortedKeys::default();
        let keep = |index: usize| self.count_indexes.get(index).is_some_and(|index| keep(*index));
        let count_index = |source| match source {
            MergeSource::Kept(index) => self.count_indexes.get(index).copied(),
            MergeSource::Added(index) => added.get(index).map(|added| added.count_index),
        };
        let pushed = added.iter().try_for_each(|added| encoded.push(&added.encoded));
        let merged = pushed.and_then(|()| {
            self.encoded.merged(keep, &encoded, |source| count_indexes.extend(count_index(source)))
        });
        match merged {
            Ok(encoded) => Self { tenant, encoded, count_indexes, refused: self.refused.clone() },
            // The engine's limits on labels are within those of the wire, so this does not happen. If it did, the tenant's
            // counts would wait and be reported.
            Err(refused) => {
                debug_assert!(false, "{tenant} has a key that cannot be encoded: {refused}");
                count_indexes.clone_from(&self.count_indexes);
                count_indexes.extend(added.iter().map(|added| added.count_index));
                Self { tenant, encoded: self.encoded.clone(), count_indexes, refused: Some(refused) }
            }
        }
    }

    /// Checks that each key is the encoded form of the one that `key_at` returns for the index of its counts.
    pub(crate) fn validate<'a>(&self, key_at: impl Fn(u32) -> Option<&'a UsageKey>) -> Result<(), String> {
        let Self { tenant, encoded, count_indexes, refused } = self;
        if let Some(refused) = refused {
            return Err(format!("{tenant} has a key that cannot be encoded: {refused}"));
        }
        if encoded.len() != count_indexes.len() {
            return Err(format!("{tenant} has {} keys and {} indexes", encoded.len(), count_indexes.len()));
        }
        for (row, index) in count_indexes.iter().enumerate() {
            let key = key_at(*index).ok_or_else(|| format!("{tenant} has counts of no key, {index}"))?;
            if key.tenant() != &**tenant {
                return Err(format!("{tenant} has counts of {}, {index}", key.tenant()));
            }
            if encoded.get(row) != Some(&*encode(key)) {
                return Err(format!("row {row} of {tenant} is not {key:?}, whose counts it has"));
            }
            if row > 0 && encoded.get(row - 1) >= encoded.get(row) {
                return Err(format!("row {row} of {tenant} is not greater than the one before"));
            }
        }
        Ok(())
    }
}

fn encode(key: &UsageKey) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(64);
    match (key.labels(), key.account()) {
        (Some(labels), _) => {
            encode_labels_key(labels.method, labels.route, labels.service, labels.region, &mut encoded);
        }
        (None, account) => {
            debug_assert!(account.is_some(), "a key is a label set or an account");
            let account = account.unwrap_or_default();
            encode_account_key(account.ns, account.id, &mut encoded);
        }
    }
    encoded
}
