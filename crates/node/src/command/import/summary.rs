//! The summary of an import.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    time::Duration,
};

use ron_accounting_normalize::{LearnedPosition, LearnerStats};
use serde::Serialize;

use super::label_sets::LabelSetCounts;

/// How many of the learned positions are shown to people.
const LEARNED_SHOWN_MAX: usize = 5;

/// The summary, whose fields are those of `--json`.
#[derive(Debug, Default, Serialize)]
#[allow(clippy::struct_excessive_bools)] // Each is a field of the JSON.
pub(super) struct Summary {
    pub(super) ledger: String,
    pub(super) files: Vec<FileSummary>,
    pub(super) lines_read: u64,
    pub(super) lines_metered: u64,
    /// Of the metered lines, those that came after a later window was closed, and were counted in their own in a further pass.
    pub(super) lines_late: u64,
    pub(super) lines_skipped: u64,
    pub(super) skipped: BTreeMap<&'static str, u64>,
    /// Of the metered lines, those that are damaged or unusual, by what they are.
    pub(super) remarks: BTreeMap<&'static str, u64>,
    pub(super) label_sets_raw: u64,
    pub(super) label_sets_normalized: u64,
    /// Raw label sets with a refused label, counted under a placeholder such as `~redacted`.
    pub(super) label_sets_replaced: u64,
    /// Why labels were refused, and what to do.
    pub(super) refused: Vec<Refusal>,
    /// Positions of paths whose values became `:name`, those with most values first.
    pub(super) learned: Vec<Learned>,
    /// Whether paths end with `:more` because they had more words than are remembered.
    pub(super) routes_cut: bool,
    /// Whether there may have been more label sets than could be told apart.
    pub(super) label_sets_at_least: bool,
    /// Look-ups that ended in an overflow row.
    pub(super) overflowed: u64,
    /// Sums that reached 2^64 - 1 and stayed there.
    pub(super) saturations: u64,
    pub(super) windows: u64,
    pub(super) slices: u64,
    pub(super) duplicates: u64,
    pub(super) rows: u64,
    /// Slices that interrupted imports had left in their logs.
    pub(super) recovered_slices: u64,
    /// The units of all lines, added up by this program.
    pub(super) totals: Totals,
    /// The units that the ledger acknowledged.
    pub(super) acknowledged: Totals,
    /// Whether the two agree, as they must unless a sum saturated.
    pub(super) conserved: bool,
    /// Whether a log was named of which following has counted everything.
    #[serde(skip)]
    pub(super) is_known: bool,
    /// Whether every slice was in the ledger already.
    pub(super) nothing_new: bool,
    pub(super) bytes_read: u64,
    pub(super) seconds: f64,
    pub(super) lines_per_second: f64,
}

/// Units by dimension.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Totals {
    pub(super) requests: u128,
    pub(super) bytes_in: u128,
    pub(super) bytes_out: u128,
}

impl Totals {
    pub(super) fn add(
        &mut self,
        requests: impl Into<u128>,
        bytes_in: impl Into<u128>,
        bytes_out: impl Into<u128>,
    ) {
        self.requests += requests.into();
        self.bytes_in += bytes_in.into();
        self.bytes_out += bytes_out.into();
    }

    /// Adds units of the dimension of this name.
    pub(super) fn add_to(&mut self, dimension: &str, units: u128) {
        match dimension {
            "requests" => self.requests += units,
            "bytes_in" => self.bytes_in += units,
            _ => self.bytes_out += units,
        }
    }
}

/// A label that was refused, and replaced by a reserved word.
#[derive(Debug, Serialize)]
pub(super) struct Refusal {
    pub(super) label: &'static str,
    pub(super) reason: &'static str,
    /// Which personal data it looks like.
    pub(super) kind: Option<String>,
    /// In how many raw label sets.
    pub(super) label_sets: u64,
    pub(super) remedy: &'static str,
}

impl Refusal {
    pub(super) fn new(
        (label, reason, kind): (&'static str, &'static str, Option<String>),
        label_sets: u64,
    ) -> Self {
        let remedy = match (label, reason) {
            ("tenant", "looks like personal data") => {
                "--tenant user-hash counts each user under a pseudonym, host-hash each client, =NAME all under one name; what is \
                 no such data needs a letter in front, in the log"
            }
            ("tenant", _) => "--tenant user-hash counts each user under a pseudonym",
            _ => "the usage is counted under a reserved word, and no total lacks it",
        };
        Self { label, reason, kind, label_sets, remedy }
    }
}

/// A position of the paths that has shown so many values that it is a parameter.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Learned {
    pub(super) route: String,
    /// How many values; of several logs, in the one that has most.
    pub(super) values_seen: usize,
    /// Whether there may be more.
    pub(super) at_least: bool,
    #[serde(skip)]
    text: String,
}

impl From<LearnedPosition> for Learned {
    fn from(position: LearnedPosition) -> Self {
        let text = position.to_string();
        let LearnedPosition { route, values_seen, at_least, .. } = position;
        Self { route, values_seen, at_least, text }
    }
}

/// One log.
#[derive(Debug, Serialize)]
pub(super) struct FileSummary {
    pub(super) file: String,
    /// The format that was given or recognised, in words.
    pub(super) format: String,
    pub(super) lines: u64,
    /// Lines that earlier imports have counted.
    pub(super) lines_before: u64,
    /// `None` when no line was metered.
    pub(super) origin: Option<String>,
}

impl Summary {
    pub(super) fn count_skipped(&mut self, reason: &'static str) {
        self.lines_skipped += 1;
        *self.skipped.entry(reason).or_default() += 1;
    }

    /// Adds the figures of something that was imported besides. Names of logs and what is told only at the end are left out.
    pub(super) fn absorb(&mut self, other: Self) {
        self.lines_read += other.lines_read;
        self.lines_metered += other.lines_metered;
        self.lines_late += other.lines_late;
        self.lines_skipped += other.lines_skipped;
        for (reason, count) in other.skipped {
            *self.skipped.entry(reason).or_default() += count;
        }
        for (remark, count) in other.remarks {
            *self.remarks.entry(remark).or_default() += count;
        }
        self.overflowed += other.overflowed;
        self.saturations += other.saturations;
        self.windows += other.windows;
        self.slices += other.slices;
        self.duplicates += other.duplicates;
        self.rows += other.rows;
        self.totals.add(other.totals.requests, other.totals.bytes_in, other.totals.bytes_out);
        let Totals { requests, bytes_in, bytes_out } = other.acknowledged;
        self.acknowledged.add(requests, bytes_in, bytes_out);
        self.bytes_read += other.bytes_read;
    }

    /// Adds what a log has learned of its paths.
    pub(super) fn add_learned(&mut self, stats: LearnerStats) {
        self.routes_cut |= stats.cut > 0;
        for learned in stats.turned.into_iter().map(Learned::from) {
            match self.learned.iter_mut().find(|known| known.route == learned.route) {
                Some(known) if known.values_seen < learned.values_seen => *known = learned,
                Some(_) => {}
                None => self.learned.push(learned),
            }
        }
        self.learned.sort_by(|a, b| b.values_seen.cmp(&a.values_seen).then_with(|| a.route.cmp(&b.route)));
    }

    /// Sets the fields that are known only at the end.
    pub(super) fn complete(&mut self, label_sets: LabelSetCounts, elapsed: Duration) {
        self.label_sets_raw = label_sets.raw;
        self.label_sets_normalized = label_sets.normalized;
        self.label_sets_replaced = label_sets.replaced;
        self.label_sets_at_least = label_sets.at_least;
        self.conserved = self.acknowledged == self.totals || self.saturations > 0;
        self.nothing_new = self.duplicates == self.slices && (self.slices > 0 || self.is_known);
        self.seconds = elapsed.as_secs_f64();
        #[allow(clippy::cast_precision_loss)] // A rate to three figures.
        let lines = self.lines_read as f64;
        self.lines_per_second = (lines / self.seconds.max(1e-6)).round();
    }

    pub(super) fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, self)?;
        writeln!(out)
    }

    pub(super) fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "ledger      {}", self.ledger)?;
        for file in &self.files {
            let origin = file.origin.as_deref().unwrap_or("none, since no line was metered");
            let FileSummary { file: name, format, lines, lines_before, .. } = file;
            let before = match lines_before {
                0 => String::new(),
                _ => format!(" after {lines_before} that were imported before"),
            };
            writeln!(out, "log         {name}, {format}, {lines} lines{before}, origin {origin}")?;
        }
        writeln!(
            out,
            "lines       {} read, {} metered, {} late, {} skipped",
            self.lines_read, self.lines_metered, self.lines_late, self.lines_skipped
        )?;
        if !self.skipped.is_empty() {
            let reasons: Vec<String> =
                self.skipped.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
            writeln!(out, "skipped     {}", reasons.join(", "))?;
        }
        if !self.remarks.is_empty() {
            let remarks: Vec<String> =
                self.remarks.iter().map(|(remark, count)| format!("{count} {remark}")).collect();
            writeln!(out, "remarks     {}", remarks.join(", "))?;
        }
        let at_least = if self.label_sets_at_least { "at least " } else { "" };
        writeln!(
            out,
            "label sets  {at_least}{} raw, {at_least}{} after normalization",
            self.label_sets_raw, self.label_sets_normalized
        )?;
        for learned in self.learned.iter().take(LEARNED_SHOWN_MAX) {
            writeln!(out, "learned     {}", learned.text)?;
        }
        if let Some(more) = self.learned.len().checked_sub(LEARNED_SHOWN_MAX).filter(|more| *more > 0) {
            writeln!(out, "learned     {more} more: --json has all")?;
        }
        if self.routes_cut {
            writeln!(
                out,
                "cut         paths that have more words than are remembered end with :more; list the routes with --routes"
            )?;
        }
        for Refusal { label, reason, kind, label_sets, remedy } in &self.refused {
            let kind = kind.as_ref().map(|kind| format!(" ({kind})")).unwrap_or_default();
            writeln!(out, "refused     {label}: {reason}{kind}, in {label_sets} raw label sets; {remedy}")?;
        }
        if self.overflowed > 0 {
            writeln!(out, "overflowed  {} look-ups, counted under ~overflow", self.overflowed)?;
        }
        if self.saturations > 0 {
            writeln!(out, "saturated   {} sums, which stay at {}", self.saturations, u64::MAX)?;
        }
        writeln!(out, "windows     {}", self.windows)?;
        writeln!(out, "slices      {}, {} of them duplicates", self.slices, self.duplicates)?;
        writeln!(out, "rows        {}", self.rows)?;
        if self.recovered_slices > 0 {
            writeln!(out, "recovered   {} slices of an interrupted import", self.recovered_slices)?;
        }
        writeln!(out, "requests    {}", self.totals.requests)?;
        if self.totals.bytes_in > 0 {
            writeln!(out, "bytes_in    {}", self.totals.bytes_in)?;
        }
        writeln!(out, "bytes_out   {}", self.totals.bytes_out)?;
        writeln!(out, "time        {:.3} s, {:.0} lines per second", self.seconds, self.lines_per_second)?;
        writeln!(out, "conserved   {}", if self.conserved { "yes" } else { "no: please report this" })?;
        if self.nothing_new {
            writeln!(out, "nothing new: every slice was already in the ledger")?;
        }
        Ok(())
    }
}
