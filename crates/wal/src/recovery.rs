//! What happens when a log is opened.
//!
//! First everything is read, and nothing changed: a log that must not be touched (a newer version, two origins) is
//! refused in that state. Then the torn end of the newest segment is cut off, and the segment is synced, since a killed
//! process may have left it in the page cache alone. The older ones were synced before the newest got its header. The
//! directory is synced as well. Nothing is written, so a full disk does not matter. No old segment is appended to: the
//! first append begins a new one.

use crate::scan::ScannedSegment;
use crate::segment::Segment;
use crate::survey::Survey;
use crate::{Damage, Record, SegmentFile, SegmentState, Storage, WalError};

/// What [`Wal::open`](crate::Wal::open) found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovery {
    /// The origin of the log: the one in its headers, or for a fresh log the one that was offered.
    pub origin: [u8; 16],
    /// Every record that verifies, in the order in which they were appended. None of them counts as released. After a
    /// failed sync the owner may have appended a record twice, so what must happen once is recognised by its content.
    pub records: Vec<Record>,
    /// What was found besides.
    pub report: RecoveryReport,
}

/// Counts and findings of a recovery.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecoveryReport {
    /// Segments read.
    pub segments: usize,
    /// Records that verified.
    pub records: usize,
    /// Segments in which a crash tore unsynced writes.
    pub torn_tails: u64,
    /// Bytes of unsynced writes that were torn, without the zeros of a preallocated rest.
    pub torn_bytes: u64,
    /// Segments with damage to bytes that had been durable.
    pub corrupt_segments: Vec<u64>,
    /// Every stretch of bytes, in any segment, that has a good record behind it, or should have been there.
    pub damage: Vec<Damage>,
    /// Segments whose sync failed, just now or before the process ended: their records are to be appended again, see
    /// [`Wal::unsafe_positions`](crate::Wal::unsafe_positions).
    pub poisoned: Vec<u64>,
    /// Damaged files that were set aside earlier, as segment numbers.
    pub set_aside: Vec<u64>,
    /// Names in the directory that are not the log's. They are left alone.
    pub ignored: Vec<String>,
}

/// The one origin that the readable headers agree on; `None` for a log without segments.
///
/// A segment without records has no say beside one with: a power cut can bring back the file of a creation that failed,
/// which another attempt with another origin followed.
pub(crate) fn agreed_origin(survey: &Survey) -> Result<Option<[u8; 16]>, WalError> {
    let has_content = |segment: &&ScannedSegment| !segment.records.is_empty() || !segment.damage.is_empty();
    let headers_of = |segment: &ScannedSegment| segment.header;
    let mut headers = survey.segments.iter().filter(has_content).filter_map(headers_of);
    let Some(first) = headers.next() else {
        // Without a header there may still be a segment that was torn while it was made. That is a fresh log.
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

/// Makes what was read durable, and turns it into what the log remembers and what its owner is told.
pub(crate) fn settle<S: Storage>(
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
        // Whatever is older was synced before the newest segment got its header.
        if !segment.poisoned && segment.number >= survey.newest_begun {
            // A damaged file is evidence and stays as it is.
            let cut = (!corrupt).then_some(scanned.end);
            settle_file(storage, &mut segment, cut)?;
        }
        if segment.poisoned {
            report.poisoned.push(segment.number);
        }
        segments.push(segment);
    }
    storage.sync_directory().map_err(|error| WalError::io("sync", "the log directory", error))?;
    Ok((segments, report))
}

fn settle_file<S: Storage>(storage: &mut S, segment: &mut Segment, cut: Option<u64>) -> Result<(), WalError> {
    let name = segment.name();
    let mut file = storage.open(&name).map_err(|error| WalError::io("open", &name, error))?;
    if let Some(end) = cut.filter(|end| *end < segment.length) {
        file.set_length(end).map_err(|error| WalError::io("cut the torn end of", &name, error))?;
        segment.length = end;
    }
    if file.sync().is_err() {
        // The records were read, perhaps from a page cache that cannot reach the disk. They are not lost, but not safe.
        segment.poison(storage);
    }
    Ok(())
}
