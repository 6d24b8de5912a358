//! Opens a ledger file, for writing or only for reading.
//!
//! # Reading without a trace
//! A reader that SQLite opens in the usual way creates `-wal` and `-shm` files, leaves them there, and needs a writable folder.
//! So this crate first checks whether the file has a `-wal` file:
//!
//! * Without one, the file is complete and has no writer. It is opened as *immutable*: SQLite takes no locks, creates nothing, and
//!   works on read-only media. But it trusts that the file does not change. So each read compares the file's size, time and
//!   inode before and after, and fails with [`LedgerError::ChangedWhileReading`] if a writer came in between.
//! * With one, a writer is at work or was killed. Both files are opened read-only, and a read sees the last commit. The
//!   `-shm` file is memory that readers and writers share: readers write their marks there, and SQLite creates it if it is
//!   missing, as it is after copying. (`readonly_shm` would avoid that, but then no handle in the same process could write.)

use std::{
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{config::DbConfig, limits::Limit, Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::{
    error::{Fault, LedgerError},
    file_state::FileState,
    migration,
    row_keys::RowKeyIds,
    schema::{self, FileKind},
};

/// The longest wait of a call for the lock of another process. Retries are up to the caller's lanes.
const BUSY_TIMEOUT: Duration = Duration::from_millis(250);

/// The longest wait of opening in all. Several programs that start with one new file each lock it for a moment, and at that time
/// no caller has lanes that would try again.
const OPENING_MAX: Duration = Duration::from_secs(5);

/// The wait between two attempts to open. SQLite refuses some locks at once, without a wait.
const OPENING_RETRY: Duration = Duration::from_millis(10);

/// The first version of SQLite that cannot corrupt a database in WAL mode.
const SQLITE_REQUIRED: (i32, &str) = (3_051_003, "3.51.3");

/// Length in bytes to which a `-wal` file that grew in a burst is cut at the next checkpoint.
const LOG_BYTES_KEPT: i64 = 16 << 20;

/// The longest value or row in bytes that SQLite reads. A slice has one MiB at most, and a label one KiB. A longer value in an
/// edited file is an error, and takes no memory.
const VALUE_BYTES_MAX: i32 = 2 << 20;

/// Length of the smallest database in bytes: one page of the smallest size.
const DATABASE_BYTES_MIN: u64 = 512;

/// A usage ledger in one SQLite file.
///
/// Any number of processes may write one ledger. Each call takes SQLite's lock for one transaction, and reads there all that its
/// decisions depend on. Two processes must not share an origin:
/// [`put_claimed`](ron_accounting_export::Exporter::put_claimed) tells two copies of one log apart.
///
/// Threads may share a handle; its calls run one at a time. A long read through the handle that also writes keeps the writer
/// waiting, so open a second handle for it with [`SqliteLedger::open_read_only`].
///
/// ```
/// use ron_accounting_export::{Ack, Exporter};
/// use ron_accounting_ledger::{usage_rows, verify, Column, UsageQuery};
/// use ron_accounting_sqlite::SqliteLedger;
/// use ron_ledger_wire::{Origin, Row, RowKey, Seq, Slice, StreamId};
///
/// let folder = tempfile::tempdir()?;
/// let ledger = SqliteLedger::open(folder.path().join("usage.db"))?;
/// let slice = Slice {
///     stream: StreamId::new(Origin::from_bytes([7; 16]), "acme", "requests"),
///     seq: Seq::FIRST,
///     start_ms: 0,
///     end_ms: 60_000,
///     previous: None,
///     rows: vec![Row { key: RowKey::Account { namespace: 1, id: 42 }, increment: 3 }],
/// }
/// .encode()?;
/// assert_eq!(ledger.put_batch(&[slice.clone()]), [Ok(Ack::Ok)]);
/// assert_eq!(ledger.put_batch(&[slice]), [Ok(Ack::Duplicate)]);
///
/// let usage = usage_rows(&ledger, &UsageQuery::by([Column::Tenant]))?;
/// assert_eq!(usage[0].sum, 3);
/// assert_eq!(verify(&ledger, |_| {})?.slices, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SqliteLedger {
    path: PathBuf,
    opened: Mutex<Opened>,
}

/// The connection, and what it may be used for.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) connection: Connection,
    pub(crate) row_keys: RowKeyIds,
    access: Access,
}

#[derive(Debug)]
enum Access {
    Write,
    /// Reads the file and its `-wal` file.
    ReadLogged,
    /// Reads a file without a `-wal` file, which must not change.
    ReadImmutable(FileState),
}

impl Opened {
    pub(crate) fn is_writable(&self) -> bool {
        matches!(self.access, Access::Write)
    }
}

impl SqliteLedger {
    /// Opens a ledger for reading and writing, and creates it if there is no file.
    ///
    /// Only a missing or an empty file becomes a ledger. A ledger of an older schema is changed to the current one. Each kind of
    /// obstacle is a [`LedgerError`] of its own, and leaves the file unchanged. Several processes may create the same file at
    /// once; each waits for the others. If a writer stays in a transaction, fails with [`LedgerError::Locked`] after five seconds.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, LedgerError> {
        let path = path.as_ref();
        require_safe_sqlite()?;
        let start = Instant::now();
        loop {
            match Self::try_open(path) {
                Err(LedgerError::Locked { .. }) if start.elapsed() < OPENING_MAX => {
                    thread::sleep(OPENING_RETRY);
                }
                opened => return opened,
            }
        }
    }

    fn try_open(path: &Path) -> Result<Self, LedgerError> {
        let absolute = absolute(path)?;
        inspect_for_writing(path, &absolute)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
        // An absolute path: SQLite would take `:memory:` and `file:...` for something else than a file name.
        let connection = Connection::open_with_flags(&absolute, flags)
            .map_err(Fault::from)
            .and_then(|mut connection| prepare_for_writing(&mut connection, path).map(|()| connection))
            .map_err(|fault| fault.at(path))?;
        Ok(Self {
            path: path.to_owned(),
            opened: Mutex::new(Opened { connection, row_keys: RowKeyIds::default(), access: Access::Write }),
        })
    }

    /// Opens an existing ledger and never changes it.
    ///
    /// Another process may write or create it meanwhile, and it may be on read-only media. No other file is touched, unless
    /// there is a `-wal` file: then the `-shm` file is, which all readers share.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, LedgerError> {
        let path = path.as_ref();
        require_safe_sqlite()?;
        let opened = open_for_reading(path)?;
        Ok(Self { path: path.to_owned(), opened: Mutex::new(opened) })
    }

    /// Returns the path as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Opened> {
        // A panic in a caller's `visit` poisons the lock and nothing else, because its transaction was rolled back.
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` on one consistent view of the ledger.
    pub(crate) fn read<T, E>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, E>) -> Result<T, E>
    where
        E: From<Fault>,
    {
        let mut opened = self.lock();
        if let Access::ReadImmutable(before) = &opened.access {
            if !before.is_unchanged() {
                *opened = open_for_reading(&self.path).map_err(Fault::Final)?;
            }
        }
        let result = opened.connection.transaction().map_err(|error| Fault::from(error).into()).and_then(
            |transaction| {
                let result = work(&transaction)?;
                transaction.finish().map_err(Fault::from)?;
                Ok(result)
            },
        );
        if let Access::ReadImmutable(before) = &opened.access {
            // Results and errors alike may come from a mixture of two states.
            if !before.is_content_unchanged() {
                return Err(Fault::Final(LedgerError::ChangedWhileReading { path: self.path.clone() }).into());
            }
        }
        result
    }
}

fn require_safe_sqlite() -> Result<(), LedgerError> {
    let (number, required) = SQLITE_REQUIRED;
    if rusqlite::version_number() < number {
        return Err(LedgerError::OldSqlite { found: rusqlite::version(), required });
    }
    Ok(())
}

fn absolute(path: &Path) -> Result<PathBuf, LedgerError> {
    std::path::absolute(path).map_err(|source| LedgerError::Io { path: path.to_owned(), source })
}

/// Refuses files that SQLite would overwrite, or report with a vague error.
fn inspect_for_writing(path: &Path, absolute: &Path) -> Result<(), LedgerError> {
    let io_error = |source| LedgerError::Io { path: path.to_owned(), source };
    match fs::metadata(absolute) {
        Ok(metadata) if metadata.len() == 0 && metadata.is_file() => Ok(()),
        Ok(metadata) => inspect_file(path, &metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = absolute.parent().unwrap_or(absolute);
            if fs::metadata(folder).is_ok_and(|metadata| metadata.is_dir()) {
                return Ok(());
            }
            Err(LedgerError::MissingFolder { path: path.to_owned(), folder: folder.to_owned() })
        }
        Err(error) => Err(io_error(error)),
    }
}

fn inspect_file(path: &Path, metadata: &Metadata) -> Result<(), LedgerError> {
    if !metadata.is_file() {
        return Err(LedgerError::NotAFile { path: path.to_owned() });
    }
    // The file is not opened here: closing it would release the locks of every other handle in this process, as POSIX demands.
    // The length is checked because SQLite takes a file of one byte for an empty one.
    if metadata.len() < DATABASE_BYTES_MIN {
        return Err(LedgerError::NotADatabase { path: path.to_owned() });
    }
    Ok(())
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX)?;
    // An edited schema must not run code of its own.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "foreign_keys", true)
}

/// Configures a connection and creates the schema. Nothing is written before the file is known to be blank or a ledger.
fn prepare_for_writing(connection: &mut Connection, path: &Path) -> Result<(), Fault> {
    configure(connection)?;
    require_ledger(schema::kind(&connection.transaction()?)?, true, path)?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Fault::Final(LedgerError::NoWriteAheadLog { path: path.to_owned(), mode }));
    }
    // An acknowledgement means durable. In WAL mode only FULL syncs at each commit, and on macOS only a full sync reaches the
    // medium.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES_KEPT, |_| Ok(()))?;

    // A process that was killed between write and sync leaves commits that are visible but not durable. They would be
    // answered with `Duplicate`, so they are made durable first: by a checkpoint, or, while readers hold that up, by another
    // commit.
    let durable = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        let (busy, in_log, copied): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(busy == 0 && in_log == copied)
    })?;
    // Carrying an old schema over writes tables anew to which others refer.
    connection.pragma_update(None, "foreign_keys", false)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let kind = schema::kind(&transaction)?;
    require_ledger(kind, true, path)?;
    match kind {
        FileKind::Blank => schema::create(&transaction)?,
        FileKind::Older => migration::migrate(&transaction)?,
        _ if !durable => transaction.pragma_update(None, "user_version", schema::VERSION)?,
        _ => {}
    }
    transaction.commit()?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(())
}

fn require_ledger(kind: FileKind, blank_allowed: bool, path: &Path) -> Result<(), Fault> {
    let path = path.to_owned();
    match kind {
        FileKind::Ledger | FileKind::Older => Ok(()),
        FileKind::Blank if blank_allowed => Ok(()),
        FileKind::Blank => Err(Fault::Final(LedgerError::ForeignDatabase { path, application_id: 0 })),
        FileKind::Foreign(application_id) => {
            Err(Fault::Final(LedgerError::ForeignDatabase { path, application_id }))
        }
        FileKind::Newer(found) => {
            Err(Fault::Final(LedgerError::NewerSchema { path, found, supported: schema::VERSION }))
        }
    }
}

/// Opens a file for reading. While a writer creates, closes or carries over the file, its content may be a mixture of two states, so
/// opening is tried again. The same is done for a file without tables, which a writer may be about to create.
fn open_for_reading(path: &Path) -> Result<Opened, LedgerError> {
    let io_error = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => LedgerError::Missing { path: path.to_owned() },
        _ => LedgerError::Io { path: path.to_owned(), source },
    };
    let start = Instant::now();
    loop {
        inspect_file(path, &fs::metadata(path).map_err(io_error)?)?;
        // SQLite names the `-wal` file after the file that a symbolic link leads to.
        let real = fs::canonicalize(path).map_err(io_error)?;
        let state = FileState::of(real.clone()).map_err(io_error)?;
        let opened = open_in_state(&real, state.clone());
        let is_blank = matches!(opened, Ok((_, FileKind::Blank)));
        let is_ledger = matches!(opened, Ok((_, FileKind::Ledger | FileKind::Older)));
        let may_change = is_blank || !state.is_unchanged();
        if is_ledger || !may_change || start.elapsed() >= OPENING_MAX {
            return opened
                .and_then(|(opened, kind)| require_ledger(kind, false, path).map(|()| opened))
                .map_err(|fault| fault.at(path));
        }
        drop(opened);
        thread::sleep(OPENING_RETRY);
    }
}

fn open_in_state(real: &Path, state: FileState) -> Result<(Opened, FileKind), Fault> {
    let (access, parameters) = if state.has_log() {
        (Access::ReadLogged, "mode=ro")
    } else {
        (Access::ReadImmutable(state), "mode=ro&immutable=1")
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
    let mut connection = Connection::open_with_flags(uri(real, parameters), flags)?;
    configure(&connection)?;
    let kind = schema::kind(&connection.transaction()?)?;
    Ok((Opened { connection, row_keys: RowKeyIds::default(), access }, kind))
}

/// Returns the file name as a URI. Everything but letters, digits and the separators is escaped.
fn uri(path: &Path, parameters: &str) -> String {
    use std::fmt::Write;
    let mut uri = String::from("file://");
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => uri.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => drop(write!(uri, "%{byte:02X}")),
        }
    }
    uri.push('?');
    uri.push_str(parameters);
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_syncs_at_each_commit_and_checks_references() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let ledger = SqliteLedger::open(folder.path().join("usage.db")).unwrap();
            let opened = ledger.lock();
            let pragma =
                |name| opened.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
            let full = 2;
            assert_eq!(pragma("synchronous"), full);
            assert_eq!((pragma("fullfsync"), pragma("checkpoint_fullfsync")), (1, 1));
            assert_eq!(pragma("foreign_keys"), 1);
            assert_eq!(pragma("trusted_schema"), 0);
        }
    }

    #[test]
    fn commits_in_the_log_of_a_killed_process_are_made_durable_by_opening() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usage.db");
        let copy = folder.path().join("copy.db");
        let writer = SqliteLedger::open(&path).unwrap();
        fs::copy(&path, &copy).unwrap();
        fs::copy(folder.path().join("usage.db-wal"), folder.path().join("copy.db-wal")).unwrap();
        drop(writer);

        // Frames in the `-wal` file, and those of them that are in the file too.
        let frames = |ledger: &SqliteLedger| -> (i64, i64) {
            let opened = ledger.lock();
            let sql = "PRAGMA wal_checkpoint(NOOP)";
            opened.connection.query_row(sql, [], |row| Ok((row.get(1)?, row.get(2)?))).unwrap()
        };
        let ledger = SqliteLedger::open(&copy).unwrap();
        let (in_log, copied) = frames(&ledger);
        assert_eq!(copied, in_log);

        // A reader of an old commit holds a checkpoint up. Then another commit syncs the `-wal` file.
        let reader = SqliteLedger::open_read_only(&copy).unwrap();
        let mut reader = reader.lock();
        let view = reader.connection.transaction().unwrap();
        schema::kind(&view).unwrap();
        ledger.lock().connection.execute_batch("CREATE TABLE notes (a)").unwrap();
        let (before, _) = frames(&ledger);
        let (in_log, copied) = frames(&SqliteLedger::open(&copy).unwrap());
        assert!(copied < in_log, "the reader is in the way");
        assert!(in_log > before, "a commit of its own");
    }
}
