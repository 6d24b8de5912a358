//! Reading a whole log without changing it: the common first half of recovery and of inspection.

use std::io;

use crate::format::{self, Header, HeaderCheck, DATA_OFFSET, HEADER_COPY_OFFSET, SEGMENT_BYTES_MAX, VERSION};
use crate::scan::{scan, ScannedSegment};
use crate::{RecordRef, Storage, WalError};

/// Whether another process may change the directory meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// The caller holds the lock, so a file that vanishes is an error.
    Exclusive,
    /// A writer may retire segments while they are read.
    Concurrent,
}

#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// In the order of their numbers.
    pub(crate) segments: Vec<ScannedSegment>,
    /// The numbers of damaged files that were set aside, in order.
    pub(crate) set_aside: Vec<u64>,
    /// Names that the log does not use, in order.
    pub(crate) ignored: Vec<String>,
    /// Whether there is a file that a segment may use again.
    pub(crate) has_spare: bool,
    /// The highest number in any name.
    pub(crate) highest: Option<u64>,
    /// The number of the newest segment that was begun. Those before it are durable; those behind it hold nothing.
    pub(crate) newest_begun: u64,
}

struct Named {
    number: u64,
    name: String,
    poisoned: bool,
}

/// Reads all segments, and calls `visit` with each record that verifies, in order. One segment is in memory at a time, and
/// those at the end that a crash left without a header.
pub(crate) fn survey<S: Storage>(
    storage: &S,
    access: Access,
    visit: &mut dyn FnMut(RecordRef<'_>),
) -> Result<Survey, WalError> {
    let mut names = storage.list().map_err(|error| WalError::io("list", "the log directory", error))?;
    names.sort_unstable();
    let mut survey = Survey::default();
    let mut found: Vec<Named> = Vec::new();
    for name in names {
        let poisoned = format::parse_poisoned_name(&name);
        if let Some(number) = poisoned.or_else(|| format::parse_segment_name(&name)) {
            survey.highest = survey.highest.max(Some(number));
            let length = unless_vanished(storage.length(&name), "measure", &name, access)?;
            let Some(length) = length else { continue };
            // The log never writes so large a file, and reading it would exceed the limit on memory. It never has two files
            // of one number either.
            let twin = found.last().is_some_and(|last| last.number == number);
            if length > SEGMENT_BYTES_MAX || twin {
                survey.ignored.push(name);
            } else {
                found.push(Named { number, name, poisoned: poisoned.is_some() });
            }
        } else if let Some(number) = format::parse_set_aside_name(&name) {
            survey.highest = survey.highest.max(Some(number));
            survey.set_aside.push(number);
        } else if name == format::SPARE_NAME {
            survey.has_spare = true;
        } else {
            survey.ignored.push(name);
        }
    }
    // A segment's file is created before the segment before it is closed, and its header is written afterwards. So the newest
    // files may not have been begun.
    let mut read_ahead = Vec::new();
    while let Some(newest) = found.pop() {
        let Some(bytes) = unless_vanished(storage.read(&newest.name), "read", &newest.name, access)? else {
            continue;
        };
        let is_last = is_begun(&bytes, newest.number);
        read_ahead.push((newest, bytes));
        if is_last {
            break;
        }
    }
    let begun = read_ahead.last().filter(|(newest, bytes)| is_begun(bytes, newest.number));
    survey.newest_begun = begun.map_or(0, |(newest, _)| newest.number);
    let mut read_ahead = read_ahead.into_iter().rev();
    let mut older = found.into_iter().map(|named| (named, None));
    let all = std::iter::from_fn(|| {
        older.next().or_else(|| read_ahead.next().map(|(named, bytes)| (named, Some(bytes))))
    });
    let mut buffer = Vec::new();
    for (Named { number, name, poisoned }, bytes) in all {
        if let Some(bytes) = bytes {
            buffer = bytes;
        } else {
            let read = storage.read_into(&name, &mut buffer);
            if unless_vanished(read, "read", &name, access)?.is_none() {
                continue;
            }
        }
        // A writer may have retired the segment meanwhile, and used its file for another one.
        if access == Access::Concurrent
            && unless_vanished(storage.length(&name), "measure", &name, access)?.is_none()
        {
            continue;
        }
        // Nothing is known about the writes to a poisoned segment, so its end may be torn as well.
        match scan(number, &buffer, poisoned || number >= survey.newest_begun, visit) {
            Ok(scanned) => survey.segments.push(ScannedSegment { poisoned, ..scanned }),
            Err(newer) => {
                return Err(WalError::NewerVersion { file: name, found: newer.0, supported: VERSION });
            }
        }
    }
    Ok(survey)
}

/// Returns whether a segment was begun: a header is readable, or there is something behind the headers.
fn is_begun(bytes: &[u8], number: u64) -> bool {
    let has_header = [0, HEADER_COPY_OFFSET].into_iter().any(|offset| match Header::decode(bytes, offset) {
        HeaderCheck::Valid(header) => header.number == number,
        HeaderCheck::Newer { .. } => true,
        HeaderCheck::Invalid => false,
    });
    has_header || bytes.iter().skip(DATA_OFFSET).any(|byte| *byte != 0)
}

fn unless_vanished<T>(
    result: io::Result<T>,
    operation: &'static str,
    name: &str,
    access: Access,
) -> Result<Option<T>, WalError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if access == Access::Concurrent && error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(WalError::io(operation, name, error)),
    }
}
