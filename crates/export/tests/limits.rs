//! The edges: what is full, what is zero, what is largest.

mod samples;

use ron_accounting_export::{Ack, LaneError, LaneOptions, Lanes, PutError};
use ron_ledger_wire::{Digest, Seq};
use samples::{chain, complete_all, content, push_all, slice, stream};

#[test]
fn a_full_queue_refuses_counts_and_keeps_what_it_has() {
    let mut lanes = Lanes::new(LaneOptions::default().pending_max(3)).unwrap();
    let acme = chain("acme", 3);
    push_all(&mut lanes, &acme[..2]);
    push_all(&mut lanes, &chain("globex", 1));
    let batch = lanes.next_batch(0).unwrap();
    for refusals in 1..=4 {
        assert_eq!(
            lanes.push(acme[2].clone(), 0),
            Err(LaneError::Full { pending_max: 3 }),
            "in flight is pending"
        );
        assert_eq!(lanes.status().refused_full, refusals);
    }
    assert_eq!((lanes.pending(), lanes.room()), (3, 0));
    let _ = complete_all(&mut lanes, &batch, 0, &Ok(Ack::Ok));
    assert_eq!(lanes.room(), 3, "both streams went out as a whole");
    lanes.push(acme[2].clone(), 0).unwrap();
}

#[test]
fn an_option_out_of_range_is_refused_by_name_value_and_range() {
    let options = LaneOptions::default;
    for (builder, option, value, min) in [
        (options().pending_max(0), "pending_max", 0, 1),
        (options().batch_max(0), "batch_max", 0, 1),
        (options().in_flight_max(0), "in_flight_max", 0, 1),
        (options().backoff_ms(0, 10), "backoff_ms_min", 0, 1),
        (options().backoff_ms(50, 49), "backoff_ms_max", 49, 50),
        (options().timeout_ms(0), "timeout_ms", 0, 1),
    ] {
        let refused = LaneError::InvalidOption { option, value, min, max: u64::MAX };
        assert_eq!(Lanes::new(builder).unwrap_err(), refused);
    }
}

#[test]
fn limits_of_one_are_enough_to_go_on() {
    let options =
        LaneOptions::default().pending_max(1).batch_max(1).in_flight_max(1).timeout_ms(1).backoff_ms(1, 1);
    let mut lanes = Lanes::new(options).unwrap();
    assert_eq!((lanes.room(), lanes.pending_max()), (1, 1));
    push_all(&mut lanes, &chain("acme", 1));
    let batch = lanes.next_batch(5).unwrap();
    assert_eq!((batch.slices.len(), batch.deadline_ms), (1, 6));
    let _ = complete_all(&mut lanes, &batch, 5, &Err(PutError::Busy));
    assert_eq!(lanes.next_due_ms(5), Some(6));
}

/// Memory follows what is pending, not the number of streams ever seen.
#[test]
fn a_lane_is_gone_with_its_last_slice() {
    let mut lanes = Lanes::new(LaneOptions::default().pending_max(10)).unwrap();
    for number in 0..500 {
        push_all(&mut lanes, &chain(&format!("tenant {number}"), 2));
        assert_eq!(lanes.status().lanes, 1);
        let batch = lanes.next_batch(number).unwrap();
        let _ = complete_all(&mut lanes, &batch, number, &Ok(Ack::Ok));
        let status = lanes.status();
        assert_eq!((status.lanes, status.pending, status.in_flight), (0, 0, 0));
    }
}

#[test]
fn nothing_follows_the_largest_sequence_number() {
    let mut lanes = Lanes::new(LaneOptions::default()).unwrap();
    let stream = stream("acme");
    let before = slice(&stream, Seq::new(u64::MAX - 1), Some(Digest::of(b"")), 1);
    let last = slice(&stream, Seq::new(u64::MAX), Some(before.digest()), 1);
    lanes.push(before, 0).unwrap();
    lanes.push(last.clone(), 0).unwrap();
    let beyond = slice(&stream, Seq::new(u64::MAX), Some(last.digest()), 1);
    assert!(matches!(lanes.push(beyond, 0), Err(LaneError::OutOfOrder { .. })));
}

#[test]
fn the_ends_of_the_clock_do_no_harm() {
    let options = LaneOptions::default().backoff_ms(u64::MAX, u64::MAX).timeout_ms(u64::MAX);
    let mut lanes = Lanes::new(options).unwrap();
    push_all(&mut lanes, &chain("acme", 1));
    for now_ms in [0, u64::MAX, 0, 1, u64::MAX] {
        if let Some(batch) = lanes.next_batch(now_ms) {
            let _ = complete_all(&mut lanes, &batch, now_ms, &Err(PutError::Busy));
        }
        let _ = lanes.expire(now_ms);
        assert!(lanes.next_due_ms(now_ms) >= Some(now_ms));
        assert_eq!(lanes.pending(), 1);
    }
    let batch = lanes.next_batch(u64::MAX).expect("every delay has passed");
    assert_eq!(content(&batch), [("acme", 0)]);
}

#[test]
fn ten_thousand_lanes_take_turns() {
    let options = LaneOptions::default().pending_max(20_000).batch_max(100);
    let mut lanes = Lanes::new(options).unwrap();
    let chains: Vec<_> = (0..10_000).map(|number| chain(&format!("{number:05}"), 2)).collect();
    push_all(&mut lanes, &chains.concat());
    for turn in 0..200_u64 {
        let batch = lanes.next_batch(turn).unwrap();
        assert_eq!(batch.slices.len(), 100);
        assert!(
            batch.slices.iter().all(|slice| slice.seq() == Seq::new(turn / 100)),
            "every lane once, then every lane again"
        );
        let _ = lanes.complete(batch.id, vec![Ok(Ack::Ok); 100], turn);
    }
    lanes.validate().unwrap();
    assert!(lanes.is_idle());
}
