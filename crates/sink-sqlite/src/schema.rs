//! The tables of a ledger file. `docs/sqlite-ledger.md` owns the schema and says what each column means; the test `formats`
//! compares the two.
//!
//! # Integers
//! SQLite integers are signed. Sequence numbers and times are stored as they are, and a slice whose numbers exceed
//! `i64::MAX` is refused. Increments use all 64 bits, so `usage.increment` holds their bit pattern: up to `i64::MAX`
//! the column reads as the number itself, and beyond it as a negative number. Sums are taken over the upper and the lower
//! 32 bits apart, which is exact for two thousand million rows in a group. Beyond that SQLite reports an error.
//!
//! # Versions
//! `application_id` says that a file is a ledger, and `user_version` which schema it has. Both are written in the
//! transaction that creates the tables, so a file is a whole ledger or none. A file of an older schema is read as it is, and
//! carried over when it is opened for writing.
//!
//! The schema uses nothing that SQLite 3.40 lacks, so that the tools of common systems can be used with the file.

use rusqlite::{Connection, OptionalExtension, Transaction};

use crate::{
    error::Fault,
    migration::{ROW_KEYS_1, SLICES_BY_WINDOW_2, STREAMS_1},
};

/// The application id of a ledger: "RONL" in ASCII, in the file header at offset 68.
pub(crate) const APPLICATION_ID: i32 = 0x524F_4E4C;

/// The version of the schema that this build writes.
pub(crate) const VERSION: i32 = 3;

/// The first version of the schema. This build reads all since, and carries them over for writing.
const FIRST_VERSION: i32 = 1;

/// The name of an object and the exact text that creates it.
pub(crate) type Object = (&'static str, &'static str);

pub(crate) const CLAIMS: Object = (
    "claims",
    "CREATE TABLE claims (
  origin BLOB PRIMARY KEY CHECK (length(origin) = 16),
  holder BLOB NOT NULL CHECK (length(holder) = 16)
) STRICT, WITHOUT ROWID",
);

/// Finds a slice by its content identifier.
pub(crate) const SLICES_BY_DIGEST: Object =
    ("slices_by_digest", "CREATE INDEX slices_by_digest ON slices (digest)");

/// Holds what a query needs of a slice in the order of time, so that summing usage reads neither the bytes of slices nor, where no label is
/// asked for, their rows.
pub(crate) const SLICE_TOTALS: Object = (
    "slice_totals",
    "CREATE TABLE slice_totals (
  start_ms INTEGER NOT NULL,
  end_ms INTEGER NOT NULL,
  stream INTEGER NOT NULL REFERENCES streams (id),
  slice INTEGER NOT NULL REFERENCES slices (id),
  total_upper INTEGER NOT NULL CHECK (total_upper >= 0),
  total_lower INTEGER NOT NULL CHECK (total_lower BETWEEN 0 AND 4294967295),
  PRIMARY KEY (start_ms, end_ms, stream, slice)
) STRICT, WITHOUT ROWID",
);

/// Every object of the schema with the exact text that creates it, in order of creation.
///
/// SQLite keeps these texts, and verification compares them. If a table were replaced by a view, or a constraint dropped,
/// every other check would be worthless.
pub(crate) const OBJECTS: [Object; 9] = [
    (
        "streams",
        "CREATE TABLE streams (
  id INTEGER PRIMARY KEY,
  origin BLOB NOT NULL CHECK (length(origin) = 16),
  tenant TEXT NOT NULL CHECK (length(CAST(tenant AS BLOB)) <= 1024),
  dimension TEXT NOT NULL CHECK (length(CAST(dimension AS BLOB)) <= 1024),
  next_seq INTEGER NOT NULL CHECK (next_seq > 0),
  last_digest BLOB NOT NULL CHECK (length(last_digest) = 32),
  UNIQUE (origin, tenant, dimension)
) STRICT",
    ),
    (
        "slices",
        "CREATE TABLE slices (
  id INTEGER PRIMARY KEY,
  stream INTEGER NOT NULL REFERENCES streams (id),
  seq INTEGER NOT NULL CHECK (seq >= 0),
  digest BLOB NOT NULL CHECK (length(digest) = 32),
  start_ms INTEGER NOT NULL CHECK (start_ms >= 0),
  end_ms INTEGER NOT NULL CHECK (end_ms > start_ms),
  row_count INTEGER NOT NULL CHECK (row_count > 0),
  bytes BLOB NOT NULL CHECK (length(bytes) <= 1048576),
  UNIQUE (stream, seq)
) STRICT",
    ),
    SLICES_BY_DIGEST,
    SLICE_TOTALS,
    (
        "row_keys",
        "CREATE TABLE row_keys (
  id INTEGER PRIMARY KEY,
  method TEXT CHECK (length(CAST(method AS BLOB)) <= 1024),
  route TEXT CHECK (length(CAST(route AS BLOB)) <= 1024),
  service TEXT CHECK (length(CAST(service AS BLOB)) <= 1024),
  region TEXT CHECK (length(CAST(region AS BLOB)) <= 1024),
  namespace INTEGER CHECK (namespace BETWEEN 0 AND 4294967295),
  account BLOB CHECK (length(account) = 16),
  CHECK ((method IS NULL) = (account IS NOT NULL)),
  CHECK ((route IS NULL) = (method IS NULL)),
  CHECK ((service IS NULL) = (method IS NULL)),
  CHECK ((region IS NULL) = (method IS NULL)),
  CHECK ((namespace IS NULL) = (account IS NULL))
) STRICT",
    ),
    (
        "row_keys_by_labels",
        "CREATE UNIQUE INDEX row_keys_by_labels ON row_keys (route, method, service, region)
  WHERE method IS NOT NULL",
    ),
    (
        "row_keys_by_account",
        "CREATE UNIQUE INDEX row_keys_by_account ON row_keys (namespace, account)
  WHERE account IS NOT NULL",
    ),
    (
        "usage",
        "CREATE TABLE usage (
  slice INTEGER NOT NULL REFERENCES slices (id),
  row_key INTEGER NOT NULL REFERENCES row_keys (id),
  increment INTEGER NOT NULL CHECK (increment <> 0),
  PRIMARY KEY (slice, row_key)
) STRICT, WITHOUT ROWID",
    ),
    CLAIMS,
];

/// What a SQLite file is for this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// A file without tables and without the mark of a program. It may become a ledger.
    Blank,
    /// A ledger of the current schema.
    Ledger,
    /// A ledger of an older schema, which can be read and carried over.
    Older,
    /// A ledger of a newer build, with the version of its schema.
    Newer(i32),
    /// A database of another program, with its application id.
    Foreign(i32),
}

/// Returns what the open file is, without changing it. It reads in one transaction, because another process may be creating the
/// ledger.
pub(crate) fn kind(transaction: &Transaction<'_>) -> rusqlite::Result<FileKind> {
    let application_id: i32 = transaction.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version = version(transaction)?;
    let objects: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match (application_id, version, objects) {
        (APPLICATION_ID, VERSION, _) => FileKind::Ledger,
        (APPLICATION_ID, FIRST_VERSION..VERSION, _) => FileKind::Older,
        (APPLICATION_ID, newer, _) if newer > VERSION => FileKind::Newer(newer),
        (0, 0, 0) => FileKind::Blank,
        (foreign, ..) => FileKind::Foreign(foreign),
    })
}

/// Creates the tables in a blank file.
pub(crate) fn create(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    for (_, sql) in OBJECTS {
        transaction.execute_batch(sql)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)
}

/// Returns the version of the schema that the file claims to have.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Returns whether the file has a total for each slice, which older schemas have not.
pub(crate) fn has_totals(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(version(connection)? >= 3)
}

/// Returns the objects of a version of the schema.
fn objects(version: i32) -> Vec<Object> {
    if version > 2 {
        return OBJECTS.to_vec();
    }
    let mut objects = OBJECTS.to_vec();
    objects.retain(|object| ![SLICE_TOTALS, SLICES_BY_DIGEST].contains(object));
    objects.push(SLICES_BY_WINDOW_2);
    if version == 1 {
        objects.retain(|object| *object != CLAIMS);
        for object in &mut objects {
            match object.0 {
                "streams" => *object = STREAMS_1,
                "row_keys" => *object = ROW_KEYS_1,
                _ => {}
            }
        }
    }
    objects
}

/// Returns the first difference between the stored schema and that of its version, as expected and found.
///
/// Further tables, views and indexes of a user do no harm. A trigger can change what a statement does, so it is a difference,
/// although the connections of this crate run none.
pub(crate) fn difference(connection: &Connection) -> Result<Option<(String, String)>, Fault> {
    for (name, expected) in objects(version(connection)?) {
        let found: Option<String> = connection
            .query_row("SELECT sql FROM sqlite_schema WHERE name = ?1", [name], |row| row.get(0))
            .optional()?;
        match found {
            Some(found) if found == expected => {}
            Some(found) => return Ok(Some((expected.to_owned(), found))),
            None => return Ok(Some((expected.to_owned(), format!("no `{name}` in the schema")))),
        }
    }
    let trigger: Option<String> = connection
        .query_row("SELECT name FROM sqlite_schema WHERE type = 'trigger' LIMIT 1", [], |row| row.get(0))
        .optional()?;
    Ok(trigger.map(|name| ("no trigger".to_owned(), format!("trigger `{name}`"))))
}
