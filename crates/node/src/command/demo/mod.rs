//! `demo`: records, seals, logs and exports, and then compares the ledger with what was recorded.

mod balance;
mod producers;
mod watch;

use std::{fs, io::Write, num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use ron_accounting::{
    export::{Exporter, SealedSlice},
    wal, Accounting, Dimensions,
};
use ron_accounting_ledger::totals;
use ron_accounting_sqlite::SqliteLedger;

use self::{
    balance::Balance,
    producers::{Producers, Workload},
    watch::Watch,
};
use crate::{
    advice::Advised,
    exit::{Exit, Failure},
    moment,
    signals::stop_on_signals,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  ron-accounting demo
  ron-accounting demo --for 10s
  ron-accounting demo --for 1m --dir demo --threads 8 && ron-accounting verify --ledger demo/usage.db";

const WINDOW_MS: u64 = 1000;

/// How long the ledger may take at the end.
const DRAIN_DEADLINE: Duration = Duration::from_secs(30);

/// Record from several threads, and prove at the end that nothing was lost or counted twice.
///
/// Threads record requests, bytes and tokens into a few hundred label sets. Windows of one second are sealed, logged and
/// exported to a SQLite ledger meanwhile. Ctrl-C, or the end of --for, drains the rest. The table then compares the units that
/// the threads recorded with those that a new connection finds in the ledger. `conserved: yes` means that they agree for every
/// tenant and dimension, and `no` makes the exit code 1. Units that are pending and not in the log either are in memory alone.
/// They end with the process, and are not conserved.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// How long to record: 10s, 5m [default: until Ctrl-C]
    #[arg(long = "for", value_name = "SPAN", value_parser = moment::parse_span)]
    duration_ms: Option<u64>,
    /// Keep ledger (usage.db) and log (log) in this folder, and go on from what is there [default: temporary]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Threads that record
    #[arg(long, value_name = "N", default_value = "4", value_parser = parse_count)]
    threads: NonZeroUsize,
    /// Tenants that they record for
    #[arg(long, value_name = "N", default_value = "50", value_parser = parse_count)]
    tenants: NonZeroUsize,
}

/// More threads or tenants would measure the machine and not the engine.
const COUNT_MAX: usize = 200;

fn parse_count(text: &str) -> Result<NonZeroUsize, String> {
    let count = text.parse().ok().filter(|count: &NonZeroUsize| count.get() <= COUNT_MAX);
    count.ok_or_else(|| format!("write a number from 1 to {COUNT_MAX}"))
}

pub(super) fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<Exit, Failure> {
    let stop = stop_on_signals()?;
    let temporary = tempfile::tempdir().with_context(|| {
        let next = "set TMPDIR to a folder that may be written to, or name one with --dir";
        Advised::new("cannot create a temporary folder", next)
    })?;
    let folder = arguments.dir.as_deref().unwrap_or(temporary.path());
    fs::create_dir_all(folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;
    let ledger_path = folder.join("usage.db");
    let ledger = Arc::new(SqliteLedger::open(&ledger_path)?);
    let mut balance = Balance::default();
    balance.carry_over_ledger(&totals(&ledger)?);
    let mut dimensions = Dimensions::default();
    let tokens = dimensions.register(producers::TOKENS)?;
    let accounting = Accounting::builder()
        .window_ms(WINDOW_MS)
        .dimensions(dimensions)
        .exporter(ledger)
        .wal_dir(folder.join("log"))
        .build()?;
    balance.carry_over_log(&accounting.totals());

    let workload = Workload::new(arguments.tenants.get());
    writeln!(
        out,
        "{} threads record into {} label sets of {} tenants; windows of 1 s; ledger {}{}",
        arguments.threads,
        workload.label_sets(),
        arguments.tenants,
        ledger_path.display(),
        if arguments.duration_ms.is_none() { "; Ctrl-C ends it" } else { "" },
    )?;
    out.flush()?;
    let producers = Producers::start(&accounting, workload, tokens, arguments.threads.get())?;
    let watched = Watch::new(arguments.duration_ms).until(&stop, &accounting, &producers, out);
    // Even if the display fails, the threads are stopped and their counts are exported.
    for (tenant, dimension, recorded) in producers.stop() {
        balance.recorded(&tenant, dimension, recorded);
    }
    let drained = accounting.shutdown(DRAIN_DEADLINE);
    balance.on_the_way(&accounting.totals());
    drop(accounting);
    watched?;
    if let Err(error) = drained {
        eprintln!("note: the ledger does not have everything yet: {:#}", anyhow::Error::from(error));
    }

    let ledger = SqliteLedger::open_read_only(&ledger_path)?;
    balance.found_in_ledger(&totals(&ledger)?);
    if arguments.dir.is_some() {
        match wal::inspect(&folder.join("log")) {
            Ok(log) => {
                let mut slices = log.unacknowledged;
                // An acknowledgement that the log could not take leaves its slice there.
                slices.retain(|slice| !is_in_ledger(&ledger, slice));
                balance.found_in_log(&slices, log.live);
            }
            Err(error) => eprintln!("note: the log cannot be read: {:#}", anyhow::Error::from(error)),
        }
    }
    let conserved = balance.report(out)?;
    if arguments.dir.is_some() {
        writeln!(out, "next: ron-accounting verify --ledger {}", ledger_path.display())?;
    }
    Ok(if conserved { Exit::Done } else { Exit::Violated })
}

fn is_in_ledger(ledger: &SqliteLedger, slice: &SealedSlice) -> bool {
    let head = ledger.head(slice.stream()).ok().flatten();
    head.is_some_and(|head| head.next_seq() > slice.seq())
}
