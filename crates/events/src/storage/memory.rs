//! A storage in memory.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::Storage;
use crate::{sync::Mutex, Error, Result};

/// Keeps data in memory. Clones share their data, so that a store can be built again on the same data.
#[derive(Debug, Clone)]
pub struct MemoryStorage {
    kept: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    /// The changes of the open transaction. `None` is a deletion.
    open: Option<BTreeMap<String, Option<Vec<u8>>>>,
}

impl MemoryStorage {
    /// Makes an empty storage.
    pub fn new() -> Self {
        Self { kept: Arc::new(Mutex::new(HashMap::new())), open: None }
    }

    fn change(&mut self, key: &str, data: Option<Vec<u8>>) {
        if let Some(changes) = &mut self.open {
            changes.insert(key.to_owned(), data);
            return;
        }
        let mut kept = self.kept.lock();
        match data {
            Some(data) => kept.insert(key.to_owned(), data),
            None => kept.remove(key),
        };
    }

    fn end(&mut self) -> Result<BTreeMap<String, Option<Vec<u8>>>> {
        self.open.take().ok_or_else(|| Error::Storage("No transaction in progress".to_owned()))
    }
}

impl Default for MemoryStorage {
    fn default() -> Self {
        Self::new()
    }
}

impl Storage for MemoryStorage {
    fn save(&mut self, key: &str, data: Vec<u8>) -> Result<()> {
        self.change(key, Some(data));
        Ok(())
    }

    fn load(&self, key: &str) -> Result<Option<Vec<u8>>> {
        if let Some(change) = self.open.as_ref().and_then(|changes| changes.get(key)) {
            return Ok(change.clone());
        }
        Ok(self.kept.lock().get(key).cloned())
    }

    fn delete(&mut self, key: &str) -> Result<()> {
        self.change(key, None);
        Ok(())
    }

    fn list_keys(&self) -> Result<Vec<String>> {
        Ok(self.kept.lock().keys().cloned().collect())
    }

    fn begin_transaction(&mut self) -> Result<()> {
        if self.open.is_some() {
            return Err(Error::Storage("Transaction already in progress".to_owned()));
        }
        self.open = Some(BTreeMap::new());
        Ok(())
    }

    fn commit_transaction(&mut self) -> Result<()> {
        for (key, data) in self.end()? {
            self.change(&key, data);
        }
        Ok(())
    }

    fn rollback_transaction(&mut self) -> Result<()> {
        self.end().map(drop)
    }
}
