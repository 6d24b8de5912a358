//! Can a damaged disk break it?
//!
//! Bytes change at random in a log of several segments. Whatever they become, opening ends without a panic, and every record
//! that no change touched is there.

use proptest::prelude::*;
use ron_accounting_wal::fault::{MemoryStorage, Survival};
use ron_accounting_wal::{inspect, Wal, WalError};

use crate::rig::*;

/// Three sealed segments with eight records each, and an open one.
fn log() -> (MemoryStorage, Vec<(u64, std::ops::Range<usize>)>) {
    let disk = MemoryStorage::new();
    let (mut wal, _) = open(&disk);
    let mut extents = Vec::new();
    for number in 0..4u64 {
        for record in 0..8u8 {
            let body = vec![record + 1; 20 + usize::from(record) * 40];
            let position = append(&mut wal, &body);
            wal.sync().unwrap();
            assert_eq!(position.segment, number);
            let start = usize::try_from(position.offset).unwrap();
            extents.push((number, start..start + usize::try_from(RECORD_HEADER_BYTES).unwrap() + body.len()));
        }
        if number < 3 {
            wal.rotate(0).unwrap();
        }
    }
    (disk, extents)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_costs_only_what_it_touches(
        hits in prop::collection::vec((0..4u64, 64..8_000usize, 1..600usize, any::<u8>()), 1..6),
    ) {
        let (disk, extents) = log();
        let mut touched = vec![false; extents.len()];
        for (number, offset, length, byte) in hits {
            let mut bytes = disk.content(&segment(number)).unwrap();
            let end = bytes.len().min(offset + length);
            for (position, old) in bytes.iter_mut().enumerate().take(end).skip(offset) {
                for (extent, touched) in extents.iter().zip(&mut touched) {
                    *touched |= extent.0 == number && extent.1.contains(&position) && *old != byte;
                }
                *old = byte;
            }
            disk.put(&segment(number), bytes);
        }
        let (mut wal, recovery) = open(&disk);
        let found: Vec<_> = recovery.records.iter().map(|record| record.position).collect();
        for ((number, range), touched) in extents.iter().zip(touched) {
            let position = ron_accounting_wal::Position { segment: *number, offset: range.start as u64 };
            prop_assert_eq!(found.contains(&position), !touched, "{} touched {}", position, touched);
        }
        append(&mut wal, "goes on");
        wal.sync().unwrap();
        let again = open(&disk.crash_with(Survival::Synced, 0)).1;
        prop_assert_eq!(again.records.len(), found.len() + 1);
    }

    #[test]
    fn any_bytes_at_all_are_survived(
        contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9_000), 1..4),
        real in any::<bool>(),
    ) {
        let (disk, extents) = if real { log() } else { (MemoryStorage::new(), Vec::new()) };
        for (number, content) in (10..).zip(contents) {
            disk.put(&segment(number), content);
        }
        prop_assert!(inspect(&disk).is_ok());
        match Wal::open(disk, ORIGIN, small(), 0) {
            Ok((mut wal, recovery)) => {
                prop_assert_eq!(recovery.records.len(), extents.len());
                append(&mut wal, "goes on");
            }
            Err(WalError::OriginLost { .. }) => prop_assert!(!real),
            Err(other) => prop_assert!(false, "{:?}", other),
        }
    }
}
