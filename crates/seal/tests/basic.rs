//! Sealing, boundary by boundary: does it do what it says?

use std::collections::BTreeMap;

use ron_accounting_core::{labels, Dimension, Engine, Reading};
use ron_accounting_seal::{Admission, Sealer};
use ron_accounting_window::Span;
use ron_ledger_wire::{
    encode_account_key, Digest, EncodeError, Head, Origin, RowKey, Seq, StreamId, SLICE_BYTES_MAX,
};

const ORIGIN: Origin = Origin::from_bytes([7; 16]);

fn window(number: u64) -> Span {
    Span { start_ms: number * 60_000, end_ms: (number + 1) * 60_000 }
}

fn record(engine: &Engine, tenant: &str, n: u64) {
    engine.record(&labels().tenant(tenant).method("GET").route("/"), Dimension::REQUESTS, n);
}

#[test]
fn a_stream_that_waited_goes_out_with_a_longer_span() {
    let engine = Engine::default();
    let mut sealer = Sealer::new(&engine, ORIGIN);
    record(&engine, "acme", 1);
    assert_eq!(sealer.seal(window(3), 0, |_| false).waiting, 1);
    record(&engine, "acme", 2);
    assert_eq!(sealer.seal(window(4), 0, |_| false).waiting, 1);
    record(&engine, "acme", 4);
    let sealed = sealer.seal(window(5), 1, |_| false);
    let slice = &sealed.slices[0];
    assert_eq!((slice.start_ms(), slice.end_ms(), slice.total()), (180_000, 360_000, 7));

    record(&engine, "acme", 8);
    let next = &sealer.seal(window(9), 1, |_| false).slices[0];
    assert_eq!((next.start_ms(), next.end_ms(), next.total()), (540_000, 600_000, 8));
    assert_eq!(next.previous(), Some(slice.digest()));
}

#[test]
fn the_stream_that_waits_longest_goes_first() {
    let engine = Engine::default();
    let mut sealer = Sealer::new(&engine, ORIGIN);
    record(&engine, "a", 1);
    record(&engine, "b", 1);
    let first = sealer.seal(window(0), 1, |_| false);
    assert_eq!((first.slices[0].stream().tenant(), first.waiting), ("a", 1));
    record(&engine, "a", 1);
    let second = sealer.seal(window(1), 1, |_| false);
    assert_eq!((second.slices[0].stream().tenant(), second.slices[0].start_ms()), ("b", 0));
}

#[test]
fn nothing_counted_makes_no_slice() {
    let engine = Engine::default();
    let mut sealer = Sealer::new(&engine, ORIGIN);
    record(&engine, "acme", 0);
    let sealed = sealer.seal(window(0), 10, |_| false);
    assert!(sealed.slices.is_empty() && sealed.waiting == 0);
}

#[test]
fn more_rows_than_a_slice_holds_become_several_of_the_same_span() {
    let engine = Engine::builder().label_limit(10_000).build().unwrap();
    let mut sealer = Sealer::new(&engine, ORIGIN);
    let long = "x".repeat(900);
    for number in 0..3_000 {
        let route = format!("/{long}/{number}");
        engine.record(&labels().tenant("acme").route(&route), Dimension::REQUESTS, 1);
    }
    let sealed = sealer.seal(window(0), 10, |_| false);
    let seqs: Vec<_> = sealed.slices.iter().map(|slice| (slice.seq().get(), slice.start_ms())).collect();
    assert_eq!(seqs, [(0, 0), (1, 0), (2, 0)]);
    assert!(sealed.slices.iter().all(|slice| slice.bytes().len() <= SLICE_BYTES_MAX));
    assert_eq!(sealed.slices.iter().map(ron_ledger_wire::SealedSlice::total).sum::<u128>(), 3_000);
    assert_eq!(sealed.slices[1].previous(), Some(sealed.slices[0].digest()));

    // With room for two there is none for the three that it would take.
    engine.record(&labels().tenant("acme").route("/"), Dimension::REQUESTS, 1);
    for number in 0..3_000 {
        let route = format!("/{long}/{number}");
        engine.record(&labels().tenant("acme").route(&route), Dimension::REQUESTS, 1);
    }
    let sealed = sealer.seal(window(1), 2, |_| false);
    assert_eq!((sealed.slices.len(), sealed.waiting), (0, 1));
}

#[test]
fn a_chain_goes_on_where_an_earlier_process_left_it() {
    let engine = Engine::default();
    let mut sealer = Sealer::new(&engine, ORIGIN);
    let stream = StreamId::new(ORIGIN, "acme", "requests");
    let last = Digest::of(b"the slice before");
    sealer.continue_from(&Head::new(stream.clone(), Seq::new(42), Some(last)));
    sealer.continue_from(&Head::new(stream, Seq::new(7), Some(Digest::of(b"an older one"))));
    record(&engine, "acme", 1);
    let slice = &sealer.seal(window(0), 10, |_| false).slices[0];
    assert_eq!((slice.seq(), slice.previous()), (Seq::new(42), Some(last)));
}

#[test]
fn a_chain_whose_last_digest_is_lost_is_not_sealed_and_its_counts_wait() {
    let engine = Engine::default();
    let mut sealer = Sealer::new(&engine, ORIGIN);
    sealer.continue_from(&Head::new(StreamId::new(ORIGIN, "acme", "requests"), Seq::new(42), None));
    record(&engine, "acme", 1);
    record(&engine, "bolt", 2);
    let sealed = sealer.seal(window(0), 10, |_| false);
    assert_eq!(sealed.slices.iter().map(|slice| slice.stream().tenant()).collect::<Vec<_>>(), ["bolt"]);
    assert_eq!(sealed.errors[0].source, EncodeError::MissingLink { seq: Seq::new(42) });
    assert_eq!(sealer.validate(), Ok(()));
    let mut unsealed = Reading::default();
    sealer.unsealed(&mut unsealed);
    assert_eq!(unsealed.rows().map(|row| row.values[Dimension::REQUESTS.index()]).sum::<u64>(), 1);
}

#[test]
fn recovered_rows_are_sealed_as_they_were() {
    let engine = Engine::default();
    let mut sealer = Sealer::new(&engine, ORIGIN);
    let stream = StreamId::new(ORIGIN, "a tenant of an earlier configuration", "a dimension of it");
    let mut key = Vec::new();
    encode_account_key(1, 2, &mut key);
    let slices = sealer.seal_recovered(&stream, window(2), &BTreeMap::from([(key, 5)])).unwrap();
    let slice = slices[0].decode();
    assert_eq!(slice.rows[0].key, RowKey::Account { namespace: 1, id: 2 });
    assert_eq!(sealer.heads().next().map(|head| head.next_seq()), Some(Seq::new(1)));
}

#[test]
fn a_reused_id_is_encoded_under_its_new_key() {
    let engine = Engine::builder().label_limit(1).build().unwrap();
    let mut sealer = Sealer::new(&engine, ORIGIN);
    for route in ["/a", "/b", "/c"] {
        engine.record(&labels().tenant("acme").route(route), Dimension::REQUESTS, 1);
        let slice = sealer.seal(window(0), 10, |_| false).slices.remove(0).decode();
        assert_eq!(slice.rows[0].key, RowKey::labels("", route, "", ""));
    }
}

#[test]
fn a_skipped_stream_is_as_if_there_had_been_no_sealing() {
    let engine = Engine::default();
    let mut sealer = Sealer::new(&engine, ORIGIN);
    record(&engine, "acme", 1);
    let sealed = sealer.seal_admitted(window(0), |_| Admission::Skip);
    assert_eq!((sealed.slices.len(), sealed.waiting, sealer.known_streams()), (0, 0, 0));
    let slice = &sealer.seal(window(1), 1, |_| false).slices[0];
    assert_eq!((slice.start_ms(), slice.total()), (60_000, 1));
}

#[test]
fn a_stream_that_cannot_be_encoded_waits_with_its_counts() {
    let engine = Engine::default();
    let mut sealer = Sealer::new(&engine, ORIGIN);
    record(&engine, "acme", 3);
    let empty = Span { start_ms: 60_000, end_ms: 60_000 };
    let sealed = sealer.seal(empty, 10, |_| false);
    assert_eq!((sealed.slices.len(), sealed.waiting, sealed.errors.len()), (0, 0, 1));
    assert_eq!(sealed.errors[0].stream, StreamId::new(ORIGIN, "acme", "requests"));
    assert_eq!(sealer.waiting(), [sealed.errors[0].stream.clone()]);
    let slice = &sealer.seal(window(1), 10, |_| false).slices[0];
    assert_eq!((slice.seq(), slice.start_ms(), slice.total()), (Seq::FIRST, 60_000, 3));
}

#[test]
fn what_was_shed_is_never_sealed() {
    let engine = Engine::default();
    let mut sealer = Sealer::new(&engine, ORIGIN);
    record(&engine, "a", 1);
    record(&engine, "b", 2);
    sealer.seal(window(0), 0, |_| false);
    record(&engine, "b", 4);
    record(&engine, "c", 8);
    assert_eq!(sealer.shed_waiting(), 7);
    assert_eq!((sealer.known_streams(), sealer.waiting().len()), (0, 0));
    let sealed = sealer.seal(window(1), 10, |_| false);
    let totals: Vec<_> = sealed.slices.iter().map(|slice| (slice.stream().tenant(), slice.total())).collect();
    assert_eq!(totals, [("c", 8)]);
}

#[test]
fn a_preview_takes_nothing_and_makes_no_stream_known() {
    let engine = Engine::default();
    let mut sealer = Sealer::new(&engine, ORIGIN);
    record(&engine, "acme", 1);
    let preview = sealer.preview(window(0)).slices.remove(0);
    assert_eq!((sealer.known_streams(), sealer.heads().count()), (0, 0));
    let sealed = sealer.seal(window(0), 10, |_| false).slices.remove(0);
    assert_eq!(preview.bytes(), sealed.bytes());
}

#[test]
fn a_forgotten_stream_begins_again_unless_it_is_continued() {
    let engine = Engine::default();
    let mut sealer = Sealer::new(&engine, ORIGIN);
    let mut seal = |number: u64, continued: Option<&Head>| {
        record(&engine, "acme", 1);
        if let Some(head) = continued {
            sealer.continue_from(head);
        }
        let slice = sealer.seal(window(number), 10, |_| false).slices.remove(0);
        let head = sealer.head(slice.stream()).unwrap();
        sealer.forget(&[slice.stream().clone()]);
        assert_eq!(sealer.head(slice.stream()), None);
        (slice.seq(), head)
    };
    let (seq, head) = seal(0, None);
    assert_eq!((seq, head.next_seq()), (Seq::FIRST, Seq::new(1)));
    assert_eq!(seal(1, Some(&head)).0, Seq::new(1));
    assert_eq!(seal(2, None).0, Seq::FIRST);
}

#[test]
fn a_stream_that_waits_is_not_forgotten() {
    let engine = Engine::default();
    let mut sealer = Sealer::new(&engine, ORIGIN);
    record(&engine, "acme", 1);
    sealer.seal(window(0), 0, |_| false);
    let stream = StreamId::new(ORIGIN, "acme", "requests");
    sealer.forget(std::slice::from_ref(&stream));
    assert_eq!(sealer.waiting(), [stream]);
    assert_eq!(sealer.seal(window(1), 1, |_| false).slices[0].start_ms(), 0);
}

#[test]
fn a_row_whose_id_was_freed_is_sealed_under_its_own_key() {
    let engine = Engine::builder().label_limit(2).build().unwrap();
    let mut sealer = Sealer::new(&engine, ORIGIN);
    for route in ["/c", "/a", "/b"] {
        engine.record(&labels().tenant("acme").route(route), Dimension::REQUESTS, 1);
    }
    let mut reading = Reading::default();
    sealer.unsealed(&mut reading);
    assert!(reading.rows_without_id().len() > 0, "the test is about such rows");
    let slice = sealer.seal(window(0), 10, |_| false).slices.remove(0).decode();
    let keys: Vec<_> = slice.rows.into_iter().map(|row| row.key).collect();
    assert_eq!(keys, ["/a", "/b", "/c"].map(|route| RowKey::labels("", route, "", "")));
    sealer.validate().unwrap();
}
