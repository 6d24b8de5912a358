//! Does a file that is used again keep the promises of a new one?

use std::cell::Cell;

use ron_accounting_wal::fault::{MemoryFile, MemoryStorage, Operation, Survival};
use ron_accounting_wal::{inspect, Position, SegmentState, Storage, Wal, WalOptions};

use crate::format_golden::salted_frame;
use crate::rig::*;

const SPARE: &str = "spare";
const SALT: std::ops::Range<usize> = 48..52;

/// A log with a spare that holds a segment with these bodies; the active segment is number 1 and holds a record.
fn with_spare(bodies: &[Vec<u8>]) -> (MemoryStorage, Wal<MemoryStorage>) {
    let disk = MemoryStorage::new();
    let (mut wal, _) = open(&disk);
    let old: Vec<Position> = bodies.iter().map(|body| append(&mut wal, body)).collect();
    wal.rotate(0).unwrap();
    append(&mut wal, "kept");
    for position in old {
        assert!(wal.release(position));
    }
    assert_eq!(wal.retire().unwrap(), 1);
    assert!(disk.content(SPARE).is_some() && disk.content(&segment(0)).is_none());
    (disk, wal)
}

fn spare_of_records() -> (MemoryStorage, Wal<MemoryStorage>) {
    with_spare(&[vec![1; 900], vec![0xff; 900], vec![7; 900], b"R".repeat(900)])
}

/// The same, with segment 2 begun in the spare, and records in it that are synced.
fn recycled(bodies: &[&str]) -> (MemoryStorage, Wal<MemoryStorage>) {
    let (disk, mut wal) = spare_of_records();
    wal.rotate(0).unwrap();
    for body in bodies {
        append(&mut wal, body);
    }
    wal.sync().unwrap();
    assert!(disk.content(&segment(2)).unwrap()[SALT] != [0; 4] && disk.content(SPARE).is_none());
    (disk, wal)
}

#[test]
fn a_segment_begins_in_the_spare_and_has_its_name_only_with_its_headers() {
    let (disk, mut wal) = spare_of_records();
    let start = disk.history().len();
    append(&mut wal, vec![0; 3_000]);
    append(&mut wal, vec![0; 3_000]);
    let steps: Vec<_> = disk.history().split_off(start);
    let on_spare: Vec<_> = steps.iter().filter(|(_, name)| name == SPARE).map(|step| step.0).collect();
    // The last write is the record; the disk goes on calling the file by the name under which it was opened.
    assert_eq!(on_spare, [Operation::Write, Operation::Sync, Operation::Rename, Operation::Write]);
    let sealed = when(&disk, start, Operation::Sync, &segment(1)).unwrap();
    let header = when(&disk, start, Operation::Write, SPARE).unwrap();
    let named = when(&disk, start, Operation::Rename, SPARE).unwrap();
    let durable = when(&disk, named, Operation::SyncDirectory, "").unwrap();
    let record = when(&disk, named, Operation::Write, SPARE).unwrap();
    assert!(sealed < header && durable < record);
    assert_eq!(disk.count(Operation::Create), 2, "no file was created for the third segment");
}

#[test]
fn leftovers_are_neither_records_nor_torn() {
    for records in [&[][..], &["a"], &["a", "b"]] {
        let (disk, wal) = recycled(records);
        drop(wal);
        let found = inspect(&disk).unwrap().segments.pop().unwrap();
        assert_eq!((found.number, found.state, found.torn_bytes), (2, SegmentState::Open, 0));
        for disk in [disk.clone(), disk.crash_with(Survival::Synced, 0)] {
            let (_, recovery) = open(&disk);
            assert_eq!(texts(&recovery), [&["kept"], records].concat());
            assert_eq!((recovery.report.torn_tails, recovery.report.damage.len()), (0, 0));
            let left = disk.content(&segment(2)).unwrap();
            let records = inspect(&disk).unwrap().segments.pop().unwrap().records;
            let end = records.last().map_or(DATA_OFFSET, |last| {
                last.position.offset + RECORD_HEADER_BYTES + last.body.len() as u64
            });
            assert_eq!(left.len() as u64, end, "leftovers are cut off");
        }
    }
}

#[test]
fn a_torn_write_over_leftovers_is_counted_and_cut_off() {
    let (disk, mut wal) = recycled(&["first"]);
    let before = disk.content(&segment(2)).unwrap();
    let start = append(&mut wal, "torn").offset as usize;
    let after = disk.content(&segment(2)).unwrap();
    for kept in 1..28 {
        let bytes = [&after[..start + kept], &before[start + kept..]].concat();
        let disk = disk.crash_with(Survival::Synced, 0);
        disk.put(&segment(2), bytes);
        let (_, recovery) = open(&disk);
        assert_eq!(texts(&recovery), ["kept", "first"], "{kept} bytes");
        assert_eq!((recovery.report.torn_tails, recovery.report.damage.len()), (1, 0), "{kept} bytes");
        assert_eq!(disk.content(&segment(2)).unwrap().len(), start);
    }
}

/// The disk lost a write and kept the next one, neither of them synced: what is there is found behind the old mark of the end.
#[test]
fn a_write_behind_the_mark_of_the_end_is_found() {
    let (disk, mut wal) = recycled(&["first"]);
    let before = disk.content(&segment(2)).unwrap();
    let (lost, kept) =
        (append(&mut wal, "lost").offset as usize, append(&mut wal, "kept, too").offset as usize);
    let mut bytes = disk.content(&segment(2)).unwrap();
    bytes[lost..kept].copy_from_slice(&before[lost..kept]);
    disk.put(&segment(2), bytes);
    let (_, recovery) = open(&disk);
    assert_eq!(texts(&recovery), ["kept", "first", "kept, too"]);
    assert_eq!((recovery.report.torn_tails, recovery.report.corrupt_segments.len()), (1, 0));
}

/// Whoever supplies what is appended knows which segment and which offset come next, and can make bytes whose checksums hold
/// there. Left over in a recycled file, they must not become records.
#[test]
fn a_record_that_was_planted_in_a_body_does_not_come_to_life() {
    let end = DATA_OFFSET + RECORD_HEADER_BYTES + 3;
    let body = DATA_OFFSET + RECORD_HEADER_BYTES;
    for planted_at in [end, end + RECORD_HEADER_BYTES, 5_000] {
        for salt in [0, 1, 0x5a5a_5a5a] {
            let mut bytes = vec![b'x'; usize::try_from(planted_at - body).unwrap()];
            bytes.extend(salted_frame(2, planted_at as usize, (1, 1), (4160, salt), b"forged"));
            bytes.resize(3_000, b'x');
            let (disk, mut wal) = with_spare(&[bytes]);
            wal.rotate(0).unwrap();
            append(&mut wal, "new");
            assert!(disk.content(&segment(2)).unwrap()[5_100..].contains(&b'x'));
            assert_eq!(recovered(&disk), ["kept", "new"]);
        }
    }
}

#[test]
fn salts_depend_on_what_was_appended() {
    let salt_after = |body: &str| {
        let (disk, mut wal) = spare_of_records();
        append(&mut wal, body);
        wal.rotate(0).unwrap();
        disk.content(&segment(2)).unwrap()[SALT].to_vec()
    };
    assert_ne!(salt_after("one"), salt_after("two"));
}

#[test]
fn one_file_is_kept_and_only_a_good_one_of_ordinary_size() {
    let disk = MemoryStorage::new();
    let (mut wal, _) = open(&disk);
    let mut old = vec![append(&mut wal, vec![3; 20_000])];
    for _ in 0..3 {
        wal.rotate(0).unwrap();
        old.push(append(&mut wal, vec![4; 1_000]));
    }
    wal.rotate(0).unwrap();
    old.push(append(&mut wal, "its sync fails"));
    disk.fail_next(Operation::Sync);
    assert!(wal.sync().is_err());
    append(&mut wal, "kept");
    for position in old {
        assert!(wal.release(position));
    }
    assert_eq!(wal.retire().unwrap(), 5);
    let names: Vec<_> = files(&disk).into_iter().map(|file| file.0).collect();
    assert_eq!(names, [segment(5), SPARE.to_owned()]);
    assert!(when(&disk, 0, Operation::Rename, &segment(1)).is_some());
    assert_eq!(disk.content(SPARE).unwrap().len(), 8 << 10);
}

#[test]
fn a_damaged_segment_is_set_aside_and_not_recycled() {
    let disk = disk_with(&[]);
    let (mut wal, _) = open(&disk);
    for body in ["a", "b"] {
        append(&mut wal, body);
        wal.sync().unwrap();
    }
    drop(wal);
    disk.flip_bit(&segment(0), DATA_OFFSET, 0);
    let (mut wal, recovery) = open(&disk);
    append(&mut wal, "d");
    wal.release(recovery.records[0].position);
    wal.retire().unwrap();
    assert!(disk.content(SPARE).is_none());
    assert!(disk.content("00000000000000000000.damaged").is_some());
}

#[test]
fn recycling_can_be_switched_off() {
    let disk = MemoryStorage::new();
    let (mut wal, _) = Wal::open(disk.clone(), ORIGIN, small().recycle(false), 0).unwrap();
    let old = append(&mut wal, "old");
    wal.rotate(0).unwrap();
    wal.release(old);
    wal.retire().unwrap();
    assert_eq!(files(&disk).len(), 1);
}

#[test]
fn the_spare_counts_and_is_the_room_of_the_next_segment() {
    let disk = MemoryStorage::new();
    let options = || WalOptions::default().segment_bytes(8 << 10).max_bytes(16 << 10);
    let (mut wal, _) = Wal::open(disk.clone(), ORIGIN, options(), 0).unwrap();
    disk.set_capacity(16 << 10);
    let mut last = append(&mut wal, vec![1; 3_900]);
    for _ in 0..20 {
        let next = append(&mut wal, vec![1; 3_900]);
        wal.release(last);
        wal.retire().unwrap();
        last = next;
        let stats = wal.stats();
        let on_disk: usize = files(&disk).iter().map(|file| file.1.len()).sum();
        assert_eq!((stats.bytes, stats.spare_bytes, stats.segments), (on_disk as u64, 8 << 10, 1));
        assert!(stats.bytes <= 16 << 10);
    }
    assert_eq!(disk.count(Operation::Create), 2);
}

/// On a file system that cannot reserve, a segment takes room as it grows. The spare must not keep it from that.
#[test]
fn the_spare_is_given_up_when_the_active_segment_needs_the_room() {
    for is_disk_full in [false, true] {
        let (disk, wal) = spare_of_records();
        drop(wal);
        let (mut wal, recovery) = Wal::open(
            disk.clone(),
            ORIGIN,
            small().max_bytes(if is_disk_full { 1 << 20 } else { 16 << 10 }),
            0,
        )
        .unwrap();
        disk.fail_next(Operation::Allocate);
        append(&mut wal, vec![1; 2_000]);
        wal.release(recovery.records[0].position);
        let full = append(&mut wal, "released");
        wal.release(full);
        disk.fail_next(Operation::Allocate);
        wal.rotate(0).unwrap();
        wal.retire().unwrap();
        let used: usize = files(&disk).iter().map(|file| file.1.len()).sum();
        disk.set_capacity(is_disk_full.then_some(used as u64));
        for _ in 0..3 {
            append(&mut wal, vec![2; 1_000]);
        }
        wal.sync().unwrap();
    }
}

#[test]
fn opening_removes_the_spare_of_an_earlier_process_and_closing_its_own() {
    let (disk, wal) = spare_of_records();
    drop(wal);
    assert!(inspect(&disk).unwrap().ignored.is_empty());
    let (_, recovery) = open(&disk);
    assert!(recovery.report.ignored.is_empty() && disk.content(SPARE).is_none());

    let (disk, wal) = spare_of_records();
    wal.close().unwrap();
    assert!(disk.content(SPARE).is_none());

    let (disk, wal) = spare_of_records();
    drop(wal);
    let start = disk.history().len();
    disk.fail_next(Operation::Remove);
    let (mut wal, _) = open(&disk);
    assert_eq!(wal.stats().spare_bytes, 8 << 10);
    append(&mut wal, "a");
    assert!(disk.content(SPARE).is_none(), "removed at the next opportunity");
    assert_eq!(when(&disk, start, Operation::Write, SPARE), None, "and never written");
}

/// A sync of the spare that fails may have dropped its headers. It is not asked again, and the segment gets a new file.
#[test]
fn a_spare_for_which_anything_fails_is_given_up() {
    for failing in [Operation::Write, Operation::Sync, Operation::Rename, Operation::SyncDirectory] {
        for cannot_be_removed in [false, true] {
            let (disk, mut wal) = spare_of_records();
            wal.sync().unwrap();
            let start = disk.history().len();
            // The footer and its sync come before.
            let skip = u64::from(matches!(failing, Operation::Write | Operation::Sync));
            disk.fail_nth(failing, skip);
            if cannot_be_removed {
                disk.fail_next(Operation::Remove);
            }
            wal.rotate(0).unwrap();
            append(&mut wal, "new");
            wal.sync().unwrap();
            wal.rotate(0).unwrap();
            append(&mut wal, "newer");
            wal.sync().unwrap();
            let sync = (Operation::Sync, SPARE.to_owned());
            let syncs = disk.history().into_iter().skip(start).filter(|step| *step == sync);
            assert!(syncs.count() <= 1, "{failing:?}");
            assert_eq!(
                recovered(&disk.crash_with(Survival::Synced, 0)),
                ["kept", "new", "newer"],
                "{failing:?}"
            );
            assert_eq!(append(&mut wal, "next").segment, 4, "{failing:?}: no number is used twice");
        }
    }
}

/// A power cut may bring back a segment whose change of name was not made durable: nothing may have been written into it.
#[test]
fn a_spare_whose_name_is_not_durable_is_not_written() {
    let disk = MemoryStorage::new();
    let (mut wal, _) = open(&disk);
    let old = append(&mut wal, "old");
    wal.rotate(0).unwrap();
    append(&mut wal, "kept");
    wal.release(old);
    disk.fail_next(Operation::SyncDirectory);
    assert!(wal.retire().is_err());
    assert!(disk.content(SPARE).is_none());
    wal.rotate(0).unwrap();
    append(&mut wal, "new");
    wal.sync().unwrap();
    let writes = disk.history().into_iter().filter(|step| *step == (Operation::Write, SPARE.to_owned()));
    assert_eq!(writes.count(), 0);
}

#[test]
fn a_power_cut_at_any_moment_of_a_recycling_loses_nothing_and_invents_nothing() {
    let texts_of = |text: &str| format!("{text:x<900}");
    for operations in 0..40 {
        for seed in 0..12 {
            let disk = MemoryStorage::new();
            let (mut wal, _) = open(&disk);
            let mut confirmed = Vec::new();
            let mut offered = Vec::new();
            let mut needed: Vec<(String, Position)> = Vec::new();
            for round in 0..24 {
                if round == 8 {
                    disk.power_off_after(operations);
                }
                let text = texts_of(&round.to_string());
                offered.push(text.clone());
                let Ok(position) = wal.append(KIND, text.as_bytes(), 0) else { break };
                needed.push((text, position));
                if wal.sync().is_err() {
                    break;
                }
                confirmed = needed.iter().map(|(text, _)| text.clone()).collect();
                if needed.len() > 5 {
                    let (text, position) = needed.remove(0);
                    confirmed.retain(|one| *one != text);
                    wal.release(position);
                }
                if wal.retire().is_err() {
                    break;
                }
            }
            let disk = disk.crash(seed);
            let (mut wal, recovery) = open(&disk);
            let found = texts(&recovery);
            assert!(confirmed.iter().all(|text| found.contains(text)), "{operations} {seed}: {found:?}");
            assert!(found.iter().all(|text| offered.contains(text)), "{operations} {seed}");
            assert_eq!(
                recovery.report.corrupt_segments, [0; 0],
                "{operations} {seed}: {:?}",
                recovery.report
            );
            append(&mut wal, "goes on");
            wal.sync().unwrap();
            assert_eq!(open(&disk.crash_with(Survival::Synced, 0)).1.records.len(), found.len() + 1);
        }
    }
}

/// A disk whose writer recycles a file while it is read.
#[derive(Debug)]
struct Busy {
    disk: MemoryStorage,
    is_recycled: Cell<bool>,
}

impl Storage for Busy {
    type File = MemoryFile;

    fn list(&self) -> std::io::Result<Vec<String>> {
        self.disk.list()
    }

    fn length(&self, name: &str) -> std::io::Result<u64> {
        self.disk.length(name)
    }

    fn read(&self, name: &str) -> std::io::Result<Vec<u8>> {
        if name == segment(0) && !self.is_recycled.replace(true) {
            self.disk.clone().rename(name, &segment(9))?;
            return self.disk.read(&segment(2));
        }
        self.disk.read(name)
    }

    fn create(&mut self, name: &str) -> std::io::Result<MemoryFile> {
        self.disk.create(name)
    }

    fn open(&mut self, name: &str) -> std::io::Result<MemoryFile> {
        self.disk.open(name)
    }

    fn rename(&mut self, from: &str, to: &str) -> std::io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&mut self, name: &str) -> std::io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_directory(&mut self) -> std::io::Result<()> {
        self.disk.sync_directory()
    }
}

#[test]
fn a_file_that_is_recycled_while_it_is_inspected_is_no_damage() {
    let disk = disk_with(&["a"]);
    for body in ["b", "c"] {
        append(&mut open(&disk).0, body);
    }
    let inspection = inspect(&Busy { disk, is_recycled: Cell::new(false) }).unwrap();
    let found: Vec<_> =
        inspection.segments.iter().map(|segment| (segment.number, segment.damage.len())).collect();
    assert_eq!(found, [(1, 0), (2, 0)]);
}
