//! A look into a log, with what its records mean. Changes nothing.

use std::{collections::BTreeMap, path::Path};

use ron_accounting_wal::{
    inspect as inspect_log, DirectoryStorage, SegmentInspection, SegmentState, Storage,
};
use ron_ledger_wire::{Head, Origin, SealedSlice};

use crate::{log, PipelineError};

/// What stands in a log.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LogInspection {
    /// The origin in the headers; absent if there is none, or none that is readable.
    pub origin: Option<Origin>,
    /// The segments, in order. Their records keep their raw bytes.
    pub segments: Vec<SegmentInspection>,
    /// How many records there are of each kind.
    pub records: BTreeMap<&'static str, usize>,
    /// The head of each stream.
    pub heads: Vec<Head>,
    /// Slices that are not acknowledged, each stream's in order.
    pub unacknowledged: Vec<SealedSlice>,
    /// Live counts of the last checkpoint that no slice holds: units, all dimensions together.
    pub live: u128,
    /// Damaged segments that were set aside.
    pub set_aside: Vec<u64>,
    /// Names in the directory that are not the log's.
    pub ignored: Vec<String>,
    /// Records with a valid checksum that could not be read, as messages.
    pub unreadable: Vec<String>,
}

impl LogInspection {
    /// Whether anything in the log is damaged. A torn end is not: it is what a crash leaves, and was promised to nobody.
    pub fn is_damaged(&self) -> bool {
        let is_damaged = |segment: &SegmentInspection| !segment.damage.is_empty() || segment.poisoned;
        self.segments.iter().any(is_damaged) || !self.set_aside.is_empty() || !self.unreadable.is_empty()
    }
}

/// Reads the log in a directory, even while another process writes to it.
pub fn inspect(directory: &Path) -> Result<LogInspection, PipelineError> {
    inspect_storage(&DirectoryStorage::open_read_only(directory)?)
}

/// Reads the log in a storage, as [`inspect`] does for a directory.
pub fn inspect_storage<S: Storage>(storage: &S) -> Result<LogInspection, PipelineError> {
    let inspection = inspect_log(storage)?;
    let origin = inspection.segments.iter().find_map(|segment| segment.origin).map(Origin::from_bytes);
    let mut records = BTreeMap::new();
    let mut reader = log::Reader::default();
    for record in inspection.segments.iter().flat_map(|segment| &segment.records) {
        *records.entry(log::records::kind_name(record.kind)).or_default() += 1;
        reader.take(record.into());
    }
    let is_sound = inspection.segments.iter().all(|segment| segment.state != SegmentState::Corrupt);
    let contents = reader.finish(origin.unwrap_or(Origin::from_bytes([0; 16])), is_sound);
    Ok(LogInspection {
        origin,
        segments: inspection.segments,
        records,
        heads: contents.heads().collect(),
        unacknowledged: contents.pending,
        live: contents.live.iter().flat_map(|live| live.rows.values()).map(|n| u128::from(*n)).sum(),
        set_aside: inspection.set_aside,
        ignored: inspection.ignored,
        unreadable: contents.unreadable.iter().map(PipelineError::with_causes).collect(),
    })
}
