//! Carries a ledger of an older schema, which early builds wrote, over to the current one.
//!
//! Schema 1 has no table of claims. Its checks use a function that SQLite has since version 3.43, so older programs can read such
//! a file, but can neither vacuum nor check it. Schemas 1 and 2 have no totals of slices, and cannot find a slice by its digest.

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

/// The index that totals took the place of in schema 3.
pub(crate) const SLICES_BY_WINDOW_2: Object =
    ("slices_by_window", "CREATE INDEX slices_by_window ON slices (start_ms, end_ms, stream)");

/// Changes a ledger of an older schema to the current one. Foreign keys must be off, because two tables that others refer to are
/// written anew, with the same ids.
///
/// An edited schema is refused, because the meaning of its rows is unknown.
pub(crate) fn migrate(transaction: &Transaction<'_>) -> Result<(), Fault> {
    if let Some((expected, found)) = schema::difference(transaction)? {
        return Err(Fault::Stored(format!("its schema was edited: expected {expected}, found {found}")));
    }
    if schema::version(transaction)? == 1 {
        from_1_to_2(transaction)?;
    }
    from_2_to_3(transaction)?;
    transaction.pragma_update(None, "user_version", schema::VERSION)?;
    Ok(())
}

fn from_1_to_2(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
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
    transaction.execute_batch(schema::CLAIMS.1)
}

/// Adds up the rows of each slice once. Whether the rows are those of the bytes is not checked here; verification does.
fn from_2_to_3(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(schema::SLICE_TOTALS.1)?;
    transaction.execute_batch(
        "INSERT INTO slice_totals (start_ms, end_ms, stream, slice, total_upper, total_lower)
         SELECT start_ms, end_ms, stream, id, upper + (lower >> 32), lower & 4294967295
         FROM (SELECT slice, sum((increment >> 32) & 4294967295) AS upper, sum(increment & 4294967295) AS lower
               FROM usage GROUP BY slice) AS sums
         JOIN slices ON slices.id = sums.slice;
         DROP INDEX slices_by_window",
    )?;
    transaction.execute_batch(schema::SLICES_BY_DIGEST.1)
}
