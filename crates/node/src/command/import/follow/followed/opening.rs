//! What the ledger has of a file that is opened, and where to go on with it.

use std::{fs::File, io};

use anyhow::{anyhow, bail, Context};
use ron_accounting::export::Origin;
use ron_accounting_access_log::{Decoded, Encoding, Lines, Parser};
use ron_accounting_sqlite::LogImport;

use super::FollowedLog;
use crate::command::import::{
    again::{Log, Stop},
    follow::{
        block::{read_at, FileState, BLOCK_BYTES},
        copies,
        generation::{Committed, Generation, Start},
        meter::Meter,
        rotated::{rotated_since, Rotated},
    },
    read_ahead::read_ahead,
    reading::{most_are_skipped, Before},
    source::{Content, Mark, Source},
};

/// A file after its first reading.
struct Examined {
    content: Content,
    marks: Vec<Mark>,
    parser: Parser,
}

impl FollowedLog {
    /// Finds out what the ledger has of a file.
    pub(super) fn open(
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

    /// Returns the moment before which everything that was written to the path is counted, or is not asked for.
    pub(super) fn first_until(&self, meter: &Meter<'_>, at_path: Option<FileState>) -> anyhow::Result<u64> {
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

pub(in crate::command::import::follow) fn random_origin() -> anyhow::Result<Origin> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow!("cannot get random numbers for an origin: {error}"))?;
    Ok(Origin::from_bytes(bytes))
}

/// Returns whether a file has a whole line, or is too long to have none.
pub(in crate::command::import::follow) fn begins_with_line(file: &mut File) -> io::Result<bool> {
    let mut beginning = vec![0; BLOCK_BYTES];
    let read = read_at(file, 0, &mut beginning)?;
    Ok(read == BLOCK_BYTES || beginning.iter().take(read).any(|byte| *byte == b'\n'))
}

pub(super) fn is_packed(file: &File) -> io::Result<bool> {
    let mut input = file;
    io::Seek::rewind(&mut input)?;
    let decoded = Decoded::new(input)?;
    Ok(!decoded.compressions().is_empty() || decoded.encoding() != Encoding::Bytes)
}

/// Refuses a file whose lines cannot be read as they are written.
pub(in crate::command::import::follow) fn check(file: &mut File, name: &str) -> anyhow::Result<()> {
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
