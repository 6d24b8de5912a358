//! A storage in an SQLite database.

use std::{path::Path, time::Duration};

use rusqlite::{params, Connection, OptionalExtension};

use super::{ownership::Ownership, Storage};
use crate::{sync::Mutex, Error, Result};

/// How long to wait for another process that uses the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Keeps events in the table `events` of an SQLite database. Each persist is one transaction.
///
/// ```
/// use ron_accounting_events::{storage::Sqlite, EventStore};
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("events.db");
/// let store = EventStore::builder().with_storage(Sqlite::open(&path)?).build()?;
/// store.record("launch");
/// store.close()?;
/// let store = EventStore::builder().with_storage(Sqlite::open(&path)?).build()?;
/// assert_eq!(store.query("launch").ever().sum(), Some(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Sqlite {
    // A connection cannot be used by two threads at once, and `load` has only a shared reference.
    connection: Mutex<Connection>,
    in_transaction: bool,
    _ownership: Option<Ownership>,
}

impl Sqlite {
    /// Opens a database, or creates it. Fails while another process has it open as a storage, which a lock file next to it
    /// (`.lock` behind its name) prevents. Other programs may read the database. `:memory:` is a new database each time.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        // A database without a file cannot be opened by another process.
        let name = path.as_os_str().as_encoded_bytes();
        let is_file =
            !name.is_empty() && name != b":memory:" && !name.starts_with(b"file:") && !path.is_dir();
        let ownership = if is_file { Ownership::of_file(path)? } else { None };
        let connection = Connection::open(path).map_err(failed("open database"))?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failed("open database"))?;
        connection
            .execute("CREATE TABLE IF NOT EXISTS events (key TEXT PRIMARY KEY, data BLOB NOT NULL)", [])
            .map_err(failed("create table"))?;
        Ok(Self { connection: Mutex::new(connection), in_transaction: false, _ownership: ownership })
    }

    fn execute(&self, what: &'static str, sql: &str, values: impl rusqlite::Params) -> Result<()> {
        let connection = self.connection.lock();
        let mut statement = connection.prepare(sql).map_err(failed(what))?;
        statement.execute(values).map_err(failed(what))?;
        Ok(())
    }

    fn expect_transaction(&self, open: bool) -> Result<()> {
        match (open, self.in_transaction) {
            (true, false) => Err(Error::Storage("No transaction in progress".to_owned())),
            (false, true) => Err(Error::Storage("Transaction already in progress".to_owned())),
            _ => Ok(()),
        }
    }
}

impl Storage for Sqlite {
    fn save(&mut self, key: &str, data: Vec<u8>) -> Result<()> {
        let sql = "INSERT INTO events (key, data) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET data = ?2";
        self.execute("save data", sql, params![key, data])
    }

    fn load(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let connection = self.connection.lock();
        let mut statement =
            connection.prepare("SELECT data FROM events WHERE key = ?1").map_err(failed("load data"))?;
        statement.query_row(params![key], |row| row.get(0)).optional().map_err(failed("load data"))
    }

    fn delete(&mut self, key: &str) -> Result<()> {
        self.execute("delete data", "DELETE FROM events WHERE key = ?1", params![key])
    }

    fn list_keys(&self) -> Result<Vec<String>> {
        let connection = self.connection.lock();
        let mut statement =
            connection.prepare("SELECT key FROM events ORDER BY key").map_err(failed("list keys"))?;
        let keys = statement.query_map([], |row| row.get(0)).map_err(failed("list keys"))?;
        keys.collect::<std::result::Result<_, _>>().map_err(failed("list keys"))
    }

    fn begin_transaction(&mut self) -> Result<()> {
        self.expect_transaction(false)?;
        self.execute("begin transaction", "BEGIN IMMEDIATE", [])?;
        self.in_transaction = true;
        Ok(())
    }

    fn commit_transaction(&mut self) -> Result<()> {
        self.expect_transaction(true)?;
        self.execute("commit transaction", "COMMIT", [])?;
        self.in_transaction = false;
        Ok(())
    }

    fn rollback_transaction(&mut self) -> Result<()> {
        self.expect_transaction(true)?;
        self.in_transaction = false;
        // After some errors, such as a full disk, SQLite has rolled back by itself.
        if self.connection.lock().is_autocommit() {
            return Ok(());
        }
        self.execute("roll back transaction", "ROLLBACK", [])
    }
}

fn failed(what: &'static str) -> impl Fn(rusqlite::Error) -> Error {
    move |error| Error::Storage(format!("failed to {what}: {error}"))
}
