//! One process, from its start to its end.

use std::{
    fs::OpenOptions,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{bail, Context as _};

use crate::{
    dice::Dice,
    messages::{Answer, Entry, Order},
    tally::LifeTally,
};

/// So many entries may be without an answer. They fit into a pipe, so that the producer never waits for a node that is busy.
const UNANSWERED_MAX: u64 = 256;
/// How long a node may take for what it is to do by itself, such as to drain.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a kill waits for may never come: on a full disk nothing more becomes durable.
const EVENT_WAIT: Duration = Duration::from_secs(2);
/// How long the producer rests after each group of entries.
const REST: Duration = Duration::from_millis(1);
const TENANTS: [&str; 3] = ["acme", "globex", "initech"];
const DIMENSIONS: [&str; 3] = ["requests", "bytes_in", "bytes_out"];

/// What becomes of a life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// A kill, so long after the process was started: perhaps before anything is open.
    KillAfter(Duration),
    /// A kill, right after so many entries were recorded.
    KillAtRecorded(u64),
    /// A kill, right after the node has said so many times what is durable.
    KillAtCovered(u64),
    /// A kill, so long after everything was durable: nothing may be missing then.
    KillAtRest(u64, Duration),
    /// It is told to finish after so many answers, and ends by itself.
    Clean(u64),
    /// Like a clean end, and is killed so long after it was told.
    KillWhileFinishing(u64, Duration),
}

impl End {
    /// A random one.
    pub(crate) fn random(dice: &mut Dice) -> Self {
        let entries = dice.within(1..1500);
        match dice.within(0..24) {
            0..=4 => Self::KillAfter(Duration::from_micros(dice.within(500..25_000))),
            5..=9 => Self::KillAfter(Duration::from_millis(dice.within(25..700))),
            10..=12 => Self::KillAtRecorded(entries),
            13..=16 => Self::KillAtCovered(dice.within(1..8)),
            17..=18 => Self::Clean(entries),
            19..=21 => Self::KillAtRest(entries, Duration::from_millis(dice.within(0..300))),
            _ => Self::KillWhileFinishing(entries, Duration::from_micros(dice.within(0..60_000))),
        }
    }
}

/// How a node is started.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) program: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) ledger: PathBuf,
    /// Its messages go here.
    pub(crate) stderr: PathBuf,
    /// How long its files may become, in KiB.
    pub(crate) file_kib_max: Option<u64>,
    /// No threads of the façade's own.
    pub(crate) is_manual: bool,
    /// How long finishing waits for the ledger.
    pub(crate) drain: Duration,
    pub(crate) label_limit: usize,
    /// How often it writes live counts to the log.
    pub(crate) checkpoint_ms: u64,
    /// Each life counts for tenants of its own, so that its sums are compared alone.
    pub(crate) has_own_tenants: bool,
    /// How many label sets it is told per tenant.
    pub(crate) routes: u64,
}

/// How a life went.
#[derive(Debug, Default)]
pub(crate) struct Lived {
    pub(crate) tally: LifeTally,
    pub(crate) was_killed: bool,
    /// Killed before it said that everything is open.
    pub(crate) was_opening: bool,
    /// Why it did not start.
    pub(crate) refused: Option<String>,
    /// What it said when it finished.
    pub(crate) finished: Option<Result<(), String>>,
}

impl Node {
    /// Lives one life. `number` is in the routes of all that is recorded.
    pub(crate) fn live(&self, number: u64, end: End, dice: &mut Dice) -> anyhow::Result<Lived> {
        let mut process = Process::start(self)?;
        let mut lived = Lived { was_opening: true, ..Lived::default() };
        let (mut covers, mut told_at, mut rests_since, mut is_over) = (0, None, None, false);
        let mut next_group = Instant::now();
        while !is_over {
            match process.answers.recv_timeout(Duration::from_micros(500)) {
                Ok(Answer::Ready) => lived.was_opening = false,
                Ok(Answer::Recorded(entries)) => lived.tally.recorded = entries,
                Ok(Answer::Covered(entries)) => {
                    lived.tally.covered = entries;
                    covers += 1;
                }
                Ok(Answer::Finished(result)) => lived.finished = Some(result),
                Ok(Answer::Refused(reason)) => lived.refused = Some(reason),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let age = process.started.elapsed();
            let (recorded, is_told) = (lived.tally.recorded, told_at.is_some());
            match end {
                End::KillAfter(moment) => is_over = age >= moment,
                End::KillAtRecorded(entries) => is_over = recorded >= entries || age >= EVENT_WAIT,
                End::KillAtCovered(times) => is_over = covers >= times || age >= EVENT_WAIT,
                End::KillAtRest(entries, delay) => {
                    let sent = lived.tally.sent.len() as u64;
                    if sent >= entries && lived.tally.covered == sent {
                        rests_since = rests_since.or(Some(Instant::now()));
                    }
                    is_over = rests_since.is_some_and(|since: Instant| since.elapsed() >= delay)
                        || age >= EVENT_WAIT;
                }
                End::Clean(entries) | End::KillWhileFinishing(entries, _) if !is_told => {
                    if !lived.was_opening && recorded >= entries {
                        process.tell(&Order::Finish)?;
                        told_at = Some(Instant::now());
                    }
                }
                End::KillWhileFinishing(_, delay) => {
                    is_over = told_at.is_some_and(|told_at| told_at.elapsed() >= delay);
                }
                End::Clean(_) => {}
            }
            if age > PATIENCE {
                process.kill()?;
                bail!("life {number} does not come to its end, {end:?}");
            }
            let is_told_all = match end {
                End::KillAtRest(entries, _) => lived.tally.sent.len() as u64 >= entries,
                _ => told_at.is_some(),
            };
            if !lived.was_opening && !is_told_all && !is_over && Instant::now() >= next_group {
                next_group = Instant::now() + REST;
                let unanswered = lived.tally.sent.len() as u64 - recorded;
                for _ in 0..dice.within(1..33).min(UNANSWERED_MAX.saturating_sub(unanswered)) {
                    let entry = self.entry(number, dice);
                    if process.tell(&Order::Record(entry.clone())).is_ok() {
                        lived.tally.sent.push(entry);
                    }
                }
                // A node that has just died is noticed by the end of its answers.
                let _ = process.stdin.flush();
            }
        }
        if is_over {
            lived.was_killed = true;
            process.kill()?;
        }
        let status = process.child.wait().context("cannot wait for a node")?;
        for answer in process.answers_left() {
            match answer {
                Answer::Ready => lived.was_opening = false,
                Answer::Recorded(entries) => lived.tally.recorded = entries,
                Answer::Covered(entries) => lived.tally.covered = entries,
                Answer::Finished(result) => lived.finished = Some(result),
                Answer::Refused(reason) => lived.refused = Some(reason),
            }
        }
        if !lived.was_killed && lived.refused.is_none() && !status.success() {
            bail!("life {number} ended by itself with {status}; see {}", self.stderr.display());
        }
        Ok(lived)
    }

    fn entry(&self, life: u64, dice: &mut Dice) -> Entry {
        let pick = |names: &[&str], dice: &mut Dice| {
            let position = usize::try_from(dice.within(0..names.len() as u64)).unwrap_or_default();
            names.get(position).copied().unwrap_or_default().to_owned()
        };
        let suffix = if self.has_own_tenants { format!("-{life}") } else { String::new() };
        Entry {
            tenant: pick(&TENANTS, dice) + &suffix,
            route: format!("/life-{life}/{}", dice.within(0..self.routes)),
            dimension: pick(&DIMENSIONS, dice),
            units: dice.within(1..100_000),
        }
    }

    fn command(&self) -> Command {
        let mut command = match self.file_kib_max {
            None => Command::new(&self.program),
            Some(kib) => {
                // A process that passes the limit gets a signal, which would end it, and then an error.
                let mut shell = Command::new("sh");
                let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", 2 * kib);
                shell.args(["-c", &script, "sh"]).arg(&self.program);
                shell
            }
        };
        command.arg("--log").arg(&self.log).arg("--ledger").arg(&self.ledger);
        command.args(["--label-limit", &self.label_limit.to_string()]);
        command.args(["--checkpoint-ms", &self.checkpoint_ms.to_string()]);
        command.args(["--drain-ms", &self.drain.as_millis().to_string()]);
        if self.is_manual {
            command.arg("--manual");
        }
        command
    }
}

/// A running node.
struct Process {
    child: Child,
    stdin: std::io::BufWriter<ChildStdin>,
    answers: Receiver<Answer>,
    reader: Option<JoinHandle<()>>,
    started: Instant,
}

impl Process {
    fn start(node: &Node) -> anyhow::Result<Self> {
        let stderr = OpenOptions::new().create(true).append(true).open(&node.stderr);
        let stderr = stderr.with_context(|| format!("cannot write {}", node.stderr.display()))?;
        let mut command = node.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
        let started = Instant::now();
        let mut child =
            command.spawn().with_context(|| format!("cannot start {}", node.program.display()))?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("a node has no pipes");
        };
        let (sender, answers) = mpsc::channel();
        let reader = thread::Builder::new().spawn(move || read_answers(stdout, &sender))?;
        Ok(Self { child, stdin: std::io::BufWriter::new(stdin), answers, reader: Some(reader), started })
    }

    fn tell(&mut self, order: &Order) -> anyhow::Result<()> {
        let told = writeln!(self.stdin, "{order}");
        let told = if *order == Order::Finish { told.and_then(|()| self.stdin.flush()) } else { told };
        told.context("cannot tell a node what to do")
    }

    fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().context("cannot kill a node")
    }

    /// What it said before it died.
    fn answers_left(&mut self) -> Vec<Answer> {
        if let Some(reader) = self.reader.take() {
            // It ends with the pipe, and does not panic.
            let _ = reader.join();
        }
        self.answers.try_iter().collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Only after an error is anything left to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_answers(stdout: ChildStdout, answers: &mpsc::Sender<Answer>) {
    let mut lines = BufReader::new(stdout);
    let mut line = String::new();
    while lines.read_line(&mut line).is_ok_and(|length| length > 0) {
        // A line that was cut short is not said.
        if let Some(Ok(answer)) = line.strip_suffix('\n').map(str::parse) {
            if answers.send(answer).is_err() {
                return;
            }
        }
        line.clear();
    }
}

/// The program of a node, beside the program that runs.
pub(crate) fn program_beside(current: &Path) -> PathBuf {
    current.with_file_name(format!("crash-node{}", std::env::consts::EXE_SUFFIX))
}
