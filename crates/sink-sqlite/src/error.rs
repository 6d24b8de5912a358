//! Errors of a ledger file, each with what to do about it.

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
};

use ron_accounting_export::{Cause, PutError};
use ron_accounting_ledger::ReadError;
use ron_ledger_wire::{Seq, StreamId};
use rusqlite::ErrorCode;

/// Why a ledger could not be opened or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// A read-only open found no file.
    #[error("no ledger at {}: check the path, or write to it first", path.display())]
    Missing {
        /// The path of the ledger.
        path: PathBuf,
    },
    /// The folder that the ledger would be created in does not exist.
    #[error("cannot create ledger {}: folder {} does not exist, create it first", path.display(), folder.display())]
    MissingFolder {
        /// The path of the ledger.
        path: PathBuf,
        /// The folder.
        folder: PathBuf,
    },
    /// The path leads to a folder or a device.
    #[error("{} is not a file: name the ledger file itself", path.display())]
    NotAFile {
        /// The path of the ledger.
        path: PathBuf,
    },
    /// The file is not a SQLite database.
    #[error("{} is not a SQLite database, and was left as it is: name another file", path.display())]
    NotADatabase {
        /// The path of the ledger.
        path: PathBuf,
    },
    /// The file is a SQLite database of another program.
    #[error(
        "{} is a SQLite database but no ledger (application id {application_id:#010x}), and was left as it is: \
         name another file", path.display()
    )]
    ForeignDatabase {
        /// The path of the ledger.
        path: PathBuf,
        /// The id in the file's header; 0 when its program sets none.
        application_id: i32,
    },
    /// A newer build wrote the ledger.
    #[error(
        "ledger {} has schema {found} and this build reads up to {supported}: use the build that wrote it, or newer",
        path.display()
    )]
    NewerSchema {
        /// The path of the ledger.
        path: PathBuf,
        /// The file's schema version.
        found: i32,
        /// The newest that this build knows.
        supported: i32,
    },
    /// Another process or handle holds the lock that is needed, for longer than this crate waits.
    #[error("ledger {} is locked by another writer: stop it or wait for it, then try again", path.display())]
    Locked {
        /// The path of the ledger.
        path: PathBuf,
    },
    /// The file's structure is broken, or it holds a value that no ledger writes.
    #[error("ledger {} is damaged: verify it, and restore it from a copy", path.display())]
    Damaged {
        /// The path of the ledger.
        path: PathBuf,
        /// The error of SQLite, or the value that no ledger writes.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A writer changed the file during a read that had begun while the file had no writer.
    #[error("ledger {} changed while it was read: ask again", path.display())]
    ChangedWhileReading {
        /// The path of the ledger.
        path: PathBuf,
    },
    /// The SQLite library is one that can corrupt a ledger.
    #[error("SQLite {found} can corrupt a database in WAL mode: build with {required} or newer")]
    OldSqlite {
        /// The version linked in.
        found: &'static str,
        /// The oldest that is safe.
        required: &'static str,
    },
    /// The file system lacks what write-ahead logging needs.
    #[error("ledger {} cannot use write-ahead logging, its mode stays `{mode}`: use a local disk", path.display())]
    NoWriteAheadLog {
        /// The path of the ledger.
        path: PathBuf,
        /// The journal mode that SQLite fell back to.
        mode: String,
    },
    /// The file or its `-wal` file cannot be opened.
    #[error(
        "cannot open ledger {} or its `-wal` file: allow this program to read and write file and folder, \
         or copy both to where it may", path.display()
    )]
    CannotOpen {
        /// The path of the ledger.
        path: PathBuf,
        /// The error of SQLite.
        source: rusqlite::Error,
    },
    /// The file could not be inspected.
    #[error("cannot read ledger {}", path.display())]
    Io {
        /// The path of the ledger.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// SQLite reported another error.
    #[error("ledger {} failed", path.display())]
    Sqlite {
        /// The path of the ledger.
        path: PathBuf,
        /// The error of SQLite.
        source: rusqlite::Error,
    },
    /// A slice that had to be stored together with others was refused, and nothing was stored.
    #[error("ledger {} refuses a slice, and nothing was stored", path.display())]
    Refused {
        /// The path of the ledger.
        path: PathBuf,
        /// Why it was refused.
        source: PutError,
    },
}

/// Why a slice is refused for good, although the acceptance rule would take it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("ledger {} was opened for reading only", path.display())]
    ReadOnly { path: PathBuf },
    /// The file was edited: it holds what the schema does not allow together with this slice.
    #[error("the ledger is damaged, verify it")]
    Constraint(#[source] rusqlite::Error),
    /// The file was edited: a slice is gone that its stream's head promises.
    #[error("the ledger is damaged, verify it: its head is past seq {seq} but that slice is missing")]
    MissingSlice { seq: Seq },
    #[error("{column} {value} is past {}, the largest that the ledger stores", i64::MAX)]
    TooLarge { column: &'static str, value: u64 },
}

impl From<Refusal> for PutError {
    fn from(refusal: Refusal) -> Self {
        Self::rejected(refusal)
    }
}

/// A failure inside this crate, where the path of the file is not at hand.
#[derive(Debug)]
pub(crate) enum Fault {
    Sqlite(rusqlite::Error),
    /// A stored value that no ledger writes.
    Stored(String),
    /// A slice that had to be stored.
    Refused(PutError),
    Final(LedgerError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Returns whether a statement would have stored what the schema does not allow.
pub(crate) fn is_constraint(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}

impl Fault {
    pub(crate) fn is_constraint(&self) -> bool {
        matches!(self, Self::Sqlite(error) if is_constraint(error))
    }

    pub(crate) fn at(self, path: &Path) -> LedgerError {
        let path = path.to_owned();
        match self {
            Self::Final(error) => error,
            Self::Stored(reason) => LedgerError::Damaged { path, source: reason.into() },
            Self::Refused(source) => LedgerError::Refused { path, source },
            Self::Sqlite(source) if is_damage(&source) => {
                LedgerError::Damaged { path, source: source.into() }
            }
            Self::Sqlite(source) => match source.sqlite_error_code() {
                Some(ErrorCode::NotADatabase) => LedgerError::NotADatabase { path },
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LedgerError::Locked { path },
                Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                    LedgerError::CannotOpen { path, source }
                }
                _ => LedgerError::Sqlite { path, source },
            },
        }
    }

    /// Returns the answer to a whole batch. Its transaction is rolled back, so the slices may be offered again.
    pub(crate) fn unavailable(self, path: &Path) -> PutError {
        match self.at(path) {
            LedgerError::Locked { .. } => PutError::Busy,
            error => PutError::unavailable(error),
        }
    }
}

/// Why a question has no answer: a fault of the file, or a reason that does not depend on the kind of ledger.
#[derive(Debug)]
pub(crate) enum Unanswered {
    Fault(Fault, Option<(StreamId, Option<Seq>)>),
    Reason(ReadError),
}

impl From<Fault> for Unanswered {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault, None)
    }
}

impl From<rusqlite::Error> for Unanswered {
    fn from(error: rusqlite::Error) -> Self {
        Self::Fault(error.into(), None)
    }
}

impl From<ReadError> for Unanswered {
    fn from(error: ReadError) -> Self {
        Self::Reason(error)
    }
}

impl Unanswered {
    /// Adds the stream and the slice that a fault belongs to.
    pub(crate) fn about(self, stream: &StreamId, seq: Option<Seq>) -> Self {
        match self {
            Self::Fault(fault, None) => Self::Fault(fault, Some((stream.clone(), seq))),
            known => known,
        }
    }

    pub(crate) fn at(self, path: &Path) -> ReadError {
        let (fault, slice) = match self {
            Self::Reason(error) => return error,
            Self::Fault(fault, slice) => (fault, slice),
        };
        match fault.at(path) {
            LedgerError::Damaged { source, .. } => {
                let (stream, seq) = slice.map_or((None, None), |(stream, seq)| (Some(stream), seq));
                ReadError::Damaged { stream, seq, source: Cause::new(source) }
            }
            error @ (LedgerError::NewerSchema { .. }
            | LedgerError::ForeignDatabase { .. }
            | LedgerError::NotADatabase { .. }
            | LedgerError::NotAFile { .. }) => ReadError::refused(error),
            error => ReadError::unavailable(error),
        }
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    match error.sqlite_error_code() {
        // Too big: no value that a ledger writes reaches the limit that is set at opening.
        Some(code) => matches!(code, ErrorCode::DatabaseCorrupt | ErrorCode::TooBig),
        None => matches!(
            error,
            rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::Utf8Error(..)
                | rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
        ),
    }
}

#[cfg(test)]
mod tests {
    use ron_accounting_error_contract::assert_errors;

    use super::*;

    #[test]
    fn every_error_leaves_its_cause_to_its_source() {
        let path = || PathBuf::from("usage.db");
        let sqlite = || rusqlite::Error::ExecuteReturnedResults;
        assert_errors!(LedgerError {
            without_cause: {
                Missing => LedgerError::Missing { path: path() },
                MissingFolder => LedgerError::MissingFolder { path: path(), folder: path() },
                NotAFile => LedgerError::NotAFile { path: path() },
                NotADatabase => LedgerError::NotADatabase { path: path() },
                ForeignDatabase => LedgerError::ForeignDatabase { path: path(), application_id: 1 },
                NewerSchema => LedgerError::NewerSchema { path: path(), found: 4, supported: 3 },
                Locked => LedgerError::Locked { path: path() },
                ChangedWhileReading => LedgerError::ChangedWhileReading { path: path() },
                OldSqlite => LedgerError::OldSqlite { found: "3.40.1", required: "3.51.3" },
                NoWriteAheadLog => LedgerError::NoWriteAheadLog { path: path(), mode: "delete".to_owned() },
            }
            with_cause: {
                Damaged => LedgerError::Damaged { path: path(), source: "a digest of 3 bytes".into() },
                CannotOpen => LedgerError::CannotOpen { path: path(), source: sqlite() },
                Refused => LedgerError::Refused { path: path(), source: PutError::rejected(sqlite()) },
                Io => LedgerError::Io { path: path(), source: io::Error::other("no medium") },
                Sqlite => LedgerError::Sqlite { path: path(), source: sqlite() },
            }
        });
        assert_errors!(Refusal {
            without_cause: {
                ReadOnly => Refusal::ReadOnly { path: path() },
                MissingSlice => Refusal::MissingSlice { seq: Seq::new(7) },
                TooLarge => Refusal::TooLarge { column: "seq", value: u64::MAX },
            }
            with_cause: { Constraint => Refusal::Constraint(sqlite()) }
        });
    }
}
