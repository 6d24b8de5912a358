//! Where counters are stored: in memory, in files, in SQLite, or in a storage of your own.
//!
//! A storage keeps bytes under names and knows nothing of counters. The [formatter](crate::formatter) decides what the bytes
//! are.

#[cfg(feature = "storage-fs")]
mod file_name;
#[cfg(feature = "storage-fs")]
mod file_per_event;
mod memory;
#[cfg(any(feature = "storage-fs", feature = "storage-sqlite"))]
mod ownership;
#[cfg(feature = "storage-sqlite")]
mod sqlite;

#[cfg(feature = "storage-fs")]
pub use file_per_event::FilePerEvent;
pub use memory::MemoryStorage;
#[cfg(feature = "storage-sqlite")]
pub use sqlite::Sqlite;

use crate::Result;

/// Keeps bytes under names.
///
/// A store calls its storage from one thread at a time. It saves in transactions: it begins one, saves and deletes,
/// and commits, or rolls back if the commit fails. Events count as stored once the commit has succeeded.
///
/// ```
/// use std::collections::HashMap;
/// use ron_accounting_events::{Result, Storage};
///
/// #[derive(Default)]
/// struct Shelf(HashMap<String, Vec<u8>>);
///
/// impl Storage for Shelf {
///     fn save(&mut self, key: &str, data: Vec<u8>) -> Result<()> {
///         self.0.insert(key.to_owned(), data);
///         Ok(())
///     }
///
///     fn load(&self, key: &str) -> Result<Option<Vec<u8>>> {
///         Ok(self.0.get(key).cloned())
///     }
///
///     fn delete(&mut self, key: &str) -> Result<()> {
///         self.0.remove(key);
///         Ok(())
///     }
///
///     fn list_keys(&self) -> Result<Vec<String>> {
///         Ok(self.0.keys().cloned().collect())
///     }
/// }
/// ```
pub trait Storage: Send + Sync {
    /// Keeps `data` under `key`, and replaces what was there. After an error, the old data is still there.
    fn save(&mut self, key: &str, data: Vec<u8>) -> Result<()>;

    /// Returns what is kept under `key`, or `None` if nothing is.
    fn load(&self, key: &str) -> Result<Option<Vec<u8>>>;

    /// Removes what is kept under `key`, if anything is. A storage may also do nothing: the counter that stays has no count left
    /// in any bucket by the time it would be loaded.
    fn delete(&mut self, _key: &str) -> Result<()> {
        Ok(())
    }

    /// Returns all names under which something is kept.
    fn list_keys(&self) -> Result<Vec<String>>;

    /// Begins a transaction: what is saved and deleted from now on takes effect when it is committed. A storage without
    /// transactions does nothing here.
    fn begin_transaction(&mut self) -> Result<()> {
        Ok(())
    }

    /// Makes all changes since the transaction began take effect, durably.
    fn commit_transaction(&mut self) -> Result<()> {
        Ok(())
    }

    /// Discards all changes since the transaction began.
    fn rollback_transaction(&mut self) -> Result<()> {
        Ok(())
    }

    /// Returns the names of what else is in the storage's directory or database and is ignored: files of others, and what
    /// interrupted writes left behind.
    fn foreign_entries(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}
