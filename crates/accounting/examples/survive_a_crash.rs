//! Counts in a process that is killed, and finds its usage in the log afterwards.
//!
//! The program starts itself once more with the argument `crash` and a folder.

use std::{env, path::Path, process::Command, time::Duration};

use ron_accounting::{export::MemoryLedger, labels, wal::inspect, Accounting, Dimension, Labels};

const FEED: Labels<'static> = labels().tenant("acme").method("GET").route("/v1/feed").service("omnigate");

fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = env::args().collect();
    if let [_, crash, folder] = arguments.as_slice() {
        anyhow::ensure!(crash == "crash", "unknown argument {crash:?}");
        return count_and_crash(Path::new(folder));
    }

    let folder = tempfile::tempdir()?;
    let status = Command::new(env::current_exe()?).arg("crash").arg(folder.path()).status()?;
    assert!(!status.success(), "it was to die");

    // Inspecting a log changes nothing, so it is always allowed.
    let found = inspect(folder.path())?;
    println!("in the log: {} sealed slices, {} live units", found.unacknowledged.len(), found.live);
    assert_eq!((found.unacknowledged.len(), found.live, found.is_damaged()), (1, 20, false));

    // The next process on the same log exports what it finds, and goes on with the same chain.
    let ledger = MemoryLedger::new();
    let acc = Accounting::builder().wal_dir(folder.path()).exporter(ledger.clone()).build()?;
    acc.record(&FEED, Dimension::REQUESTS, 300);
    acc.shutdown(Duration::from_secs(5))?;
    for slice in ledger.slices() {
        println!("slice {} of {}: {} units", slice.seq(), slice.stream(), slice.total());
    }
    // 4000 units were counted after the last checkpoint. That is what a crash can cost.
    assert_eq!(ledger.total("acme", "requests"), 1 + 20 + 300);
    Ok(())
}

fn count_and_crash(log: &Path) -> anyhow::Result<()> {
    let acc = Accounting::builder().manual_at(0).checkpoint_ms(5000).wal_dir(log).build()?;
    // Sealed at the end of its window, and durable from then on.
    acc.record(&FEED, Dimension::REQUESTS, 1);
    acc.tick(60_000)?;
    // In the open window, but old enough for a checkpoint.
    acc.record(&FEED, Dimension::REQUESTS, 20);
    acc.tick(65_000)?;
    // Younger than the last checkpoint.
    acc.record(&FEED, Dimension::REQUESTS, 4000);
    std::process::abort();
}
