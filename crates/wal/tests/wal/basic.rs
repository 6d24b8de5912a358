//! Does it work?

use ron_accounting_wal::fault::{MemoryStorage, Operation};
use ron_accounting_wal::{inspect, Position, Record, RecordKind, SegmentState, Wal, WalError};

use crate::rig::*;

#[test]
fn a_fresh_log_is_empty_and_writes_nothing_until_it_must() {
    let disk = MemoryStorage::new();
    let (wal, recovery) = open(&disk);
    assert_eq!(recovery.origin, ORIGIN);
    assert_eq!(wal.origin(), ORIGIN);
    assert!(recovery.records.is_empty());
    assert!(files(&disk).is_empty());
    assert_eq!(wal.stats(), ron_accounting_wal::WalStats::default());
}

#[test]
fn records_come_back_in_order_with_kind_body_and_position() {
    let disk = MemoryStorage::new();
    let (mut wal, _) = open(&disk);
    let bodies: Vec<Vec<u8>> = (0..40u8).map(|n| vec![n; usize::from(n) * 30]).collect();
    let positions: Vec<Position> = (0..40u8)
        .zip(&bodies)
        .map(|(n, body)| wal.append(RecordKind(n.wrapping_mul(7)), body, 0).unwrap())
        .collect();
    wal.sync().unwrap();
    assert!(wal.stats().segments > 3);
    assert!(positions.windows(2).all(|pair| pair[0] < pair[1]));
    let (_, recovery) = open(&disk);
    assert_eq!(recovery.records.len(), 40);
    for (n, record) in (0..40u8).zip(&recovery.records) {
        assert_eq!(record.kind, RecordKind(n.wrapping_mul(7)));
        assert_eq!(record.body, bodies[usize::from(n)]);
        assert_eq!(record.position, positions[usize::from(n)]);
    }
    assert_eq!(recovery.report.torn_tails, 0);
    assert!(recovery.report.corrupt_segments.is_empty());
}

#[test]
fn every_kind_and_the_empty_body_are_records() {
    let disk = MemoryStorage::new();
    let (mut wal, _) = open(&disk);
    for kind in 0..=u8::MAX {
        wal.append(RecordKind(kind), b"", 0).unwrap();
    }
    let (_, recovery) = open(&disk);
    let kinds: Vec<u8> = recovery.records.iter().map(|record| record.kind.0).collect();
    assert_eq!(kinds, (0..=u8::MAX).collect::<Vec<_>>());
}

#[test]
fn the_origin_of_an_existing_log_wins() {
    let disk = disk_with(&["a"]);
    let (wal, recovery) = Wal::open(disk, [9; 16], small(), 0).unwrap();
    assert_eq!(recovery.origin, ORIGIN);
    assert_eq!(wal.origin(), ORIGIN);
}

#[test]
fn a_log_that_is_reopened_goes_on_in_a_new_segment() {
    let disk = disk_with(&["a"]);
    let before = disk.content(&segment(0)).unwrap();
    let (mut wal, recovery) = open(&disk);
    let first = recovery.records[0].position;
    assert_eq!(append(&mut wal, "b"), Position { segment: 1, offset: first.offset });
    wal.sync().unwrap();
    assert!(before.starts_with(&disk.content(&segment(0)).unwrap()));
    assert_eq!(recovered(&disk), ["a", "b"]);
}

#[test]
fn rotation_seals_and_an_empty_segment_is_not_rotated() {
    let disk = disk_with(&[]);
    let (mut wal, _) = open(&disk);
    append(&mut wal, "a");
    wal.rotate(0).unwrap();
    wal.rotate(0).unwrap();
    append(&mut wal, "b");
    assert_eq!(wal.stats().segments, 2);
    let inspection = inspect(&disk).unwrap();
    let states: Vec<_> = inspection.segments.iter().map(|segment| segment.state).collect();
    assert_eq!(states, [SegmentState::Sealed, SegmentState::Open]);
    assert_eq!(recovered(&disk), ["a", "b"]);
}

#[test]
fn closing_seals_what_was_appended() {
    let disk = MemoryStorage::new();
    let (mut wal, _) = open(&disk);
    append(&mut wal, "a");
    wal.close().unwrap();
    let disk = disk.crash_with(ron_accounting_wal::fault::Survival::Synced, 0);
    assert_eq!(inspect(&disk).unwrap().segments[0].state, SegmentState::Sealed);
    assert_eq!(recovered(&disk), ["a"]);
}

#[test]
fn a_segment_is_deleted_when_all_its_records_are_released() {
    let disk = MemoryStorage::new();
    let (mut wal, _) = open(&disk);
    let (a, b) = (append(&mut wal, "a"), append(&mut wal, "b"));
    wal.rotate(0).unwrap();
    let c = append(&mut wal, "c");
    assert!(wal.release(a));
    assert!(!wal.release(a), "released twice");
    assert!(!wal.release(Position { segment: 77, offset: 0 }), "no such record");
    assert_eq!(wal.retire().unwrap(), 0);
    assert!(wal.release(b));
    assert!(wal.release(c));
    assert_eq!(wal.stats().unreleased, 0);
    assert_eq!(wal.retire().unwrap(), 1, "the active segment stays");
    assert_eq!(wal.stats().segments, 1);
    assert_eq!(recovered(&disk), ["c"], "what was released is not remembered");
}

#[test]
fn a_file_that_cannot_be_removed_does_not_keep_the_others() {
    let disk = MemoryStorage::new();
    let (mut wal, _) = open(&disk);
    for _ in 0..3 {
        let position = append(&mut wal, "a");
        wal.release(position);
        wal.rotate(0).unwrap();
    }
    disk.fail_next(Operation::Remove);
    assert!(matches!(wal.retire(), Err(WalError::Io { operation: "remove", .. })));
    assert_eq!(wal.stats().segments, 2);
    assert_eq!(wal.retire().unwrap(), 1);
}

#[test]
fn the_last_header_is_never_deleted() {
    let disk = disk_with(&["a"]);
    let (mut wal, recovery) = open(&disk);
    wal.release(recovery.records[0].position);
    assert_eq!(wal.retire().unwrap(), 0);
    let (wal, _) = Wal::open(disk, [9; 16], small(), 0).unwrap();
    assert_eq!(wal.origin(), ORIGIN);
}

#[test]
fn stats_tell_what_is_there() {
    let disk = MemoryStorage::new();
    let (mut wal, _) = open(&disk);
    let a = append(&mut wal, "a");
    append(&mut wal, "b");
    wal.release(a);
    let stats = wal.stats();
    assert_eq!((stats.segments, stats.records, stats.unreleased), (1, 2, 1));
    assert_eq!(stats.bytes, 8 << 10, "preallocated");
    assert_eq!(stats.last_error, None);
}

#[test]
fn inspection_shows_everything_and_changes_nothing() {
    let disk = disk_with(&["a", "b"]);
    let (mut wal, _) = open(&disk);
    wal.append(RecordKind(5), b"c", 77).unwrap();
    drop(wal);
    disk.put("notes.txt", "mine");
    let (before, changes) = (files(&disk), disk.history().len());
    let inspection = inspect(&disk).unwrap();
    assert_eq!((files(&disk), disk.history().len()), (before, changes));
    assert_eq!(inspection.ignored, ["notes.txt"]);
    assert_eq!(inspection.segments[0].records.len(), 2);
    assert_eq!(inspection.segments[0].origin, Some(ORIGIN));
    let last = &inspection.segments[1];
    assert_eq!((last.number, last.created_ms, last.state), (1, Some(77), SegmentState::Open));
    assert_eq!((last.records[0].kind, last.records[0].body.as_slice()), (RecordKind(5), b"c".as_slice()));
    assert_eq!(last.bytes, 8 << 10);
}

#[test]
fn files_of_others_are_left_alone_and_reported() {
    let disk = disk_with(&["a"]);
    let strange =
        ["1.wal", "0000000000000000000x.wal", "00000000000000000001.wal.tmp", "core", "lost+found/"];
    for name in strange {
        disk.put(name, "not ours");
    }
    let (_, recovery) = open(&disk);
    assert_eq!(texts(&recovery), ["a"]);
    let mut expected = strange.map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!(recovery.report.ignored, expected);
    assert!(strange.iter().all(|name| disk.content(name).unwrap() == b"not ours"));
}

#[test]
fn a_segment_under_two_names_is_read_once() {
    let disk = disk_with(&["a"]);
    disk.put("00000000000000000000.poisoned", disk.content(&segment(0)).unwrap());
    let (_, recovery) = open(&disk);
    assert_eq!(texts(&recovery), ["a"]);
    assert_eq!((recovery.report.poisoned, recovery.report.ignored), (vec![0], vec![segment(0)]));
}

#[test]
fn a_log_can_move_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Wal<MemoryStorage>>();
    is_send::<Wal<ron_accounting_wal::DirectoryStorage>>();
}

/// Builds the header of another version by hand: the checksum is at byte 60 in all versions.
fn header_with(disk: &MemoryStorage, change: impl Fn(&mut [u8])) {
    let mut bytes = disk.content(&segment(0)).unwrap();
    for copy in [0, 4096] {
        change(&mut bytes[copy..copy + 60]);
        let checksum = crc32c::crc32c(&bytes[copy..copy + 60]);
        bytes[copy + 60..copy + 64].copy_from_slice(&checksum.to_le_bytes());
    }
    disk.put(&segment(0), bytes);
}

#[test]
fn a_newer_version_is_refused_and_nothing_is_touched() {
    let disk = disk_with(&["a"]);
    header_with(&disk, |header| header[8] = 2);
    let (before, changes) = (files(&disk), disk.history().len());
    match try_open(&disk) {
        Err(WalError::NewerVersion { file, found: 2, supported: 1 }) => assert_eq!(file, segment(0)),
        other => panic!("{other:?}"),
    }
    assert!(matches!(inspect(&disk), Err(WalError::NewerVersion { .. })));
    assert_eq!((files(&disk), disk.history().len()), (before, changes));
}

#[test]
fn a_flipped_bit_in_the_version_is_damage_and_no_newer_version() {
    let disk = disk_with(&["a"]);
    disk.flip_bit(&segment(0), 8, 1);
    let (_, recovery) = open(&disk);
    assert_eq!(texts(&recovery), ["a"]);
    assert_eq!(recovery.report.corrupt_segments, [0]);
}

#[test]
fn two_logs_in_one_directory_are_refused_and_nothing_is_touched() {
    let disk = disk_with(&["a"]);
    append(&mut open(&disk).0, "b");
    header_with(&disk, |header| header[16] ^= 1);
    let (before, changes) = (files(&disk), disk.history().len());
    let error = try_open(&disk).unwrap_err();
    assert!(matches!(error, WalError::OriginMismatch { first: 0, second: 1, .. }), "{error:?}");
    assert!(error.to_string().contains("6f726967696e206f6620612074657374"), "{error}");
    assert_eq!((files(&disk), disk.history().len()), (before, changes));
}

#[test]
fn one_header_is_enough_and_none_is_an_error() {
    let disk = disk_with(&["a"]);
    disk.flip_bit(&segment(0), 20, 3);
    let (_, recovery) = open(&disk);
    assert_eq!((recovery.origin, texts(&recovery)), (ORIGIN, vec!["a".to_owned()]));
    disk.flip_bit(&segment(0), 4096 + 20, 3);
    let before = files(&disk);
    assert!(matches!(try_open(&disk), Err(WalError::OriginLost { segment: 0 })));
    assert_eq!(files(&disk), before);
}

#[test]
fn a_segment_that_was_torn_while_it_was_begun_is_a_fresh_log() {
    let disk = MemoryStorage::new();
    disk.put(&segment(0), b"RONW".to_vec());
    let (mut wal, recovery) = open(&disk);
    assert_eq!((recovery.report.torn_tails, recovery.report.torn_bytes), (1, 4));
    append(&mut wal, "a");
    wal.sync().unwrap();
    let (mut wal, recovery) = open(&disk);
    assert_eq!((texts(&recovery), recovery.report.torn_tails), (vec!["a".to_owned()], 0));
    append(&mut wal, "b");
    wal.retire().unwrap();
    assert_eq!(disk.content(&segment(0)), None, "the empty file is cleared away");
}

#[test]
fn opening_shows_each_record_that_it_would_keep() {
    let disk = disk_with(&["a", "b"]);
    append(&mut open(&disk).0, "c");
    disk.flip_bit(&segment(0), DATA_OFFSET + RECORD_HEADER_BYTES, 0);
    let (_, kept) = open(&disk);
    let mut shown: Vec<Record> = Vec::new();
    let (wal, report) =
        Wal::open_with(disk.clone(), [0; 16], small(), 0, |record| shown.push(record.into())).unwrap();
    assert_eq!(texts(&kept), ["b", "c"]);
    assert_eq!((wal.origin(), report, shown), (kept.origin, kept.report, kept.records));
}

#[test]
fn a_reader_that_fails_is_an_error_and_nothing_is_touched() {
    let disk = disk_with(&["a"]);
    let before = files(&disk);
    disk.fail_next(Operation::Read);
    assert!(matches!(try_open(&disk), Err(WalError::Io { operation: "read", .. })));
    assert_eq!(files(&disk), before);
    assert_eq!(recovered(&disk), ["a"]);
}

#[test]
fn errors_read_well() {
    let disk = MemoryStorage::new();
    let (mut wal, _) = open(&disk);
    append(&mut wal, "a");
    disk.fail_next(Operation::Sync);
    let error = wal.sync().unwrap_err();
    assert_eq!(
        error.to_string(),
        "sync of segment 0 failed; append its records again, release the old positions, then sync"
    );
    let last = wal.stats().last_error.unwrap();
    assert!(last.ends_with("then sync: injected failure of Sync"), "{last}");
}
