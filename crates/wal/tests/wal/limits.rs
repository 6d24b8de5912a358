//! Where are the edges?

use ron_accounting_wal::fault::MemoryStorage;
use ron_accounting_wal::{Limit, Wal, WalError, WalOptions, RECORD_BODY_BYTES_MAX};

use crate::rig::*;

fn open_with(disk: &MemoryStorage, options: WalOptions) -> Wal<MemoryStorage> {
    Wal::open(disk.clone(), ORIGIN, options, 0).unwrap().0
}

#[test]
fn a_body_of_the_greatest_length_fits_and_one_byte_more_does_not() {
    let disk = MemoryStorage::new();
    let mut wal = open_with(&disk, small().max_bytes(64 << 20));
    append(&mut wal, "a");
    let greatest = vec![0x5a; RECORD_BODY_BYTES_MAX];
    append(&mut wal, &greatest);
    let error = wal.append(KIND, &vec![0; RECORD_BODY_BYTES_MAX + 1], 0).unwrap_err();
    assert!(matches!(error, WalError::TooLarge { length, max } if length == max + 1), "{error:?}");
    append(&mut wal, "c");
    wal.sync().unwrap();
    assert_eq!(wal.stats().segments, 3, "a large record has a segment of its own");
    let (_, recovery) = open(&disk);
    assert_eq!(recovery.records.len(), 3);
    assert!(recovery.records[1].body == greatest);
}

#[test]
fn a_record_larger_than_a_segment_does_not_leave_an_empty_one() {
    let disk = MemoryStorage::new();
    let mut wal = open_with(&disk, small());
    append(&mut wal, "a");
    wal.rotate(0).unwrap();
    assert_eq!(append(&mut wal, vec![7; 50_000]).segment, 1);
    assert_eq!(append(&mut wal, "c").segment, 2);
    assert_eq!(open(&disk).1.records.len(), 3);
}

#[test]
fn a_segment_is_filled_to_the_last_byte_before_it_is_rotated() {
    let disk = MemoryStorage::new();
    let mut wal = open_with(&disk, small());
    let room = (8 << 10) - DATA_OFFSET - 48;
    append(&mut wal, vec![1; usize::try_from(room - 2 * RECORD_HEADER_BYTES).unwrap()]);
    assert_eq!(append(&mut wal, "").segment, 0);
    assert_eq!(append(&mut wal, "").segment, 1);
    assert_eq!(disk.content(&segment(0)).unwrap().len(), 8 << 10);
}

#[test]
fn a_log_that_is_full_refuses_new_work_and_keeps_the_old() {
    let disk = MemoryStorage::new();
    let mut wal = open_with(&disk, small().max_bytes(32 << 10));
    let mut positions = Vec::new();
    let error = loop {
        match wal.append(KIND, &[7; 1_000], 0) {
            Ok(position) => positions.push(position),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, WalError::Full { limit: Limit::Bytes, max: 32_768, .. }), "{error:?}");
    assert!(error.to_string().contains("max_bytes is 32768"), "{error}");
    wal.sync().unwrap();
    assert!(wal.stats().bytes <= 32 << 10);
    assert_eq!(open(&disk).1.records.len(), positions.len());

    for position in &positions {
        wal.release(*position);
    }
    assert!(wal.retire().unwrap() > 0);
    append(&mut wal, "goes on");
}

/// A log that is full of acknowledged work needs room for the record that says so.
#[test]
fn the_reserve_lets_a_full_log_become_empty() {
    let disk = MemoryStorage::new();
    let mut wal = open_with(&disk, small().max_bytes(16 << 10));
    let mut positions = Vec::new();
    while let Ok(position) = wal.append(KIND, &[7; 1_000], 0) {
        positions.push(position);
    }
    assert_eq!(positions.len(), 6);
    let carried = wal.append_reserved(KIND, &[1; 2_900], 0).unwrap();
    assert!(carried.segment > positions[5].segment);
    let error = wal.append(KIND, b"the reserve is not for new work", 0).unwrap_err();
    assert!(matches!(error, WalError::Full { limit: Limit::Bytes, .. }), "{error:?}");
    for position in positions {
        wal.release(position);
    }
    assert_eq!(wal.retire().unwrap(), 2);
    append(&mut wal, "goes on");
}

#[test]
fn the_reserve_ends_too() {
    let disk = MemoryStorage::new();
    let mut wal = open_with(&disk, small().max_bytes(16 << 10));
    let error = loop {
        if let Err(error) = wal.append_reserved(KIND, &[7; 1_000], 0) {
            break error;
        }
    };
    assert!(matches!(error, WalError::Full { limit: Limit::Bytes, max: 32_768, .. }), "{error:?}");
    assert!(wal.rotate(0).is_err());
    wal.sync().unwrap();
    assert!(wal.stats().bytes <= 32 << 10);
}

#[test]
fn entries_are_counted_until_their_segment_is_gone() {
    let disk = MemoryStorage::new();
    let mut wal = open_with(&disk, small().max_entries(2));
    let positions = [append(&mut wal, "a"), append(&mut wal, "b")];
    let error = wal.append(KIND, b"c", 0).unwrap_err();
    assert!(matches!(error, WalError::Full { limit: Limit::Records, needed: 3, max: 2 }), "{error:?}");
    let reserved = wal.append_reserved(KIND, b"the owner's own", 0).unwrap();
    assert!(wal.release(reserved));
    assert!(positions.into_iter().all(|position| wal.release(position)));
    wal.rotate(0).unwrap();
    wal.retire().unwrap();
    append(&mut wal, "c");
    drop(wal);
    let mut wal = open_with(&disk, small().max_entries(1));
    assert!(matches!(wal.append(KIND, b"d", 0), Err(WalError::Full { limit: Limit::Records, .. })));
}

#[test]
fn age_is_that_of_the_oldest_segment_in_need_and_never_runs_backwards() {
    let disk = MemoryStorage::new();
    let mut wal = open_with(&disk, small().max_age_ms(100));
    let old = wal.append(KIND, b"a", 1_000).unwrap();
    wal.rotate(1_050).unwrap();
    wal.append(KIND, b"b", 1_100).unwrap();
    let error = wal.append(KIND, b"c", 1_101).unwrap_err();
    assert!(matches!(error, WalError::Full { limit: Limit::Age, needed: 101, max: 100 }), "{error:?}");
    wal.append_reserved(KIND, b"the owner's own", 1_101).unwrap();
    wal.append(KIND, b"the clock was set back", 5).unwrap();
    wal.release(old);
    wal.append(KIND, b"d", 1_150).unwrap();
    drop(wal);
    let mut wal = open_with(&disk, small().max_age_ms(100));
    assert!(matches!(wal.append(KIND, b"e", 1_150), Err(WalError::Full { limit: Limit::Age, .. })));
}

#[test]
fn options_out_of_range_are_refused_before_anything_is_read() {
    let defaults = WalOptions::default;
    for (options, name) in [
        (defaults().segment_bytes(8191), "segment_bytes"),
        (defaults().segment_bytes((256 << 20) + 1), "segment_bytes"),
        (defaults().max_bytes((4 << 20) - 1), "max_bytes"),
        (defaults().max_entries(0), "max_entries"),
    ] {
        match Wal::open(MemoryStorage::new(), ORIGIN, options, 0) {
            Err(WalError::InvalidOption { option, .. }) => assert_eq!(option, name),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn the_highest_segment_number_leaves_none() {
    let disk = MemoryStorage::new();
    disk.put(&segment(u64::MAX), "");
    assert!(matches!(try_open(&disk), Err(WalError::NumbersExhausted { highest: u64::MAX })));
}

#[test]
fn only_so_many_damaged_files_are_kept() {
    let disk = MemoryStorage::new();
    let (mut wal, _) = open(&disk);
    for _ in 0..10 {
        append(&mut wal, "a");
        append(&mut wal, "b");
        wal.rotate(0).unwrap();
    }
    drop(wal);
    for number in 0..10 {
        disk.flip_bit(&segment(number), DATA_OFFSET + 3, 0);
    }
    let (mut wal, recovery) = open(&disk);
    assert_eq!(recovery.report.corrupt_segments.len(), 10);
    assert_eq!(texts(&recovery), ["b"; 10]);
    for record in recovery.records {
        wal.release(record.position);
    }
    assert_eq!(wal.retire().unwrap(), 10);
    let aside: Vec<u64> = (2..10).collect();
    assert_eq!(open(&disk).1.report.set_aside, aside);
    assert_eq!(wal.stats().set_aside, 8);
}
