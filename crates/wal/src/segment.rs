//! What is kept in memory of each segment while the log is open.

use std::collections::BTreeSet;

use crate::format::{Envelope, END_MARK_BYTES};
use crate::{format, Storage};

/// A segment, active or closed.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // four independent facts
pub(crate) struct Segment {
    pub(crate) number: u64,
    pub(crate) created_ms: u64,
    /// The length of the file when the log last changed or measured it.
    pub(crate) length: u64,
    pub(crate) records: u64,
    /// The offsets of the records that are still needed.
    pub(crate) unreleased: BTreeSet<u64>,
    /// Whether a sync or a cut failed. It is then never written or synced again, and nothing in it counts as durable.
    pub(crate) poisoned: bool,
    /// Whether the file's name says that it is poisoned. A process that starts before the next power cut reads from the page
    /// cache, which may have what the disk does not have. Only the name can tell it so.
    pub(crate) marked: bool,
    /// Whether it was found damaged. When it is retired, it is then set aside and not deleted.
    pub(crate) corrupt: bool,
    /// Whether it has a readable header, and so the origin of the log.
    pub(crate) has_header: bool,
}

impl Segment {
    pub(crate) fn name(&self) -> String {
        if self.marked {
            format::poisoned_name(self.number)
        } else {
            format::segment_name(self.number)
        }
    }

    /// Marks the segment as poisoned, in memory and by its name. If the rename fails, a process that starts before the next
    /// power cut does not know. On such a disk nothing better can be done.
    pub(crate) fn poison<S: Storage>(&mut self, storage: &mut S) {
        self.poisoned = true;
        self.marked = storage.rename(&self.name(), &format::poisoned_name(self.number)).is_ok();
    }

    /// Returns whether it holds records that are needed and not known to be durable.
    pub(crate) fn is_unsafe(&self) -> bool {
        self.poisoned && !self.unreleased.is_empty()
    }
}

impl<F> Active<F> {
    /// Returns the envelope of a frame that is written at the end.
    pub(crate) const fn envelope(&self) -> Envelope {
        Envelope { segment: self.segment.number, offset: self.end, synced: self.synced, salt: self.salt }
    }

    /// Appends the mark of the end to a frame that is about to be written, if the file may hold old content behind it. The
    /// file never grows by the mark.
    pub(crate) fn mark_end(&self, frame: &mut Vec<u8>) {
        let behind = self.segment.length.saturating_sub(self.end + frame.len() as u64);
        if self.salt != 0 {
            let mark = usize::try_from(behind).map_or(END_MARK_BYTES, |behind| behind.min(END_MARK_BYTES));
            frame.resize(frame.len() + mark, 0);
        }
    }
}

/// The segment that is appended to, with its open file.
#[derive(Debug)]
pub(crate) struct Active<F> {
    pub(crate) segment: Segment,
    pub(crate) file: F,
    /// The offset of the next record.
    pub(crate) end: u64,
    /// The number of bytes that are durable.
    pub(crate) synced: u64,
    /// CRC32C of everything up to `end`.
    pub(crate) checksum: u32,
    /// The salt of the header. Not 0 if the file is recycled.
    pub(crate) salt: u32,
}
