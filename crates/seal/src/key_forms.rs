//! The encoded form of each key, computed once per key and kept beside its id.

use std::sync::Arc;

use ron_accounting_core::{ReadingRow, UsageKey};
use ron_ledger_wire::{encode_account_key, encode_labels_key};

type KeyForm = (Arc<UsageKey>, Box<[u8]>);

/// Encoded keys by key id. An id may be reused for another key, so the key is kept for comparison.
#[derive(Debug, Default)]
pub(crate) struct KeyForms {
    by_id: Vec<Option<KeyForm>>,
    /// The forms of keys that have no id any more, by position in the reading.
    departed: Vec<(usize, Box<[u8]>)>,
}

impl KeyForms {
    /// Makes sure that the form of each row's key is there, and forgets those of ids that `rows` gives to other keys.
    pub(crate) fn learn<'a>(&mut self, rows: impl Iterator<Item = ReadingRow<'a>>) {
        self.departed.clear();
        for (position, row) in rows.enumerate() {
            let Some(id) = row.id else {
                self.departed.push((position, encode(row.key)));
                continue;
            };
            let index = id as usize;
            if self.by_id.len() <= index {
                self.by_id.resize(index + 1, None);
            }
            if let Some(place) = self.by_id.get_mut(index) {
                if !place.as_ref().is_some_and(|(key, _)| Arc::ptr_eq(key, row.key)) {
                    *place = Some((Arc::clone(row.key), encode(row.key)));
                }
            }
        }
    }

    /// The form of a row that was learnt last.
    pub(crate) fn get(&self, position: usize, row: &ReadingRow<'_>) -> &[u8] {
        let form = if let Some(id) = row.id {
            self.by_id.get(id as usize).and_then(Option::as_ref).map(|(_, form)| form)
        } else {
            let found = self.departed.binary_search_by_key(&position, |(position, _)| *position);
            found.ok().and_then(|index| self.departed.get(index)).map(|(_, form)| form)
        };
        form.map_or(&[], |form| form)
    }
}

fn encode(key: &UsageKey) -> Box<[u8]> {
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
    form.into()
}
