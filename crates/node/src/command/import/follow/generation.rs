//! One file that is or was the log, from when it is opened to when nobody writes to it any more.

use std::{cell::Cell, collections::HashSet, fs::File};

use anyhow::{ensure, Context};
use ron_accounting::{
    export::{Origin, SealedSlice},
    labels,
};
use ron_accounting_access_log::{Lines, Parser, SkipReason};
use ron_accounting_sqlite::LogImport;

use super::{
    batch::{self, Batch},
    block::{read_at, BlockLines, FileState, Identity, BLOCK_BYTES},
    copies::{CutOff, BEGINNING_BYTES},
    taught::Taught,
    Meter,
};
use crate::command::import::{
    again::Stop,
    examining,
    held::{Counts, LineLabels},
    metering::SKIPPED_SHOWN_MAX,
    reading::Before,
    routes::method_and_path,
    source::{Content, Source},
    summary::Summary,
};

/// How many bytes before the unread ones are compared at each look, to notice a file that was cut off and written anew.
const TAIL_BYTES: usize = 1024;

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
        }
    }

    /// Returns what a copy of the file is known by.
    pub(super) fn into_cut_off(self) -> CutOff {
        CutOff { beginning: self.beginning, end: self.point.offset }
    }

    pub(super) fn origin(&self) -> Option<Origin> {
        self.start.committed.map(|_| self.start.origin)
    }

    /// Returns another handle to the file.
    pub(super) fn file(&self) -> anyhow::Result<File> {
        self.file.try_clone().with_context(|| format!("cannot open {} again", self.name))
    }

    /// Returns the moment before which everything that was written to the path of the log is read.
    pub(super) fn until_ms(&self) -> u64 {
        self.point.until_ms
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
        let known = self.start.known.map_or(0, |known| known.end);
        let until = known - self.start.cut_bytes;
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
                return Ok(Read::Truncated);
            }
            let read = self.fill(meter, from, BLOCK_BYTES)?;
            // After reading: while this is unchanged, what was read is what follows it.
            if !self.tail_is_unchanged(from)? || self.state()?.bytes < self.mark_bytes + from + read as u64 {
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

    /// Takes the lines of a block. Returns whether there was anything new.
    fn take_block(
        &mut self,
        meter: &mut Meter<'_>,
        taught: &mut Taught,
        read: usize,
        now_ms: u64,
    ) -> anyhow::Result<bool> {
        let block = meter.block.get(..read).unwrap_or_default();
        let first = block.iter().position(|byte| *byte == b'\n');
        if let Some(within) = self.within.as_mut().filter(|within| !within.is_nuls) {
            let taken = block.get(..first.map_or(read, |at| at + 1)).unwrap_or_default();
            within.hasher.update(taken);
            within.offset += taken.len() as u64;
            note_tail(&mut self.tail, taken);
            let is_new = !taken.is_empty();
            if first.is_some() {
                self.end_long_line(now_ms);
            }
            return Ok(is_new);
        }
        if let Some(last) = first.and_then(|_| block.iter().rposition(|byte| *byte == b'\n')) {
            self.take_lines(meter, taught, last + 1, Some(now_ms))?;
            return Ok(true);
        }
        if read == BLOCK_BYTES {
            // Of NULs before a line one is left, which tells that there were some.
            let nuls = block.iter().position(|byte| *byte != 0).unwrap_or(read).saturating_sub(1);
            let is_nuls = nuls > 0;
            let taken = block.get(..if is_nuls { nuls } else { read }).unwrap_or_default();
            let within = self.within.take();
            let (offset, mut hasher) = within.map_or_else(
                || (self.point.offset, self.point.hasher.clone()),
                |within| (within.offset, within.hasher),
            );
            hasher.update(taken);
            note_tail(&mut self.tail, taken);
            self.within = Some(Within { offset: offset + taken.len() as u64, hasher, is_nuls });
        }
        Ok(read > 0)
    }

    fn end_long_line(&mut self, now_ms: u64) {
        let Some(within) = self.within.take() else { return };
        self.point.offset = within.offset;
        self.point.hasher = within.hasher;
        self.lines += 1;
        self.open.tally.lines_read += 1;
        self.open.tally.count_skipped(SkipReason::TooLong.name());
        self.open.since_ms.get_or_insert(now_ms);
    }

    /// Reads the lines in the first bytes of the block, and counts them if there is a time.
    fn take_lines(
        &mut self,
        meter: &mut Meter<'_>,
        taught: &mut Taught,
        length: usize,
        counted_at_ms: Option<u64>,
    ) -> anyhow::Result<()> {
        let block = std::mem::take(&mut meter.block);
        let taken = self.take_lines_of(block.get(..length).unwrap_or_default(), meter, taught, counted_at_ms);
        meter.block = block;
        taken
    }

    fn take_lines_of(
        &mut self,
        bytes: &[u8],
        meter: &mut Meter<'_>,
        taught: &mut Taught,
        counted_at_ms: Option<u64>,
    ) -> anyhow::Result<()> {
        let (begin, mut hasher) = match self.within.take() {
            Some(within) => (within.offset, within.hasher),
            None => (self.point.offset, self.point.hasher.clone()),
        };
        let before =
            if counted_at_ms.is_some() { std::mem::take(&mut self.before) } else { Before::default() };
        let (shape, mut buffer) = (meter.shape, String::new());
        let line = Cell::new(0);
        let mut lines = Lines::new(BlockLines::new(bytes, &line));
        let (mut hashed, mut counted_line, mut passed, lines_before) = (0, None, 0, self.lines);
        let Self { name, parser, point, settled, settled_end, open, newest_ms, .. } = self;
        let read = before.each_request(name, &mut lines, parser, |number, parsed| {
            let Some(now_ms) = counted_at_ms else { return Ok(()) };
            passed += 1;
            let request = match parsed {
                Ok(request) => request,
                Err(skip) => {
                    open.since_ms.get_or_insert(now_ms);
                    open.tally.lines_read += 1;
                    open.tally.count_skipped(skip.reason().name());
                    meter.skipped_shown += 1;
                    if meter.skipped_shown <= SKIPPED_SHOWN_MAX {
                        meter.voice.note(&format!("{name}:{}: skipped: {skip}", lines_before + number));
                    }
                    return Ok(());
                }
            };
            taught.observe(request);
            let start_ms = request.time_ms - request.time_ms % shape.window_ms;
            if newest_ms.is_none_or(|newest_ms| start_ms > newest_ms) {
                *newest_ms = Some(start_ms);
                let at = line.get();
                // Of lines that are glued together, the first may be counted already.
                if open.since_ms.is_some() && counted_line != Some(at) {
                    settled.absorb(std::mem::replace(open, Batch::new()));
                    let end = if at == 0 {
                        point.clone()
                    } else {
                        hasher.update(bytes.get(hashed..at).unwrap_or_default());
                        hashed = at;
                        Point { offset: begin + at as u64, hasher: hasher.clone(), until_ms: point.until_ms }
                    };
                    *settled_end = Some(end);
                }
            }
            counted_line = Some(line.get());
            open.since_ms.get_or_insert(now_ms);
            let tenant = shape.tenants.of(request, &mut buffer);
            let (method, route) = method_and_path(request);
            let raw = labels().tenant(tenant).method(method).route(route);
            meter.label_sets.observe(&raw.service(&shape.service).region(&shape.region));
            let counts = Counts {
                requests: 1,
                bytes_in: request.bytes_received.unwrap_or(0).into(),
                bytes_out: request.bytes_sent.unwrap_or(0).into(),
            };
            open.held.add(start_ms, LineLabels { tenant, method, route }, counts);
            open.tally.lines_read += 1;
            open.tally.lines_metered += 1;
            for remark in request.remarks.iter() {
                *open.tally.remarks.entry(remark.name()).or_default() += 1;
            }
            Ok(())
        })?;
        hasher.update(bytes.get(hashed..).unwrap_or_default());
        point.offset = begin + bytes.len() as u64;
        point.hasher = hasher;
        self.lines += lines.number();
        if let Some(now_ms) = counted_at_ms {
            // Names of columns, and pieces of lines.
            open.tally.lines_read += read - passed;
            open.tally.bytes_read += bytes.len() as u64;
            open.since_ms.get_or_insert(now_ms);
        }
        note_tail(&mut self.tail, bytes);
        let room = BEGINNING_BYTES.saturating_sub(self.beginning.len());
        if self.beginning.len() as u64 == begin {
            self.beginning.extend(bytes.iter().take(room));
        }
        Ok(())
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

    /// Brings what was read to the ledger: the windows before the newest one, or everything.
    pub(super) fn commit(
        &mut self,
        meter: &mut Meter<'_>,
        taught: &Taught,
        file: &str,
        everything: bool,
    ) -> anyhow::Result<Put> {
        if self.sealed.is_some() && self.put(meter, file)? == Put::Overtaken {
            return Ok(Put::Overtaken);
        }
        self.seal(meter, taught, everything)?;
        if self.sealed.is_none() {
            return Ok(Put::Done);
        }
        self.put(meter, file)
    }

    fn seal(&mut self, meter: &mut Meter<'_>, taught: &Taught, everything: bool) -> anyhow::Result<()> {
        let end = match &self.settled_end {
            Some(end) if !everything => end.clone(),
            _ if self.open.since_ms.is_some() || self.settled.since_ms.is_some() => {
                let open = std::mem::replace(&mut self.open, Batch::new());
                self.settled.absorb(open);
                self.point.clone()
            }
            _ => return Ok(()),
        };
        self.settled_end = None;
        let Batch { held, mut tally, .. } = std::mem::replace(&mut self.settled, Batch::new());
        let (origin, shape, normalizer) = (self.start.origin, meter.shape, &taught.normalizer);
        let slices = batch::seal(held, origin, shape, normalizer, &mut tally)?;
        self.sealed = Some(Sealed { slices, end, tally });
        Ok(())
    }

    fn put(&mut self, meter: &mut Meter<'_>, file: &str) -> anyhow::Result<Put> {
        let Some(sealed) = &self.sealed else { return Ok(Put::Done) };
        let content = *sealed.end.hasher.finalize().as_bytes();
        let committed = Committed { end: sealed.end.offset, content };
        let import = LogImport {
            origin: self.start.origin,
            content,
            start_byte: self.start.byte,
            end_byte: committed.end,
            options: meter.options.clone(),
            file: file.to_owned(),
            is_complete: true,
            has_slices: true,
            counted_until_ms: Some(sealed.end.until_ms),
        };
        meter.require_ledger()?;
        let slices = batch::continued(&sealed.slices, &meter.ledger)?;
        loop {
            let length = self.state()?.bytes.saturating_sub(self.mark_bytes);
            let mut unknown = Vec::new();
            let put = meter.ledger.put_log_import(&slices, |imports| {
                let mine = imports.iter().find(|other| other.origin == import.origin);
                let stored = mine.map(|mine| Committed { end: mine.end_byte, content: mine.content });
                if stored != self.start.committed {
                    return Err(Stop::Overtaken);
                }
                let known = self.start.known.map_or(0, |known| known.end);
                let may_overlap = |other: &&LogImport| {
                    other.origin != import.origin
                        && other.options == import.options
                        && other.end_byte > known
                        && other.end_byte <= length
                        && !self.others.contains(&other.origin)
                };
                unknown.extend(imports.iter().filter(may_overlap).cloned());
                if unknown.is_empty() {
                    Ok(import.clone())
                } else {
                    Err(Stop::Unmarked)
                }
            });
            match put {
                Ok(()) => break,
                Err(Stop::Unmarked) => {
                    if self.file_begins_with_one(&unknown)? {
                        return Ok(Put::Overtaken);
                    }
                    self.others.extend(unknown.iter().map(|other| other.origin));
                }
                Err(Stop::Overtaken) => return Ok(Put::Overtaken),
                Err(Stop::Ledger(error)) => return Err(error.into()),
                Err(stop) => return Err(stop.into()),
            }
        }
        self.start.committed = Some(committed);
        self.start.known = Some(committed);
        if let Some(sealed) = self.sealed.take() {
            meter.committed(&self.name, file, sealed.tally);
        }
        Ok(Put::Done)
    }

    /// Returns whether the file begins with this content, and the ledger has all of it.
    pub(super) fn has_counted(&self, content: &Content) -> anyhow::Result<bool> {
        if self.start.known.is_none_or(|known| known.end < content.bytes) {
            return Ok(false);
        }
        let mut source = Source::of_file(&self.name, self.file()?);
        let marks = examining::marks(&mut source, vec![content.bytes])?;
        Ok(marks
            .last()
            .is_some_and(|mark| mark.content.bytes == content.bytes && mark.content.hash == content.hash))
    }

    /// Returns whether one of the imports has counted the beginning of this file.
    fn file_begins_with_one(&self, imports: &[LogImport]) -> anyhow::Result<bool> {
        let mut source = Source::of_file(&self.name, self.file()?);
        let marks = examining::marks(&mut source, imports.iter().map(|import| import.end_byte).collect())?;
        Ok(imports.iter().any(|import| {
            marks.iter().any(|mark| {
                mark.content.bytes == import.end_byte && mark.content.hash.as_bytes() == &import.content
            })
        }))
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

/// Keeps the last bytes that were read.
fn note_tail(tail: &mut Vec<u8>, bytes: &[u8]) {
    tail.extend_from_slice(bytes.get(bytes.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default());
    tail.drain(..tail.len().saturating_sub(TAIL_BYTES));
}
