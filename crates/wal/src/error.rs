//! Errors, each with the value that caused it and with what to do.

use std::error::Error as _;
use std::{fmt, io, path::PathBuf};

/// Which limit of [`WalOptions`](crate::WalOptions) refused a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// `max_bytes`: the bytes that the log's files take.
    Bytes,
    /// `max_entries`: the records in segments that are not retired.
    Records,
    /// `max_age_ms`: the age of the oldest segment that is still needed.
    Age,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes => "max_bytes",
            Self::Records => "max_entries",
            Self::Age => "max_age_ms",
        })
    }
}

/// An operation of the log failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalError {
    /// A limit is reached. The log is unchanged. Release and retire records, or wait.
    #[error("log is full: {limit} is {max} and {needed} would be needed; release and retire records, or raise the limit")]
    Full {
        /// Which limit.
        limit: Limit,
        /// What the log would need, in the unit of the limit.
        needed: u64,
        /// The configured limit.
        max: u64,
    },
    /// The file system has no free space. The log is unchanged, and what it holds stays readable.
    #[error("no space left on the device while trying to {operation} {file}; free space, the log keeps what it holds")]
    DiskFull {
        /// The operation.
        operation: &'static str,
        /// The file.
        file: String,
        /// The system's error.
        source: io::Error,
    },
    /// The body is longer than [`RECORD_BODY_BYTES_MAX`](crate::RECORD_BODY_BYTES_MAX).
    #[error("record of {length} bytes is longer than the {max} bytes a record may have; split it")]
    TooLarge {
        /// The length of the body.
        length: usize,
        /// The limit.
        max: usize,
    },
    /// The system refused an operation. The log is unchanged unless another variant says otherwise.
    #[error("failed to {operation} {file}")]
    Io {
        /// The operation.
        operation: &'static str,
        /// The file or directory.
        file: String,
        /// The system's error.
        source: io::Error,
    },
    /// A sync failed. The segment is poisoned: it is never written or synced again, and none of its records counts as
    /// durable. Append the records of [`Wal::unsafe_positions`](crate::Wal::unsafe_positions) again, release the old
    /// positions, then sync.
    #[error(
        "sync of segment {segment} failed; append its records again, release the old positions, then sync"
    )]
    SyncFailed {
        /// The segment that is poisoned now.
        segment: u64,
        /// The system's error.
        source: io::Error,
    },
    /// A partial append could not be removed. The segment is poisoned, as after [`WalError::SyncFailed`]. The record was not
    /// appended.
    #[error("segment {segment} could not be cut back after a failed append and is closed; append its records again")]
    AppendFailed {
        /// The segment that is poisoned now.
        segment: u64,
        /// The system's error.
        source: io::Error,
    },
    /// A poisoned segment still holds records that were neither appended again nor released. So not everything is durable,
    /// and nothing is deleted.
    #[error("segment {segment} is poisoned and holds {records} unreleased records; append them again and release the old positions")]
    Unsafe {
        /// The oldest such segment.
        segment: u64,
        /// The number of its records that are not released.
        records: usize,
    },
    /// Another process has locked the directory.
    #[error("log directory {} is in use by another process; stop it, or choose another directory", directory.display())]
    Locked {
        /// The directory.
        directory: PathBuf,
    },
    /// A segment was written by a newer version of this program. Nothing was changed.
    #[error(
        "{file} has format version {found}, this program reads up to {supported}; use the newer program"
    )]
    NewerVersion {
        /// The file.
        file: String,
        /// The version in its header.
        found: u32,
        /// The newest version that can be read.
        supported: u32,
    },
    /// Two segments belong to different logs. Nothing was changed.
    #[error(
        "segments {first} and {second} have different origins ({}, {}): two logs were mixed; move one of them away",
        hexadecimal(first_origin), hexadecimal(second_origin)
    )]
    OriginMismatch {
        /// A segment.
        first: u64,
        /// Its origin.
        first_origin: [u8; 16],
        /// A segment with another origin.
        second: u64,
        /// Its origin.
        second_origin: [u8; 16],
    },
    /// There are segments, but none of their headers is readable. So the origin of the records is not known. Nothing was
    /// changed.
    #[error("no segment header is readable, so the origin of the log is unknown (segment {segment}); inspect it and move the directory away")]
    OriginLost {
        /// The newest such segment.
        segment: u64,
    },
    /// An option is outside its range.
    #[error("{option} is {value}, must be {min} to {max}")]
    InvalidOption {
        /// Its name.
        option: &'static str,
        /// Its value.
        value: u64,
        /// The least value.
        min: u64,
        /// The greatest value.
        max: u64,
    },
    /// The highest segment number in the directory is the highest there is.
    #[error(
        "no segment number is left after {highest}; a stray file claims the highest number, move it away"
    )]
    NumbersExhausted {
        /// The highest number found.
        highest: u64,
    },
}

impl WalError {
    /// Wraps an error of the system. A lack of space becomes [`WalError::DiskFull`].
    pub(crate) fn io(operation: &'static str, file: &str, source: io::Error) -> Self {
        let file = file.to_owned();
        if is_disk_full(&source) {
            Self::DiskFull { operation, file, source }
        } else {
            Self::Io { operation, file, source }
        }
    }

    /// Returns the message and its cause in one line.
    pub(crate) fn with_cause(&self) -> String {
        match self.source() {
            Some(cause) => format!("{self}: {cause}"),
            None => self.to_string(),
        }
    }
}

// `io::ErrorKind::StorageFull` is newer than the oldest supported Rust.
#[cfg(windows)]
const DISK_FULL_CODES: [i32; 2] = [112, 39];
// ENOSPC everywhere, and EDQUOT: 122 on Linux, 69 on the BSDs and macOS.
#[cfg(any(target_os = "linux", target_os = "android"))]
const DISK_FULL_CODES: [i32; 2] = [28, 122];
#[cfg(not(any(windows, target_os = "linux", target_os = "android")))]
const DISK_FULL_CODES: [i32; 2] = [28, 69];

fn is_disk_full(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| DISK_FULL_CODES.contains(&code))
}

/// Returns the system's error for a full disk.
#[cfg(feature = "fault")]
pub(crate) fn disk_full() -> io::Error {
    io::Error::from_raw_os_error(DISK_FULL_CODES[0])
}

fn hexadecimal(bytes: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use ron_accounting_error_contract::assert_errors;

    use super::*;

    #[test]
    fn every_error_leaves_its_cause_to_its_source() {
        let file = || "00000000000000000007.wal".to_owned();
        let source = || io::Error::other("disk on fire");
        assert_errors!(WalError {
            without_cause: {
                Full => WalError::Full { limit: Limit::Bytes, needed: 2, max: 1 },
                TooLarge => WalError::TooLarge { length: 2, max: 1 },
                Unsafe => WalError::Unsafe { segment: 7, records: 1 },
                Locked => WalError::Locked { directory: PathBuf::from("log") },
                NewerVersion => WalError::NewerVersion { file: file(), found: 2, supported: 1 },
                OriginMismatch => WalError::OriginMismatch {
                    first: 7, first_origin: [1; 16], second: 8, second_origin: [2; 16],
                },
                OriginLost => WalError::OriginLost { segment: 7 },
                InvalidOption => WalError::InvalidOption { option: "max_bytes", value: 1, min: 2, max: 3 },
                NumbersExhausted => WalError::NumbersExhausted { highest: u64::MAX },
            }
            with_cause: {
                DiskFull => WalError::DiskFull { operation: "write", file: file(), source: disk_full() },
                Io => WalError::Io { operation: "write", file: file(), source: source() },
                SyncFailed => WalError::SyncFailed { segment: 7, source: source() },
                AppendFailed => WalError::AppendFailed { segment: 7, source: source() },
            }
        });
    }
}
