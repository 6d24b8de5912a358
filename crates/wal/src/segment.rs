//! What is remembered of each segment while the log is open.

use std::collections::BTreeSet;

use crate::format::END_MARK_BYTES;
use crate::{format, Storage};

/// A segment, active or closed.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // four independent facts
pub(crate) struct Segment {
    pub(crate) number: u64,
    pub(crate) created_ms: u64,
    /// The length of the file when it was last looked at.
    pub(crate) length: u64,
    pub(crate) records: u64,
    /// The offsets of the records that are still needed.
    pub(crate) unreleased: BTreeSet<u64>,
    /// A sync failed or a cut failed: never written or synced again, and nothing in it counts as durable.
    pub(crate) poisoned: bool,
    /// The file's name says that it is poisoned. A process that starts before the next power cut reads from the page
    /// cache what the disk may not have, and nothing but the name could tell it so.
    pub(crate) marked: bool,
    /// Found damaged: set aside, not deleted, when it is retired.
    pub(crate) corrupt: bool,
    /// Has a readable header, and so carries the log's origin.
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

    /// Marks the segment, in memory and by its name. If the rename fails, a process that starts before the next power
    /// cut does not know; there is nothing better to be done on such a disk.
    pub(crate) fn poison<S: Storage>(&mut self, storage: &mut S) {
        self.poisoned = true;
        self.marked = storage.rename(&self.name(), &format::poisoned_name(self.number)).is_ok();
    }

    pub(crate) fn is_unsafe(&self) -> bool {
        self.poisoned && !self.unreleased.is_empty()
    }
}

impl<F> Active<F> {
    /// Appends the mark of the end to a frame that is about to be written at the end, if something may be left over behind
    /// it. The file never grows by it.
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
    /// Where the next record goes.
    pub(crate) end: u64,
    /// How much of it is durable.
    pub(crate) synced: u64,
    /// CRC32C of everything up to `end`.
    pub(crate) checksum: u32,
    /// That of the header: not 0 if the file is recycled.
    pub(crate) salt: u32,
}
