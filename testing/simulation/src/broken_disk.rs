//! How much work a log makes for a disk that does not work. It must leave such a disk alone most of the time.

use std::fmt;

use ron_accounting_pipeline::PipelineError;

use crate::{
    clock::Clock,
    disk::{Disk, Operation},
    ledger::Ledger,
    process::Process,
    report::Failure,
    settle::put_all,
    setup::{LogSize, Setup},
    steps::{Key, Recording},
};

const SECONDS: u64 = 60;
/// A checkpoint is due every so many seconds.
const CHECKPOINT_SECONDS: u64 = 5;

/// What does not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokenDisk {
    /// Each operation of a kind fails.
    Failing(Operation),
    /// There is no room at all.
    Full,
}

impl fmt::Display for BrokenDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failing(operation) => write!(f, "each {operation} fails"),
            Self::Full => f.write_str("the disk is full"),
        }
    }
}

/// What a process asked of the disk in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Operations in the worst second.
    pub operations_per_second_max: u64,
    /// Operations in all.
    pub operations: u64,
    /// The most files that there were.
    pub files_max: usize,
}

/// Runs a process for a minute over a disk that broke after the first window. Each second somebody counts and the pipeline
/// looks after itself; the window closes in the middle.
pub fn load_on(broken: BrokenDisk) -> Result<Load, Failure> {
    let setup = std::sync::Arc::new(Setup {
        checkpoint_ms: CHECKPOINT_SECONDS * 1000,
        log: Some(LogSize { segment_bytes: 8 << 10, max_bytes: 256 << 10, max_entries: 1_000_000 }),
        ..Setup::default()
    });
    let (disk, ledger, mut clock) = (Disk::default(), Ledger::new(&setup), Clock::new());
    let opened = Process::start(&setup, disk.volume(), 1, clock.now_ms());
    let mut process = opened.map_err(|error: PipelineError| Failure::new("opening", error.with_causes()))?;
    let count = |process: &Process, n| {
        for tenant in 0..setup.tenants {
            process.record(&setup, &Recording { tenant, key: Key::Route(0), dimension: 0, n }, false);
        }
    };
    count(&process, 1);
    let window = clock.close();
    process.seal(window, clock.now_ms());
    put_all(&mut process, &ledger, clock.now_ms());
    match broken {
        BrokenDisk::Failing(operation) => disk.break_down(operation),
        BrokenDisk::Full => disk.fill(0),
    }
    let mut load = Load::default();
    for second in 0..SECONDS {
        let before = disk.operations();
        clock.pass(1000);
        count(&process, 1);
        if second == SECONDS / 2 {
            let window = clock.close();
            process.seal(window, clock.now_ms());
        }
        process.maintain(clock.open(), clock.now_ms());
        put_all(&mut process, &ledger, clock.now_ms());
        let operations = disk.operations() - before;
        disk.examined(|| process.validate())?;
        load.operations += operations;
        load.operations_per_second_max = load.operations_per_second_max.max(operations);
        load.files_max = load.files_max.max(disk.image().lengths().count());
    }
    Ok(load)
}
