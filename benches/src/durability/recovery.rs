//! Opening a log of a gibibyte, beside reading its files once.

use std::{
    fs::{self, File},
    hint::black_box,
    io::Read as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{ensure, Context as _};
use ron_accounting_wal::{
    DirectoryStorage, RecordKind, RecordRef, RecoveryReport, Wal, WalError, WalOptions,
};
use tempfile::tempdir_in;

use super::Size;
use crate::{
    figures::{PathFigures, Target},
    label_sets::Dice,
    race::{race, time_of, Effort, Entrant, Kind},
};

const FLOOR: &str = "reading, CRC32C";
const GIBIBYTE: f64 = 1024.0 * 1024.0 * 1024.0;
/// Slices of a few rows up to thousands of them.
const BODY_BYTES: std::ops::Range<usize> = 1 << 10..127 << 10;

pub(super) fn measure(size: Size, folder: &Path) -> anyhow::Result<Vec<PathFigures>> {
    let (bytes, rounds) = match size {
        Size::Full => (1 << 30, 9),
        Size::Quick => (32 << 20, 1),
    };
    let place = tempdir_in(folder).context("cannot make a folder")?;
    let records = write_log(place.path(), bytes)?;
    let files = segments(place.path())?;
    let memory = memory_of_opening(place.path(), records)?;
    let effort = Effort { sittings: 1, rounds, turn: Duration::from_millis(1) };
    let line_up = || {
        let mut buffer = vec![0; 1 << 20];
        let files = files.clone();
        vec![
            Entrant::prepared("ours", Kind::Ours, || {
                let (took, (wal, report)) = time_of(|| open(place.path()).expect("the log is well"));
                assert_eq!(report.records, records, "all is there");
                drop(wal);
                took
            }),
            Entrant::prepared(FLOOR, Kind::Floor, move || {
                time_of(|| files.iter().for_each(|file| read(file, &mut buffer))).0
            }),
        ]
    };
    let standings = race(effort, line_up);
    let title = format!(
        "opening a log of {} MiB with {records} records in {} segments, its files in the page cache",
        bytes >> 20,
        files.len()
    );
    let mut path = PathFigures::new("recovery", &title);
    for (name, median) in standings.medians() {
        let kind = if name == FLOOR { Kind::Floor } else { Kind::Ours };
        path.figure(name, kind, median / 1e6, "ms");
        path.figure(format!("{name}, rate"), kind, bytes as f64 / GIBIBYTE / (median / 1e9), "GiB/s");
    }
    if let Some(memory) = memory {
        path.figure("memory at its peak, by the log's size", Kind::Ours, memory / bytes as f64, "");
    }
    path.ratio(format!("ours / {FLOOR}"), standings.ratio("ours", FLOOR), Some(Target::AtMost(1.5)));
    Ok(vec![path])
}

fn options() -> WalOptions {
    WalOptions::default().max_bytes(2 << 30)
}

/// Opens the log. What its owner keeps of the records is not the log's business.
fn open(folder: &Path) -> Result<(Wal<DirectoryStorage>, RecoveryReport), WalError> {
    let look = |record: RecordRef<'_>| {
        black_box(record.body.len());
    };
    Wal::open_with(DirectoryStorage::open(folder)?, [7; 16], options(), 0, look)
}

/// Writes a log of this size, and says how many records it has.
fn write_log(folder: &Path, bytes: usize) -> anyhow::Result<usize> {
    let (mut wal, _) = open(folder)?;
    let mut dice = Dice(1);
    let body: Vec<u8> = (0..BODY_BYTES.end / 8).flat_map(|_| dice.roll().to_le_bytes()).collect();
    let (mut written, mut records) = (0, 0);
    while written < bytes {
        let length = BODY_BYTES.start + dice.below(BODY_BYTES.len());
        wal.append(RecordKind(1), &body[..length], 0)?;
        written += length;
        records += 1;
    }
    wal.close()?;
    Ok(records)
}

fn segments(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wal") {
            files.push(path);
        }
    }
    files.sort();
    ensure!(!files.is_empty(), "there is no segment");
    Ok(files)
}

fn read(file: &Path, buffer: &mut [u8]) {
    let mut file = File::open(file).expect("the file is there");
    let mut checksum = 0;
    loop {
        let length = file.read(buffer).expect("the disk is well");
        if length == 0 {
            break;
        }
        checksum = crc32c::crc32c_append(checksum, &buffer[..length]);
    }
    black_box(checksum);
}

/// By how many bytes the process grows while a log is opened; `None` where the system does not say.
fn memory_of_opening(folder: &Path, records: usize) -> anyhow::Result<Option<f64>> {
    let before = resident("VmHWM:");
    let (_, report) = open(folder)?;
    ensure!(report.records == records, "not all records are there");
    let after = resident("VmHWM:");
    Ok(before.zip(after).map(|(before, after)| after - before))
}

/// One of the figures that Linux keeps about a process, in bytes.
fn resident(name: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024.0)
}
