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
mod meter;
mod rotated;
mod taught;
#[cfg(test)]
mod tests;
mod trouble;

use std::{
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

use anyhow::{ensure, Context};
use ron_accounting_access_log::Lines;
use ron_accounting_sqlite::{LedgerError, SqliteLedger};

use self::{
    followed::FollowedLog,
    meter::{Meter, Voice},
    trouble::{note_trouble, Trouble},
};
use super::{
    again::Stop,
    reading_and_routes, shape,
    shape::Shape,
    source::{self, Source},
    summary::Summary,
    tell, Arguments,
};
use crate::{
    exit::{Exit, Failure},
    moment,
    signals::{statistics_on_signal, stop_on_signals},
};

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
