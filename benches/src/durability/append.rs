//! Sixteen records of 64 KiB and one sync: the log, a plain file, and another log.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::FileExt as _,
    path::Path,
    time::Duration,
};

use anyhow::Context as _;
use fs4::fs_std::FileExt as _;
use okaywal::{LogVoid, WriteAheadLog};
use ron_accounting_wal::{DirectoryStorage, Position, RecordKind, Wal, WalOptions};
use tempfile::{tempdir_in, TempDir};

use super::Size;
use crate::{
    figures::{PathFigures, Target},
    race::{race, time_of, Effort, Entrant, Kind},
};

const RECORDS: usize = 16;
const RECORD_BYTES: usize = 64 << 10;
/// What stands before a body in the log.
const RECORD_HEADER_BYTES: usize = 24;
const FILE_BYTES: u64 = 128 << 20;

const FLOOR: &str = "preallocated file, fdatasync";
const OVERWRITTEN: &str = "file written before, fdatasync";
const OTHER: &str = "okaywal";

pub(super) fn measure(size: Size, folder: &Path) -> anyhow::Result<Vec<PathFigures>> {
    let effort = match size {
        Size::Full => Effort { sittings: 3, rounds: 25, turn: Duration::from_millis(60) },
        Size::Quick => Effort { sittings: 1, rounds: 3, turn: Duration::from_millis(1) },
    };
    let place = tempdir_in(folder).context("cannot make a folder")?;
    let line_up = || {
        let mut ours = Ours::new(place.path());
        let mut fresh = PlainFile::new(place.path(), false);
        let mut written = PlainFile::new(place.path(), true);
        let mut other = Other::new(place.path());
        vec![
            Entrant::prepared("ours", Kind::Ours, move || ours.commit()),
            Entrant::prepared(FLOOR, Kind::Floor, move || fresh.commit()),
            Entrant::prepared(OVERWRITTEN, Kind::Floor, move || written.commit()),
            Entrant::prepared(OTHER, Kind::Library, move || other.commit()),
        ]
    };
    let standings = race(effort, line_up);
    let title = "16 records of 64 KiB and one sync; the log begins a new segment every 8 MiB meanwhile";
    let mut path = PathFigures::new("append", title);
    for (name, median) in standings.medians() {
        let kind = match name {
            "ours" => Kind::Ours,
            OTHER => Kind::Library,
            _ => Kind::Floor,
        };
        path.figure(name, kind, median / 1e3, "µs");
    }
    path.ratio(format!("ours / {FLOOR}"), standings.ratio("ours", FLOOR), Some(Target::AtMost(1.2)));
    path.ratio(format!("ours / {OVERWRITTEN}"), standings.ratio("ours", OVERWRITTEN), None);
    path.ratio(format!("ours / {OTHER}"), standings.ratio("ours", OTHER), Some(Target::AtMost(1.0)));
    Ok(vec![path])
}

fn body() -> Vec<u8> {
    (0..RECORD_BYTES).map(|byte| u8::try_from(byte * 31 % 251).unwrap_or_default()).collect()
}

struct Ours {
    wal: Wal<DirectoryStorage>,
    body: Vec<u8>,
    _folder: TempDir,
}

impl Ours {
    fn new(place: &Path) -> Self {
        let folder = tempdir_in(place).expect("a folder can be made");
        let storage = DirectoryStorage::open(folder.path()).expect("the folder is new");
        let (wal, _) = Wal::open(storage, [7; 16], WalOptions::default(), 0).expect("the log is new");
        Self { wal, body: body(), _folder: folder }
    }

    fn append(&mut self) -> Vec<Position> {
        let append = |_| self.wal.append(RecordKind(1), &self.body, 0).expect("there is room");
        let positions = (0..RECORDS).map(append).collect();
        self.wal.sync().expect("the disk is well");
        positions
    }

    /// How long it takes to make a group of records durable.
    fn commit(&mut self) -> Duration {
        let (took, positions) = time_of(|| self.append());
        // Giving space back is not part of a commit.
        for position in positions {
            self.wal.release(position);
        }
        self.wal.retire().expect("the disk is well");
        took
    }
}

/// The least work: the same bytes into one file whose space is reserved.
struct PlainFile {
    file: File,
    record: Vec<u8>,
    offset: u64,
    is_written: bool,
    folder: TempDir,
}

impl PlainFile {
    fn new(place: &Path, is_written: bool) -> Self {
        let folder = tempdir_in(place).expect("a folder can be made");
        let mut record = vec![1; RECORD_HEADER_BYTES];
        record.extend(body());
        let file = Self::reserve(&folder, is_written);
        Self { file, record, offset: 0, is_written, folder }
    }

    fn reserve(folder: &TempDir, is_written: bool) -> File {
        let mut options = OpenOptions::new();
        options.create(true).truncate(true).read(true).write(true);
        let file = options.open(folder.path().join("file")).expect("a file can be made");
        file.allocate(FILE_BYTES).expect("there is room");
        if is_written {
            let zeros = vec![0; 1 << 20];
            for offset in (0..FILE_BYTES).step_by(zeros.len()) {
                file.write_all_at(&zeros, offset).expect("there is room");
            }
        }
        file.sync_all().expect("the disk is well");
        file
    }

    fn write(&mut self) {
        for _ in 0..RECORDS {
            self.file.write_all_at(&self.record, self.offset).expect("there is room");
            self.offset += self.record.len() as u64;
        }
        self.file.sync_data().expect("the disk is well");
    }

    /// How long it takes to make a group of records durable.
    fn commit(&mut self) -> Duration {
        if self.offset + (RECORDS * self.record.len()) as u64 > FILE_BYTES {
            self.offset = 0;
            if !self.is_written {
                self.file = Self::reserve(&self.folder, false);
            }
        }
        time_of(|| self.write()).0
    }
}

/// One entry of sixteen chunks, which is the least that it can sync for.
struct Other {
    log: WriteAheadLog,
    body: Vec<u8>,
    _folder: TempDir,
}

impl Other {
    fn new(place: &Path) -> Self {
        let folder = tempdir_in(place).expect("a folder can be made");
        let log = WriteAheadLog::recover(folder.path().join("log"), LogVoid).expect("the log is new");
        Self { log, body: body(), _folder: folder }
    }

    fn write(&self) {
        let mut entry = self.log.begin_entry().expect("the log is well");
        for _ in 0..RECORDS {
            entry.write_chunk(&self.body).expect("there is room");
        }
        entry.commit().expect("the disk is well");
    }

    /// How long it takes to make a group of records durable.
    fn commit(&mut self) -> Duration {
        time_of(|| self.write()).0
    }
}
