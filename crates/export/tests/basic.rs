//! Does it work?

mod samples;

use ron_accounting_export::{Ack, LaneOptions, Lanes, NextStep, PutError};
use ron_ledger_wire::{ClaimId, Seq};
use samples::{chain, complete_all, content, push_all, stream, unavailable};

#[test]
fn a_lane_goes_out_batch_by_batch() {
    let mut lanes = Lanes::new(LaneOptions::default().batch_max(2)).unwrap();
    let chain = chain("acme", 5);
    push_all(&mut lanes, &chain);
    assert_eq!((lanes.pending(), lanes.room(), lanes.is_idle()), (5, 995, false));

    for run in chain.chunks(2) {
        let batch = lanes.next_batch(100).unwrap();
        assert_eq!(batch.slices, run);
        assert_eq!(batch.deadline_ms, 10_100);
        assert!(lanes.next_batch(100).is_none(), "the slices before are not acknowledged yet");
        assert_eq!(lanes.in_flight(), 1);

        let completion = complete_all(&mut lanes, &batch, 101, &Ok(Ack::Ok));
        let expected: Vec<_> = run.iter().map(|slice| (slice.clone(), Ack::Ok)).collect();
        assert_eq!(completion.acknowledged, expected);
        assert!(completion.failed.is_empty() && !completion.late);
    }
    assert!(lanes.is_idle());
    assert_eq!((lanes.room(), lanes.in_flight(), lanes.next_due_ms(101)), (1000, 0, None));
    assert_eq!(lanes.status().acknowledged, 5);
}

#[test]
fn room_in_a_batch_goes_round_the_lanes_that_are_in_it() {
    let mut lanes = Lanes::new(LaneOptions::default().batch_max(7)).unwrap();
    push_all(&mut lanes, &chain("a", 9));
    push_all(&mut lanes, &chain("b", 1));
    push_all(&mut lanes, &chain("c", 4));
    let batch = lanes.next_batch(0).unwrap();
    let runs = [("a", 0), ("a", 1), ("a", 2), ("b", 0), ("c", 0), ("c", 1), ("c", 2)];
    assert_eq!(content(&batch), runs);
    let _ = complete_all(&mut lanes, &batch, 1, &Ok(Ack::Ok));
    let runs = [("a", 3), ("a", 4), ("a", 5), ("a", 6), ("a", 7), ("a", 8), ("c", 3)];
    assert_eq!(content(&lanes.next_batch(1).unwrap()), runs);
}

#[test]
fn a_refusal_in_the_middle_of_a_run_keeps_the_rest_of_it() {
    let mut lanes = Lanes::new(LaneOptions::default()).unwrap();
    push_all(&mut lanes, &chain("acme", 4));
    push_all(&mut lanes, &chain("globex", 2));
    let batch = lanes.next_batch(0).unwrap();
    let mut answers = vec![Ok(Ack::Ok); 6];
    answers[1] = Err(PutError::Busy);
    answers[2] = Err(PutError::NotReached);
    answers[3] = Err(PutError::NotReached);
    let completion = lanes.complete(batch.id, answers, 0);
    lanes.validate().unwrap();
    let acknowledged: Vec<_> = completion
        .acknowledged
        .iter()
        .map(|(slice, _)| (slice.stream().tenant(), slice.seq().get()))
        .collect();
    assert_eq!(acknowledged, [("acme", 0), ("globex", 0), ("globex", 1)]);
    let failed: Vec<_> =
        completion.failed.iter().map(|failed| (failed.slice.seq().get(), &failed.error)).collect();
    let expected = [(1, &PutError::Busy), (2, &PutError::NotReached), (3, &PutError::NotReached)];
    assert_eq!(failed, expected);
    let status = lanes.status();
    let last = status.last_failure.unwrap();
    assert_eq!((last.seq, last.error), (Seq::new(1), PutError::Busy), "the cause, not its consequence");
    assert_eq!((status.pending, status.backing_off, status.unordered_answers), (3, 1, 0));

    let batch = lanes.next_batch(1000).unwrap();
    assert_eq!(content(&batch), [("acme", 1), ("acme", 2), ("acme", 3)]);
    let _ = complete_all(&mut lanes, &batch, 1000, &Ok(Ack::Ok));
    assert!(lanes.is_idle());
    assert_eq!(lanes.status().retries, 3);
}

#[test]
fn latencies_run_from_the_push_to_the_offer_and_to_the_acknowledgement() {
    let mut lanes = Lanes::new(LaneOptions::default().batch_max(1)).unwrap();
    for (slice, now_ms) in chain("acme", 3).into_iter().zip([0, 2, 3]) {
        lanes.push(slice, now_ms).unwrap();
    }
    for now_ms in [10, 20, 40] {
        let batch = lanes.next_batch(now_ms).unwrap();
        let _ = complete_all(&mut lanes, &batch, now_ms + 1, &Ok(Ack::Ok));
    }
    let status = lanes.status();
    // Exported after 11, 19 and 38 ms. The first had nothing before it; order held up the others for 18 and 37 ms.
    let (export, order) = (&status.export, &status.order);
    assert_eq!((export.count(), export.quantile_ms(0.3), export.max_ms()), (3, Some(11), 38));
    assert_eq!((order.count(), order.quantile_ms(0.5), order.max_ms()), (2, Some(19), 37));
}

#[test]
fn a_batch_holds_the_heads_of_several_lanes() {
    let mut lanes = Lanes::new(LaneOptions::default().batch_max(2).in_flight_max(2)).unwrap();
    for tenant in ["a", "b", "c", "d", "e"] {
        push_all(&mut lanes, &chain(tenant, 3));
    }
    let one = lanes.next_batch(0).unwrap();
    let other = lanes.next_batch(0).unwrap();
    assert_eq!(content(&one), [("a", 0), ("b", 0)]);
    assert_eq!(content(&other), [("c", 0), ("d", 0)]);
    assert!(lanes.next_batch(0).is_none(), "both slots are taken");
    assert_eq!(lanes.next_due_ms(0), None);

    let _ = complete_all(&mut lanes, &other, 1, &Ok(Ack::Ok));
    assert_eq!(lanes.next_due_ms(1), Some(1));
    assert_eq!(content(&lanes.next_batch(1).unwrap()), [("e", 0), ("c", 1)], "e is served before c is again");
}

#[test]
fn a_failed_slice_is_offered_again_after_its_delay() {
    let mut lanes = Lanes::new(LaneOptions::default().backoff_ms(50, 2000).batch_max(1)).unwrap();
    push_all(&mut lanes, &chain("acme", 2));
    let (mut now_ms, mut longest_ms) = (1_000_000, 0);
    for failure in 1..=10_u32 {
        let batch = lanes.next_batch(now_ms).unwrap();
        assert_eq!(content(&batch), [("acme", 0)]);
        let completion = complete_all(&mut lanes, &batch, now_ms, &Err(unavailable()));
        assert_eq!(completion.failed.len(), 1);
        let failed = &completion.failed[0];
        assert_eq!((failed.slice.seq(), &failed.error), (Seq::FIRST, &unavailable()));
        let NextStep::RetryAt(due_ms) = failed.next else { panic!("parked after a retryable error") };
        let ceiling = (50 << (failure - 1)).min(2000);
        assert!(due_ms > now_ms && due_ms <= now_ms + ceiling, "failure {failure}: {due_ms} from {now_ms}");

        assert_eq!(lanes.next_due_ms(now_ms), Some(due_ms));
        longest_ms = longest_ms.max(due_ms - now_ms);
        assert!(lanes.next_batch(due_ms - 1).is_none());
        assert_eq!(lanes.status().backing_off, 1);
        now_ms = due_ms;
    }
    assert!(longest_ms > 500, "the ceiling rises: longest delay {longest_ms} ms");
    let batch = lanes.next_batch(now_ms).unwrap();
    let _ = complete_all(&mut lanes, &batch, now_ms, &Ok(Ack::Ok));
    let status = lanes.status();
    assert_eq!((status.retries, status.acknowledged, status.pending), (10, 1, 1));
    assert_eq!(status.last_failure.unwrap().error, unavailable());

    let batch = lanes.next_batch(now_ms).unwrap();
    let completion = complete_all(&mut lanes, &batch, now_ms, &Err(unavailable()));
    let NextStep::RetryAt(due_ms) = completion.failed[0].next else { panic!("parked") };
    assert!(due_ms <= now_ms + 50, "a success ends the row of failures");
}

#[test]
fn a_refused_lane_parks_until_it_is_resumed() {
    let mut lanes = Lanes::new(LaneOptions::default()).unwrap();
    push_all(&mut lanes, &chain("acme", 2));
    let batch = lanes.next_batch(0).unwrap();
    let error = PutError::Gap { expected: Seq::FIRST, found: Seq::new(7) };
    let completion = complete_all(&mut lanes, &batch, 0, &Err(error.clone()));
    assert_eq!(completion.failed[0].next, NextStep::Parked);
    assert!(lanes.next_batch(1 << 40).is_none());
    assert_eq!(lanes.next_due_ms(1 << 40), None);

    let parked = lanes.status().parked;
    assert_eq!(parked.len(), 1);
    assert_eq!((&parked[0].stream, parked[0].seq, parked[0].pending), (&stream("acme"), Seq::FIRST, 2));
    assert_eq!(parked[0].error, error);

    assert!(lanes.resume(&stream("acme")));
    assert!(!lanes.resume(&stream("acme")), "it is not parked any more");
    assert!(!lanes.resume(&stream("globex")));
    assert!(lanes.status().parked.is_empty());
    assert_eq!(content(&lanes.next_batch(1 << 40).unwrap()), [("acme", 0), ("acme", 1)]);
}

#[test]
fn which_errors_pass_with_time() {
    let digest = chain("acme", 1)[0].digest();
    let retryable = [
        unavailable(),
        PutError::Busy,
        PutError::Deadline,
        PutError::Unanswered { answered: 1, offered: 2 },
        PutError::NotReached,
    ];
    let lasting = [
        PutError::Conflict { stored: digest, offered: digest },
        PutError::Gap { expected: Seq::new(1), found: Seq::new(2) },
        PutError::Claimed { origin: stream("acme").origin(), current: ClaimId::from_bytes([1; 16]) },
        PutError::rejected(""),
    ];
    assert!(retryable.iter().all(PutError::is_retryable));
    assert!(!lasting.iter().any(PutError::is_retryable));
    assert_eq!(PutError::Busy.for_all(&chain("acme", 3)), vec![Err(PutError::Busy); 3]);
}
