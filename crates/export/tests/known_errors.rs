//! What others have lost or doubled at this point stays cured.

mod samples;

use ron_accounting_export::{Ack, LaneError, LaneOptions, Lanes, NextStep, PutError};
use ron_ledger_wire::{Digest, SealedSlice, Seq};
use samples::{chain, complete_all, content, push_all, push_all_at, slice, stream, unavailable};

/// An exporter that leaves out one answer shifts all behind it. Believed, the acknowledgement of the second slice
/// would release the first one from the log, which was never stored.
#[test]
fn answers_of_the_wrong_number_are_not_believed() {
    for answered in [0, 1, 3] {
        let mut lanes = Lanes::new(LaneOptions::default()).unwrap();
        push_all(&mut lanes, &chain("a", 1));
        push_all(&mut lanes, &chain("b", 1));
        let batch = lanes.next_batch(0).unwrap();
        let completion = lanes.complete(batch.id, vec![Ok(Ack::Ok); answered], 0);
        assert!(completion.acknowledged.is_empty());
        assert!(!completion.late);
        assert_eq!(completion.failed.len(), 2);
        for failed in completion.failed {
            assert_eq!(failed.error, PutError::Unanswered { answered, offered: 2 });
            assert!(matches!(failed.next, NextStep::RetryAt(_)));
        }
        assert_eq!((lanes.pending(), lanes.in_flight()), (2, 0));
        assert_eq!(lanes.next_batch(10_000).unwrap().slices.len(), 2);
    }
}

/// A put that was given up may still succeed, after its slice went out again or was acknowledged.
#[test]
fn late_answers_change_nothing() {
    let mut lanes =
        Lanes::new(LaneOptions::default().timeout_ms(1000).in_flight_max(3).batch_max(1)).unwrap();
    let chain = chain("acme", 2);
    push_all(&mut lanes, &chain);
    let slow = lanes.next_batch(0).unwrap();
    assert_eq!(lanes.next_deadline_ms(0), Some(1000));
    assert!(lanes.expire(999).failed.is_empty());
    let expired = lanes.expire(1000);
    assert_eq!(expired.failed.len(), 1);
    assert_eq!(expired.failed[0].error, PutError::Deadline);
    assert!(lanes.expire(1000).failed.is_empty(), "a batch expires once");
    assert_eq!(lanes.next_deadline_ms(1000), None);

    let again = lanes.next_batch(5000).unwrap();
    assert_eq!(content(&again), [("acme", 0)]);
    let completion = complete_all(&mut lanes, &slow, 5001, &Ok(Ack::Ok));
    assert!(completion.late && completion.acknowledged.is_empty() && completion.failed.is_empty());
    assert!(lanes.next_batch(5001).is_none(), "slice 1 must wait for the answer to slice 0");

    let completion = complete_all(&mut lanes, &again, 5002, &Ok(Ack::Duplicate));
    assert_eq!(completion.acknowledged, [(chain[0].clone(), Ack::Duplicate)]);
    for batch in [&slow, &again] {
        assert!(complete_all(&mut lanes, batch, 5003, &Ok(Ack::Ok)).late, "{} is done", batch.id);
        assert!(complete_all(&mut lanes, batch, 5003, &Err(unavailable())).late);
    }
    assert_eq!(lanes.pending(), 1);
    let status = lanes.status();
    assert_eq!((status.acknowledged, status.duplicates, status.expired, status.late_answers), (1, 1, 1, 5));
}

/// A sink that hangs must not be sent more and more puts at once.
#[test]
fn an_expired_batch_keeps_its_slot_until_its_put_returns() {
    let mut lanes = Lanes::new(LaneOptions::default().timeout_ms(1000).in_flight_max(1)).unwrap();
    push_all(&mut lanes, &chain("acme", 1));
    let hanging = lanes.next_batch(0).unwrap();
    assert_eq!(lanes.expire(1000).failed.len(), 1);
    assert!(lanes.next_batch(60_000).is_none());
    assert_eq!((lanes.next_due_ms(60_000), lanes.in_flight(), lanes.status().overdue), (None, 1, 1));
    assert!(lanes.complete(hanging.id, Vec::new(), 60_000).late, "its thread died: no answers at all");
    assert_eq!((lanes.in_flight(), lanes.status().overdue), (0, 0));
    assert_eq!(content(&lanes.next_batch(60_000).unwrap()), [("acme", 0)]);
}

/// A poisonous slice is not skipped, and stops nobody else.
#[test]
fn a_rejected_slice_blocks_its_own_lane_alone() {
    let mut lanes = Lanes::new(LaneOptions::default()).unwrap();
    push_all(&mut lanes, &chain("poisoned", 3));
    push_all(&mut lanes, &chain("healthy", 3));
    let batch = lanes.next_batch(0).unwrap();
    let answers = batch.slices.iter().map(|slice| match slice.stream().tenant() {
        "poisoned" => Err(PutError::rejected("rows are not canonical")),
        _ => Ok(Ack::Ok),
    });
    let completion = lanes.complete(batch.id, answers.collect(), 0);
    assert_eq!(completion.acknowledged.len(), 3);
    assert!(completion.failed.iter().all(|failed| failed.next == NextStep::Parked));
    let parked = lanes.status().parked;
    assert_eq!((parked[0].seq, parked[0].pending), (Seq::FIRST, 3));
    assert!(lanes.next_batch(1 << 40).is_none(), "nothing behind it is offered either");
    assert_eq!((lanes.pending(), lanes.is_idle()), (3, false));
}

#[test]
fn a_fork_quarantines_its_lane_with_the_evidence() {
    let mut lanes = Lanes::new(LaneOptions::default()).unwrap();
    let chain = chain("acme", 1);
    push_all(&mut lanes, &chain);
    let batch = lanes.next_batch(0).unwrap();
    let fork = PutError::Conflict { stored: Digest::of(b"another history"), offered: chain[0].digest() };
    let _ = complete_all(&mut lanes, &batch, 0, &Err(fork.clone()));
    let status = lanes.status();
    assert_eq!(status.parked[0].error, fork);
    assert_eq!(status.last_failure.unwrap().error, fork);
    let message = fork.to_string();
    assert!(message.contains(&chain[0].digest().to_string()), "{message}");
    assert!(message.contains(&Digest::of(b"another history").to_string()), "{message}");
}

/// Sealed slices keep arriving for a stream that is parked, and would fill the room of the others.
#[test]
fn a_parked_stream_asks_for_no_more_slices() {
    let mut lanes = Lanes::new(LaneOptions::default().pending_max(10)).unwrap();
    let chain = chain("acme", 3);
    push_all(&mut lanes, &chain[..2]);
    assert_eq!(lanes.room_for(&stream("acme")), 8);
    let batch = lanes.next_batch(0).unwrap();
    let rejected = PutError::rejected("");
    let _ = complete_all(&mut lanes, &batch, 0, &Err(rejected));
    assert_eq!((lanes.room_for(&stream("acme")), lanes.room_for(&stream("globex"))), (0, 10));

    lanes.push(chain[2].clone(), 0).expect("one that is sealed already is taken in");
    assert_eq!(lanes.status().parked[0].pending, 3);
    assert!(!lanes.status().degraded);
    lanes.resume(&stream("acme"));
    assert_eq!(lanes.room_for(&stream("acme")), 7);
    let batch = lanes.next_batch(1).unwrap();
    assert_eq!(batch.slices, chain);
    let _ = complete_all(&mut lanes, &batch, 1, &Ok(Ack::Ok));
    assert!(lanes.is_idle());
}

/// One tenant whose slices the ledger refuses used to hold the whole queue, and all others went without export.
#[test]
fn parked_streams_leave_their_room_to_the_others() {
    let mut lanes = Lanes::new(LaneOptions::default().pending_max(4)).unwrap();
    let rejected = PutError::rejected("");
    let mut parked = 0;
    for number in 0..40 {
        let chain = chain(&format!("refused {number}"), 4);
        let length = lanes.room().min(4);
        assert!(length >= 1, "no room beside {parked} slices of parked lanes");
        push_all(&mut lanes, &chain[..length]);
        let batch = lanes.next_batch(0).unwrap();
        let _ = complete_all(&mut lanes, &batch, 0, &Err(rejected.clone()));
        parked += length;
        assert!(lanes.pending() <= 2 * 4 + number + 1, "{} pending beside {number} lanes", lanes.pending());
    }
    assert_eq!(lanes.status().parked.len(), 40);

    let healthy = chain("healthy", 30);
    for slice in &healthy {
        assert!(lanes.room_for(slice.stream()) >= 1);
        push_all(&mut lanes, std::slice::from_ref(slice));
        let batch = lanes.next_batch(1).unwrap();
        let completion = complete_all(&mut lanes, &batch, 1, &Ok(Ack::Ok));
        assert_eq!(completion.acknowledged, [(slice.clone(), Ack::Ok)]);
    }
}

/// A ledger that refused one tenant for hours with answers that may be retried kept the others waiting for as long.
#[test]
fn streams_that_fail_for_ever_leave_their_room_to_the_others() {
    const PENDING_MAX: usize = 8;
    let mut lanes = Lanes::new(LaneOptions::default().pending_max(PENDING_MAX).backoff_ms(1, 1)).unwrap();
    let refused: Vec<_> = (0..4).flat_map(|number| chain(&format!("refused {number}"), 2)).collect();
    push_all(&mut lanes, &refused);
    assert_eq!(lanes.room(), 0);
    let is_refused = |slice: &SealedSlice| slice.stream().tenant().starts_with("refused");
    let mut now_ms = 0;
    let mut exchange = |lanes: &mut Lanes| {
        now_ms += 10;
        while let Some(batch) = lanes.next_batch(now_ms) {
            let answer = |slice| if is_refused(slice) { Err(PutError::Busy) } else { Ok(Ack::Ok) };
            let answers = batch.slices.iter().map(answer).collect();
            let _ = lanes.complete(batch.id, answers, now_ms);
            lanes.validate().unwrap();
        }
    };
    for _ in 0..20 {
        exchange(&mut lanes);
    }
    assert!(lanes.status().stalled.is_empty(), "it could be the ledger as a whole");
    assert_eq!(lanes.room(), 1, "so only a single slice tells");
    for slice in chain("healthy", 30) {
        assert!(lanes.room_for(slice.stream()) >= 1);
        push_all(&mut lanes, std::slice::from_ref(&slice));
        exchange(&mut lanes);
        assert_eq!((lanes.pending(), lanes.room()), (refused.len(), PENDING_MAX));
    }
    assert_eq!(lanes.status().stalled.len(), 4);
    assert_eq!(lanes.room_for(refused[0].stream()), 0, "and they are not sealed meanwhile");
}

/// While the ledger cannot be reached, what is pending has a limit however long that takes.
#[test]
fn an_outage_has_room_for_twice_the_limit_at_most() {
    let mut lanes = Lanes::new(LaneOptions::default().pending_max(16).backoff_ms(1, 1)).unwrap();
    for now_ms in 0..1_000 {
        let slice = &chain(&format!("tenant {now_ms}"), 1)[0];
        if lanes.room_for(slice.stream()) > 0 {
            lanes.push(slice.clone(), now_ms * 10).unwrap();
        }
        while let Some(batch) = lanes.next_batch(now_ms * 10) {
            let _ = complete_all(&mut lanes, &batch, now_ms * 10, &Err(PutError::Busy));
        }
        lanes.validate().unwrap();
    }
    assert_eq!((lanes.pending(), lanes.room()), (2 * 16, 0));
}

/// Nobody can tell a ledger that stored out of order from one whose answer to the slice before was lost. Believed, the
/// later slice would be released from the log while the earlier one is still to be sent.
#[test]
fn an_acknowledgement_behind_a_failure_is_not_believed() {
    let mut lanes = Lanes::new(LaneOptions::default()).unwrap();
    let chain = chain("acme", 3);
    push_all(&mut lanes, &chain);
    let batch = lanes.next_batch(0).unwrap();
    let answers = vec![Ok(Ack::Ok), Err(unavailable()), Ok(Ack::Ok)];
    let completion = lanes.complete(batch.id, answers, 0);
    lanes.validate().unwrap();
    assert_eq!(completion.acknowledged, [(chain[0].clone(), Ack::Ok)]);
    let failed: Vec<_> = completion.failed.into_iter().map(|failed| (failed.slice, failed.error)).collect();
    assert_eq!(failed, [(chain[1].clone(), unavailable()), (chain[2].clone(), PutError::NotReached)]);
    assert_eq!(lanes.status().unordered_answers, 1);
    let batch = lanes.next_batch(1000).unwrap();
    assert_eq!(batch.slices, chain[1..]);
    let _ = complete_all(&mut lanes, &batch, 1000, &Ok(Ack::Duplicate));
    assert!(lanes.is_idle());
}

/// An administrator sets the clock back by an hour while lanes wait.
#[test]
fn a_clock_that_is_set_back_by_an_hour_delays_nothing() {
    let hour_ms = 3_600_000;
    let start_ms = 10 * hour_ms;
    let mut lanes = Lanes::new(LaneOptions::default().timeout_ms(1000)).unwrap();
    push_all_at(&mut lanes, &chain("failed", 1), start_ms);
    let failed = lanes.next_batch(start_ms).unwrap();
    let _ = complete_all(&mut lanes, &failed, start_ms, &Err(unavailable()));
    push_all_at(&mut lanes, &chain("unanswered", 1), start_ms);
    let _unanswered = lanes.next_batch(start_ms).unwrap();

    let back_ms = start_ms - hour_ms;
    let due_ms = lanes.next_due_ms(back_ms).unwrap();
    assert!(due_ms <= back_ms + 50, "due {} ms after the step", due_ms - back_ms);
    assert_eq!(lanes.next_deadline_ms(back_ms), Some(back_ms + 1000));
    assert!(lanes.expire(back_ms).failed.is_empty());
    assert_eq!(content(&lanes.next_batch(back_ms + 50).unwrap()), [("failed", 0)]);
    assert_eq!(lanes.expire(back_ms + 1000).failed.len(), 1);
}

#[test]
fn degraded_means_no_success_for_a_deadline_and_drops_nothing() {
    let mut lanes = Lanes::new(LaneOptions::default().timeout_ms(1000).batch_max(1)).unwrap();
    let day_ms = 86_400_000;
    assert!(lanes.next_batch(0).is_none());
    // A day without usage is no fault of the ledger.
    push_all_at(&mut lanes, &chain("acme", 2), day_ms);
    let mut now_ms = day_ms;
    while now_ms < day_ms + 1000 {
        assert!(!lanes.status().degraded, "after {} ms", now_ms - day_ms);
        if let Some(batch) = lanes.next_batch(now_ms) {
            let _ = complete_all(&mut lanes, &batch, now_ms, &Err(PutError::Busy));
        }
        now_ms += 10;
    }
    let _ = lanes.expire(now_ms);
    let status = lanes.status();
    assert!(status.degraded);
    assert_eq!(status.pending, 2);

    let batch = lanes.next_batch(now_ms + 2000).unwrap();
    let _ = complete_all(&mut lanes, &batch, now_ms + 2000, &Ok(Ack::Ok));
    assert!(!lanes.status().degraded, "one success is enough");
    let batch = lanes.next_batch(now_ms + 2000).unwrap();
    let rejected = PutError::rejected("");
    let _ = complete_all(&mut lanes, &batch, now_ms + 2000, &Err(rejected));
    let _ = lanes.expire(now_ms + 9000);
    assert!(!lanes.status().degraded, "what is parked waits for an operator, not for the ledger");
}

#[test]
fn a_stream_is_pushed_in_order_and_once() {
    let mut lanes = Lanes::new(LaneOptions::default()).unwrap();
    let chain = chain("acme", 4);
    // A stream may start anywhere: after a restart the first pending slice is seldom number 0.
    lanes.push(chain[1].clone(), 0).unwrap();
    for index in [0, 1, 3] {
        let found = chain[index].seq();
        let error = lanes.push(chain[index].clone(), 0).unwrap_err();
        assert_eq!(error, LaneError::OutOfOrder { stream: stream("acme"), expected: Seq::new(2), found });
    }
    let fork = slice(&stream("acme"), Seq::new(2), Some(chain[0].digest()), 9);
    let error = lanes.push(fork, 0).unwrap_err();
    let LaneError::BrokenLink { seq, expected, .. } = error else { panic!("{error}") };
    assert_eq!((seq, expected), (Seq::new(2), chain[1].digest()));
    assert_eq!(lanes.pending(), 1);
    lanes.push(chain[2].clone(), 0).unwrap();
}
