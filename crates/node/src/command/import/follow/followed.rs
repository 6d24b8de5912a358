//! A path that is followed, over all files that it leads to.

mod opening;
mod searching;

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use anyhow::{bail, Context};
use ron_accounting::export::Origin;
use ron_accounting_access_log::Parser;

pub(super) use self::opening::{begins_with_line, check, random_origin};
use super::{
    block::FileState,
    copies::{self, CutOff},
    generation::{Generation, Put, Read},
    meter::Meter,
    taught::Taught,
};
use crate::command::import::{source::Content, summary::FileSummary};

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

    fn at_path(&self) -> anyhow::Result<Option<FileState>> {
        match fs::metadata(&self.path) {
            Ok(metadata) if metadata.is_file() => Ok(Some(FileState::of(&metadata))),
            Ok(_) => bail!("{} is no file, and only files can be followed", self.name),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", self.name)),
        }
    }
}
