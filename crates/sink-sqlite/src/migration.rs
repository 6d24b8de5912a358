//! Carries a ledger of schema 1, which early builds wrote, over to the current schema.
//!
//! Schema 1 has no table of claims. Its checks use a function that SQLite has since version 3.43, so older programs can read such
//! a file, but can neither vacuum nor check it.

use rusqlite::Transaction;

use crate::{
    error::Fault,
    schema::{self, Object},
};

/// The table of streams as schema 1 has it.
pub(crate) const STREAMS_1: Object = (
    "streams",
    "CREATE TABLE streams (
  id INTEGER PRIMARY KEY,
  origin BLOB NOT NULL CHECK (length(origin) = 16),
  tenant TEXT NOT NULL CHECK (octet_length(tenant) <= 1024),
  dimension TEXT NOT NULL CHECK (octet_length(dimension) <= 1024),
  next_seq INTEGER NOT NULL CHECK (next_seq > 0),
  last_digest BLOB NOT NULL CHECK (length(last_digest) = 32),
  UNIQUE (origin, tenant, dimension)
) STRICT",
);

/// The table of row keys as schema 1 has it.
pub(crate) const ROW_KEYS_1: Object = (
    "row_keys",
    "CREATE TABLE row_keys (
  id INTEGER PRIMARY KEY,
  method TEXT CHECK (octet_length(method) <= 1024),
  route TEXT CHECK (octet_length(route) <= 1024),
  service TEXT CHECK (octet_length(service) <= 1024),
  region TEXT CHECK (octet_length(region) <= 1024),
  namespace INTEGER CHECK (namespace BETWEEN 0 AND 4294967295),
  account BLOB CHECK (length(account) = 16),
  CHECK ((method IS NULL) = (account IS NOT NULL)),
  CHECK ((route IS NULL) = (method IS NULL)),
  CHECK ((service IS NULL) = (method IS NULL)),
  CHECK ((region IS NULL) = (method IS NULL)),
  CHECK ((namespace IS NULL) = (account IS NULL))
) STRICT",
);

/// Changes a ledger of schema 1 to the current schema. Foreign keys must be off, because two tables that others refer to are
/// written anew, with the same ids.
///
/// An edited schema is refused, because the meaning of its rows is unknown.
pub(crate) fn migrate(transaction: &Transaction<'_>) -> Result<(), Fault> {
    if let Some((expected, found)) = schema::difference(transaction)? {
        return Err(Fault::Stored(format!("its schema was edited: expected {expected}, found {found}")));
    }
    for table in ["streams", "row_keys"] {
        transaction.execute_batch(&format!(
            "CREATE TEMP TABLE carried_over AS SELECT * FROM main.{table}; DROP TABLE main.{table}"
        ))?;
        let objects = schema::OBJECTS.iter().filter(|(name, _)| name.starts_with(table));
        for (name, sql) in objects {
            transaction.execute_batch(sql)?;
            if *name == table {
                transaction.execute_batch(&format!("INSERT INTO main.{table} SELECT * FROM carried_over"))?;
            }
        }
        transaction.execute_batch("DROP TABLE temp.carried_over")?;
    }
    transaction.execute_batch(schema::CLAIMS.1)?;
    transaction.pragma_update(None, "user_version", schema::VERSION)?;
    Ok(())
}
