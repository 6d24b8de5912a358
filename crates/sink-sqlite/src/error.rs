//! What can go wrong with a ledger file, and what to do about it.

use std::{
    io,
    path::{Path, PathBuf},
};

use ron_accounting_export::PutError;
use rusqlite::ErrorCode;

/// Why a ledger could not be opened or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// A read-only open found no file.
    #[error("no ledger at {}: check the path, or write to it first", path.display())]
    Missing {
        /// The path asked for.
        path: PathBuf,
    },
    /// The folder that the ledger would be created in does not exist.
    #[error("cannot create ledger {}: folder {} does not exist, create it first", path.display(), folder.display())]
    MissingFolder {
        /// The path asked for.
        path: PathBuf,
        /// Its parent.
        folder: PathBuf,
    },
    /// The path leads to a folder or a device.
    #[error("{} is not a file: name the ledger file itself", path.display())]
    NotAFile {
        /// The path asked for.
        path: PathBuf,
    },
    /// The file is not a SQLite database.
    #[error("{} is not a SQLite database, and was left as it is: name another file", path.display())]
    NotADatabase {
        /// The path asked for.
        path: PathBuf,
    },
    /// The file is a SQLite database of another program.
    #[error(
        "{} is a SQLite database but no ledger (application id {application_id:#010x}), and was left as it is: \
         name another file", path.display()
    )]
    ForeignDatabase {
        /// The path asked for.
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
        /// The path asked for.
        path: PathBuf,
        /// The file's schema version.
        found: i32,
        /// The newest that this build knows.
        supported: i32,
    },
    /// Another process or handle holds the lock that is needed, for longer than this crate waits.
    #[error("ledger {} is locked by another writer: stop it or wait for it, then try again", path.display())]
    Locked {
        /// The path asked for.
        path: PathBuf,
    },
    /// The file's structure is broken, or it holds a value that no ledger writes.
    #[error("ledger {} is damaged ({reason}): verify it, and restore it from a copy", path.display())]
    Damaged {
        /// The path asked for.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A writer changed the file during a read that had started while nobody was writing.
    #[error("ledger {} changed while it was read: ask again", path.display())]
    ChangedWhileReading {
        /// The path asked for.
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
    /// A file system without what write-ahead logging needs.
    #[error("ledger {} cannot use write-ahead logging, its mode stays `{mode}`: use a local disk", path.display())]
    NoWriteAheadLog {
        /// The path asked for.
        path: PathBuf,
        /// The journal mode that SQLite fell back to.
        mode: String,
    },
    /// The file, or the log beside it, cannot be opened.
    #[error(
        "cannot open ledger {} or the log beside it ({source}): allow this program to read and write file and folder, \
         or copy both to where it may", path.display()
    )]
    CannotOpen {
        /// The path asked for.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file could not be inspected.
    #[error("cannot read ledger {}: {source}", path.display())]
    Io {
        /// The path asked for.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Any other answer of SQLite.
    #[error("ledger {} failed: {source}", path.display())]
    Sqlite {
        /// The path asked for.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The sum of a group is larger than an increment can say.
    #[error("the sum of {group} is {sum}, past {}: ask for smaller groups or a shorter time", u64::MAX)]
    SumOverflow {
        /// The columns of the group and their values.
        group: String,
        /// The exact sum.
        sum: u128,
    },
}

/// A failure inside this crate, before it knows which file it is about.
#[derive(Debug)]
pub(crate) enum Fault {
    Sqlite(rusqlite::Error),
    /// A stored value that no ledger writes.
    Stored(String),
    Final(LedgerError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Whether a statement wanted to store what the schema does not allow.
pub(crate) fn is_constraint(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}

impl Fault {
    pub(crate) fn is_constraint(&self) -> bool {
        matches!(self, Self::Sqlite(error) if is_constraint(error))
    }

    pub(crate) fn at(self, path: &Path) -> LedgerError {
        let path = path.to_owned();
        if let Some(reason) = self.damage() {
            return LedgerError::Damaged { path, reason };
        }
        match self {
            Self::Final(error) => error,
            Self::Stored(reason) => LedgerError::Damaged { path, reason },
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

    /// The answer to a whole batch. Whatever was done is rolled back, so the slices may be offered again.
    pub(crate) fn unavailable(self, path: &Path) -> PutError {
        match self.at(path) {
            LedgerError::Locked { .. } => PutError::Busy,
            error => PutError::Unavailable { reason: error.to_string() },
        }
    }

    /// What is wrong with the file, for a fault that is evidence about it rather than about reaching it.
    pub(crate) fn damage(&self) -> Option<String> {
        match self {
            Self::Stored(reason) => Some(reason.clone()),
            Self::Final(_) => None,
            Self::Sqlite(error) => {
                let broken = match error.sqlite_error_code() {
                    // Too big: no value that a ledger writes reaches the limit set at opening.
                    Some(code) => matches!(code, ErrorCode::DatabaseCorrupt | ErrorCode::TooBig),
                    None => matches!(
                        error,
                        rusqlite::Error::InvalidColumnType(..)
                            | rusqlite::Error::Utf8Error(..)
                            | rusqlite::Error::FromSqlConversionFailure(..)
                            | rusqlite::Error::IntegralValueOutOfRange(..)
                    ),
                };
                broken.then(|| error.to_string())
            }
        }
    }
}
