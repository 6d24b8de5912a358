//! What windows and rings promise, whatever the clock does.

use std::collections::BTreeMap;

use proptest::prelude::*;
use ron_accounting_window::{Boundaries, Cadence, FixedCadence, Ring};

proptest! {
    #[test]
    fn boundaries_never_go_back_and_never_overlap(
        length in 10_u64..100_000,
        start in 0_u64..1 << 48,
        steps in prop::collection::vec(-200_000_i64..400_000, 0..60),
    ) {
        let mut boundaries = Boundaries::new(FixedCadence::new(length).unwrap(), start);
        let mut now = start;
        let mut last_end = 0;
        for step in steps {
            now = now.saturating_add_signed(step);
            let open = boundaries.open();
            let Some(closed) = boundaries.advance(now) else {
                prop_assert_eq!(boundaries.open(), open);
                continue;
            };
            prop_assert_eq!(closed, open);
            prop_assert_eq!(closed.end_ms - closed.start_ms, length);
            prop_assert!(closed.start_ms >= last_end && closed.end_ms <= now);
            prop_assert!(closed.start_ms % length == 0);
            last_end = closed.end_ms;
            prop_assert!((boundaries.open().start_ms..boundaries.open().end_ms).contains(&now));
            prop_assert_eq!(boundaries.advance(now), None, "a boundary seen twice rolls once");
        }
    }

    #[test]
    fn a_cadence_is_monotone_and_its_starts_are_its_own(length in 10_u64..=86_400_000, now: u64, later: u64) {
        let cadence = FixedCadence::new(length).unwrap();
        let (now, later) = (now.min(later), now.max(later));
        prop_assert!(cadence.bucket(now) <= cadence.bucket(later));
        let start = cadence.start_ms(cadence.bucket(now));
        prop_assert!(start <= now && now - start < length);
    }

    #[test]
    fn a_ring_is_a_map_that_forgets(
        len in 1_usize..8,
        ops in prop::collection::vec((0_u64..40, 1_u64..5, any::<bool>()), 0..60),
    ) {
        let mut ring: Ring<u64> = Ring::new(len);
        let mut model = BTreeMap::new();
        let (mut newest, mut retired, mut added) = (0, 0, 0);
        for (bucket, n, write) in ops {
            let oldest = |newest: u64| (newest + 1).saturating_sub(len as u64);
            if write {
                newest = newest.max(bucket);
                let slot = ring.slot_mut(bucket);
                prop_assert_eq!(slot.is_some(), bucket >= oldest(newest));
                if let Some(slot) = slot {
                    *slot += n;
                    *model.entry(bucket).or_insert(0) += n;
                }
            } else {
                newest = newest.max(bucket);
                ring.advance(bucket, |value| retired += value);
                let gone: Vec<u64> = model.keys().copied().filter(|bucket| *bucket < oldest(newest)).collect();
                for bucket in gone {
                    added += model.remove(&bucket).unwrap_or_default();
                }
                prop_assert!(retired <= added);
            }
            model.retain(|bucket, _| *bucket >= oldest(newest));
            prop_assert_eq!(ring.validate(), Ok(()));
            prop_assert_eq!(ring.newest(), newest);
            for (bucket, value) in ring.newest_first() {
                prop_assert_eq!(*value, model.get(&bucket).copied().unwrap_or_default());
            }
            prop_assert_eq!(ring.get(newest + 1), None);
        }
    }
}

#[test]
fn the_newest_bucket_is_the_one_that_was_advanced_to() {
    let mut ring: Ring<u32> = Ring::new(3);
    for bucket in [0, 5, 7, 6] {
        ring.advance(bucket, drop);
        *ring.newest_mut() += 1;
    }
    assert_eq!(ring.newest_first().collect::<Vec<_>>(), [(7, &2), (6, &0), (5, &1)]);
    assert_eq!(ring.recent().collect::<Vec<_>>(), [&2, &0, &1]);
}

#[test]
fn a_retired_bucket_is_handed_over_oldest_first() {
    let mut ring: Ring<u64> = Ring::new(3);
    for bucket in 5..8 {
        if let Some(slot) = ring.slot_mut(bucket) {
            *slot = bucket;
        }
    }
    let mut retired = Vec::new();
    ring.advance(9, |value| retired.push(value));
    assert_eq!(retired, [5, 6]);
    ring.advance(u64::MAX, |value| retired.push(value));
    assert_eq!(retired, [5, 6, 7, 0, 0]);
}

#[test]
fn a_window_must_have_a_sensible_length() {
    for length in [0, 9, 86_400_001, u64::MAX] {
        assert_eq!(FixedCadence::new(length).map_err(|error| error.window_ms), Err(length));
    }
}
