//! The layout: which rows a slice may have, and where their counts are.
//!
//! Which keys there are changes seldom, what they counted changes each window. So the order and the encoded form of keys are
//! kept from one sealing to the next. Only a tenant that got or lost a key is laid out anew.
//!
//! ```text
//!                     TenantKeys of "acme"                   the Reading, with n ids
//!  row                encoded key         count index
//!   0                 {GET /}                  4 ---------->  id 4: its counts, by dimension
//!   1                 {GET /feed}              0 ---------->  id 0
//!   2                 {POST /feed}           n+1 ---------->  row 1 of the rows without an id
//!   3                 {account 1, 7}           2 ---------->  id 2
//!                     ascending                |
//!                                              below n: a key id; from n on: n + an index of rows_without_id
//! ```
//!
//! A row without an id is a key whose id was freed before its counts were sealed. Such rows are rare, and gone once they are
//! sealed. So they are never part of the layout: the rows of that one sealing get a copy of the tenant's keys with them.
//!
//! # Invariants
//! 1. Each key of the table is a row of its tenant, once, and there are no other rows.
//! 2. A row's encoded key is the form of the key whose counts it has. A tenant's rows ascend by encoded key.
//! 3. A tenant without keys is removed.

use std::{borrow::Cow, collections::BTreeMap};

use ron_accounting_core::{Dimension, KeyId, KeyTable, Reading, TenantId};
use ron_ledger_wire::{EncodeError, SortedKeys};

use crate::tenant_keys::{AddedKey, TenantKeys};

/// Each tenant's keys, for the keys of one reading.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    table: KeyTable,
    tenants: BTreeMap<TenantId, TenantKeys>,
}

/// A tenant's keys and what they counted.
#[derive(Debug)]
pub(crate) struct TenantRows<'a> {
    tenant: TenantId,
    reading: &'a Reading,
    keys: Cow<'a, TenantKeys>,
}

impl Layout {
    /// Lays out the keys of a table, as far as they are not those of the last one. Returns whether a key came or went.
    pub(crate) fn update(&mut self, table: &KeyTable) -> bool {
        if self.table.is_same(table) {
            return false;
        }
        let old_table = std::mem::replace(&mut self.table, table.clone());
        let is_unchanged = |id: u32| {
            let id = KeyId::new(id);
            matches!((old_table.get(id), table.get(id)), (Some(old), Some(new)) if old.is_same(new))
        };
        let mut changes: BTreeMap<TenantId, Vec<AddedKey<'_>>> = BTreeMap::new();
        let ids = old_table.len().max(table.len());
        for id in (0..ids).filter_map(|id| u32::try_from(id).ok()).filter(|id| !is_unchanged(*id)) {
            if let Some(old) = old_table.get(KeyId::new(id)) {
                changes.entry(old.tenant_id()).or_default();
            }
            if let Some(new) = table.get(KeyId::new(id)) {
                changes.entry(new.tenant_id()).or_default().push(AddedKey::new(id, new));
            }
        }
        for (tenant, added) in changes {
            let before = self.tenants.remove(&tenant).unwrap_or_default();
            let after = before.merged(is_unchanged, added);
            if !after.is_empty() {
                self.tenants.insert(tenant, after);
            }
        }
        true
    }

    /// Returns the tenants with what they counted, in order. `reading` is of the keys that were laid out last.
    pub(crate) fn rows<'a>(&'a self, reading: &'a Reading) -> Vec<TenantRows<'a>> {
        debug_assert!(self.table.is_same(reading.keys()), "a reading of other keys");
        let rows = |(tenant, keys)| TenantRows { tenant, reading, keys: Cow::Borrowed(keys) };
        let mut tenants: Vec<_> = self.tenants.iter().map(|(tenant, keys)| rows((*tenant, keys))).collect();
        let mut without_id: BTreeMap<TenantId, Vec<_>> = BTreeMap::new();
        let first = u32::try_from(self.table.len()).unwrap_or(u32::MAX);
        for (count_index, row) in (first..).zip(reading.rows_without_id()) {
            without_id.entry(row.key.tenant_id()).or_default().push(AddedKey::new(count_index, row.key));
        }
        for (tenant, added) in without_id {
            match tenants.binary_search_by_key(&tenant, |rows| rows.tenant) {
                Ok(index) => {
                    if let Some(rows) = tenants.get_mut(index) {
                        rows.keys = Cow::Owned(rows.keys.merged(|_| true, added));
                    }
                }
                Err(index) => {
                    let keys = Cow::Owned(TenantKeys::default().merged(|_| true, added));
                    tenants.insert(index, TenantRows { tenant, reading, keys });
                }
            }
        }
        tenants
    }

    /// Checks the invariants.
    pub(crate) fn validate(&self) -> Result<(), String> {
        let mut rows = 0;
        for (tenant, keys) in &self.tenants {
            keys.validate(|id| self.table.get(KeyId::new(id)).filter(|key| key.tenant_id() == *tenant))
                .map_err(|reason| format!("2: {reason}"))?;
            if keys.is_empty() {
                return Err(format!("3: {} has no keys", keys.tenant()));
            }
            rows += keys.count_indexes().len();
        }
        // No key is there twice: each row is a key of the table, and a tenant's keys ascend.
        match self.table.iter().flatten().count() {
            keys if keys == rows => Ok(()),
            keys => Err(format!("1: {keys} keys, and {rows} rows")),
        }
    }
}

impl TenantRows<'_> {
    /// Returns the tenant's number.
    pub(crate) const fn tenant_id(&self) -> TenantId {
        self.tenant
    }

    /// Returns the tenant's name.
    pub(crate) fn tenant(&self) -> &str {
        self.keys.tenant()
    }

    /// Returns the encoded keys in wire order.
    pub(crate) fn encoded_keys(&self) -> Result<&SortedKeys, EncodeError> {
        self.keys.encoded()
    }

    /// Returns the most bytes that the rows of a dimension take if each key has counts in it. Visits no row.
    pub(crate) fn row_bytes_max(&self) -> usize {
        self.keys.rows_bytes_max()
    }

    /// Returns the most bytes that the rows of a dimension take. Visits each row.
    pub(crate) fn row_bytes(&self, dimension: Dimension) -> usize {
        self.counts(dimension).map(|(row, _)| self.keys.row_bytes_max(row)).sum()
    }

    /// Returns whether a dimension has counts. Ends at the first one.
    pub(crate) fn has_counts(&self, dimension: Dimension) -> bool {
        self.counts(dimension).next().is_some()
    }

    /// Returns the rows of a dimension that have counts: the index of the encoded key, and the count.
    pub(crate) fn counts(&self, dimension: Dimension) -> impl Iterator<Item = (usize, u64)> + '_ {
        let (counts, ids) = (self.reading.counts(dimension), self.reading.keys().len());
        self.keys.count_indexes().iter().enumerate().filter_map(move |(row, index)| {
            let count = if (*index as usize) < ids {
                counts.get(KeyId::new(*index))
            } else {
                self.count_without_id(*index as usize - ids, dimension)
            };
            (count != 0).then_some((row, count))
        })
    }

    #[cold]
    fn count_without_id(&self, index: usize, dimension: Dimension) -> u64 {
        self.reading.values_without_id(index).get(dimension.index()).copied().unwrap_or_default()
    }
}
