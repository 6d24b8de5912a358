//! Reading a log without changing it: no lock is taken, and no file is created or opened for writing.

use std::collections::BTreeMap;
use std::path::Path;

use crate::survey::{survey, Access};
use crate::{Damage, DirectoryStorage, Record, SegmentState, Storage, WalError};

/// What a log contains, from [`inspect`] or [`inspect_directory`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inspection {
    /// The segments in the order of their numbers.
    pub segments: Vec<SegmentInspection>,
    /// The numbers of damaged files that were set aside.
    pub set_aside: Vec<u64>,
    /// Names in the directory that the log does not use.
    pub ignored: Vec<String>,
}

/// One segment of an [`Inspection`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentInspection {
    /// Its number.
    pub number: u64,
    /// What its bytes say about it. The newest segment of a log in use may be reported as torn: a write was under way.
    pub state: SegmentState,
    /// Whether a sync of it failed. Then what can be read may not be on the disk.
    pub poisoned: bool,
    /// The length of its file.
    pub bytes: u64,
    /// The origin in its header, if a header is readable.
    pub origin: Option<[u8; 16]>,
    /// When it was created, in Unix milliseconds, if a header is readable.
    pub created_ms: Option<u64>,
    /// The records that verify, in order.
    pub records: Vec<Record>,
    /// The number of bytes at its end that a crash has torn.
    pub torn_bytes: u64,
    /// The stretches of bytes that do not verify.
    pub damage: Vec<Damage>,
}

/// Reads a log without changing it. Holds all records in memory, like [`Wal::open`](crate::Wal::open).
pub fn inspect<S: Storage>(storage: &S) -> Result<Inspection, WalError> {
    let mut records: BTreeMap<u64, Vec<Record>> = BTreeMap::new();
    let survey = survey(storage, Access::Concurrent, &mut |record| {
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

/// Reads the log in a directory, even while another process writes to it. Fails if there is no such directory.
pub fn inspect_directory(directory: impl AsRef<Path>) -> Result<Inspection, WalError> {
    inspect(&DirectoryStorage::open_read_only(directory)?)
}
