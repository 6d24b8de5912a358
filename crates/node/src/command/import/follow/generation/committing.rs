//! Batches into the ledger, together with how far the file is counted.

use std::{fs, path::Path};

use ron_accounting_sqlite::LogImport;

use super::{Committed, Generation, Put, Sealed};
use crate::command::import::{
    again::Stop,
    examining,
    follow::{
        batch::{self, Batch},
        block::FileState,
        meter::Meter,
        rotated::rotated_since,
        taught::Taught,
    },
    source::{Content, Source},
};

impl Generation {
    /// Brings what was read to the ledger: the windows before the newest one, or everything.
    pub(in crate::command::import::follow) fn commit(
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
            let replaced = self.replaced_by(Path::new(file))?;
            let length = if self.is_truncated {
                // It may have been longer than it was when it was read last.
                u64::MAX
            } else {
                replaced.as_ref().map_or(0, |(_, bytes)| *bytes).max(self.state()?.bytes)
            };
            let mut unknown = Vec::new();
            let put = meter.ledger.put_log_import(&slices, |imports| {
                let mine = imports.iter().find(|other| other.origin == import.origin);
                let stored = mine.map(|mine| Committed { end: mine.end_byte, content: mine.content });
                if stored != self.start.committed {
                    return Err(Stop::Overtaken);
                }
                let known = self.known_bytes();
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
                    if self.was_counted_by_one(&unknown, file, replaced.map(|(source, _)| source))? {
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
            self.committed_until_ms = sealed.end.until_ms;
            meter.committed(&self.name, file, sealed.tally);
        }
        Ok(Put::Done)
    }

    /// Returns whether the file begins with this content, and the ledger has all of it.
    pub(in crate::command::import::follow) fn has_counted(&self, content: &Content) -> anyhow::Result<bool> {
        if self.known_bytes() < content.bytes {
            return Ok(false);
        }
        let mut source = Source::of_file(&self.name, self.file()?);
        let marks = examining::marks(&mut source, vec![content.bytes])?;
        Ok(marks
            .last()
            .is_some_and(|mark| mark.content.bytes == content.bytes && mark.content.hash == content.hash))
    }

    /// Returns the file at the path of the log, and its size, if it is another one and begins like this one.
    fn replaced_by(&self, path: &Path) -> anyhow::Result<Option<(Source, u64)>> {
        let Ok(state) = fs::metadata(path).map(|metadata| FileState::of(&metadata)) else { return Ok(None) };
        if state.identity == self.identity {
            return Ok(None);
        }
        let mut source = Source::open(path, true)?;
        let begins_like = source.is_file() && self.cut_off().begins_like(&mut source)?;
        Ok(begins_like.then_some((source, state.bytes)))
    }

    /// Returns whether one of the imports has counted the beginning of this file.
    fn was_counted_by_one(
        &self,
        imports: &[LogImport],
        file: &str,
        replaced: Option<Source>,
    ) -> anyhow::Result<bool> {
        if let Some(mut source) = replaced {
            if begins_with_one(&mut source, imports)? {
                return Ok(true);
            }
        }
        if !self.is_truncated {
            let mut source = Source::of_file(&self.name, self.file()?);
            return begins_with_one(&mut source, imports);
        }
        // What was read is not in the file any more. It may be in a copy.
        let path = Path::new(file);
        let copied = self.cut_off();
        for rotated in rotated_since(path, 0)? {
            let mut source = Source::open(&rotated.path, true)?;
            if copied.begins_like(&mut source)? {
                return begins_with_one(&mut source, imports);
            }
        }
        // Without one, names must do. An import that goes on exactly where this one was goes on with this log.
        let known = self.known_bytes();
        let is_named = |import: &LogImport| Path::new(&import.file).file_name() == path.file_name();
        Ok(imports.iter().any(|import| import.start_byte == known && is_named(import)))
    }
}

/// Returns whether one of the imports has counted the beginning of a log.
fn begins_with_one(source: &mut Source, imports: &[LogImport]) -> anyhow::Result<bool> {
    let marks = examining::marks(source, imports.iter().map(|import| import.end_byte).collect())?;
    Ok(imports.iter().any(|import| {
        let is_same = |content: &Content| {
            content.bytes == import.end_byte && content.hash.as_bytes() == &import.content
        };
        marks.iter().any(|mark| is_same(&mark.content))
    }))
}
