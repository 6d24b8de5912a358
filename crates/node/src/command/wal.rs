//! `wal`: inspects a write-ahead log.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{ensure, Context};
use ron_accounting::{
    export::{Origin, SealedSlice},
    wal::{self, LogInspection, SegmentInspection},
};
use ron_accounting_ledger::text;
use serde::Serialize;

use crate::{
    advice::Advised,
    exit::{Exit, Failure},
    table::{Side, Table},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  ron-accounting wal inspect demo/log
  ron-accounting wal inspect usage.db.log --json";

/// Inspect a write-ahead log.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Arguments {
    #[command(after_help = EXAMPLES, after_long_help = super::long_help(EXAMPLES))]
    Inspect(Inspect),
}

/// Show segments, records by kind, what is unacknowledged and what is damaged.
///
/// Changes nothing: no lock is taken and no file is opened for writing, so it can run while another process writes the log.
/// The folder is a log, or the folder of imports, which holds one log per origin. A torn end is left behind by a crash. It is
/// no damage, since nothing in it was ever durable. Damage makes the exit code 1.
#[derive(Debug, clap::Args)]
pub(super) struct Inspect {
    /// The folder of the log
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Print an array of JSON objects, one for each log
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<Exit, Failure> {
    let Arguments::Inspect(arguments) = arguments;
    let mut logs = Vec::new();
    for path in log_folders(&arguments.directory)? {
        let inspection = inspect(&path)?;
        logs.push(Log::new(&path, &inspection));
    }
    if arguments.json {
        serde_json::to_writer_pretty(&mut *out, &logs)?;
        writeln!(out)?;
    } else {
        for log in &logs {
            log.write_text(out)?;
        }
    }
    Ok(if logs.iter().any(|log| log.damaged) { Exit::Violated } else { Exit::Done })
}

fn inspect(path: &Path) -> anyhow::Result<LogInspection> {
    let inspection =
        wal::inspect(path).with_context(|| format!("cannot read the log in {}", path.display()))?;
    ensure!(
        !inspection.segments.is_empty() || !inspection.set_aside.is_empty(),
        "{} holds files, but no log: name the folder with the segments, or the one above it",
        path.display()
    );
    Ok(inspection)
}

/// Returns the folder itself if it holds files, or else those of its folders that are named after an origin.
fn log_folders(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(directory).and_then(Iterator::collect::<io::Result<Vec<_>>>).with_context(|| {
            let what = format!("cannot list {}", directory.display());
            Advised::new(
                what,
                "name the folder of a log, or the folder of imports, and check that it may be read",
            )
        })?;
    let is_log = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        path.is_dir() && name.is_some_and(|name| name.parse::<Origin>().is_ok())
    };
    // The lock files of imports are next to their logs. Their names begin with a dot.
    let is_of_a_log = |entry: &fs::DirEntry| {
        entry.file_type().is_ok_and(|kind| kind.is_file())
            && !entry.file_name().as_encoded_bytes().starts_with(b".")
    };
    if entries.iter().any(is_of_a_log) {
        return Ok(vec![directory.to_owned()]);
    }
    let mut folders: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).filter(is_log).collect();
    folders.sort_unstable();
    ensure!(
        !folders.is_empty(),
        "{} holds no log: name the folder with the segments, or the one above it",
        directory.display()
    );
    Ok(folders)
}

/// The facts that are shown of a log, as text or JSON.
#[derive(Debug, Serialize)]
struct Log {
    directory: String,
    origin: Option<String>,
    segments: Vec<Segment>,
    records: std::collections::BTreeMap<&'static str, usize>,
    streams: usize,
    unacknowledged: Vec<Unacknowledged>,
    /// Units of the last checkpoint that no slice holds.
    live: u128,
    damaged: bool,
    damage: Vec<String>,
    ignored: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Segment {
    number: u64,
    state: String,
    bytes: u64,
    records: usize,
    torn_bytes: u64,
    damage: usize,
}

#[derive(Debug, Serialize)]
struct Unacknowledged {
    tenant: String,
    dimension: String,
    seq: u64,
    digest: String,
    start_ms: u64,
    end_ms: u64,
    rows: usize,
    units: u128,
}

impl Log {
    fn new(directory: &Path, inspection: &LogInspection) -> Self {
        let mut damage = Vec::new();
        for segment in &inspection.segments {
            damage.extend(segment.damage.iter().map(ToString::to_string));
            if segment.poisoned {
                damage.push(format!(
                    "segment {}: a sync failed, its end may not be on the disk",
                    segment.number
                ));
            }
        }
        damage.extend(
            inspection.set_aside.iter().map(|number| format!("segment {number}: damaged, set aside")),
        );
        damage.extend(inspection.unreadable.iter().cloned());
        Self {
            directory: directory.display().to_string(),
            origin: inspection.origin.map(|origin| origin.to_string()),
            segments: inspection.segments.iter().map(Segment::new).collect(),
            records: inspection.records.clone(),
            streams: inspection.heads.len(),
            unacknowledged: inspection.unacknowledged.iter().map(Unacknowledged::new).collect(),
            live: inspection.live,
            damaged: inspection.is_damaged(),
            damage,
            ignored: inspection.ignored.clone(),
        }
    }

    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "log             {}", self.directory)?;
        writeln!(out, "origin          {}", self.origin.as_deref().unwrap_or("unknown"))?;
        writeln!(out, "streams         {}", self.streams)?;
        let records: Vec<String> =
            self.records.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        writeln!(
            out,
            "records         {}",
            if records.is_empty() { "none".to_owned() } else { records.join(", ") }
        )?;
        writeln!(out, "unacknowledged  {} slices", self.unacknowledged.len())?;
        writeln!(out, "live            {} units in the last checkpoint", self.live)?;
        writeln!(out, "damaged         {}", if self.damaged { "yes" } else { "no" })?;
        for damage in &self.damage {
            writeln!(out, "  {}", damage.escape_debug())?;
        }
        for name in &self.ignored {
            writeln!(out, "  not of the log: {}", name.escape_debug())?;
        }

        let right = Side::Right;
        let mut segments = Table::new([
            ("segment", right),
            ("state", Side::Left),
            ("bytes", right),
            ("records", right),
            ("torn bytes", right),
            ("damage", right),
        ]);
        for segment in &self.segments {
            segments.push([
                segment.number.to_string(),
                segment.state.clone(),
                segment.bytes.to_string(),
                segment.records.to_string(),
                segment.torn_bytes.to_string(),
                segment.damage.to_string(),
            ]);
        }
        writeln!(out)?;
        segments.write(out)?;
        if !self.unacknowledged.is_empty() {
            writeln!(out)?;
            self.write_unacknowledged(out)?;
        }
        writeln!(out)
    }

    fn write_unacknowledged(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut slices = Table::new([
            ("tenant", Side::Left),
            ("dimension", Side::Left),
            ("seq", Side::Right),
            ("start", Side::Left),
            ("end", Side::Left),
            ("rows", Side::Right),
            ("units", Side::Right),
        ]);
        for slice in &self.unacknowledged {
            slices.push([
                slice.tenant.clone(),
                slice.dimension.clone(),
                slice.seq.to_string(),
                text::format_time(slice.start_ms),
                text::format_time(slice.end_ms),
                slice.rows.to_string(),
                slice.units.to_string(),
            ]);
        }
        slices.write(out)
    }
}

impl Segment {
    fn new(segment: &SegmentInspection) -> Self {
        Self {
            number: segment.number,
            state: segment.state.to_string(),
            bytes: segment.bytes,
            records: segment.records.len(),
            torn_bytes: segment.torn_bytes,
            damage: segment.damage.len() + usize::from(segment.poisoned),
        }
    }
}

impl Unacknowledged {
    fn new(slice: &SealedSlice) -> Self {
        Self {
            tenant: slice.stream().tenant().to_owned(),
            dimension: slice.stream().dimension().to_owned(),
            seq: slice.seq().get(),
            digest: slice.digest().to_string(),
            start_ms: slice.start_ms(),
            end_ms: slice.end_ms(),
            rows: slice.row_count(),
            units: slice.total(),
        }
    }
}
