//! Does it work?

use ron_accounting_core::Dimension;
use ron_accounting_export::PutError;
use ron_accounting_pipeline::{OnFull, PipelineError};
use ron_ledger_wire::{Digest, SealedSlice, Seq};

use crate::node::{lanes, options, stream, Node};

#[test]
fn counts_travel_from_the_boundary_to_the_acknowledgement() {
    let mut node = Node::in_memory(options());
    node.record("acme", 3);
    node.record_row("acme", "/v1/feed", Dimension::BYTES_OUT, 512);
    node.record("bolt", 5);
    assert!(node.pipeline.totals().is_empty());
    node.assert_conserved();

    node.boundary();
    assert!(node.live().is_empty());
    let place = |total: &ron_accounting_pipeline::StreamTotals| {
        (total.stream.to_string(), total.pending, total.acknowledged)
    };
    let origin = node.pipeline.origin();
    let names = ["acme/bytes_out", "acme/requests", "bolt/requests"].map(|name| format!("{origin}/{name}"));
    let [bytes, acme, bolt] = &names;
    let totals: Vec<_> = node.pipeline.totals().iter().map(place).collect();
    assert_eq!(totals, [(bytes.clone(), 512, 0), (acme.clone(), 3, 0), (bolt.clone(), 5, 0)]);
    assert_eq!((node.pipeline.pending(), node.pipeline.room()), (3, 997));
    assert!(!node.pipeline.is_drained());
    node.assert_conserved();

    node.export();
    let totals: Vec<_> = node.pipeline.totals().iter().map(place).collect();
    assert_eq!(totals, [(bytes.clone(), 0, 512), (acme.clone(), 0, 3), (bolt.clone(), 0, 5)]);
    assert!(node.pipeline.is_drained());
    node.assert_conserved();
    node.assert_complete();
    let stats = node.pipeline.stats();
    assert_eq!((stats.sealed_slices, stats.sealed_rows), (3, 3));
    assert_eq!((stats.acknowledged, stats.acknowledged_rows, stats.duplicates), (3, 3, 0));
    assert_eq!((stats.pending, stats.not_durable, stats.waiting_streams, stats.refused), (0, 0, 0, 0));
    assert_eq!((stats.log, stats.last_error), (None, None));
}

#[test]
fn a_lost_acknowledgement_leads_to_a_duplicate_and_not_to_a_double() {
    let mut node = Node::in_memory(options());
    node.record("acme", 3);
    node.boundary();
    node.ledger.memory.lose_acknowledgements(1);
    assert!(node.put());
    assert_eq!(node.pipeline.pending(), 1);
    assert!(node.pipeline.stats().last_error.unwrap().contains("unavailable"));
    node.drain();
    let stats = node.pipeline.stats();
    assert_eq!((stats.acknowledged, stats.duplicates, stats.acknowledged_rows), (1, 1, 0));
    node.assert_conserved();
    node.assert_complete();
}

#[test]
fn full_queues_stretch_the_span_and_lose_nothing() {
    let mut node = Node::in_memory(options().lanes(lanes().pending_max(2)));
    node.ledger.memory.set_unavailable(true);
    for n in 1..=5 {
        node.record("acme", n);
        node.record("bolt", 10 * n);
        node.boundary();
        node.export();
        node.assert_conserved();
    }
    let stats = node.pipeline.stats();
    assert_eq!((stats.pending, stats.waiting_streams, stats.shed), (2, 2, 0));

    node.ledger.memory.set_unavailable(false);
    node.drain();
    node.boundary();
    node.drain();
    node.assert_complete();
    let spans = |tenant| {
        let slices = node.ledger.memory.slices_of(&stream(tenant));
        slices.iter().map(|slice| (slice.start_ms() / 60_000, slice.end_ms() / 60_000)).collect::<Vec<_>>()
    };
    assert_eq!(spans("acme"), [(1, 2), (2, 7)]);
    assert_eq!(spans("bolt"), [(1, 2), (2, 7)]);
}

#[test]
fn shedding_is_counted_and_takes_only_what_had_no_room() {
    let mut node = Node::in_memory(options().on_full(OnFull::Shed).lanes(lanes().pending_max(1)));
    node.ledger.memory.set_unavailable(true);
    node.record("acme", 3);
    node.boundary();
    assert_eq!(node.pipeline.stats().shed, 0);
    node.record("acme", 4);
    node.record_row("bolt", "/", Dimension::BYTES_IN, 50);
    node.boundary();
    assert_eq!(node.pipeline.stats().shed, 54);
    assert!(node.live().is_empty());

    node.ledger.memory.set_unavailable(false);
    node.drain();
    node.record("acme", 8);
    node.settle();
    assert_eq!(node.ledger.memory.total("acme", "requests"), 3 + 8);
    assert_eq!(node.ledger.memory.total("bolt", "bytes_in"), 0);
    let next = &node.ledger.memory.slices_of(&stream("acme"))[1];
    assert_eq!(next.end_ms() - next.start_ms(), 60_000, "what was shed does not stretch the next span");
}

#[test]
fn a_parked_stream_stays_live_while_the_others_go_on() {
    let fork = PutError::Conflict { stored: Digest::of(b"theirs"), offered: Digest::of(b"ours") };
    let rejected = PutError::rejected("no such customer");
    for error in [fork, rejected] {
        let mut node = Node::in_memory(options());
        node.ledger.memory.refuse(&stream("acme"), Some(error.clone()));
        node.record("acme", 1);
        node.record("bolt", 1);
        node.boundary();
        node.export();
        let parked = node.pipeline.stats().lanes.parked;
        assert_eq!((parked.len(), &parked[0].stream, &parked[0].error), (1, &stream("acme"), &error));
        assert!(node.pipeline.stats().last_error.unwrap().contains(&error.to_string()));

        for _ in 0..3 {
            node.record("acme", 10);
            node.record("bolt", 10);
            node.boundary();
            node.export();
            node.assert_conserved();
        }
        assert_eq!(node.ledger.memory.total("bolt", "requests"), 31);
        assert_eq!((node.pipeline.pending(), node.pipeline.stats().waiting_streams), (1, 1));
        assert_eq!(node.live()[&("acme".to_owned(), "requests".to_owned())], 30);

        assert!(!node.pipeline.resume(&stream("bolt")));
        assert!(node.pipeline.resume(&stream("acme")));
        node.export();
        assert_eq!(node.pipeline.stats().lanes.parked.len(), 1, "the cause is still there");
        node.ledger.memory.refuse(&stream("acme"), None);
        assert!(node.pipeline.resume(&stream("acme")));
        node.settle();
        node.assert_complete();
        assert_eq!(node.ledger.seqs(&stream("acme")), [0, 1]);
    }
}

#[test]
fn jitter_holds_the_export_back_for_a_while() {
    let mut delays = Vec::new();
    for seed in 0..20 {
        let mut node = Node::in_memory(options().jitter_ms(5_000).lanes(lanes().seed(seed)));
        node.record("acme", 1);
        node.boundary();
        let start = node.now_ms;
        let due = node.pipeline.next_due_ms(start).unwrap();
        assert!((start..=start + 5_000).contains(&due));
        assert!(due == start || node.pipeline.next_batch(due - 1).is_none());
        assert!(node.pipeline.next_batch(due).is_some());
        delays.push(due - start);
    }
    delays.sort_unstable();
    delays.dedup();
    assert!(delays.len() > 10 && delays.iter().any(|delay| *delay > 2_500), "{delays:?}");
}

#[test]
fn a_clock_that_steps_back_holds_nothing_up() {
    let mut node = Node::in_memory(options().jitter_ms(1_000));
    node.record("acme", 1);
    node.boundary();
    let an_hour_earlier = node.now_ms - 3_600_000_u64.min(node.now_ms - 1);
    let due = node.pipeline.next_due_ms(an_hour_earlier).unwrap();
    assert!(due <= an_hour_earlier + 1_000, "due in {} ms", due - an_hour_earlier);
    assert!(node.pipeline.next_batch(an_hour_earlier + 1_000).is_some());
}

#[test]
fn a_ledger_that_is_ahead_is_refused() {
    let mut node = Node::in_memory(options());
    node.record("acme", 1);
    node.settle();
    node.pipeline.check_heads(&node.ledger).unwrap();

    let mut copy = Node::in_memory(options());
    copy.ledger = node.ledger.clone();
    copy.pipeline.check_heads(&copy.ledger).unwrap();
    copy.record("acme", 1);
    copy.boundary();
    // The copy now has one slice, as the ledger has, and the ledger gets one more from the original.
    node.record("acme", 1);
    node.settle();
    let error = copy.pipeline.check_heads(&copy.ledger).unwrap_err();
    let PipelineError::LedgerAhead { ledger, log, .. } = error else { panic!("{error}") };
    assert_eq!((ledger, log), (Seq::new(2), Seq::new(1)));

    copy.ledger.memory.set_unavailable(true);
    copy.pipeline.check_heads(&copy.ledger).unwrap();
    assert!(copy.pipeline.stats().last_error.unwrap().contains("unavailable"));
}

#[test]
fn the_same_counts_give_the_same_bytes() {
    let run = || {
        let mut node = Node::in_memory(options());
        for n in 0..3 {
            node.record("acme", n + 1);
            node.record_row("bolt", "/a", Dimension::CPU, n + 7);
            node.settle();
        }
        let slices = node.ledger.memory.slices();
        slices.iter().map(SealedSlice::digest).collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}

/// One tenant that the ledger refuses for hours with answers that may be retried.
fn assert_others_go_on(mut node: Node) {
    let refused: Vec<_> = (0..6).map(|number| format!("refused {number}")).collect();
    for tenant in &refused {
        node.ledger.memory.refuse(&stream(tenant), Some(PutError::Busy));
    }
    for window in 0..100 {
        for tenant in &refused {
            node.record(tenant, 1);
        }
        // They come later, so that there is no room when they come.
        if window > 2 {
            node.record("healthy", 1);
        }
        node.boundary();
        for _ in 0..20 {
            node.maintain();
            node.export();
            node.now_ms += 20;
        }
        node.pipeline.validate().unwrap();
        node.assert_conserved();
    }
    assert!(node.ledger.memory.total("healthy", "requests") >= 95);
    let stats = node.pipeline.stats();
    assert_eq!(stats.lanes.stalled.len(), stats.lanes.lanes, "{:?}", stats.lanes);
    assert!(stats.pending <= 2 * 4 + 6, "{} slices are pending", stats.pending);
    for tenant in &refused {
        node.ledger.memory.refuse(&stream(tenant), None);
    }
    node.settle();
    node.assert_complete();
}

#[test]
fn a_tenant_that_the_ledger_cannot_take_for_hours_does_not_stop_the_others() {
    let few = options().lanes(lanes().pending_max(4));
    assert_others_go_on(Node::in_memory(few.clone()));
    #[cfg(feature = "wal")]
    assert_others_go_on(Node::on(&ron_accounting_wal::fault::MemoryStorage::new(), few));
}
