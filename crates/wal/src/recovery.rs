//! Opening a log.
//!
//! 1. Everything is read, and nothing is changed. A log that must not be changed (a newer version, two origins) is refused
//!    at this point.
//! 2. The torn end of the newest segment is cut off.
//! 3. The newest segment is synced: a killed process may have left its bytes in the page cache alone. The older segments
//!    were synced before the newest got its header.
//! 4. The directory is synced.
//!
//! Nothing is written, so a full disk does not matter. No old segment is appended to: the first append begins a new one.

use crate::scan::ScannedSegment;
use crate::segment::Segment;
use crate::survey::Survey;
use crate::{Damage, Record, SegmentFile, SegmentState, Storage, WalError};

/// What [`Wal::open`](crate::Wal::open) found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovery {
    /// The origin of the log: the one in its headers or, if the log is new, the one that the caller gave.
    pub origin: [u8; 16],
    /// Every record that verifies, in the order in which they were appended. None of them counts as released. After a
    /// failed sync the owner may have appended a record twice. So what must happen only once has to be recognised by its
    /// content.
    pub records: Vec<Record>,
    /// Counts and findings.
    pub report: RecoveryReport,
}

/// Counts and findings of a recovery.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecoveryReport {
    /// The number of segments that were read.
    pub segments: usize,
    /// The number of records that verified.
    pub records: usize,
    /// The number of segments in which a crash tore unsynced writes.
    pub torn_tails: u64,
    /// The number of bytes of unsynced writes that were torn, without the zeros of a preallocated rest.
    pub torn_bytes: u64,
    /// The segments with damage to bytes that had been durable.
    pub corrupt_segments: Vec<u64>,
    /// Every stretch of bytes, in any segment, that does not verify although a record behind it does, or although it was
    /// durable.
    pub damage: Vec<Damage>,
    /// The segments whose sync failed, just now or before the process ended. Their records have to be appended again, see
    /// [`Wal::unsafe_positions`](crate::Wal::unsafe_positions).
    pub poisoned: Vec<u64>,
    /// The numbers of damaged segments whose files were set aside earlier.
    pub set_aside: Vec<u64>,
    /// Names in the directory that the log does not use. They are left alone.
    pub ignored: Vec<String>,
}

/// Returns the origin that the readable headers agree on, or `None` for a log without segments.
///
/// A segment without records does not count if another has records: a power cut can bring back the file of a creation that
/// failed, after which another attempt had another origin.
pub(crate) fn agreed_origin(survey: &Survey) -> Result<Option<[u8; 16]>, WalError> {
    let has_content = |segment: &&ScannedSegment| !segment.records.is_empty() || !segment.damage.is_empty();
    let headers_of = |segment: &ScannedSegment| segment.header;
    let mut headers = survey.segments.iter().filter(has_content).filter_map(headers_of);
    let Some(first) = headers.next() else {
        // A segment that was torn while it was created has no header. The log is then a new one.
        return match survey.segments.iter().rev().find(has_content) {
            Some(segment) => Err(WalError::OriginLost { segment: segment.number }),
            None => Ok(survey.segments.iter().rev().find_map(headers_of).map(|header| header.origin)),
        };
    };
    match headers.find(|header| header.origin != first.origin) {
        Some(second) => Err(WalError::OriginMismatch {
            first: first.number,
            first_origin: first.origin,
            second: second.number,
            second_origin: second.origin,
        }),
        None => Ok(Some(first.origin)),
    }
}

/// Makes what was read durable. Returns the segments, as the log keeps them in memory, and the report for the owner.
pub(crate) fn make_durable<S: Storage>(
    storage: &mut S,
    survey: Survey,
    now_ms: u64,
) -> Result<(Vec<Segment>, RecoveryReport), WalError> {
    let mut report =
        RecoveryReport { set_aside: survey.set_aside, ignored: survey.ignored, ..RecoveryReport::default() };
    let mut segments = Vec::with_capacity(survey.segments.len());
    for mut scanned in survey.segments {
        let corrupt = scanned.state == SegmentState::Corrupt;
        report.segments += 1;
        report.records += scanned.records.len();
        report.torn_tails += u64::from(scanned.torn_bytes > 0 || scanned.damage.iter().any(|d| !d.synced));
        report.torn_bytes += scanned.torn_bytes;
        report.torn_bytes += scanned.damage.iter().filter(|d| !d.synced).map(|d| d.bytes).sum::<u64>();
        if corrupt {
            report.corrupt_segments.push(scanned.number);
        }
        report.damage.append(&mut scanned.damage);

        let mut segment = Segment {
            number: scanned.number,
            created_ms: scanned.header.map_or(now_ms, |header| header.created_ms),
            length: scanned.length,
            records: scanned.records.len() as u64,
            unreleased: scanned.records.into_iter().collect(),
            poisoned: scanned.poisoned,
            marked: scanned.poisoned,
            corrupt,
            has_header: scanned.header.is_some(),
        };
        // The older ones were synced before the newest segment got its header.
        if !segment.poisoned && segment.number >= survey.newest_begun {
            // A damaged file is evidence, so it is not cut.
            let cut = (!corrupt).then_some(scanned.end);
            sync_newest(storage, &mut segment, cut)?;
        }
        if segment.poisoned {
            report.poisoned.push(segment.number);
        }
        segments.push(segment);
    }
    storage.sync_directory().map_err(|error| WalError::io("sync", "the log directory", error))?;
    Ok((segments, report))
}

fn sync_newest<S: Storage>(storage: &mut S, segment: &mut Segment, cut: Option<u64>) -> Result<(), WalError> {
    let name = segment.name();
    let mut file = storage.open(&name).map_err(|error| WalError::io("open", &name, error))?;
    if let Some(end) = cut.filter(|end| *end < segment.length) {
        file.set_length(end).map_err(|error| WalError::io("cut the torn end of", &name, error))?;
        segment.length = end;
    }
    if file.sync().is_err() {
        // The records were read, but perhaps from a page cache that cannot be written to the disk. So they are not durable.
        segment.poison(storage);
    }
    Ok(())
}
