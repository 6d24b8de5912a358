//! One file that is or was the log, from when it is opened to when nobody writes to it any more.

mod committing;
mod lines;

use std::{collections::HashSet, fs::File};

use anyhow::{ensure, Context};
use ron_accounting::export::{Origin, SealedSlice};
use ron_accounting_access_log::Parser;

use super::{
    batch::Batch,
    block::{read_at, FileState, Identity, BLOCK_BYTES},
    copies::CutOff,
    meter::Meter,
    taught::Taught,
};
use crate::command::import::{reading::Before, summary::Summary};

/// A byte at which a line begins, and the state of the log there.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) offset: u64,
    pub(super) hasher: blake3::Hasher,
    /// What was written to the path of the log before this moment, by the clock of the file system, is before this byte.
    pub(super) until_ms: u64,
}

/// How far the ledger has the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Committed {
    pub(super) end: u64,
    pub(super) content: [u8; 32],
}

/// Where a file goes on that the ledger has to some byte.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) origin: Origin,
    /// Where the import of the origin begins.
    pub(super) byte: u64,
    /// `None` if the ledger has nothing under this origin.
    pub(super) committed: Option<Committed>,
    /// What imports have counted, to its end.
    pub(super) known: Option<Committed>,
    /// How many bytes of a line that was cut lie before that end.
    pub(super) cut_bytes: u64,
    pub(super) before: Before,
}

/// Why reading has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// There is no more whole line.
    End,
    /// What was read must go to the ledger first.
    Full,
    /// The file is not the one any more that was read: it was cut off.
    Truncated,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    Done,
    /// Another import has counted the lines. What was read is given up, and the ledger has to be asked again.
    Overtaken,
}

/// Slices that wait for the ledger. Their chains begin with number 0, and are continued when they are put.
#[derive(Debug)]
struct Sealed {
    slices: Vec<SealedSlice>,
    end: Point,
    tally: Summary,
}

/// The bytes of a line that is too long to be metered, or of NULs before a line, as far as they were read.
#[derive(Debug)]
struct Within {
    offset: u64,
    hasher: blake3::Hasher,
    is_nuls: bool,
}

/// An open file.
#[derive(Debug)]
pub(super) struct Generation {
    pub(super) name: String,
    pub(super) identity: Identity,
    file: File,
    /// Bytes of a byte order mark, which are no part of the content.
    mark_bytes: u64,
    pub(super) parser: Parser,
    /// For the first line that is counted.
    before: Before,
    start: Start,
    /// The end of the last line that was read.
    point: Point,
    within: Option<Within>,
    /// The last bytes that were read.
    tail: Vec<u8>,
    seen: Option<FileState>,
    /// Everything before the first line of the newest window, which is the end of the next batch.
    settled: Batch,
    settled_end: Option<Point>,
    open: Batch,
    newest_ms: Option<u64>,
    sealed: Option<Sealed>,
    /// Imports of other logs.
    others: HashSet<Origin>,
    lines: u64,
    pub(super) grown_at_ms: u64,
    beginning: Vec<u8>,
    /// Whether the file was cut off, so that what was read is not in it.
    is_truncated: bool,
    committed_until_ms: u64,
}

impl Generation {
    /// Goes on with a file where the ledger has it. `until_ms` is the moment before which everything that was written is known.
    pub(super) fn open(
        name: String,
        file: File,
        state: FileState,
        mark_bytes: u64,
        parser: Parser,
        start: Start,
        until_ms: u64,
    ) -> Self {
        Self {
            name,
            identity: state.identity,
            file,
            mark_bytes,
            parser,
            before: Before::default(),
            start,
            point: Point { offset: 0, hasher: blake3::Hasher::new(), until_ms },
            within: None,
            tail: Vec::new(),
            seen: None,
            settled: Batch::new(),
            settled_end: None,
            open: Batch::new(),
            newest_ms: None,
            sealed: None,
            others: HashSet::new(),
            lines: 0,
            grown_at_ms: 0,
            beginning: Vec::new(),
            is_truncated: false,
            committed_until_ms: until_ms,
        }
    }

    /// Returns what a copy of the file is known by, and how much of it is counted.
    pub(super) fn cut_off(&self) -> CutOff {
        CutOff { end: self.known_bytes(), beginning: self.beginning.clone() }
    }

    pub(super) fn origin(&self) -> Option<Origin> {
        self.start.committed.map(|_| self.start.origin)
    }

    /// Returns another handle to the file.
    pub(super) fn file(&self) -> anyhow::Result<File> {
        self.file.try_clone().with_context(|| format!("cannot open {} again", self.name))
    }

    /// Returns the moment before which everything that was written to the path of the log is in the ledger.
    pub(super) fn committed_until_ms(&self) -> u64 {
        self.committed_until_ms
    }

    /// Returns the moment before which everything that was written to the path of the log is read.
    pub(super) fn until_ms(&self) -> u64 {
        self.point.until_ms
    }

    /// Returns whether both go on with one import.
    pub(super) fn is_same_log(&self, other: &Self) -> bool {
        self.start.origin == other.start.origin
    }

    /// Returns how many bytes the ledger has of the file.
    pub(super) fn known_bytes(&self) -> u64 {
        self.start.known.map_or(0, |known| known.end)
    }

    /// Returns the next byte to read.
    pub(super) fn offset(&self) -> u64 {
        self.point.offset
    }

    /// Returns when the oldest line was read that the ledger does not have, and how many such lines there are.
    pub(super) fn waiting(&self) -> (Option<u64>, u64) {
        let sealed = self.sealed.as_ref().map_or(0, |sealed| sealed.tally.lines_read);
        let lines = self.settled.tally.lines_read + self.open.tally.lines_read + sealed;
        (self.settled.since_ms.or(self.open.since_ms), lines)
    }

    /// Returns whether a batch is due: its oldest line was read `every_ms` ago.
    pub(super) fn is_due(&self, now_ms: u64, every_ms: u64) -> bool {
        self.sealed.is_some()
            || self.waiting().0.is_some_and(|since_ms| now_ms >= since_ms.saturating_add(every_ms))
    }

    /// Returns whether there are lines of windows before the newest one.
    pub(super) fn has_settled(&self) -> bool {
        self.settled_end.is_some()
    }

    /// Notes that everything was read that had been written before this moment.
    pub(super) fn read_until(&mut self, until_ms: u64) {
        self.point.until_ms = self.point.until_ms.max(until_ms);
    }

    /// Reads what is counted already, for the columns that it may name and for lines in pieces.
    pub(super) fn skip_known(&mut self, meter: &mut Meter<'_>, taught: &mut Taught) -> anyhow::Result<()> {
        let until = self.known_bytes() - self.start.cut_bytes;
        while self.point.offset < until {
            let length = usize::try_from(until - self.point.offset).unwrap_or(usize::MAX).min(BLOCK_BYTES);
            let read = self.fill(meter, self.point.offset, length)?;
            let ends = meter.block.get(..read).unwrap_or_default();
            let whole = if read as u64 == until - self.point.offset {
                read
            } else {
                ends.iter().rposition(|byte| *byte == b'\n').map_or(read, |at| at + 1)
            };
            ensure!(whole > 0, "{} has become shorter while it was read", self.name);
            self.take_lines(meter, taught, whole, None)?;
        }
        if let Some(known) = self.start.known.filter(|_| self.start.cut_bytes == 0) {
            let content = self.point.hasher.finalize();
            ensure!(content.as_bytes() == &known.content, "{} has changed while it was read", self.name);
        }
        self.before = std::mem::take(&mut self.start.before);
        Ok(())
    }

    /// Reads the whole lines that are there.
    pub(super) fn read(
        &mut self,
        meter: &mut Meter<'_>,
        taught: &mut Taught,
        now_ms: u64,
    ) -> anyhow::Result<Read> {
        loop {
            if self.sealed.is_some()
                || self.settled.held.bytes() + self.open.held.bytes() > meter.shape.held_bytes_max
            {
                return Ok(Read::Full);
            }
            let state = self.state()?;
            if self.seen == Some(state) {
                return Ok(Read::End);
            }
            let from = self.within.as_ref().map_or(self.point.offset, |within| within.offset);
            if state.bytes < self.mark_bytes + from {
                self.is_truncated = true;
                return Ok(Read::Truncated);
            }
            let read = self.fill(meter, from, BLOCK_BYTES)?;
            // After reading: while this is unchanged, what was read is what follows it.
            if !self.tail_is_unchanged(from)? || self.state()?.bytes < self.mark_bytes + from + read as u64 {
                self.is_truncated = true;
                return Ok(Read::Truncated);
            }
            let was_within = self.within.is_some();
            if self.take_block(meter, taught, read, now_ms)? {
                self.grown_at_ms = now_ms;
            }
            if read < BLOCK_BYTES && was_within == self.within.is_some() {
                self.seen = Some(state);
                return Ok(Read::End);
            }
        }
    }

    /// Reads a last line that has no newline, once nobody will write the rest of it.
    pub(super) fn read_rest(
        &mut self,
        meter: &mut Meter<'_>,
        taught: &mut Taught,
        now_ms: u64,
    ) -> anyhow::Result<()> {
        let from = self.within.as_ref().map_or(self.point.offset, |within| within.offset);
        let read = self.fill(meter, from, BLOCK_BYTES)?;
        if self.within.as_ref().is_some_and(|within| !within.is_nuls) {
            self.end_long_line(now_ms);
        } else if read > 0 {
            self.take_lines(meter, taught, read, Some(now_ms))?;
        }
        Ok(())
    }

    pub(super) fn state(&self) -> anyhow::Result<FileState> {
        let metadata = self.file.metadata().with_context(|| format!("cannot read {}", self.name))?;
        Ok(FileState::of(&metadata))
    }

    fn fill(&mut self, meter: &mut Meter<'_>, from: u64, length: usize) -> anyhow::Result<usize> {
        let buffer = meter.block.get_mut(..length).unwrap_or_default();
        read_at(&mut self.file, self.mark_bytes + from, buffer)
            .with_context(|| format!("cannot read {}", self.name))
    }

    fn tail_is_unchanged(&mut self, from: u64) -> anyhow::Result<bool> {
        let mut there = vec![0; self.tail.len()];
        let at = self.mark_bytes + from - self.tail.len() as u64;
        let read =
            read_at(&mut self.file, at, &mut there).with_context(|| format!("cannot read {}", self.name))?;
        Ok(read == there.len() && there == self.tail)
    }
}
