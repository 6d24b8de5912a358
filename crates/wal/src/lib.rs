//! A write-ahead log for opaque records: segmented, checksummed and bounded.
//!
//! The log knows bytes and positions. What a record means, and when it is no longer needed, is the owner's business.
//!
//! ```
//! use ron_accounting_wal::{fault::MemoryStorage, RecordKind, Wal, WalOptions};
//!
//! # fn main() -> Result<(), ron_accounting_wal::WalError> {
//! let disk = MemoryStorage::new(); // a real log: DirectoryStorage::open("/var/lib/meter/wal")?
//! let (mut wal, recovery) = Wal::open(disk.clone(), [7; 16], WalOptions::default(), 0)?;
//! assert!(recovery.records.is_empty());
//! let position = wal.append(RecordKind(1), b"twelve requests", 1_000)?;
//! wal.sync()?; // only now may anybody act upon the record
//! drop(wal);
//!
//! let (mut wal, recovery) = Wal::open(disk, [0; 16], WalOptions::default(), 2_000)?;
//! assert_eq!(recovery.origin, [7; 16]); // the log's own origin wins over the one offered
//! assert_eq!(recovery.records[0].body, b"twelve requests");
//! wal.release(position);
//! # Ok(())
//! # }
//! ```
//!
//! # Writing
//!
//! * [`Wal`]: open, append, sync, rotate, release, retire.
//! * [`WalOptions`]: limits on bytes, entries and age, and the size of a segment.
//! * [`WalStats`], [`SegmentUsage`]: gauges and counters for readiness and metrics, and for an owner that makes room.
//! * [`WalError`], [`Limit`]: what can go wrong, and what to do about it.
//!
//! # Reading
//!
//! * [`Recovery`], [`RecoveryReport`]: what [`Wal::open`] found.
//! * [`Record`], [`Position`], [`RecordKind`]: one record, its place, and the owner's tag.
//! * [`RecordRef`]: a record that [`Wal::open_with`] shows without a copy.
//! * [`inspect`](fn@inspect), [`inspect_directory`], [`Inspection`]: a look into a log that changes nothing.
//! * [`Damage`], [`DamageKind`], [`SegmentState`]: what was wrong, where.
//!
//! # Storage
//!
//! * [`Storage`], [`SegmentFile`]: the one door to files.
//! * [`DirectoryStorage`], [`DirectoryFile`]: a locked directory.
//! * [`fault::MemoryStorage`]: test support, a disk that breaks on command.
//!
//! The bytes are described in `docs/wal-format.md`. No clock is read and no thread is started here: the time is an
//! argument, in unix milliseconds.

mod append;
mod directory;
mod error;
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
