//! What the ledger has of a log already, and what is still to be imported.
//!
//! A log is known by its content, unpacked, and not by its name: rotated or packed, it is the same log. If the beginning of a log was
//! imported before, as far as a known byte, the log has grown. Then what is new is counted, and what an interrupted import has left
//! is completed. If only other options have counted it, the import is refused, since the same requests would be on the bill twice.

use std::collections::BTreeMap;

use ron_accounting_sqlite::{LedgerError, LogImport};
use thiserror::Error;

use super::{
    reading::Before,
    shape::Shape,
    source::{Content, Mark},
};

/// How many characters of an option are shown; a hash needs no more.
const VALUE_SHOWN_MAX: usize = 24;

/// A part of a log, as one import counts it.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// The log from its beginning to the end of the part.
    pub(super) content: Content,
    /// Where the part begins.
    pub(super) start: u64,
    /// What is counted already.
    pub(super) before: Before,
}

/// Why an import does not begin.
#[derive(Debug, Error)]
pub(super) enum Stop {
    /// Another import has begun since, and its end was not looked for in the log.
    #[error("another import has begun")]
    Unmarked,
    /// The log was imported with other options.
    #[error(
        "{name} is in the ledger already, imported as {file} with other options: {differences}; import it with the same options, \
         or count it once more, apart, with --again-as NAME"
    )]
    OtherOptions { name: String, file: String, differences: String },
    /// Another import has counted what this one was about to count.
    #[error("another import has counted a part of the log")]
    Overtaken,
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// A log that was read once.
#[derive(Debug)]
pub(super) struct Log<'l> {
    pub(super) name: &'l str,
    pub(super) content: Content,
    /// The state of the log at each end of an import.
    pub(super) marks: &'l [Mark],
}

impl Log<'_> {
    /// Returns the parts to import, the last of which ends with the log, and the import to begin, if there is one.
    pub(super) fn parts(
        &self,
        shape: &Shape,
        imports: &[LogImport],
    ) -> Result<(Vec<Part>, Option<LogImport>), Stop> {
        let options = shape.options_text();
        let same = self.known(shape, &options, imports)?;
        let part = |content: Content, start: u64| {
            let marks = same.iter().map(|(_, mark)| *mark).filter(|mark| mark.content.bytes <= start);
            Part { content, start, before: Before::of(marks) }
        };
        let known = same.last().map_or(0, |(import, _)| import.end_byte);
        let is_new = self.content.bytes > known || self.content.bytes == 0;
        let is_repeated = |import: &LogImport| {
            // What was followed was counted in many parts, and cannot be counted again in one.
            !is_new && import.end_byte == known && import.counted_until_ms.is_none()
        };
        let mut parts: Vec<Part> = same
            .iter()
            .filter(|(import, _)| !import.is_complete || is_repeated(import))
            .map(|(import, mark)| part(mark.content, import.start_byte))
            .collect();
        let mut begun = None;
        if is_new {
            let new = part(self.content, known);
            begun = (self.content.bytes > 0).then(|| LogImport {
                origin: shape.origin(&new.content.hash, new.start, 0),
                content: *new.content.hash.as_bytes(),
                start_byte: new.start,
                end_byte: new.content.bytes,
                options,
                file: self.name.to_owned(),
                is_complete: false,
                has_slices: false,
                counted_until_ms: None,
            });
            parts.push(new);
        }
        Ok((parts, begun))
    }

    /// Returns the imports that have counted the beginning of the log with these options, in the order of their ends. Refuses a log
    /// that only other options have counted.
    pub(super) fn known<'k>(
        &'k self,
        shape: &Shape,
        options: &str,
        imports: &'k [LogImport],
    ) -> Result<Vec<(&'k LogImport, &'k Mark)>, Stop> {
        let mut same: Vec<(&LogImport, &Mark)> = Vec::new();
        let mut other = None;
        for import in imports.iter().filter(|import| (1..=self.content.bytes).contains(&import.end_byte)) {
            let mark = self.marks.iter().find(|mark| mark.content.bytes == import.end_byte);
            let Some(mark) = mark else { return Err(Stop::Unmarked) };
            if mark.content.hash.as_bytes() != &import.content {
                continue;
            }
            if import.options == options {
                same.push((import, mark));
            } else if other.is_none() && (import.is_complete || import.has_slices) {
                other = Some(import);
            }
        }
        if let Some(import) = other.filter(|_| same.is_empty() && shape.again_as.is_empty()) {
            return Err(Stop::OtherOptions {
                name: self.name.to_owned(),
                file: import.file.clone(),
                differences: differences(&import.options, options),
            });
        }
        Ok(same)
    }
}

/// Names the options that differ, in words.
fn differences(before: &str, now: &str) -> String {
    let read = |text: &str| serde_json::from_str::<BTreeMap<String, String>>(text).unwrap_or_default();
    let (before, now) = (read(before), read(now));
    let names: std::collections::BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let value = |options: &BTreeMap<String, String>, name: &str| match options.get(name).map(String::as_str) {
        None | Some("") => "none".to_owned(),
        Some(value) => value.chars().take(VALUE_SHOWN_MAX).collect(),
    };
    let differ = names.into_iter().filter(|name| before.get(*name) != now.get(*name));
    let differ = differ.map(|name| format!("{name} was {}, is {}", value(&before, name), value(&now, name)));
    differ.collect::<Vec<_>>().join("; ")
}
