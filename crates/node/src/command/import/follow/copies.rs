//! Copies that `copytruncate` makes of a log before it is cut off.
//!
//! Between the copy and the cut, the log may be written to and read. Then the copy is shorter than what was read of the log, so that
//! the ledger has the hash of no part of it, and it would be taken for a log of its own. So it is noted as an import of its own that
//! has nothing to count.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use anyhow::Context;
use ron_accounting_access_log::Decoded;
use ron_accounting_sqlite::LogImport;

use super::{block::read_at, followed::random_origin, meter::Meter};
use crate::command::import::{
    again::Stop,
    examining,
    source::{Content, Source},
};

/// How many bytes of a log and its copy are compared.
pub(super) const BEGINNING_BYTES: usize = 4096;

/// A log that may be copied: one that was cut off, or one as it is now.
#[derive(Debug)]
pub(super) struct CutOff {
    /// Its first bytes, at most [`BEGINNING_BYTES`].
    pub(super) beginning: Vec<u8>,
    /// How many bytes it has, or how many of them are counted.
    pub(super) end: u64,
}

impl CutOff {
    /// Takes a log as it is now.
    pub(super) fn of(log: &mut File) -> io::Result<Self> {
        let mut beginning = vec![0; BEGINNING_BYTES];
        let read = read_at(log, 0, &mut beginning)?;
        beginning.truncate(read);
        let mark_bytes = if beginning.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Ok(Self { beginning: beginning.split_off(mark_bytes), end: log.metadata()?.len() })
    }

    /// Returns the content of a file if it is a copy of the log and has nothing that was not read.
    pub(super) fn copied_to(&self, path: &Path) -> anyhow::Result<Option<Content>> {
        let mut source = Source::open(path, true)?;
        if !source.is_file() {
            return Ok(None);
        }
        let beginning = beginning(&mut source)?;
        if beginning.is_empty() || !self.beginning.starts_with(&beginning) {
            return Ok(None);
        }
        let marks = examining::marks(&mut source, vec![self.end + 1])?;
        Ok(marks
            .last()
            .map(|mark| mark.content)
            .filter(|content| content.bytes > 0 && content.bytes <= self.end))
    }

    /// Returns whether a file and the log have the same beginning, as far as both go.
    pub(super) fn begins_like(&self, source: &mut Source) -> anyhow::Result<bool> {
        let beginning = beginning(source)?;
        let common = beginning.len().min(self.beginning.len());
        Ok(common > 0 && self.beginning.get(..common) == beginning.get(..common))
    }
}

/// Returns the first bytes of a file, unpacked.
fn beginning(source: &mut Source) -> anyhow::Result<Vec<u8>> {
    let mut beginning = Vec::new();
    let cannot_read = || "cannot read its beginning";
    let input = source.read_from_start().with_context(cannot_read)?;
    let decoded: io::Result<Decoded<'_>> = Decoded::new(input);
    // A log that is compared may have a byte order mark, which takes room there.
    let bytes_max = BEGINNING_BYTES as u64 - 3;
    decoded?.take(bytes_max).read_to_end(&mut beginning).with_context(cannot_read)?;
    Ok(beginning)
}

/// Notes in the ledger that nothing of a content is to be counted in this file.
pub(super) fn note(meter: &Meter<'_>, content: &Content, file: &str, until_ms: u64) -> anyhow::Result<()> {
    let import = LogImport {
        origin: random_origin()?,
        content: *content.hash.as_bytes(),
        start_byte: 0,
        end_byte: content.bytes,
        options: meter.options.clone(),
        file: file.to_owned(),
        is_complete: true,
        has_slices: false,
        counted_until_ms: Some(until_ms),
    };
    let put = meter.ledger.put_log_import(&[], |imports| {
        let is_known = imports.iter().any(|other| {
            let is_same_file = import.end_byte > 0 || other.file == import.file;
            is_same_file && other.content == import.content && other.options == import.options
        });
        if is_known {
            Err(Stop::Overtaken)
        } else {
            Ok(import)
        }
    });
    match put {
        Ok(()) | Err(Stop::Overtaken) => Ok(()),
        Err(Stop::Ledger(error)) => Err(error.into()),
        Err(stop) => Err(stop.into()),
    }
}
