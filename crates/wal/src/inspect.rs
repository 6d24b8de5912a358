//! A look into a log that changes nothing: no lock, no file created, none opened for writing.

use std::collections::BTreeMap;
use std::path::Path;

use crate::survey::{survey, Company};
use crate::{Damage, DirectoryStorage, Record, SegmentState, Storage, WalError};

/// What stands in a log, from [`inspect`] or [`inspect_directory`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inspection {
    /// The segments in the order of their numbers.
    pub segments: Vec<SegmentInspection>,
    /// The numbers of damaged files that were set aside.
    pub set_aside: Vec<u64>,
    /// Names in the directory that are not the log's.
    pub ignored: Vec<String>,
}

/// One segment of an [`Inspection`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentInspection {
    /// Its number.
    pub number: u64,
    /// What its bytes say about it. The newest segment of a log in use may show as torn: a write was under way.
    pub state: SegmentState,
    /// A sync of it failed: what reads back may not be on the disk.
    pub poisoned: bool,
    /// The length of its file.
    pub bytes: u64,
    /// The origin in its header, if one is readable.
    pub origin: Option<[u8; 16]>,
    /// When it was created, in unix milliseconds, if a header is readable.
    pub created_ms: Option<u64>,
    /// The records that verify, in order.
    pub records: Vec<Record>,
    /// Bytes at its end that a crash has torn.
    pub torn_bytes: u64,
    /// What does not verify.
    pub damage: Vec<Damage>,
}

/// Reads a log without changing it. Holds all records in memory, like [`Wal::open`](crate::Wal::open).
pub fn inspect<S: Storage>(storage: &S) -> Result<Inspection, WalError> {
    let mut records: BTreeMap<u64, Vec<Record>> = BTreeMap::new();
    let survey = survey(storage, Company::Writer, &mut |record| {
        records.entry(record.position.segment).or_default().push(record.into());
    })?;
    let segments = survey.segments.into_iter().map(|segment| SegmentInspection {
        number: segment.number,
        state: segment.state,
        poisoned: segment.poisoned,
        bytes: segment.length,
        origin: segment.header.map(|header| header.origin),
        created_ms: segment.header.map(|header| header.created_ms),
        records: records.remove(&segment.number).unwrap_or_default(),
        torn_bytes: segment.torn_bytes,
        damage: segment.damage,
    });
    Ok(Inspection { segments: segments.collect(), set_aside: survey.set_aside, ignored: survey.ignored })
}

/// Reads the log in a directory, even while another process writes to it. A directory that does not exist is an error.
pub fn inspect_directory(directory: impl AsRef<Path>) -> Result<Inspection, WalError> {
    inspect(&DirectoryStorage::open_read_only(directory)?)
}
