//! May these bytes follow that head: the table of answers, and chains at random.

use proptest::prelude::*;
use proptest::sample::Index;
use ron_ledger_wire::{
    accept, accept_sealed, Acceptance, Digest, Head, Origin, Rejection, SealedSlice, Seq, Slice, StreamId,
};

use crate::{golden, strategies};

/// Judges the bytes, and checks that the sealed slice is judged alike.
fn offer(head: &Head, sealed: &SealedSlice) -> Acceptance {
    let judged = accept(head, &sealed.digest(), sealed.bytes());
    let alike = match accept_sealed(head, sealed) {
        Acceptance::Next { slice, head } => Acceptance::Next { slice: slice.decode(), head },
        Acceptance::Repeated { seq, digest } => Acceptance::Repeated { seq, digest },
        Acceptance::Gap { expected, found } => Acceptance::Gap { expected, found },
        Acceptance::Reject(rejection) => Acceptance::Reject(rejection),
    };
    assert_eq!(alike, judged, "slice {} behind {head:?}", sealed.seq());
    judged
}

/// The head behind these slices, each of which must be accepted.
fn head_after(slices: &[SealedSlice]) -> Head {
    let first = slices.first().expect("a chain has a slice");
    slices.iter().fold(Head::genesis(first.stream().clone()), |head, sealed| match offer(&head, sealed) {
        Acceptance::Next { head, .. } => head,
        other => panic!("slice {} was not accepted: {other:?}", sealed.seq()),
    })
}

fn sealed_chain(length: u64) -> Vec<SealedSlice> {
    golden::chain(length).iter().map(|slice| slice.encode().unwrap()).collect()
}

#[test]
fn the_next_slice_moves_the_head() {
    let chain = sealed_chain(2);
    let empty = Head::genesis(chain[0].stream().clone());
    assert_eq!((empty.next_seq(), empty.last()), (Seq::FIRST, None));
    let Acceptance::Next { slice, head } = offer(&empty, &chain[0]) else { panic!("it is next") };
    assert_eq!(slice, chain[0].decode());
    assert_eq!(head, Head::new(chain[0].stream().clone(), Seq::new(1), Some(chain[0].digest())));
    assert_eq!(head.stream(), chain[0].stream());
    let Acceptance::Next { head, .. } = offer(&head, &chain[1]) else { panic!("it is next") };
    assert_eq!((head.next_seq(), head.last()), (Seq::new(2), Some(chain[1].digest())));
}

#[test]
fn a_slice_under_another_digest_is_a_mismatch() {
    let chain = sealed_chain(2);
    let claimed = chain[1].digest();
    let head = Head::genesis(chain[0].stream().clone());
    assert_eq!(
        accept(&head, &claimed, chain[0].bytes()),
        Acceptance::Reject(Rejection::DigestMismatch { claimed, computed: chain[0].digest() })
    );
}

#[test]
fn a_repeated_slice_is_judged_by_its_bytes_too() {
    let chain = sealed_chain(2);
    let head = head_after(&chain);
    assert_eq!(offer(&head, &chain[0]), Acceptance::Repeated { seq: Seq::FIRST, digest: chain[0].digest() });
    // A duplicate must not be acknowledged on the strength of a number and a claim alone.
    let other = accept(&head, &chain[0].digest(), chain[1].bytes());
    assert!(matches!(other, Acceptance::Reject(Rejection::DigestMismatch { .. })));
}

#[test]
fn a_fork_is_repeated_with_another_digest() {
    let chain = sealed_chain(2);
    let mut fork = chain[0].decode();
    fork.rows[0].increment += 1;
    let fork = fork.encode().unwrap();
    let answer = offer(&head_after(&chain), &fork);
    assert_eq!(answer, Acceptance::Repeated { seq: Seq::FIRST, digest: fork.digest() });
    assert_ne!(fork.digest(), chain[0].digest());
}

#[test]
fn streams_differ_by_each_of_their_parts() {
    let sealed = golden::example().encode().unwrap();
    let stream = sealed.stream();
    for other in [
        StreamId::new(Origin::from_bytes([9; 16]), stream.tenant(), stream.dimension()),
        StreamId::new(stream.origin(), "other", stream.dimension()),
        StreamId::new(stream.origin(), stream.tenant(), "other"),
    ] {
        let answer = offer(&Head::genesis(other.clone()), &sealed);
        let expected = Rejection::WrongStream { expected: other, found: stream.clone() };
        assert_eq!(answer, Acceptance::Reject(expected));
    }
}

#[test]
fn a_head_that_cannot_be_accepts_nothing() {
    let chain = sealed_chain(2);
    let stream = chain[0].stream();
    let broken = Head::new(stream.clone(), Seq::FIRST, Some(chain[1].digest()));
    assert!(matches!(
        offer(&broken, &chain[0]),
        Acceptance::Reject(Rejection::BrokenLink { seq: Seq::FIRST, .. })
    ));
    let broken = Head::new(stream.clone(), Seq::new(1), None);
    let Acceptance::Reject(Rejection::BrokenLink { seq, .. }) = offer(&broken, &chain[1]) else {
        panic!("no link")
    };
    assert_eq!(seq, Seq::new(1));
}

#[test]
fn the_last_number_of_all_is_refused() {
    let mut slice = golden::example();
    let previous = Digest::of(b"the slice before");
    (slice.seq, slice.previous) = (Seq::new(u64::MAX), Some(previous));
    let head = Head::new(slice.stream.clone(), slice.seq, Some(previous));
    assert_eq!(offer(&head, &slice.encode().unwrap()), Acceptance::Reject(Rejection::Exhausted));
}

#[test]
fn rejections_say_what_was_expected() {
    let chain = sealed_chain(2);
    let head = Head::new(chain[0].stream().clone(), Seq::new(1), Some(Digest::of(b"")));
    let Acceptance::Reject(rejection) = offer(&head, &chain[1]) else { panic!("the link is broken") };
    let expected =
        format!("slice 1 continues {}, but the stream ends with {}", chain[0].digest(), Digest::of(b""));
    assert_eq!(rejection.to_string(), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Offered to any head of its chain, a slice is accepted only where its number is next.
    #[test]
    fn order_is_the_only_way_in(chain in strategies::chain(1..6)) {
        for length in 0..=chain.len() {
            let head = match length {
                0 => Head::genesis(chain[0].stream().clone()),
                _ => head_after(&chain[..length]),
            };
            prop_assert_eq!(head.next_seq(), Seq::new(length as u64));
            for sealed in &chain {
                let answer = offer(&head, sealed);
                let (seq, digest) = (sealed.seq(), sealed.digest());
                match seq.cmp(&head.next_seq()) {
                    std::cmp::Ordering::Less => prop_assert_eq!(answer, Acceptance::Repeated { seq, digest }),
                    std::cmp::Ordering::Greater => {
                        prop_assert_eq!(answer, Acceptance::Gap { expected: head.next_seq(), found: seq });
                    }
                    std::cmp::Ordering::Equal => {
                        let slice = Slice::decode(sealed.bytes()).unwrap();
                        let head = Head::new(head.stream().clone(), seq.next(), Some(digest));
                        prop_assert_eq!(answer, Acceptance::Next { slice, head });
                    }
                }
            }
        }
    }

    #[test]
    fn a_flipped_bit_is_refused(chain in strategies::chain(2..4), at in any::<Index>(), bit in 0..8) {
        let (last, before) = chain.split_last().unwrap();
        let head = head_after(before);
        let mut bytes = last.bytes().to_vec();
        *at.get_mut(&mut bytes) ^= 1_u8 << bit;
        let answer = accept(&head, &last.digest(), &bytes);
        let expected = match Slice::decode(&bytes) {
            Err(error) => Rejection::Malformed(error),
            Ok(_) => Rejection::DigestMismatch { claimed: last.digest(), computed: Digest::of(&bytes) },
        };
        prop_assert_eq!(answer, Acceptance::Reject(expected));
    }

    #[test]
    fn a_foreign_link_is_refused(chain in strategies::chain(2..4), foreign in any::<[u8; 32]>()) {
        let (last, before) = chain.split_last().unwrap();
        let head = head_after(before);
        let mut slice = last.decode();
        let found = Some(Digest::from_bytes(foreign));
        slice.previous = found;
        let answer = offer(&head, &slice.encode().unwrap());
        let expected = Rejection::BrokenLink { seq: slice.seq, expected: head.last(), found };
        prop_assert_eq!(answer, Acceptance::Reject(expected));
    }

    /// A slice of a chain whose earlier slice was rewritten does not fit the chain that was not.
    #[test]
    fn a_rewritten_past_is_refused(chain in strategies::chain(2..5)) {
        let head = head_after(&chain[..chain.len() - 1]);
        let mut previous: Option<Digest> = None;
        let mut rewritten = Vec::new();
        for sealed in &chain {
            let mut slice = sealed.decode();
            slice.previous = previous;
            slice.end_ms += 1;
            let sealed = slice.encode().unwrap();
            previous = Some(sealed.digest());
            rewritten.push(sealed);
        }
        let answer = offer(&head, rewritten.last().unwrap());
        let refused = matches!(answer, Acceptance::Reject(Rejection::BrokenLink { .. }));
        prop_assert!(refused, "{:?}", answer);
    }

    #[test]
    fn any_bytes_are_malformed_to_any_head(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let head = Head::genesis(golden::example().stream);
        let answer = accept(&head, &Digest::of(&bytes), &bytes);
        let malformed = matches!(answer, Acceptance::Reject(Rejection::Malformed(_)));
        prop_assert!(malformed, "{:?}", answer);
    }
}
