//! Which logs were imported, so that a further import recognises them.
//!
//! The table is not part of the schema: the first import creates it, and a ledger without it is whole. Verification leaves it alone,
//! since no usage depends on it.

use std::{
    thread,
    time::{Duration, Instant},
};

use ron_ledger_wire::Origin;
use rusqlite::{params, Connection, OptionalExtension, TransactionBehavior};

use crate::{
    error::{Fault, LedgerError},
    open::SqliteLedger,
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
  complete INTEGER NOT NULL CHECK (complete IN (0, 1))
) STRICT, WITHOUT ROWID";

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
            transaction.execute_batch(CREATE)?;
            let added = match decide(&imports(&transaction)?) {
                Ok(added) => added,
                Err(error) => return Ok(Err(error)),
            };
            let sql = "INSERT OR REPLACE INTO log_imports
              (origin, content, start_byte, end_byte, options, file, complete) VALUES (?, ?, ?, ?, ?, ?, ?)";
            for import in added {
                let byte = |at: u64| i64::try_from(at).unwrap_or(i64::MAX);
                transaction.execute(
                    sql,
                    params![
                        import.origin.as_bytes(),
                        import.content,
                        byte(import.start_byte),
                        byte(import.end_byte),
                        import.options,
                        import.file,
                        import.is_complete
                    ],
                )?;
            }
            transaction.commit()?;
            Ok(Ok(()))
        })?
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

fn imports(connection: &Connection) -> Result<Vec<LogImport>, Fault> {
    let exists = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'log_imports'";
    if connection.query_row(exists, [], |_| Ok(())).optional()?.is_none() {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare(
        "SELECT origin, content, start_byte, end_byte, options, file, complete,
           EXISTS (SELECT 1 FROM streams WHERE streams.origin = log_imports.origin)
         FROM log_imports ORDER BY end_byte, start_byte, origin",
    )?;
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
        });
    }
    Ok(imports)
}
