//! How the lines of an access log are read: its format, its times, and the field that names the tenant.

use std::io::{self, Read};

use anyhow::{bail, ensure, Context};
use ron_accounting_access_log::{Format, Line, Lines, Parser, Request, Skip, SkipReason, Times};

use super::{source::Mark, tenant::TenantRule};

/// The options that decide what a line says.
#[derive(Debug)]
pub(super) struct Reading {
    format: Format,
    zone: Option<String>,
    pattern: Option<String>,
    times: Times,
    tenant: TenantRule,
}

impl Reading {
    /// Checks the options. `tenant` decides what lines have to name.
    pub(super) fn new(
        format: Format,
        zone: Option<&str>,
        pattern: Option<&str>,
        tenant: TenantRule,
    ) -> anyhow::Result<Self> {
        let mut times = Times::new();
        if let Some(zone) = zone {
            times = times.with_zone(zone).context("--time-zone cannot be used")?;
        }
        if let Some(pattern) = pattern {
            times = times.with_pattern(pattern).context("--time-format cannot be used")?;
        }
        Ok(Self { format, zone: zone.map(str::to_owned), pattern: pattern.map(str::to_owned), times, tenant })
    }

    /// Returns the options as text, for the identity of an import.
    pub(super) fn options(&self) -> [(&'static str, String); 3] {
        let text = |option: &Option<String>| option.clone().unwrap_or_default();
        [
            ("--format", self.format.to_string()),
            ("--time-zone", text(&self.zone)),
            ("--time-format", text(&self.pattern)),
        ]
    }

    /// Returns the parser for a log that begins like this. Refuses a log whose format is none of the known, and one most of
    /// whose first lines cannot be read.
    pub(super) fn parser(&self, name: &str, sample: &[u8]) -> anyhow::Result<Parser> {
        let keep = self.tenant.field();
        let parser = Parser::new(&self.format, sample, &self.times, keep.as_slice())
            .with_context(|| format!("cannot read {name}"))?;
        let trial = Trial::of(&parser, sample, |request| self.tenant.is_met_by(request))?;
        if let Some(what) = self.tenant.need().filter(|_| trial.names_nobody()) {
            bail!(
                "the lines of {name} ({}) name no {what}, which --tenant asks for: all would count under one name; give the whole \
                 format with --format, or another rule",
                parser.description()
            );
        }
        ensure!(
            !self.tenant.needs_user() || parser.has_user(),
            "the format of {name} ({}) has no user, which --tenant asks for: give the whole format with --format, or another rule",
            parser.description()
        );
        let Some(first) = trial.most_are_skipped() else { return Ok(parser) };
        let description = parser.description();
        let seems = match Parser::new(&Format::auto(), sample, &self.times, &[]) {
            Ok(other) if other.description() != description => {
                format!("it seems to be {}: leave out --format, or correct it", other.description())
            }
            Ok(_) => "check that it is one access log".to_owned(),
            Err(error) => error.to_string(),
        };
        bail!("most of {name} cannot be read as {description}, its first lines at least: {first}; {seems}");
    }
}

/// What became of the first lines of a log.
#[derive(Debug, Default)]
struct Trial {
    read: u64,
    skipped: u64,
    first: Option<Skip>,
    names_somebody: bool,
}

impl Trial {
    fn of(parser: &Parser, sample: &[u8], names_somebody: impl Fn(&Request<'_>) -> bool) -> io::Result<Self> {
        let mut parser = parser.clone();
        let mut lines = Lines::new(sample);
        let mut trial = Self::default();
        while let Some(line) = lines.next()? {
            // The last line may be cut by the sample.
            match line.and_then(|line| if line.is_terminated { parser.parse(line) } else { Ok(None) }) {
                Ok(Some(request)) => {
                    trial.read += 1;
                    trial.names_somebody |= names_somebody(&request);
                }
                Ok(None) => {}
                Err(skip) if skip.reason() == SkipReason::Empty => {}
                Err(skip) => {
                    trial.skipped += 1;
                    trial.first.get_or_insert(skip);
                }
            }
        }
        Ok(trial)
    }

    const fn names_nobody(&self) -> bool {
        self.read > 0 && !self.names_somebody
    }

    /// Returns the first skip if more lines were skipped than read.
    fn most_are_skipped(self) -> Option<Skip> {
        self.first.filter(|_| self.skipped > self.read)
    }
}

/// Returns the first skip of a log that begins like this, if more of its lines are skipped than read.
pub(super) fn most_are_skipped(parser: &Parser, sample: &[u8]) -> io::Result<Option<Skip>> {
    Ok(Trial::of(parser, sample, |_| true)?.most_are_skipped())
}

/// What earlier imports have counted of a log.
#[derive(Debug, Clone, Default)]
pub(super) struct Before {
    /// Lines that are counted as a whole.
    lines: u64,
    /// Where the next line ended when it was counted, if it was not whole then.
    cuts: Vec<usize>,
}

impl Before {
    /// Returns what the imports have counted that ended at these marks, in their order.
    pub(super) fn of<'m>(marks: impl Iterator<Item = &'m Mark>) -> Self {
        let mut before = Self::default();
        for mark in marks {
            if mark.newlines > before.lines {
                before = Self { lines: mark.newlines, cuts: Vec::new() };
            }
            if mark.cut_bytes > 0 {
                before.cuts.push(mark.cut_bytes);
            }
        }
        before
    }

    /// Returns the same for a reader that begins behind the lines that are counted as a whole.
    pub(super) fn of_next_line(self) -> Self {
        Self { lines: 0, ..self }
    }

    /// Returns how many lines are counted as a whole.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// Passes each request that is not counted to `each`, and each line that cannot be read, with the number of the line. Returns how
    /// many lines there are; lines that are glued together are several.
    pub(super) fn each_request<R: Read>(
        &self,
        name: &str,
        lines: &mut Lines<R>,
        parser: &mut Parser,
        mut each: impl FnMut(u64, Result<&Request<'_>, Skip>) -> anyhow::Result<()>,
    ) -> anyhow::Result<u64> {
        let mut lines_read = 0;
        let mut glued = Vec::new();
        loop {
            let number = lines.number() + 1;
            let next = lines.next().with_context(|| format!("cannot read {name}"))?;
            let Some(line) = next else { return Ok(lines_read) };
            if self.has_counted(number, &line, parser) {
                // For the columns that it may name, and for lines in pieces.
                let _ = line.and_then(|line| parser.parse(line).map(drop));
                continue;
            }
            let mut rest = Vec::new();
            let mut pass = |parsed: Result<Option<Request<'_>>, Skip>, rest: &mut Vec<u8>| {
                lines_read += 1;
                match parsed {
                    Ok(Some(request)) => {
                        rest.extend_from_slice(request.rest.unwrap_or_default());
                        each(number, Ok(&request))
                    }
                    Ok(None) => Ok(()),
                    Err(skip) => each(number, Err(skip)),
                }
            };
            pass(line.and_then(|line| parser.parse(line)), &mut rest)?;
            while !rest.is_empty() {
                std::mem::swap(&mut glued, &mut rest);
                rest.clear();
                pass(parser.parse_bytes(&glued), &mut rest)?;
            }
        }
    }

    /// Returns whether an earlier import has counted a line, also one that was not whole then.
    fn has_counted(&self, number: u64, line: &Result<Line<'_>, Skip>, parser: &Parser) -> bool {
        if number <= self.lines {
            return true;
        }
        if number > self.lines + 1 {
            return false;
        }
        let Ok(line) = line else { return false };
        self.cuts.iter().any(|cut| {
            let seen = line.bytes.get(..*cut).unwrap_or(line.bytes);
            matches!(parser.clone().parse_bytes(seen), Ok(Some(_)))
        })
    }
}
