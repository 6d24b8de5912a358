//! A node: records what it is told on standard input, into a log and a SQLite ledger, until it is told to finish or is killed.

use std::{
    io::{stdin, stdout, BufRead as _, Write as _},
    path::PathBuf,
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        Arc,
    },
    thread,
    time::Duration,
};

use anyhow::Context as _;
use clap::Parser;
use ron_accounting::{
    labels,
    normalize::CharacterNormalizer,
    window::{Clock as _, SystemClock},
    Accounting,
};
use ron_accounting_crash::messages::{Answer, Entry, Order};
use ron_accounting_sqlite::{LedgerError, SqliteLedger};

/// Windows are this short, so that many of them close in a life.
const WINDOW_MS: u64 = 200;
/// How long nothing is done between two looks at the clock, or at the queues.
const PAUSE: Duration = Duration::from_millis(4);

/// A node of the crash rig.
#[derive(Debug, Parser)]
struct Arguments {
    /// The folder of the log
    #[arg(long)]
    log: PathBuf,
    /// The file of the ledger
    #[arg(long)]
    ledger: PathBuf,
    /// How many label sets are live at once
    #[arg(long)]
    label_limit: usize,
    /// Without threads of the façade
    #[arg(long)]
    manual: bool,
    /// How often live counts are written to the log
    #[arg(long)]
    checkpoint_ms: u64,
    /// How long finishing waits for the ledger
    #[arg(long)]
    drain_ms: u64,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let accounting = match open(&arguments) {
        Ok(accounting) => accounting,
        Err(error) => {
            say(&Answer::Refused(format!("{error:#}")))?;
            return Ok(());
        }
    };
    say(&Answer::Ready)?;
    let recorded = Arc::new(AtomicU64::new(0));
    let is_over = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::new();
    let (ticking, counted, over) = (accounting.clone(), Arc::clone(&recorded), Arc::clone(&is_over));
    let is_manual = arguments.manual;
    threads.push(thread::spawn(move || tick(&ticking, is_manual, &counted, &over)));
    if is_manual {
        let (exporting, over) = (accounting.clone(), Arc::clone(&is_over));
        threads.push(thread::spawn(move || export(&exporting, &over)));
    }

    for line in stdin().lock().lines() {
        match line?.parse()? {
            Order::Record(entry) => {
                record(&accounting, &entry)?;
                // Whoever reads the number finds the entry counted.
                let entries = recorded.fetch_add(1, Ordering::SeqCst) + 1;
                say(&Answer::Recorded(entries))?;
            }
            Order::Finish => break,
        }
    }
    is_over.store(true, Ordering::SeqCst);
    for thread in threads {
        // What it panicked about is on standard error already, and the producer sees what is missing.
        let _ = thread.join();
    }
    let result = accounting.shutdown(Duration::from_millis(arguments.drain_ms));
    let is_live = accounting.totals().iter().any(|totals| totals.live > 0);
    let is_logged = accounting.stats().export.is_some_and(|export| export.not_durable == 0);
    if !is_live && is_logged {
        say(&Answer::Covered(recorded.load(Ordering::SeqCst)))?;
    }
    say(&Answer::Finished(result.map_err(|error| format!("{:#}", anyhow::Error::from(error)))))
}

fn open(arguments: &Arguments) -> anyhow::Result<Accounting> {
    let ledger = loop {
        match SqliteLedger::open(&arguments.ledger) {
            Err(LedgerError::Locked { .. }) => {}
            opened => break opened.context("cannot open the ledger")?,
        }
    };
    let builder = Accounting::builder()
        .normalizer(CharacterNormalizer)
        .window_ms(WINDOW_MS)
        .checkpoint_ms(arguments.checkpoint_ms)
        .label_limit(arguments.label_limit)
        .wal_dir(&arguments.log)
        // So small that segments come and go.
        .wal_max_bytes(32 << 20)
        .exporter(Arc::new(ledger));
    let builder = if arguments.manual { builder.manual() } else { builder };
    builder.build().context("cannot open the log")
}

fn record(accounting: &Accounting, entry: &Entry) -> anyhow::Result<()> {
    let dimension = accounting.dimension(&entry.dimension);
    let dimension = dimension.with_context(|| format!("no dimension `{}`", entry.dimension))?;
    let labels =
        labels().tenant(&entry.tenant).method("GET").route(&entry.route).service("crash").region("here");
    accounting.record(&labels, dimension, entry.units);
    Ok(())
}

/// What was recorded before a checkpoint began.
struct Mark {
    recorded: u64,
    checkpoints: u64,
}

/// Rolls windows, and tells what is durable.
///
/// By hand nobody else makes checkpoints, so that one more of them during a tick holds all that was recorded before the tick.
/// Otherwise one may have been under way already, and the second one counts.
fn tick(accounting: &Accounting, is_manual: bool, recorded: &AtomicU64, is_over: &AtomicBool) {
    let checkpoints = || accounting.stats().export.map_or(0, |export| export.checkpoints);
    let new_mark = || Mark { recorded: recorded.load(Ordering::SeqCst), checkpoints: checkpoints() };
    let needed = if is_manual { 1 } else { 2 };
    let mut mark = new_mark();
    while !is_over.load(Ordering::SeqCst) {
        if is_manual {
            mark = new_mark();
        }
        if let Err(error) = accounting.tick(SystemClock.now_ms()) {
            eprintln!("tick: {:#}", anyhow::Error::from(error));
        }
        if checkpoints() >= mark.checkpoints + needed {
            if say(&Answer::Covered(mark.recorded)).is_err() {
                return;
            }
            mark = new_mark();
        }
        thread::sleep(PAUSE);
    }
}

/// Exports as the façade's threads would.
fn export(accounting: &Accounting, is_over: &AtomicBool) {
    while !is_over.load(Ordering::SeqCst) {
        // What the ledger does not take is tried again.
        let _ = accounting.drain(Duration::from_millis(50));
        thread::sleep(PAUSE);
    }
}

/// One line in one write, which a kill does not tear.
fn say(answer: &Answer) -> anyhow::Result<()> {
    let mut stdout = stdout().lock();
    stdout.write_all(format!("{answer}\n").as_bytes())?;
    stdout.flush()?;
    Ok(())
}
