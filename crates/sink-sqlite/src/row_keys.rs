//! The ids of label sets and accounts that a writer has seen.

use std::collections::HashMap;

use rusqlite::Transaction;

/// What the keys may take with what a map needs for each. When it is reached, all are forgotten and looked up again.
const BYTES_MAX: usize = 16 << 20;

/// What an entry of the map takes beside the key.
const ENTRY_BYTES: usize = 64;

/// Row key ids by encoded key, so that a row of a known key costs no statement.
///
/// An id is right for as long as nobody else writes the file: another program may have replaced its content by that of a
/// copy. SQLite counts the commits of others, and whenever there was one, all are forgotten.
#[derive(Debug, Default)]
pub(crate) struct RowKeyIds {
    ids: HashMap<Box<[u8]>, i64>,
    bytes: usize,
    version: Option<i64>,
}

impl RowKeyIds {
    /// Forgets what another writer may have changed. To be called in the transaction that uses the ids.
    pub(crate) fn refresh(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let version: i64 = transaction.pragma_query_value(None, "data_version", |row| row.get(0))?;
        if self.version != Some(version) {
            self.forget();
            self.version = Some(version);
        }
        Ok(())
    }

    /// To be called when a transaction or a part of it is rolled back: the ids that it gave are free again.
    pub(crate) fn forget(&mut self) {
        self.ids.clear();
        self.bytes = 0;
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<i64> {
        self.ids.get(key).copied()
    }

    pub(crate) fn insert(&mut self, key: &[u8], id: i64) {
        let bytes = key.len() + ENTRY_BYTES;
        if self.bytes + bytes > BYTES_MAX {
            self.forget();
        }
        self.bytes += bytes;
        self.ids.insert(key.into(), id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut ids = RowKeyIds::default();
        for number in 0..100_000_i64 {
            let key = [&number.to_be_bytes()[..], &[0; 500]].concat();
            ids.insert(&key, number);
            assert_eq!(ids.get(&key), Some(number));
            assert!(ids.bytes <= BYTES_MAX && ids.ids.len() <= BYTES_MAX / 500);
        }
        ids.forget();
        assert_eq!(ids.ids.len(), 0);
    }
}
