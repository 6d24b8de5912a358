//! The rows that a window may have: each tenant's keys in wire order, encoded once.
//!
//! Which keys there are changes seldom, what they counted changes each window. So the order and the encoded form of keys are
//! kept from one sealing to the next, and only a tenant that got or lost a key is laid out anew.

use std::{borrow::Cow, collections::BTreeMap};

use ron_accounting_core::{Dimension, KeyId, KeyTable, Reading, TenantId, UsageKey};
use ron_ledger_wire::{encode_account_key, encode_labels_key, EncodeError, MergeSource, SortedKeys};

/// What the longest integer takes.
const INCREMENT_BYTES_MAX: usize = 9;

/// Each tenant's keys, for the keys of one reading.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    keys: KeyTable,
    tenants: BTreeMap<TenantId, TenantKeys>,
}

/// A tenant's keys in wire order.
#[derive(Debug, Clone, Default)]
struct TenantKeys {
    name: Box<str>,
    forms: SortedKeys,
    /// By index of the form: the key's id, or its place among the departed ones behind all ids.
    places: Vec<u32>,
    /// Why the keys can't be laid out.
    refused: Option<EncodeError>,
}

struct AddedKey<'a> {
    form: Vec<u8>,
    place: u32,
    key: &'a UsageKey,
}

/// A tenant's keys and what they counted.
#[derive(Debug)]
pub(crate) struct TenantRows<'a> {
    pub(crate) tenant: TenantId,
    reading: &'a Reading,
    keys: Cow<'a, TenantKeys>,
}

impl Layout {
    /// Lays out the keys of a reading, as far as they are not those of the last one.
    pub(crate) fn update(&mut self, keys: &KeyTable) {
        if self.keys.is_same(keys) {
            return;
        }
        let old_keys = std::mem::replace(&mut self.keys, keys.clone());
        let stays = |id: u32| {
            let id = KeyId::new(id);
            matches!((old_keys.get(id), keys.get(id)), (Some(old), Some(new)) if old.is_same(new))
        };
        let mut changes: BTreeMap<TenantId, Vec<AddedKey<'_>>> = BTreeMap::new();
        let ids = old_keys.len().max(keys.len());
        for id in (0..ids).filter_map(|id| u32::try_from(id).ok()).filter(|id| !stays(*id)) {
            if let Some(old) = old_keys.get(KeyId::new(id)) {
                changes.entry(old.tenant_id()).or_default();
            }
            if let Some(new) = keys.get(KeyId::new(id)) {
                changes.entry(new.tenant_id()).or_default().push(AddedKey::new(id, new));
            }
        }
        for (tenant, added) in changes {
            let before = self.tenants.remove(&tenant).unwrap_or_default();
            let after = before.merged(stays, added);
            if !after.places.is_empty() {
                self.tenants.insert(tenant, after);
            }
        }
    }

    /// The tenants with what they counted, in order. `reading` is of the keys that were laid out last.
    pub(crate) fn rows<'a>(&'a self, reading: &'a Reading) -> Vec<TenantRows<'a>> {
        let rows = |(tenant, keys)| TenantRows { tenant, reading, keys: Cow::Borrowed(keys) };
        let mut tenants: Vec<_> = self.tenants.iter().map(|(tenant, keys)| rows((*tenant, keys))).collect();
        let mut departed: BTreeMap<TenantId, Vec<_>> = BTreeMap::new();
        let first = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        for (place, row) in (first..).zip(reading.departed()) {
            departed.entry(row.key.tenant_id()).or_default().push(AddedKey::new(place, row.key));
        }
        for (tenant, added) in departed {
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
}

impl<'a> AddedKey<'a> {
    fn new(place: u32, key: &'a UsageKey) -> Self {
        Self { form: encoded(key), place, key }
    }
}

impl TenantKeys {
    /// These keys as far as they stay, and others.
    fn merged(&self, stays: impl Fn(u32) -> bool, mut added: Vec<AddedKey<'_>>) -> Self {
        added.sort_unstable_by(|a, b| a.form.cmp(&b.form));
        let name = added.first().map_or_else(|| self.name.clone(), |added| added.key.tenant().into());
        let mut places = Vec::with_capacity(self.places.len() + added.len());
        let mut forms = SortedKeys::default();
        let keep = |index: usize| self.places.get(index).is_some_and(|place| stays(*place));
        let place = |source| match source {
            MergeSource::Kept(index) => self.places.get(index).copied(),
            MergeSource::Added(index) => added.get(index).map(|added| added.place),
        };
        let checked = added.iter().try_for_each(|added| forms.push(&added.form));
        let merged =
            checked.and_then(|()| self.forms.merged(keep, &forms, |source| places.extend(place(source))));
        match merged {
            Ok(forms) => Self { name, forms, places, refused: self.refused.clone() },
            // The label limits of the engine are those of the wire, so this does not happen. If it did, the tenant's counts
            // would wait and be reported.
            Err(refused) => {
                places.clone_from(&self.places);
                places.extend(added.iter().map(|added| added.place));
                Self { name, forms: self.forms.clone(), places, refused: Some(refused) }
            }
        }
    }
}

impl TenantRows<'_> {
    pub(crate) fn name(&self) -> &str {
        &self.keys.name
    }

    /// The keys in wire order.
    pub(crate) fn forms(&self) -> Result<&SortedKeys, EncodeError> {
        self.keys.refused.clone().map_or(Ok(&self.keys.forms), Err)
    }

    /// The most bytes that the rows of one dimension take.
    pub(crate) fn row_bytes_max(&self) -> usize {
        self.keys.forms.bytes() + self.keys.places.len() * INCREMENT_BYTES_MAX
    }

    /// The bytes that the rows of one dimension take, at the most.
    pub(crate) fn row_bytes(&self, dimension: Dimension) -> usize {
        let of_row = |(index, _)| self.keys.forms.get(index).map_or(0, <[u8]>::len) + 1 + INCREMENT_BYTES_MAX;
        self.of_dimension(dimension).map(of_row).sum()
    }

    /// Whether a dimension counted anything. Ends at the first count.
    pub(crate) fn uses(&self, dimension: Dimension) -> bool {
        self.of_dimension(dimension).next().is_some()
    }

    /// The rows of one dimension: the index of the form, and the count.
    pub(crate) fn of_dimension(&self, dimension: Dimension) -> impl Iterator<Item = (usize, u64)> + '_ {
        let (counts, ids) = (self.reading.counts(dimension), self.reading.keys().len());
        self.keys.places.iter().enumerate().filter_map(move |(index, place)| {
            let count = if (*place as usize) < ids {
                counts.get(KeyId::new(*place))
            } else {
                self.departed_count(*place as usize - ids, dimension)
            };
            (count != 0).then_some((index, count))
        })
    }

    #[cold]
    fn departed_count(&self, position: usize, dimension: Dimension) -> u64 {
        self.reading.departed_values(position).get(dimension.index()).copied().unwrap_or_default()
    }
}

fn encoded(key: &UsageKey) -> Vec<u8> {
    let mut form = Vec::with_capacity(64);
    match (key.labels(), key.account()) {
        (Some(labels), _) => {
            encode_labels_key(labels.method, labels.route, labels.service, labels.region, &mut form);
        }
        (None, account) => {
            let account = account.unwrap_or_default();
            encode_account_key(account.ns, account.id, &mut form);
        }
    }
    form
}
