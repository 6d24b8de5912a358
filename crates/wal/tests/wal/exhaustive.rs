//! What can go wrong, one after the other, until nothing is left: each bit of a log, each operation on its files.

use std::collections::{BTreeMap, BTreeSet};

use ron_accounting_wal::fault::{MemoryStorage, Operation, Survival};
use ron_accounting_wal::{inspect, Position, Recovery, SegmentState, Wal, WalError};

use crate::failing::{FailingStorage, Failure};
use crate::rig::*;

/// Eight segments of 8 KiB: seven sealed, and the newest open, preallocated, and synced.
fn log_of_64_kib() -> MemoryStorage {
    let disk = MemoryStorage::new();
    let (mut wal, _) = open(&disk);
    let mut length = 0;
    while wal.stats().segments < 8 {
        // Bodies of ones and zeros alike, and among them one that looks like a log.
        length = (length + 211) % 900;
        let body: Vec<u8> = (0..length).map(|byte| [0, 0xFF, b'R', 1][byte % 4]).collect();
        append(&mut wal, body);
        wal.sync().unwrap();
    }
    append(&mut wal, "the end");
    wal.sync().unwrap();
    let bytes: usize = files(&disk).iter().map(|(_, content)| content.len()).sum();
    assert!((60 << 10..=64 << 10).contains(&bytes), "{bytes}");
    disk
}

/// The same, but every file was another segment's before.
fn recycled_log_of_64_kib() -> MemoryStorage {
    let disk = MemoryStorage::new();
    let (mut wal, _) = open(&disk);
    let mut old = Vec::new();
    for number in 0..8u8 {
        old.push(append(&mut wal, vec![[0xFF, 1, number, b'R'][usize::from(number % 4)]; 3_900]));
    }
    let mut length = 0;
    for number in 8..16 {
        wal.release(old.remove(0));
        wal.retire().unwrap();
        wal.rotate(0).unwrap();
        let records = if number == 15 { 3 } else { 6 };
        for _ in 0..records {
            length = (length + 211) % 900;
            let body: Vec<u8> = (0..length).map(|byte| [0, 0xFF, b'R', 1][byte % 4]).collect();
            let position = append(&mut wal, body);
            wal.sync().unwrap();
            // The segments of the other log have other numbers.
            assert_eq!(position.segment, number);
        }
        assert!(disk.content(&segment(number)).unwrap()[48..52] != [0; 4]);
    }
    let newest = disk.content(&segment(15)).unwrap();
    assert!(newest[7_000..8_000].iter().all(|byte| *byte != 0), "something is left over");
    disk
}

/// A disk with one segment of the log, and one that is newer and has no record if the segment is not the newest.
fn with_segment(log: &MemoryStorage, number: u64, newest: u64) -> MemoryStorage {
    let disk = MemoryStorage::new();
    disk.put(&segment(number), log.content(&segment(number)).unwrap());
    if number < newest {
        let mut begun = log.content(&segment(newest)).unwrap();
        begun.truncate(usize::try_from(DATA_OFFSET).unwrap());
        disk.put(&segment(newest), begun);
    }
    disk
}

#[test]
fn each_flipped_bit_is_found_and_costs_only_its_record() {
    flip_each_bit(&log_of_64_kib(), 0, 7);
}

#[test]
fn each_flipped_bit_of_a_recycled_file_is_found_and_costs_only_its_record() {
    flip_each_bit(&recycled_log_of_64_kib(), 8, 15);
}

fn flip_each_bit(log: &MemoryStorage, oldest: u64, newest: u64) {
    for number in oldest..=newest {
        let disk = with_segment(log, number, newest);
        let name = segment(number);
        let sound = inspect(&disk).unwrap().segments.remove(0);
        assert!(sound.damage.is_empty() && sound.torn_bytes == 0);
        let is_recycled = log.content(&name).unwrap()[48..52] != [0; 4];
        let sound_end = sound
            .records
            .last()
            .map_or(0, |record| record.position.offset + RECORD_HEADER_BYTES + record.body.len() as u64);
        for offset in 0..sound.bytes {
            // The record that the byte belongs to is the only one that may be missing.
            let hit = sound.records.iter().position(|record| {
                let start = record.position.offset;
                (start..start + RECORD_HEADER_BYTES + record.body.len() as u64).contains(&offset)
            });
            // Without optimisation all bits take half a minute: one of each byte then.
            let bits = if cfg!(debug_assertions) { offset % 8..offset % 8 + 1 } else { 0..8 };
            for bit in bits.map(|bit| bit as u8) {
                assert!(disk.flip_bit(&name, offset, bit));
                let found = inspect(&disk).unwrap().segments.remove(0);
                let kept = sound.records.iter().enumerate().filter(|(index, _)| Some(*index) != hit);
                let is_kept = found.records.iter().eq(kept.map(|(_, record)| record));
                assert!(is_kept, "{name}, byte {offset}, bit {bit}: {found:?}");
                // What is known to have been durable is damaged, and what a crash explains is torn.
                let is_last = hit == Some(sound.records.len() - 1);
                let expected = if number < newest || offset < 64 || (4096..DATA_OFFSET).contains(&offset) {
                    SegmentState::Corrupt
                } else if offset < 4096 {
                    // These bytes say nothing. In a sealed segment its checksum covers them all the same.
                    SegmentState::Open
                } else if hit.is_some() && !is_last {
                    SegmentState::Corrupt
                } else if hit.is_none() && offset >= sound_end + 24 && is_recycled {
                    // Left over.
                    SegmentState::Open
                } else {
                    SegmentState::Torn
                };
                assert_eq!(found.state, expected, "{name}, byte {offset}, bit {bit}: {found:?}");
                let is_told = match expected {
                    SegmentState::Corrupt => found.damage.iter().any(|damage| damage.synced),
                    SegmentState::Torn => found.torn_bytes > 0,
                    _ => found == sound,
                };
                assert!(is_told, "{name}, byte {offset}, bit {bit}: {found:?}");
                disk.flip_bit(&name, offset, bit);
            }
        }
    }
}

#[test]
fn a_log_with_a_flipped_bit_opens_and_goes_on() {
    let log = log_of_64_kib();
    let all = inspect(&log).unwrap().segments;
    // Bits far enough apart to hit all kinds of bytes: the search above has seen each of them.
    for number in 0..8 {
        let bytes = log.content(&segment(number)).unwrap().len() as u64;
        for offset in (0..bytes).step_by(97) {
            let disk = log.crash_with(Survival::Synced, 0);
            disk.flip_bit(&segment(number), offset, (offset % 8) as u8);
            let found = inspect(&disk).unwrap().segments;
            let (mut wal, recovery) = open(&disk);
            let expected: Vec<_> = found.iter().flat_map(|segment| segment.records.clone()).collect();
            assert_eq!(recovery.records, expected);
            let records: usize = all.iter().map(|segment| segment.records.len()).sum();
            assert!(expected.len() + 1 >= records, "{number} {offset}: at most one record is missing");
            append(&mut wal, "goes on");
            wal.sync().unwrap();
            let (_, again) = open(&disk.crash_with(Survival::Synced, 0));
            assert_eq!(again.records.len(), expected.len() + 1);
        }
    }
}

/// What happens after an operation has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aftermath {
    /// Nothing: the process goes on.
    Nothing,
    /// The process is killed.
    Kill,
    /// The power goes.
    PowerCut(Survival, u64),
}

type Step = fn(&mut Owner) -> Result<(), WalError>;

/// The owner of a log, which knows what was confirmed.
struct Owner {
    storage: FailingStorage,
    wal: Option<Wal<FailingStorage>>,
    next: u32,
    /// All that were ever appended, by their text, and where the last copy of each is, as far as it is needed.
    appended: BTreeSet<String>,
    needed: BTreeMap<String, Position>,
    /// Needed, and confirmed by a sync.
    confirmed: BTreeSet<String>,
}

impl Owner {
    fn new(storage: FailingStorage) -> Self {
        Self {
            storage,
            wal: None,
            next: 0,
            appended: BTreeSet::new(),
            needed: BTreeMap::new(),
            confirmed: BTreeSet::new(),
        }
    }

    /// The steps of the scenario. An error of one of them is the owner's to deal with at the next.
    fn steps() -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for _ in 0..2 {
            steps.push(Self::open);
            for _ in 0..3 {
                steps.extend([Self::append as Step, Self::append, Self::append, Self::sync, Self::retire]);
            }
            steps.extend([Self::rotate as Step, Self::close]);
        }
        steps
    }

    fn open(&mut self) -> Result<(), WalError> {
        self.wal = None;
        let (wal, recovery) = Wal::open(self.storage.clone(), ORIGIN, small(), 0)?;
        self.wal = Some(wal);
        self.check(&recovery);
        // What the owner had appended and was not there is gone, and what it had released may be back.
        self.needed =
            recovery.records.iter().zip(texts(&recovery)).map(|(r, text)| (text, r.position)).collect();
        Ok(())
    }

    fn check(&self, recovery: &Recovery) {
        let found: BTreeSet<String> = texts(recovery).into_iter().collect();
        let lost: Vec<_> = self.confirmed.difference(&found).collect();
        assert!(lost.is_empty(), "{:?}: lost {lost:?}", self.storage.struck());
        assert!(found.is_subset(&self.appended), "{:?}: not ours", self.storage.struck());
        assert!(recovery.report.corrupt_segments.is_empty(), "{:?}: {recovery:?}", self.storage.struck());
    }

    fn append(&mut self) -> Result<(), WalError> {
        let text = format!("{:0>1000}", self.next);
        self.next += 1;
        let Some(wal) = &mut self.wal else { return Ok(()) };
        self.appended.insert(text.clone());
        let position = wal.append(KIND, text.as_bytes(), 0)?;
        self.needed.insert(text, position);
        Ok(())
    }

    /// Syncs; what a failed sync made unsafe is appended again before.
    fn sync(&mut self) -> Result<(), WalError> {
        let Some(wal) = &mut self.wal else { return Ok(()) };
        for lost in wal.unsafe_positions() {
            let text =
                self.needed.iter().find(|(_, position)| **position == lost).map(|(text, _)| text.clone());
            if let Some(text) = text {
                let position = wal.append_reserved(KIND, text.as_bytes(), 0)?;
                self.needed.insert(text, position);
            }
            wal.release(lost);
        }
        wal.sync()?;
        self.confirmed = self.needed.keys().cloned().collect();
        Ok(())
    }

    /// Two records are not needed any more. After a restart they may be there all the same.
    fn retire(&mut self) -> Result<(), WalError> {
        let Some(wal) = &mut self.wal else { return Ok(()) };
        for _ in 0..2 {
            if let Some((text, position)) = self.needed.pop_first() {
                wal.release(position);
                self.confirmed.remove(&text);
            }
        }
        wal.retire().map(drop)
    }

    fn rotate(&mut self) -> Result<(), WalError> {
        self.wal.as_mut().map_or(Ok(()), |wal| wal.rotate(0))
    }

    fn close(&mut self) -> Result<(), WalError> {
        self.wal.take().map_or(Ok(()), |wal| wal.close().map(drop))
    }

    /// The process is gone, and a new one starts on what is there. Everything works again: it opens, heals, goes on, and
    /// what it confirms survives a power cut.
    fn start_again(mut self, disk: &MemoryStorage) {
        self.wal = None;
        let struck = self.storage.struck();
        disk.heal();
        self.storage = FailingStorage::new(disk.clone(), None);
        let steps: [(&str, Step); 4] =
            [("open", Self::open), ("heal", Self::sync), ("append", Self::append), ("sync", Self::sync)];
        for (name, step) in steps {
            step(&mut self).unwrap_or_else(|error| panic!("{struck:?}, then {name}: {error}"));
        }
        let newest = self.appended.last().unwrap();
        assert!(self.confirmed.contains(newest), "{struck:?}");
        let (_, recovery) = open(&disk.crash_with(Survival::Synced, 0));
        self.check(&recovery);
    }
}

fn live(target: Option<(u64, Failure)>, aftermath: Aftermath) -> u64 {
    let disk = MemoryStorage::new();
    let storage = FailingStorage::new(disk.clone(), target);
    let mut owner = Owner::new(storage.clone());
    for step in Owner::steps() {
        let done = step(&mut owner);
        assert!(done.is_ok() || storage.struck().is_some(), "nothing fails by itself: {done:?}");
        if storage.struck().is_none() {
            continue;
        }
        match aftermath {
            Aftermath::Nothing => {
                // An owner that could not open tries again.
                if owner.wal.is_none() {
                    let _ = owner.open();
                }
            }
            Aftermath::Kill => {
                owner.start_again(&disk);
                return storage.asked();
            }
            Aftermath::PowerCut(survival, seed) => {
                owner.start_again(&disk.crash_with(survival, seed));
                return storage.asked();
            }
        }
    }
    owner.start_again(&disk.crash_with(Survival::Synced, 0));
    storage.asked()
}

#[test]
fn each_operation_may_fail_in_each_way_and_nothing_that_was_confirmed_is_lost() {
    let operations = live(None, Aftermath::Nothing);
    assert!(operations > 100, "{operations}");
    let disk = MemoryStorage::new();
    let mut owner = Owner::new(FailingStorage::new(disk.clone(), None));
    for step in Owner::steps() {
        step(&mut owner).unwrap();
    }
    let begun = disk.history().into_iter().filter(|(_, name)| name == "spare");
    let begun = begun.filter(|(operation, _)| *operation == Operation::Rename).count();
    assert!(begun >= 2, "{begun} segments begin in recycled files");
    let aftermaths = [
        Aftermath::Nothing,
        Aftermath::Kill,
        Aftermath::PowerCut(Survival::Synced, 0),
        Aftermath::PowerCut(Survival::InOrder, 1),
        Aftermath::PowerCut(Survival::AnyOrder, 2),
    ];
    for aftermath in aftermaths {
        for failure in Failure::ALL {
            for operation in 0..operations {
                live(Some((operation, failure)), aftermath);
            }
        }
    }
}
