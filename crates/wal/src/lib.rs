//! A write-ahead log for opaque records: segmented, checksummed and bounded.
//!
//! Records are opaque bytes. Their owner appends them, acts upon them once they are synced, and releases each when it is no
//! longer needed. The log deletes a file once all its records are released.
//!
//! ```text
//!            append            sync               release               retire
//!  record  ---------> in file ------> durable ------------> not needed ---------> file deleted, or kept as the spare
//!                       |        \
//!                       |         sync failed: the segment is poisoned. Its records are appended again,
//!                       |                      then the old ones are released
//!                       crash: recovery returns every record that verifies and was not released and retired
//!
//!  segment   active (one, written) -> closed (footer, read only) -> retired (all records released)
//! ```
//!
//! ```
//! use ron_accounting_wal::{DirectoryStorage, RecordKind, Wal, WalOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let directory = directory.path();
//! let storage = DirectoryStorage::open(directory)?;
//! let (mut wal, recovery) = Wal::open(storage, [7; 16], WalOptions::default(), 0)?;
//! assert!(recovery.records.is_empty());
//! let position = wal.append(RecordKind(1), b"twelve requests", 1_000)?;
//! wal.sync()?; // the record is durable from here on
//! drop(wal);
//!
//! let storage = DirectoryStorage::open(directory)?;
//! let (mut wal, recovery) = Wal::open(storage, [0; 16], WalOptions::default(), 2_000)?;
//! assert_eq!(recovery.origin, [7; 16]); // the origin in the log, not the new one
//! assert_eq!(recovery.records[0].body, b"twelve requests");
//! wal.release(position);
//! # Ok(())
//! # }
//! ```
//!
//! # Writing
//!
//! * [`Wal`]: open, append, sync, rotate, release, retire.
//! * [`WalOptions`]: limits on bytes, records and age, and the size of a segment.
//! * [`WalStats`], [`SegmentUsage`]: gauges and counters for readiness and metrics, and for an owner that frees space.
//! * [`WalError`], [`Limit`]: what failed, and what to do about it.
//!
//! # Reading
//!
//! * [`Recovery`], [`RecoveryReport`]: what [`Wal::open`] found.
//! * [`Record`], [`Position`], [`RecordKind`]: a record, where it is, and the owner's tag.
//! * [`RecordRef`]: a record that [`Wal::open_with`] shows without a copy.
//! * [`inspect`](fn@inspect), [`inspect_directory`], [`Inspection`]: reading a log without changing it.
//! * [`Damage`], [`DamageKind`], [`SegmentState`]: bytes that do not verify, and what that means for their segment.
//!
//! # Storage
//!
//! * [`Storage`], [`SegmentFile`]: all that the log needs of a file system.
//! * [`DirectoryStorage`], [`DirectoryFile`]: a locked directory.
//!
//! The bytes are described in `docs/wal-format.md`. The crate reads no clock and starts no thread: the time is an argument,
//! in Unix milliseconds.
//!
//! # Crate features
//! * **`fault`**: the module `fault`, a disk in memory that fails on command. It is for tests of this crate and of owners of
//!   a log, and not built by default.

mod append;
mod directory;
mod error;
#[cfg(feature = "fault")]
pub mod fault;
mod format;
mod inspect;
mod options;
mod record;
mod recovery;
mod retire;
mod scan;
mod segment;
mod spare;
mod stats;
mod storage;
mod survey;
mod validate;
mod wal;

pub use directory::{DirectoryFile, DirectoryStorage};
pub use error::{Limit, WalError};
pub use inspect::{inspect, inspect_directory, Inspection, SegmentInspection};
pub use options::WalOptions;
pub use record::{Position, Record, RecordKind, RecordRef, RECORD_BODY_BYTES_MAX};
pub use recovery::{Recovery, RecoveryReport};
pub use scan::{Damage, DamageKind, SegmentState};
pub use stats::{SegmentUsage, WalStats};
pub use storage::{SegmentFile, Storage};
pub use wal::Wal;
