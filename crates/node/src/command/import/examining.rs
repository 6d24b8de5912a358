//! The first reading of an access log: what it is, and what its paths have in common.

use anyhow::{bail, Context};
use indicatif::ProgressBar;
use ron_accounting::normalize::RouteNormalizer;
use ron_accounting_access_log::{Lines, Parser};

use super::{
    read_ahead::{read_ahead, Unpacked},
    reading::{Before, Reading},
    routes::{Learning, Routes},
    source::{Content, Mark, Source},
};

/// A log after its first reading.
#[derive(Debug)]
pub(super) struct Examined {
    /// `None` for a log that can be read only once. Its format is told, and its routes are learned, on the way.
    pub(super) content: Option<Content>,
    /// The states of the log at the bytes that were asked for.
    pub(super) marks: Vec<Mark>,
    pub(super) parser: Option<Parser>,
    pub(super) normalizer: RouteNormalizer,
    /// Why it could not be unpacked to its end.
    pub(super) damage: Option<String>,
}

/// How a log is read for the first time.
#[derive(Debug)]
pub(super) struct Examination<'e> {
    pub(super) reading: &'e Reading,
    pub(super) routes: &'e Routes,
    /// Whether every line must count.
    pub(super) is_strict: bool,
    pub(super) bar: &'e ProgressBar,
}

impl Examination<'_> {
    /// Reads the first `bytes_max` bytes of a log, unpacked, if it can be read a second time. `ends` are the bytes at which to mark it.
    pub(super) fn examine(
        &self,
        source: &mut Source,
        bytes_max: u64,
        ends: Vec<u64>,
    ) -> anyhow::Result<Examined> {
        let normalizer = self.routes.normalizer()?;
        if !source.is_file() {
            return Ok(Examined { content: None, marks: Vec::new(), parser: None, normalizer, damage: None });
        }
        let name = source.name.clone();
        let cannot_read = || format!("cannot read {name}");
        let input = self.bar.wrap_read(source.read_from_start().with_context(cannot_read)?);
        let unwanted = "nothing was imported, since --strict wants every line to count";
        let (parser, unpacked) = read_ahead(input, bytes_max, ends, |ahead| {
            let mut lines = Lines::new(ahead);
            let parser = self.reading.parser(&name, lines.sample().with_context(cannot_read)?)?;
            let mut learning = Learning::with(&normalizer);
            if self.is_strict || learning.is_some() {
                let nothing = Before::default();
                nothing.each_request(&name, &mut lines, &mut parser.clone(), |number, parsed| {
                    match (parsed, &mut learning) {
                        (Ok(request), Some(learning)) => learning.observe(request),
                        (Err(skip), _) if self.is_strict => bail!("{name}:{number}: {skip}; {unwanted}"),
                        _ => {}
                    }
                    Ok(())
                })?;
            }
            Ok(parser)
        })?;
        let Unpacked { content, marks, damage } = unpacked;
        if let Some(damage) = damage.as_ref().filter(|_| self.is_strict) {
            bail!("{name} is damaged or cut: {damage}; {unwanted}");
        }
        Ok(Examined { content: Some(content), marks, parser: Some(parser), normalizer, damage })
    }
}

/// Returns the states of a log at these bytes.
pub(super) fn marks(source: &mut Source, ends: Vec<u64>) -> anyhow::Result<Vec<Mark>> {
    let name = source.name.clone();
    let cannot_read = || format!("cannot read {name}");
    let last = ends.iter().max().copied().unwrap_or(0);
    let input = source.read_from_start().with_context(cannot_read)?;
    let ((), unpacked) = read_ahead(input, last, ends, |_| Ok(())).with_context(cannot_read)?;
    Ok(unpacked.marks)
}
