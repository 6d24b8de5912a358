//! Which logs were imported, so that a further import recognises them.
//!
//! The table is not part of the schema: the first import creates it, and a ledger without it is whole. Verification leaves it alone,
//! since no usage depends on it.

use std::{
    thread,
    time::{Duration, Instant},
};

use ron_ledger_wire::{Origin, SealedSlice};
use rusqlite::{params, types::ValueRef, Connection, OptionalExtension, TransactionBehavior};

use crate::{
    error::{Fault, LedgerError},
    open::{Opened, SqliteLedger},
    put,
    row_keys::RowKeyIds,
    stored,
};

/// The longest wait for other writers, which store slices meanwhile.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// The wait between two attempts.
const RETRY: Duration = Duration::from_millis(10);

const CREATE: &str = "CREATE TABLE IF NOT EXISTS log_imports (
  origin BLOB PRIMARY KEY CHECK (length(origin) = 16),
  content BLOB NOT NULL CHECK (length(content) = 32),
  start_byte INTEGER NOT NULL CHECK (start_byte >= 0),
  end_byte INTEGER NOT NULL CHECK (end_byte >= start_byte),
  options TEXT NOT NULL,
  file TEXT NOT NULL,
  complete INTEGER NOT NULL CHECK (complete IN (0, 1)),
  counted_until_ms INTEGER CHECK (counted_until_ms >= 0)
) STRICT, WITHOUT ROWID";

/// For a table that was created before logs could be followed.
const ADD_COLUMN: &str =
    "ALTER TABLE log_imports ADD COLUMN counted_until_ms INTEGER CHECK (counted_until_ms >= 0)";

const FIND_COLUMN: &str = "SELECT 1 FROM pragma_table_info('log_imports') WHERE name = 'counted_until_ms'";

/// An import of a log, or of the part by which a log has grown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogImport {
    /// Under which the slices of the import are stored.
    pub origin: Origin,
    /// BLAKE3-256 of the log from its beginning to `end_byte`.
    pub content: [u8; 32],
    /// Where the part begins that this import counted.
    pub start_byte: u64,
    /// Where it ends.
    pub end_byte: u64,
    /// The options that decide what is counted, as the importer writes them.
    pub options: String,
    /// The name of the log, for messages.
    pub file: String,
    /// Whether the ledger has all slices of the import.
    pub is_complete: bool,
    /// Whether the ledger has a slice of it. Not stored.
    pub has_slices: bool,
    /// For a log that is followed: what was written to the file before this moment, in Unix milliseconds by the clock of its file
    /// system, is counted. Such an import moves on; it was not counted in one go, and cannot be repeated.
    pub counted_until_ms: Option<u64>,
}

impl SqliteLedger {
    /// Returns the imports that were begun, sorted by the ends of their parts.
    pub fn log_imports(&self) -> Result<Vec<LogImport>, LedgerError> {
        self.read(|transaction| imports(transaction)).map_err(|fault: Fault| fault.at(self.path()))
    }

    /// Begins imports: passes those that were begun before to `decide`, and adds what it returns. No other process can begin one in
    /// between. An error of `decide` adds nothing.
    pub fn begin_log_imports<E: From<LedgerError>>(
        &self,
        mut decide: impl FnMut(&[LogImport]) -> Result<Vec<LogImport>, E>,
    ) -> Result<(), E> {
        self.write(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            create(&transaction)?;
            let added = match decide(&imports(&transaction)?) {
                Ok(added) => added,
                Err(error) => return Ok(Err(error)),
            };
            for import in added {
                set(&transaction, &import)?;
            }
            transaction.commit()?;
            Ok(Ok(()))
        })?
    }

    /// Stores slices and moves the import that they belong to on, in one transaction: both or neither. Passes all imports to `decide`,
    /// which returns the import as it is then, or an error that stores nothing. No other process can begin one in between.
    ///
    /// Slices that the ledger has already are no error. If one is refused, fails with [`LedgerError::Refused`]. If another process
    /// writes, fails with [`LedgerError::Locked`] after a short wait.
    pub fn put_log_import<E: From<LedgerError>>(
        &self,
        slices: &[SealedSlice],
        decide: impl FnOnce(&[LogImport]) -> Result<LogImport, E>,
    ) -> Result<(), E> {
        let mut opened = self.lock();
        let Opened { connection, row_keys, .. } = &mut *opened;
        let put = put_log_import(connection, row_keys, slices, decide);
        if !matches!(put, Ok(Ok(()))) {
            // They may name rows that were rolled back.
            row_keys.forget();
        }
        put.map_err(|fault| E::from(fault.at(self.path())))?
    }

    /// Notes that the ledger has all slices of an import.
    pub fn complete_log_import(&self, origin: Origin) -> Result<(), LedgerError> {
        self.write(|connection| {
            let sql = "UPDATE log_imports SET complete = 1 WHERE origin = ?1";
            connection.execute(sql, [origin.as_bytes()])?;
            Ok(())
        })
    }

    /// Writes, also while other processes store slices.
    fn write<T>(&self, mut work: impl FnMut(&mut Connection) -> Result<T, Fault>) -> Result<T, LedgerError> {
        let start = Instant::now();
        loop {
            let result = work(&mut self.lock().connection).map_err(|fault| fault.at(self.path()));
            match result {
                Err(LedgerError::Locked { .. }) if start.elapsed() < WAIT_MAX => thread::sleep(RETRY),
                result => return result,
            }
        }
    }
}

fn put_log_import<E>(
    connection: &mut Connection,
    row_keys: &mut RowKeyIds,
    slices: &[SealedSlice],
    decide: impl FnOnce(&[LogImport]) -> Result<LogImport, E>,
) -> Result<Result<(), E>, Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    create(&transaction)?;
    let import = match decide(&imports(&transaction)?) {
        Ok(import) => import,
        Err(error) => return Ok(Err(error)),
    };
    put::put_all_within(&transaction, row_keys, slices)?;
    set(&transaction, &import)?;
    transaction.commit()?;
    Ok(Ok(()))
}

fn create(connection: &Connection) -> Result<(), Fault> {
    connection.execute_batch(CREATE)?;
    if !has_column(connection)? {
        connection.execute_batch(ADD_COLUMN)?;
    }
    Ok(())
}

fn has_column(connection: &Connection) -> Result<bool, Fault> {
    Ok(connection.query_row(FIND_COLUMN, [], |_| Ok(())).optional()?.is_some())
}

fn set(connection: &Connection, import: &LogImport) -> Result<(), Fault> {
    let stored = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    connection.execute(
        "INSERT OR REPLACE INTO log_imports
          (origin, content, start_byte, end_byte, options, file, complete, counted_until_ms)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            import.origin.as_bytes(),
            import.content,
            stored(import.start_byte),
            stored(import.end_byte),
            import.options,
            import.file,
            import.is_complete,
            import.counted_until_ms.map(stored)
        ],
    )?;
    Ok(())
}

fn imports(connection: &Connection) -> Result<Vec<LogImport>, Fault> {
    let exists = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'log_imports'";
    if connection.query_row(exists, [], |_| Ok(())).optional()?.is_none() {
        return Ok(Vec::new());
    }
    let counted_until_ms = if has_column(connection)? { "counted_until_ms" } else { "NULL" };
    let mut statement = connection.prepare(&format!(
        "SELECT origin, content, start_byte, end_byte, options, file, complete,
           EXISTS (SELECT 1 FROM streams WHERE streams.origin = log_imports.origin), {counted_until_ms}
         FROM log_imports ORDER BY end_byte, start_byte, origin",
    ))?;
    let mut rows = statement.query([])?;
    let mut imports = Vec::new();
    while let Some(row) = rows.next()? {
        imports.push(LogImport {
            origin: Origin::from_bytes(stored::bytes(row, 0, "an origin")?),
            content: stored::bytes(row, 1, "a hash")?,
            start_byte: stored::integer(row, 2)?,
            end_byte: stored::integer(row, 3)?,
            options: stored::text(row, 4)?.to_owned(),
            file: stored::text(row, 5)?.to_owned(),
            is_complete: stored::integer(row, 6)? == 1,
            has_slices: stored::integer(row, 7)? == 1,
            counted_until_ms: match row.get_ref(8)? {
                ValueRef::Null => None,
                _ => Some(stored::integer(row, 8)?),
            },
        });
    }
    Ok(imports)
}
