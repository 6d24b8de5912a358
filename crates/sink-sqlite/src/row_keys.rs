//! A cache of the ids of label sets and accounts.

use std::collections::HashMap;

use rusqlite::Transaction;

/// The most bytes that the cache may take. When they are reached, all ids are forgotten and read from the file again.
const BYTES_MAX: usize = 16 << 20;

/// Bytes that an entry of the map takes in addition to its key.
const ENTRY_BYTES: usize = 64;

/// Row key ids by encoded key, so that a row of a known key costs no statement.
///
/// Another program may replace the content of the file, for example by that of a copy. So all ids are forgotten after each
/// commit of another connection, which SQLite counts.
#[derive(Debug, Default)]
pub(crate) struct RowKeyIds {
    ids: HashMap<Box<[u8]>, i64>,
    bytes: usize,
    version: Option<i64>,
}

impl RowKeyIds {
    /// Forgets the ids if another connection has committed. To be called in the transaction that uses the ids.
    pub(crate) fn refresh(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let version: i64 = transaction.pragma_query_value(None, "data_version", |row| row.get(0))?;
        if self.version != Some(version) {
            self.forget();
            self.version = Some(version);
        }
        Ok(())
    }

    /// Forgets all ids. To be called after a rollback, because the ids of rolled-back rows will be given to others.
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
