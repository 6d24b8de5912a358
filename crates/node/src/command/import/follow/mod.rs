//! `import --follow`: meters logs that are being written, across rotation.
//!
//! ```text
//!  Follower         looks at each path at an interval, tries again what failed, drains at the end
//!    FollowedLog    a path: which file is the log now, and which files it was rotated to
//!      Generation   one of these files: its lines become batches, and batches go to the ledger
//!        Batch      counts by window and label set, and the slices that they become
//! ```
//!
//! # What the ledger has is the position
//!
//! A batch is the part of a file between two ends of lines. Its slices are stored together with the byte where it ends and the hash of
//! the file up to there, in one transaction (`SqliteLedger::put_log_import`). So a kill at any moment loses nothing and doubles
//! nothing: after it, the file is known by its content, and its next byte is the one behind what is stored. Nothing else is kept.
//!
//! A row of `log_imports` moves on with each batch. So there is one for each file, and `import` recognises the file by it as well.
//!
//! # Which file is the log
//!
//! Content decides. While a file is open, the bytes before the unread ones are compared at each look. When another file is at the path, or
//! the file was cut off, the files next to it are searched for what it was rotated to: those that the ledger has a part of are read to
//! their end. Those that it does not know were the log between two looks if they were written after the last one, and are read as
//! a whole.

mod batch;
mod block;
mod copies;
mod followed;
mod generation;
mod rotated;
mod taught;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicBool, Ordering},
        Arc,
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{bail, ensure, Context};
use indicatif::ProgressBar;
use ron_accounting::export::PutError;
use ron_accounting_access_log::Lines;
use ron_accounting_sqlite::{LedgerError, LogImport, SqliteLedger};

use self::{
    block::{FileState, Identity, BLOCK_BYTES},
    followed::FollowedLog,
};
use super::{
    again::Stop,
    begin,
    examining::Examination,
    label_sets::LabelSets,
    log_directory::LogDirectory,
    reading::Before,
    reading_and_routes, shape,
    shape::Shape,
    source::{self, Source},
    summary::Summary,
    tell, Arguments, ExaminedLog, Importing,
};
use crate::{
    exit::{Exit, Failure},
    moment,
    signals::{statistics_on_signal, stop_on_signals},
};

/// The longest wait between two attempts at what has failed.
const RETRY_MS_MAX: u64 = 30_000;

/// How often a failure is told that lasts.
const TOLD_EVERY_MS: u64 = 60_000;

/// How long the ledger may take at the end.
const DRAIN_MS: u64 = 60_000;

/// How soon a signal is noticed.
const SIGNAL_MS: u64 = 50;

/// The options of following.
#[derive(Debug, clap::Args)]
pub(super) struct FollowArguments {
    /// Go on with what is written to the logs, across rotation, until SIGTERM or Ctrl-C; then bring the rest to the ledger and print
    /// the summary. A log that does not exist yet is waited for. SIGUSR1 prints where each log is
    #[arg(long, conflicts_with_all = ["strict", "wal"])]
    pub(super) follow: bool,
    /// How long a line that was read may wait for the ledger, from 100ms to 1d. Shorter than --window makes several slices of a
    /// window
    #[arg(long, value_name = "SPAN", default_value = "60s", requires = "follow", value_parser = parse_commit_every)]
    commit_every: u64,
    /// How often the logs are looked at, from 10ms to 1h
    #[arg(long, value_name = "SPAN", default_value = "1s", requires = "follow", value_parser = parse_poll)]
    poll: u64,
    /// Say nothing but what is wrong
    #[arg(long, requires = "follow")]
    quiet: bool,
}

fn parse_commit_every(text: &str) -> Result<u64, String> {
    within(text, 100, 86_400_000, "100ms to 1d")
}

fn parse_poll(text: &str) -> Result<u64, String> {
    within(text, 10, 3_600_000, "10ms to 1h")
}

fn within(text: &str, min_ms: u64, max_ms: u64, range: &str) -> Result<u64, String> {
    let span_ms = moment::parse_span(text)?;
    if (min_ms..=max_ms).contains(&span_ms) {
        Ok(span_ms)
    } else {
        Err(format!("a span of {range} is needed"))
    }
}

/// Follows the logs until a signal.
pub(super) fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<Exit, Failure> {
    let begin = Instant::now();
    let now_ms = || u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    let stop = stop_on_signals()?;
    let asked = statistics_on_signal()?;
    let ledger_path = &arguments.ledger.ledger;
    if fs::metadata(ledger_path).is_ok_and(|metadata| metadata.len() > 0) {
        arguments.ledger.open_read_only()?.log_imports()?;
    }
    let (reading, routes) = reading_and_routes(arguments)?;
    let shape = shape(arguments, reading, routes)?;
    check_logs(arguments, &shape)?;
    let voice = Voice { is_quiet: arguments.follow.quiet };
    let Some(ledger) = open_ledger(ledger_path, &voice, &stop)? else { return Ok(Exit::Done) };
    let meter = Meter::new(ledger, &shape, arguments.amnesia, arguments.follow.commit_every, voice)?;
    let mut follower = Follower::new(meter, &arguments.files)?;

    while !stop.load(Ordering::Relaxed) {
        follower.step(now_ms()).map_err(|error| failure(error, &follower))?;
        if asked.swap(false, Ordering::Relaxed) {
            follower.tell_statistics(now_ms());
        }
        wait(arguments.follow.poll, || stop.load(Ordering::Relaxed) || asked.load(Ordering::Relaxed));
    }
    follower.meter.voice.progress("stopping: what is there is read and brought to the ledger");
    let end_ms = now_ms() + DRAIN_MS;
    while let Some(wait_ms) = follower.drain(now_ms(), end_ms).map_err(Failure::stopped)? {
        wait(wait_ms, || false);
    }
    let Meter { mut summary, label_sets, .. } = follower.finish();
    tell(&mut summary, label_sets, begin, arguments.json, out)
}

/// Returns an error with its exit code: a log that other options have counted is refused as long as nothing is counted.
fn failure(error: anyhow::Error, follower: &Follower<'_>) -> Failure {
    let is_refused =
        error.chain().any(|cause| matches!(cause.downcast_ref(), Some(Stop::OtherOptions { .. })));
    if is_refused && follower.meter.summary.lines_read == 0 {
        return error.into();
    }
    Failure::stopped(error)
}

/// Waits, but not longer than until something has happened.
fn wait(span_ms: u64, has_happened: impl Fn() -> bool) {
    let mut left_ms = span_ms;
    while left_ms > 0 && !has_happened() {
        let step_ms = left_ms.min(SIGNAL_MS);
        thread::sleep(Duration::from_millis(step_ms));
        left_ms -= step_ms;
    }
}

/// Refuses logs that can be seen to be useless, before a ledger is made.
fn check_logs(arguments: &Arguments, shape: &Shape) -> anyhow::Result<()> {
    source::check_paths(&arguments.files)?;
    for (at, path) in arguments.files.iter().enumerate() {
        let name = path.display();
        ensure!(
            path != Path::new("-"),
            "standard input cannot be followed: name a file, or leave out --follow"
        );
        let is_twice = arguments.files.iter().take(at).any(|other| other == path);
        ensure!(!is_twice, "{name} is named twice: name it once");
        let Ok(metadata) = fs::metadata(path) else { continue };
        ensure!(metadata.is_file(), "{name} is no file, and only files can be followed");
        let mut file = File::open(path).with_context(|| format!("cannot open {name}"))?;
        followed::check(&mut file, &name.to_string())?;
        if followed::begins_with_line(&mut file)? {
            let mut source = Source::of_file(&name.to_string(), file);
            let mut lines = Lines::new(source.read_from_start()?);
            shape.reading.parser(&name.to_string(), lines.sample()?)?;
        }
    }
    Ok(())
}

/// Opens the ledger, and waits while another program has it locked. Returns `None` if a signal came first.
fn open_ledger(path: &Path, voice: &Voice, stop: &AtomicBool) -> anyhow::Result<Option<Arc<SqliteLedger>>> {
    let mut has_told = false;
    while !stop.load(Ordering::Relaxed) {
        match SqliteLedger::open(path) {
            Err(error @ LedgerError::Locked { .. }) => {
                if !has_told {
                    voice.note(&format!("{error}; waiting for it"));
                }
                has_told = true;
            }
            opened => return Ok(Some(Arc::new(opened?))),
        }
    }
    Ok(None)
}

/// What is told on the way, on standard error.
#[derive(Debug)]
struct Voice {
    is_quiet: bool,
}

impl Voice {
    /// Tells how it goes.
    fn progress(&self, text: &str) {
        if !self.is_quiet {
            eprintln!("{text}");
        }
    }

    /// Tells what is wrong.
    #[allow(clippy::unused_self)] // Whoever tells has a voice.
    fn note(&self, text: &str) {
        eprintln!("note: {text}");
    }
}

/// What all logs share.
struct Meter<'m> {
    ledger: Arc<SqliteLedger>,
    ledger_identity: Identity,
    shape: &'m Shape,
    options: String,
    amnesia: bool,
    commit_every_ms: u64,
    label_sets: LabelSets,
    summary: Summary,
    /// Lines that were brought to the ledger, by the path of their log.
    lines: BTreeMap<String, u64>,
    skipped_shown: u64,
    voice: Voice,
    block: Vec<u8>,
}

impl<'m> Meter<'m> {
    fn new(
        ledger: Arc<SqliteLedger>,
        shape: &'m Shape,
        amnesia: bool,
        commit_every_ms: u64,
        voice: Voice,
    ) -> anyhow::Result<Self> {
        let summary = Summary { ledger: ledger.path().display().to_string(), ..Summary::default() };
        let ledger_identity = identity_of(&ledger)?;
        Ok(Self {
            ledger,
            ledger_identity,
            shape,
            options: shape.options_text(),
            amnesia,
            commit_every_ms,
            label_sets: LabelSets::new(shape.routes.normalizer()?),
            summary,
            lines: BTreeMap::new(),
            skipped_shown: 0,
            voice,
            block: vec![0; BLOCK_BYTES],
        })
    }

    /// Fails if the file of the ledger is not the one that is open: what would be stored would be gone with the process.
    fn require_ledger(&self) -> anyhow::Result<()> {
        let identity = identity_of(&self.ledger).ok();
        if identity != Some(self.ledger_identity) {
            return Err(LedgerIsGone { path: self.ledger.path().to_owned() }.into());
        }
        Ok(())
    }

    /// Notes that the ledger has a batch.
    fn committed(&mut self, name: &str, file: &str, tally: Summary) {
        let lines = tally.lines_read;
        self.voice.progress(&format!("{name}: {lines} lines are in the ledger"));
        *self.lines.entry(file.to_owned()).or_default() += lines;
        self.summary.absorb(tally);
    }

    /// Completes an import that was interrupted, as `import` would.
    fn complete(&mut self, mut source: Source, import: &LogImport, before: &Before) -> anyhow::Result<()> {
        let (shape, bar) = (self.shape, ProgressBar::hidden());
        let examination = examination(shape, &bar);
        let examined = examination.examine(&mut source, import.end_byte, Vec::new())?;
        self.import(&bar, |importing| importing.part(&mut source, &examined, import.start_byte, before))
    }

    /// Imports what the ledger lacks of a packed file that has been a log, as `import` would.
    fn import_packed(&mut self, path: &Path, name: &str) -> anyhow::Result<()> {
        let (shape, bar) = (self.shape, ProgressBar::hidden());
        let examination = examination(shape, &bar);
        let mut source = Source::open(path, self.amnesia)?;
        let ends = self.ledger.log_imports()?.iter().map(|import| import.end_byte).collect();
        let examined = examination.examine(&mut source, u64::MAX, ends)?;
        if let Some(damage) = &examined.damage {
            bail!("it is damaged, or still being packed: {damage}");
        }
        if examined.content.is_none_or(|content| content.bytes == 0) {
            return Ok(());
        }
        let mut logs = vec![ExaminedLog { source, examined, parts: Vec::new() }];
        begin(&self.ledger, shape, &mut logs)?;
        if logs.iter().any(|log| !log.parts.is_empty()) {
            self.voice.progress(&format!("{name}: is read to its end"));
        }
        self.import(&bar, |importing| logs.into_iter().try_for_each(|log| importing.log(log, &examination)))
    }

    fn import(
        &mut self,
        bar: &ProgressBar,
        work: impl FnOnce(&mut Importing<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let normalizer = self.shape.routes.normalizer()?;
        let directory = LogDirectory::new(None, self.ledger.path());
        let mut importing = Importing {
            ledger: &self.ledger,
            shape: self.shape,
            directory: &directory,
            amnesia: self.amnesia,
            label_sets: std::mem::replace(&mut self.label_sets, LabelSets::new(normalizer)),
            summary: Summary::default(),
            bar,
        };
        let worked = work(&mut importing);
        self.label_sets = importing.label_sets;
        if worked.is_ok() {
            self.summary.absorb(importing.summary);
        }
        worked
    }
}

fn examination<'e>(shape: &'e Shape, bar: &'e ProgressBar) -> Examination<'e> {
    Examination { reading: &shape.reading, routes: &shape.routes, is_strict: false, bar }
}

fn identity_of(ledger: &SqliteLedger) -> anyhow::Result<Identity> {
    let path = ledger.path();
    let metadata = fs::metadata(path).with_context(|| format!("cannot read ledger {}", path.display()))?;
    Ok(FileState::of(&metadata).identity)
}

/// The file of the ledger was removed or replaced.
#[derive(Debug, thiserror::Error)]
#[error(
    "ledger {} was removed or replaced while it was open, and nothing more is stored: start again to go on with what is there",
    path.display()
)]
struct LedgerIsGone {
    path: PathBuf,
}

/// A failure that may pass.
#[derive(Debug, Default)]
struct Trouble {
    next_ms: u64,
    wait_ms: u64,
    told: String,
    told_ms: u64,
}

/// Follows logs, as steps to which time is an argument.
struct Follower<'m> {
    meter: Meter<'m>,
    logs: Vec<(FollowedLog, Option<Trouble>)>,
}

impl<'m> Follower<'m> {
    fn new(meter: Meter<'m>, paths: &[PathBuf]) -> anyhow::Result<Self> {
        let logs = paths.iter().map(|path| Ok((FollowedLog::new(path, &meter)?, None)));
        let logs = logs.collect::<anyhow::Result<_>>()?;
        Ok(Self { meter, logs })
    }

    /// Looks at each log, and brings to the ledger what is due. What fails and may pass is tried again in a later step, and no more
    /// is read meanwhile. Any other failure is returned.
    fn step(&mut self, now_ms: u64) -> anyhow::Result<()> {
        for (log, trouble) in &mut self.logs {
            if trouble.as_ref().is_some_and(|trouble| now_ms < trouble.next_ms) {
                continue;
            }
            let looked =
                log.look(&mut self.meter, now_ms).and_then(|()| log.commit_due(&mut self.meter, now_ms));
            note_trouble(looked, trouble, &self.meter.voice, now_ms)?;
        }
        Ok(())
    }

    /// Reads what is there and brings it to the ledger. Returns how long to wait before the next attempt, if there must be one.
    fn drain(&mut self, now_ms: u64, end_ms: u64) -> anyhow::Result<Option<u64>> {
        let mut next_ms = None;
        for (log, trouble) in &mut self.logs {
            let looked =
                log.look(&mut self.meter, now_ms).and_then(|()| log.commit_all(&mut self.meter, now_ms));
            if let Err(error) = looked {
                if now_ms >= end_ms {
                    let lines = log.waiting().1;
                    return Err(error.context(format!(
                        "{lines} lines that were read are not in the ledger; the next start reads them again"
                    )));
                }
                note_trouble(Err(error), trouble, &self.meter.voice, now_ms)?;
                next_ms = Some(1000);
            }
        }
        Ok(next_ms)
    }

    fn tell_statistics(&self, now_ms: u64) {
        let Summary { lines_read, lines_metered, lines_skipped, slices, .. } = &self.meter.summary;
        eprintln!(
            "in the ledger: {lines_read} lines, {lines_metered} of them metered, {lines_skipped} skipped, as {slices} slices"
        );
        for (log, trouble) in &self.logs {
            let trouble = trouble.as_ref().map_or_else(String::new, |trouble| format!("; {}", trouble.told));
            eprintln!("{}{trouble}", log.statistics(now_ms));
        }
    }

    fn finish(mut self) -> Meter<'m> {
        for (log, _) in self.logs {
            log.finish(&mut self.meter);
        }
        self.meter
    }
}

/// Notes a failure that may pass, or that it has passed. Returns one that lasts.
fn note_trouble(
    result: anyhow::Result<()>,
    trouble: &mut Option<Trouble>,
    voice: &Voice,
    now_ms: u64,
) -> anyhow::Result<()> {
    let Err(error) = result else {
        if trouble.take().is_some() {
            voice.note("it goes on");
        }
        return Ok(());
    };
    if is_lasting(&error) {
        return Err(error);
    }
    let trouble = trouble.get_or_insert_with(Trouble::default);
    trouble.wait_ms = (trouble.wait_ms * 2).clamp(500, RETRY_MS_MAX);
    trouble.next_ms = now_ms + trouble.wait_ms;
    let told = format!("{error:#}");
    if trouble.told != told || now_ms >= trouble.told_ms + TOLD_EVERY_MS {
        voice.note(&format!("{told}; reading waits, and it is tried again"));
        trouble.told_ms = now_ms;
        trouble.told = told;
    }
    Ok(())
}

/// Returns whether an error has nothing to do with the file that was read, so that the file must not be left out for it.
fn is_tried_again(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.is::<LedgerError>()
            || cause.is::<PutError>()
            || cause.is::<LedgerIsGone>()
            || matches!(cause.downcast_ref(), Some(Stop::Ledger(_) | Stop::Overtaken))
    })
}

/// Returns whether it is of no use to try again.
fn is_lasting(error: &anyhow::Error) -> bool {
    let is_lasting_ledger = |error: &LedgerError| {
        !matches!(
            error,
            LedgerError::Locked { .. }
                | LedgerError::ChangedWhileReading { .. }
                | LedgerError::CannotOpen { .. }
                | LedgerError::Io { .. }
                | LedgerError::Sqlite { .. }
        )
    };
    error.chain().any(|cause| {
        cause.downcast_ref().is_some_and(is_lasting_ledger)
            || cause.downcast_ref().is_some_and(|error: &PutError| !error.is_retryable())
            || cause.is::<LedgerIsGone>()
            || match cause.downcast_ref() {
                Some(Stop::Ledger(error)) => is_lasting_ledger(error),
                Some(Stop::OtherOptions { .. }) => true,
                _ => false,
            }
    })
}
