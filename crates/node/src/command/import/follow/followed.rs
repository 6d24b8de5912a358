//! A path that is followed, over all files that it leads to.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use anyhow::{anyhow, bail, Context};
use ron_accounting::export::Origin;
use ron_accounting_access_log::{Decoded, Encoding, Lines, Parser};
use ron_accounting_sqlite::LogImport;

use super::{
    block::{read_at, FileState, BLOCK_BYTES},
    copies::{self, CutOff},
    generation::{Committed, Generation, Put, Read, Start},
    rotated::{rotated_since, Rotated},
    taught::Taught,
    Meter,
};
use crate::command::import::{
    again::{Log, Stop},
    read_ahead::read_ahead,
    reading::{most_are_skipped, Before},
    source::{Content, Mark, Source},
    summary::FileSummary,
};

/// How long a file that was rotated away must have been quiet until it is closed.
const QUIET_MS: u64 = 5 * 60_000;

/// A log by its path.
#[derive(Debug)]
pub(super) struct FollowedLog {
    path: PathBuf,
    /// As the user wrote it.
    name: String,
    /// The path from the root, which the ledger keeps.
    file: String,
    current: Option<Generation>,
    /// Files that were the log, to which somebody may still write.
    older: Vec<Generation>,
    /// A file at the path that has no whole line yet.
    nascent: Option<FileState>,
    /// Whether the files are known that the log was rotated to.
    has_searched: bool,
    /// Everything that was written to the path before this moment is read.
    until_ms: Option<u64>,
    /// The log before it was cut off, until its copies were searched for.
    cut_off: Option<CutOff>,
    /// Files that the log begins with, until it is known how much of it is counted.
    copies: Vec<(String, Content)>,
    taught: Taught,
    parser: Option<Parser>,
    begun: u64,
    origin: Option<Origin>,
    lines_before: u64,
    is_waiting: bool,
}

/// A file after its first reading.
struct Examined {
    content: Content,
    marks: Vec<Mark>,
    parser: Parser,
}

impl FollowedLog {
    pub(super) fn new(path: &Path, meter: &Meter<'_>) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let absolute = std::path::absolute(path).with_context(|| format!("cannot follow {name}"))?;
        Ok(Self {
            path: path.to_owned(),
            name,
            file: absolute.display().to_string(),
            current: None,
            older: Vec::new(),
            nascent: None,
            has_searched: false,
            until_ms: None,
            cut_off: None,
            copies: Vec::new(),
            taught: Taught::new(&meter.shape.routes)?,
            parser: None,
            begun: 0,
            origin: None,
            lines_before: 0,
            is_waiting: false,
        })
    }

    /// Reads what is new, in the file at the path and in those that were there before.
    pub(super) fn look(&mut self, meter: &mut Meter<'_>, now_ms: u64) -> anyhow::Result<()> {
        let at_path = self.at_path()?;
        self.look_at_older(meter, now_ms)?;
        if self.until_ms.is_none() {
            self.until_ms = Some(self.first_until(meter, at_path)?);
        }
        self.look_at_current(meter, at_path, now_ms)?;
        if self.current.is_none() && at_path.is_some() {
            self.begin(meter, now_ms)?;
        }
        if self.current.is_none() && !self.is_waiting {
            meter.voice.progress(&format!("{}: waiting for a whole line", self.name));
        }
        self.is_waiting = self.current.is_none();
        Ok(())
    }

    /// Brings what is due to the ledger.
    pub(super) fn commit_due(&mut self, meter: &mut Meter<'_>, now_ms: u64) -> anyhow::Result<()> {
        let every_ms = meter.commit_every_ms;
        self.commit(meter, now_ms, |generation| generation.is_due(now_ms, every_ms), false)
    }

    /// Brings everything that was read to the ledger.
    pub(super) fn commit_all(&mut self, meter: &mut Meter<'_>, now_ms: u64) -> anyhow::Result<()> {
        self.commit(meter, now_ms, |generation| generation.is_due(u64::MAX, 0), true)
    }

    /// Returns how many lines the ledger does not have, and when the first of them was read.
    pub(super) fn waiting(&self) -> (Option<u64>, u64) {
        let each = self.current.iter().chain(&self.older).map(Generation::waiting);
        each.fold((None, 0), |(first, lines), (since_ms, more)| (first.or(since_ms), lines + more))
    }

    /// Returns a line about the state, for people.
    pub(super) fn statistics(&self, now_ms: u64) -> String {
        let (since_ms, lines) = self.waiting();
        let at = match &self.current {
            Some(current) => format!("at byte {}", current.offset()),
            None => "waiting for a whole line".to_owned(),
        };
        let age = since_ms.map_or(0, |since_ms| now_ms.saturating_sub(since_ms)) / 1000;
        let older = self.older.len();
        format!("{}: {at}, {lines} lines on their way for {age} s, {older} rotated files open", self.name)
    }

    /// Adds what was learned and which log it was to the summary.
    pub(super) fn finish(self, meter: &mut Meter<'_>) {
        let lines = meter.lines.remove(&self.file).unwrap_or(0);
        if let Some(learner) = self.taught.normalizer.learner() {
            meter.summary.add_learned(learner.stats());
        }
        meter.summary.files.push(FileSummary {
            file: self.name,
            format: self
                .parser
                .map_or_else(|| "no whole line".to_owned(), |parser| parser.description().to_owned()),
            lines,
            lines_before: self.lines_before,
            origin: self.origin.map(|origin| origin.to_string()),
        });
    }

    fn commit(
        &mut self,
        meter: &mut Meter<'_>,
        now_ms: u64,
        is_due: impl Fn(&Generation) -> bool,
        everything: bool,
    ) -> anyhow::Result<()> {
        let mut at = 0;
        while let Some(older) = self.older.get_mut(at) {
            at += 1;
            while is_due(older) {
                if older.commit(meter, &self.taught, &self.file, everything)? == Put::Overtaken {
                    self.reopen_older(meter, at - 1, now_ms)?;
                    break;
                }
            }
        }
        while let Some(current) = self.current.as_mut().filter(|current| is_due(current)) {
            match current.commit(meter, &self.taught, &self.file, everything)? {
                Put::Done => self.origin = current.origin().or(self.origin),
                Put::Overtaken => self.reopen_current(meter, now_ms)?,
            }
        }
        Ok(())
    }

    /// Reads and commits until there is no more. Returns whether the file is still the one that was read.
    fn read_on(
        meter: &mut Meter<'_>,
        taught: &mut Taught,
        generation: &mut Generation,
        file: &str,
        now_ms: u64,
    ) -> anyhow::Result<(Read, Put)> {
        loop {
            match generation.read(meter, taught, now_ms)? {
                Read::Full => {
                    if generation.commit(meter, taught, file, false)? == Put::Overtaken {
                        return Ok((Read::Full, Put::Overtaken));
                    }
                }
                read => return Ok((read, Put::Done)),
            }
        }
    }

    fn look_at_older(&mut self, meter: &mut Meter<'_>, now_ms: u64) -> anyhow::Result<()> {
        let mut at = 0;
        while let Some(older) = self.older.get_mut(at) {
            let (read, put) = Self::read_on(meter, &mut self.taught, older, &self.file, now_ms)?;
            let is_quiet = now_ms.saturating_sub(older.grown_at_ms) >= QUIET_MS;
            if is_quiet && read == Read::End {
                older.read_rest(meter, &mut self.taught, now_ms)?;
            }
            // At once: the moment before which everything is counted must not pass lines that wait here.
            let is_overtaken = put == Put::Overtaken
                || Self::commit_rest(meter, &self.taught, older, &self.file)? == Put::Overtaken;
            if !is_overtaken && (is_quiet || read == Read::Truncated) {
                self.older.remove(at);
                continue;
            }
            if is_overtaken {
                self.reopen_older(meter, at, now_ms)?;
                continue;
            }
            at += 1;
        }
        Ok(())
    }

    fn commit_rest(
        meter: &mut Meter<'_>,
        taught: &Taught,
        generation: &mut Generation,
        file: &str,
    ) -> anyhow::Result<Put> {
        while generation.is_due(u64::MAX, 0) {
            if generation.commit(meter, taught, file, true)? == Put::Overtaken {
                return Ok(Put::Overtaken);
            }
        }
        Ok(Put::Done)
    }

    fn look_at_current(
        &mut self,
        meter: &mut Meter<'_>,
        at_path: Option<FileState>,
        now_ms: u64,
    ) -> anyhow::Result<()> {
        let Some(current) = &mut self.current else { return Ok(()) };
        let (read, put) = Self::read_on(meter, &mut self.taught, current, &self.file, now_ms)?;
        let is_at_path = at_path.is_some_and(|state| state.identity == current.identity);
        if put == Put::Overtaken {
            self.reopen_current(meter, now_ms)?;
            return self.look_at_current(meter, at_path, now_ms);
        }
        if read == Read::End && (is_at_path || at_path.is_none()) {
            if let Some(state) = at_path {
                current.read_until(state.modified_ms);
                self.until_ms = self.until_ms.max(Some(state.modified_ms));
            }
            return Ok(());
        }
        // Before the files are looked for that it was rotated to: they are known by what the ledger has.
        let put = Self::commit_rest(meter, &self.taught, current, &self.file)?;
        if put == Put::Overtaken && read != Read::Truncated {
            self.reopen_current(meter, now_ms)?;
            return self.look_at_current(meter, at_path, now_ms);
        }
        self.has_searched = false;
        let Some(mut current) = self.current.take() else { return Ok(()) };
        if read == Read::Truncated {
            meter.voice.progress(&format!("{}: was cut off, and is read from its beginning", self.name));
            if put == Put::Overtaken {
                // What was given up is only in the copy.
                self.until_ms = Some(current.committed_until_ms());
            }
            self.cut_off = Some(current.cut_off());
        } else {
            meter.voice.progress(&format!("{}: was rotated, and another file is in its place", self.name));
            current.grown_at_ms = now_ms;
            self.older.push(current);
        }
        Ok(())
    }

    /// Begins with the file at the path, after those that it was rotated to.
    fn begin(&mut self, meter: &mut Meter<'_>, now_ms: u64) -> anyhow::Result<()> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).with_context(|| format!("cannot open {}", self.name)),
        };
        let state = FileState::of(&file.metadata().with_context(|| format!("cannot read {}", self.name))?);
        let listed = self.list_rotated()?;
        // It may have been another file in between, or have been cut off.
        self.has_searched &= self.nascent == Some(state);
        self.nascent = Some(state);
        if !self.has_searched {
            self.copies = self.finish_rotated(meter, &mut file, now_ms)?;
            self.has_searched = true;
        }
        if !begins_with_line(&mut file)? {
            return Ok(());
        }
        let until_ms = self.until_ms.unwrap_or(0);
        let mut generation = self.open(meter, file, state, &self.name.clone(), until_ms)?;
        // If the log goes on with what an older file begins with, that file was replaced by a copy of it.
        self.older.retain(|older| !older.is_same_log(&generation));
        for (name, content) in std::mem::take(&mut self.copies) {
            if generation.has_counted(&content)? {
                copies::note(meter, &content, &name, until_ms)?;
            }
        }
        if self.begun > 0 {
            self.taught.take_over(&meter.shape.routes)?;
        }
        self.begun += 1;
        meter.label_sets.begin_log(&self.taught.normalizer);
        generation.skip_known(meter, &mut self.taught)?;
        self.parser = Some(generation.parser.clone());
        self.origin = generation.origin().or(self.origin);
        let at = generation.offset();
        meter.voice.progress(&format!("{}: {}, from byte {at}", self.name, generation.parser.description()));
        self.nascent = None;
        let read = Self::read_on(meter, &mut self.taught, &mut generation, &self.file, now_ms);
        self.current = Some(generation);
        read?;
        // Only now it would be noticed that the log is cut off. If it was before, there is a copy that was not found yet.
        if self.list_rotated()? != listed {
            let mut file = File::open(&self.path).with_context(|| format!("cannot open {}", self.name))?;
            self.finish_rotated(meter, &mut file, now_ms)?;
        }
        let state = self.at_path()?;
        self.look_at_current(meter, state, now_ms)?;
        // What was there already is not held back.
        let every_ms = meter.commit_every_ms;
        let is_due =
            |generation: &Generation| generation.has_settled() || generation.is_due(now_ms, every_ms);
        self.commit(meter, now_ms, is_due, false)
    }

    /// Goes on with the files that the log was rotated to and that have something new. Returns those that the log begins with.
    fn finish_rotated(
        &mut self,
        meter: &mut Meter<'_>,
        log: &mut File,
        now_ms: u64,
    ) -> anyhow::Result<Vec<(String, Content)>> {
        let so_far = CutOff::of(log).with_context(|| format!("cannot read {}", self.name))?;
        let mut copies = Vec::new();
        let until_ms = self.until_ms.unwrap_or(0);
        let FileState { identity: log_identity, modified_ms: newest_ms, .. } =
            FileState::of(&log.metadata()?);
        // A copy of a log that was cut off may be older than what was read last.
        let since_ms = if self.cut_off.is_some() { 0 } else { until_ms };
        for rotated in self.rotated_since(since_ms)? {
            let name = rotated.path.display().to_string();
            let is_open = self.older.iter().any(|older| older.identity == rotated.state.identity);
            if is_open || rotated.state.identity == log_identity {
                continue;
            }
            let finished = self.note_copy(meter, &rotated, &name).and_then(|is_copy| {
                if is_copy || rotated.written_before_ms() <= until_ms {
                    return Ok(());
                }
                // A copy of the log, which may still be made, is no other log.
                if let Some(content) = so_far.copied_to(&rotated.path)? {
                    copies.push((name.clone(), content));
                    return Ok(());
                }
                self.finish_one(meter, &rotated, &name, newest_ms, now_ms)
            });
            if let Err(error) = finished {
                if super::is_tried_again(&error) {
                    return Err(error);
                }
                meter.voice.note(&format!(
                    "{name} was left out, although {} may have been rotated to it: {error:#}",
                    self.name
                ));
            }
        }
        self.cut_off = None;
        Ok(copies)
    }

    fn rotated_since(&self, since_ms: u64) -> anyhow::Result<Vec<Rotated>> {
        rotated_since(&self.path, since_ms)
            .with_context(|| format!("cannot search for what {} was", self.name))
    }

    /// Returns the files that the log was rotated to since it was read last.
    fn list_rotated(&self) -> anyhow::Result<Vec<(PathBuf, FileState)>> {
        let rotated = self.rotated_since(self.until_ms.unwrap_or(0))?;
        Ok(rotated.into_iter().map(|rotated| (rotated.path, rotated.state)).collect())
    }

    /// Notes a copy of a log that was cut off, if it is one that has nothing to count. Returns whether it is.
    fn note_copy(&self, meter: &Meter<'_>, rotated: &Rotated, name: &str) -> anyhow::Result<bool> {
        let Some(cut_off) = &self.cut_off else { return Ok(false) };
        let Some(content) = cut_off.copied_to(&rotated.path)? else { return Ok(false) };
        copies::note(meter, &content, name, self.until_ms.unwrap_or(0))?;
        Ok(true)
    }

    fn finish_one(
        &mut self,
        meter: &mut Meter<'_>,
        rotated: &Rotated,
        name: &str,
        newest_ms: u64,
        now_ms: u64,
    ) -> anyhow::Result<()> {
        let mut file = File::open(&rotated.path)?;
        if is_packed(&file)? {
            return meter.import_packed(&rotated.path, name);
        }
        if !begins_with_line(&mut file)? {
            return Ok(());
        }
        let state = FileState::of(&file.metadata()?);
        let until_ms = self.until_ms.unwrap_or(0);
        let mut generation = self.open(meter, file, state, name, until_ms)?;
        generation.skip_known(meter, &mut self.taught)?;
        let from = generation.offset();
        generation.grown_at_ms = now_ms;
        let (read, put) = Self::read_on(meter, &mut self.taught, &mut generation, &self.file, now_ms)?;
        if generation.offset() > from {
            meter.voice.progress(&format!("{name}: was {}, and is read to its end", self.name));
        }
        if read == Read::End && put == Put::Done {
            let is_old = state.modified_ms.saturating_add(QUIET_MS) < newest_ms;
            if is_old {
                generation.read_rest(meter, &mut self.taught, now_ms)?;
            }
            if Self::commit_rest(meter, &self.taught, &mut generation, &self.file)? == Put::Done {
                if !is_old {
                    self.older.push(generation);
                }
                return Ok(());
            }
        }
        if read == Read::Truncated {
            bail!("it has changed while it was read");
        }
        bail!(Stop::Overtaken)
    }

    /// Opens a file again of which another import has counted a part.
    fn reopened(
        &mut self,
        meter: &mut Meter<'_>,
        generation: &Generation,
        now_ms: u64,
    ) -> anyhow::Result<Generation> {
        meter.voice.progress(&format!("{}: another import has counted a part of it", generation.name));
        let (file, state) = (generation.file()?, generation.state()?);
        let mut again = self.open(meter, file, state, &generation.name, generation.until_ms())?;
        again.skip_known(meter, &mut self.taught)?;
        again.grown_at_ms = now_ms;
        Ok(again)
    }

    /// Opens an older file again. Gives it up if nothing more of it is known, since another file has its lines then.
    fn reopen_older(&mut self, meter: &mut Meter<'_>, at: usize, now_ms: u64) -> anyhow::Result<()> {
        let generation = self.older.remove(at);
        match self.reopened(meter, &generation, now_ms) {
            Ok(again) if again.known_bytes() > generation.known_bytes() => self.older.insert(at, again),
            Ok(_) => {}
            Err(error) => {
                self.older.insert(at, generation);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Opens the file again that is the log. Gives it up if nothing more of it is known, since another file has its lines then.
    fn reopen_current(&mut self, meter: &mut Meter<'_>, now_ms: u64) -> anyhow::Result<()> {
        let Some(generation) = self.current.take() else { return Ok(()) };
        match self.reopened(meter, &generation, now_ms) {
            Ok(again) if again.known_bytes() > generation.known_bytes() => self.current = Some(again),
            Ok(_) => self.has_searched = false,
            Err(error) => {
                self.current = Some(generation);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Finds out what the ledger has of a file.
    fn open(
        &mut self,
        meter: &mut Meter<'_>,
        file: File,
        state: FileState,
        name: &str,
        until_ms: u64,
    ) -> anyhow::Result<Generation> {
        let mark_bytes = byte_order_mark(&file, name)?;
        loop {
            let ends = meter.ledger.log_imports()?.iter().map(|import| import.end_byte).collect();
            let examined = self.examine(meter, &file, name, state.bytes - mark_bytes, ends)?;
            let imports = meter.ledger.log_imports()?;
            let log = Log { name, content: examined.content, marks: &examined.marks };
            let known = match log.known(meter.shape, &meter.options, &imports) {
                Err(Stop::Unmarked) => continue,
                known => known?,
            };
            let before = |until: u64| {
                Before::of(known.iter().map(|(_, mark)| *mark).filter(|mark| mark.content.bytes <= until))
            };
            for (import, _) in known.iter().filter(|(import, _)| !import.is_complete) {
                let source = Source::of_file(name, file.try_clone()?);
                meter.complete(source, import, &before(import.start_byte))?;
            }
            let start = start(&known, before(u64::MAX))?;
            self.lines_before = self.lines_before.max(before(u64::MAX).lines());
            let parser = examined.parser;
            return Ok(Generation::open(name.to_owned(), file, state, mark_bytes, parser, start, until_ms));
        }
    }

    /// Reads a file for the first time: its format, what its paths teach, and its states at the ends of imports.
    fn examine(
        &mut self,
        meter: &mut Meter<'_>,
        file: &File,
        name: &str,
        bytes: u64,
        ends: Vec<u64>,
    ) -> anyhow::Result<Examined> {
        let cannot_read = || format!("cannot read {name}");
        let mut input = file.try_clone()?;
        io::Seek::rewind(&mut input).with_context(cannot_read)?;
        let (carried, taught, shape) = (&self.parser, &mut self.taught, meter.shape);
        let (parser, unpacked) = read_ahead(input, bytes, ends, |ahead| {
            let mut lines = Lines::new(ahead);
            let sample = lines.sample().with_context(cannot_read)?;
            // A few lines tell less of a format than the log before has told.
            let parser = match carried {
                Some(parser) if most_are_skipped(parser, sample)?.is_none() => parser.clone(),
                _ => shape.reading.parser(name, sample)?,
            };
            if taught.learns() {
                let nothing = Before::default();
                nothing.each_request(name, &mut lines, &mut parser.clone(), |_, parsed| {
                    if let Ok(request) = parsed {
                        taught.observe(request);
                    }
                    Ok(())
                })?;
            }
            Ok(parser)
        })?;
        Ok(Examined { content: unpacked.content, marks: unpacked.marks, parser })
    }

    fn at_path(&self) -> anyhow::Result<Option<FileState>> {
        match fs::metadata(&self.path) {
            Ok(metadata) if metadata.is_file() => Ok(Some(FileState::of(&metadata))),
            Ok(_) => bail!("{} is no file, and only files can be followed", self.name),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", self.name)),
        }
    }

    /// Returns the moment before which everything that was written to the path is counted, or is not asked for.
    fn first_until(&self, meter: &Meter<'_>, at_path: Option<FileState>) -> anyhow::Result<u64> {
        let imports = meter.ledger.log_imports()?;
        let mine =
            imports.iter().filter(|import| import.file == self.file && import.options == meter.options);
        if let Some(until_ms) = mine.filter_map(|import| import.counted_until_ms).max() {
            return Ok(until_ms);
        }
        // Followed for the first time: what it was rotated to before is for other imports.
        let rotated = rotated_since(&self.path, 0).unwrap_or_default();
        let rotated = rotated.iter().map(Rotated::written_before_ms).max();
        let until_ms = rotated.into_iter().chain(at_path.map(|state| state.modified_ms)).max().unwrap_or(0);
        // So that the next start knows that it is not the first, also if nothing was counted by then.
        copies::note(meter, &Content { hash: blake3::hash(b""), bytes: 0 }, &self.file, until_ms)?;
        Ok(until_ms)
    }
}

/// Returns where to go on behind the imports that have counted the beginning of a log.
fn start(known: &[(&LogImport, &Mark)], before: Before) -> anyhow::Result<Start> {
    let Some((last, mark)) = known.last() else {
        let origin = random_origin()?;
        return Ok(Start { origin, byte: 0, committed: None, known: None, cut_bytes: 0, before });
    };
    let committed = Committed { end: last.end_byte, content: last.content };
    let cut_bytes = mark.cut_bytes as u64;
    let (known, before) = (Some(committed), before.of_next_line());
    if last.counted_until_ms.is_some() {
        return Ok(Start {
            origin: last.origin,
            byte: last.start_byte,
            committed: known,
            known,
            cut_bytes,
            before,
        });
    }
    Ok(Start { origin: random_origin()?, byte: last.end_byte, committed: None, known, cut_bytes, before })
}

pub(super) fn random_origin() -> anyhow::Result<Origin> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow!("cannot get random numbers for an origin: {error}"))?;
    Ok(Origin::from_bytes(bytes))
}

/// Returns whether a file has a whole line, or is too long to have none.
pub(super) fn begins_with_line(file: &mut File) -> io::Result<bool> {
    let mut beginning = vec![0; BLOCK_BYTES];
    let read = read_at(file, 0, &mut beginning)?;
    Ok(read == BLOCK_BYTES || beginning.iter().take(read).any(|byte| *byte == b'\n'))
}

fn is_packed(file: &File) -> io::Result<bool> {
    let mut input = file;
    io::Seek::rewind(&mut input)?;
    let decoded = Decoded::new(input)?;
    Ok(!decoded.compressions().is_empty() || decoded.encoding() != Encoding::Bytes)
}

/// Refuses a file whose lines cannot be read as they are written.
pub(super) fn check(file: &mut File, name: &str) -> anyhow::Result<()> {
    byte_order_mark(file, name).map(drop)
}

/// Returns how many bytes of a byte order mark a file has. Refuses a file whose lines cannot be read as they are written.
fn byte_order_mark(file: &File, name: &str) -> anyhow::Result<u64> {
    if is_packed(file).with_context(|| format!("cannot read {name}"))? {
        bail!("{name} is packed or in UTF-16, which cannot be followed: import it once it is complete, without --follow");
    }
    let mut beginning = [0; 3];
    let read =
        read_at(&mut file.try_clone()?, 0, &mut beginning).with_context(|| format!("cannot read {name}"))?;
    Ok(if read == 3 && beginning == [0xef, 0xbb, 0xbf] { 3 } else { 0 })
}
