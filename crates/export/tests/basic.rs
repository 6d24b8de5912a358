//! Does it work?

mod samples;

use ron_accounting_export::{Ack, LaneOptions, Lanes, NextStep, PutError};
use samples::{chain, complete_all, content, push_all, stream, unavailable};

#[test]
fn a_lane_goes_out_slice_by_slice() {
    let mut lanes = Lanes::new(LaneOptions::default());
    let chain = chain("acme", 3);
    push_all(&mut lanes, &chain);
    assert_eq!((lanes.pending(), lanes.room(), lanes.is_idle()), (3, 997, false));

    for (seq, slice) in (0..).zip(&chain) {
        let batch = lanes.next_batch(100).unwrap();
        assert_eq!(content(&batch), [("acme", seq)]);
        assert_eq!(batch.deadline_ms, 10_100);
        assert!(lanes.next_batch(100).is_none(), "slice {seq} is not acknowledged yet");
        assert_eq!(lanes.in_flight(), 1);

        let completion = complete_all(&mut lanes, &batch, 101, &Ok(Ack::Ok));
        assert_eq!(completion.acknowledged, [(slice.clone(), Ack::Ok)]);
        assert!(completion.failed.is_empty() && !completion.late);
    }
    assert!(lanes.is_idle());
    assert_eq!((lanes.room(), lanes.in_flight(), lanes.next_due_ms(101)), (1000, 0, None));
    assert_eq!(lanes.status().acknowledged, 3);
}

#[test]
fn a_batch_holds_the_heads_of_several_lanes() {
    let mut lanes = Lanes::new(LaneOptions::default().batch_max(2).in_flight_max(2));
    for tenant in ["a", "b", "c", "d", "e"] {
        push_all(&mut lanes, &chain(tenant, 2));
    }
    let one = lanes.next_batch(0).unwrap();
    let other = lanes.next_batch(0).unwrap();
    assert_eq!(content(&one), [("a", 0), ("b", 0)]);
    assert_eq!(content(&other), [("c", 0), ("d", 0)]);
    assert!(lanes.next_batch(0).is_none(), "both slots are taken");
    assert_eq!(lanes.next_due_ms(0), None);

    let _ = complete_all(&mut lanes, &other, 1, &Ok(Ack::Ok));
    assert_eq!(lanes.next_due_ms(1), Some(1));
    assert_eq!(content(&lanes.next_batch(1).unwrap()), [("e", 0), ("c", 1)]);
}

#[test]
fn a_failed_slice_is_offered_again_after_its_delay() {
    let mut lanes = Lanes::new(LaneOptions::default().backoff_ms(50, 2000));
    push_all(&mut lanes, &chain("acme", 2));
    let (mut now_ms, mut longest_ms) = (1_000_000, 0);
    for failure in 1..=10_u32 {
        let batch = lanes.next_batch(now_ms).unwrap();
        assert_eq!(content(&batch), [("acme", 0)]);
        let completion = complete_all(&mut lanes, &batch, now_ms, &Err(unavailable()));
        assert_eq!(completion.failed.len(), 1);
        let failed = &completion.failed[0];
        assert_eq!((failed.slice.seq(), &failed.error), (0, &unavailable()));
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
    let mut lanes = Lanes::new(LaneOptions::default());
    push_all(&mut lanes, &chain("acme", 2));
    let batch = lanes.next_batch(0).unwrap();
    let error = PutError::Gap { expected: 0, found: 7 };
    let completion = complete_all(&mut lanes, &batch, 0, &Err(error.clone()));
    assert_eq!(completion.failed[0].next, NextStep::Parked);
    assert!(lanes.next_batch(1 << 40).is_none());
    assert_eq!(lanes.next_due_ms(1 << 40), None);

    let parked = lanes.status().parked;
    assert_eq!(parked.len(), 1);
    assert_eq!((&parked[0].stream, parked[0].seq, parked[0].pending), (&stream("acme"), 0, 2));
    assert_eq!(parked[0].error, error);

    assert!(lanes.resume(&stream("acme")));
    assert!(!lanes.resume(&stream("acme")), "it is not parked any more");
    assert!(!lanes.resume(&stream("globex")));
    assert!(lanes.status().parked.is_empty());
    assert_eq!(content(&lanes.next_batch(1 << 40).unwrap()), [("acme", 0)]);
}

#[test]
fn which_errors_pass_with_time() {
    let digest = chain("acme", 1)[0].digest();
    let retryable =
        [unavailable(), PutError::Busy, PutError::Deadline, PutError::Unanswered { answered: 1, offered: 2 }];
    let lasting = [
        PutError::Conflict { stored: digest, offered: digest },
        PutError::Gap { expected: 1, found: 2 },
        PutError::Rejected { reason: String::new() },
    ];
    assert!(retryable.iter().all(PutError::is_retryable));
    assert!(!lasting.iter().any(PutError::is_retryable));
    assert_eq!(PutError::Busy.for_all(&chain("acme", 3)), vec![Err(PutError::Busy); 3]);
}
