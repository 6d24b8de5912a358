//! The summary of an import.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    time::Duration,
};

use serde::Serialize;

use super::label_sets::LabelSetCounts;

/// The summary, whose fields are those of `--json`.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    pub(super) ledger: String,
    pub(super) files: Vec<FileSummary>,
    pub(super) lines_read: u64,
    pub(super) lines_metered: u64,
    /// Metered lines that were older than the window that they were counted in.
    pub(super) lines_late: u64,
    pub(super) lines_skipped: u64,
    pub(super) skipped: BTreeMap<&'static str, u64>,
    pub(super) label_sets_raw: u64,
    pub(super) label_sets_normalized: u64,
    /// Raw label sets with a refused label, counted under a placeholder such as `~redacted`.
    pub(super) label_sets_replaced: u64,
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
    pub(super) bytes_out: u128,
}

impl Totals {
    pub(super) fn add(&mut self, requests: impl Into<u128>, bytes_out: impl Into<u128>) {
        self.requests += requests.into();
        self.bytes_out += bytes_out.into();
    }
}

/// One log.
#[derive(Debug, Serialize)]
pub(super) struct FileSummary {
    pub(super) file: String,
    pub(super) lines: u64,
    /// `None` when no line was metered.
    pub(super) origin: Option<String>,
}

impl Summary {
    pub(super) fn count_skipped(&mut self, reason: &'static str) {
        self.lines_skipped += 1;
        *self.skipped.entry(reason).or_default() += 1;
    }

    /// Sets the fields that are known only at the end.
    pub(super) fn complete(&mut self, label_sets: LabelSetCounts, elapsed: Duration) {
        self.label_sets_raw = label_sets.raw;
        self.label_sets_normalized = label_sets.normalized;
        self.label_sets_replaced = label_sets.replaced;
        self.label_sets_at_least = label_sets.at_least;
        self.conserved = self.acknowledged == self.totals || self.saturations > 0;
        self.nothing_new = self.slices > 0 && self.duplicates == self.slices;
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
            writeln!(out, "log         {}, {} lines, origin {origin}", file.file, file.lines)?;
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
        let at_least = if self.label_sets_at_least { "at least " } else { "" };
        writeln!(
            out,
            "label sets  {at_least}{} raw, {at_least}{} after normalization",
            self.label_sets_raw, self.label_sets_normalized
        )?;
        if self.label_sets_replaced > 0 {
            writeln!(out, "refused     a label in {} raw label sets", self.label_sets_replaced)?;
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
        writeln!(out, "bytes_out   {}", self.totals.bytes_out)?;
        writeln!(out, "time        {:.3} s, {:.0} lines per second", self.seconds, self.lines_per_second)?;
        writeln!(out, "conserved   {}", if self.conserved { "yes" } else { "no: please report this" })?;
        if self.nothing_new {
            writeln!(out, "nothing new: every slice was already in the ledger")?;
        }
        Ok(())
    }
}
