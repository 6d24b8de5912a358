//! Exact bytes come back, in order and under their names.

use std::ops::ControlFlow;

use ron_accounting_ledger::{read_all, verify, Ledger};
use ron_ledger_wire::{Digest, SealedSlice, Seq};

use crate::samples::{chain, put_all, stream, LedgerFolder};

#[test]
fn slices_come_back_byte_for_byte_in_order() {
    let folder = LedgerFolder::new();
    let ledger = folder.open();
    let mut chains = [("b", "requests"), ("a", "requests"), ("a", "bytes_in")]
        .map(|(tenant, dimension)| chain(&stream(tenant, dimension), 3));
    // Interleaved, so that the order of storing is not the order of showing.
    for turn in 0..3 {
        put_all(&ledger, &chains.each_ref().map(|chain| chain[turn].clone()));
    }
    chains.sort_by(|one, other| one[0].stream().cmp(other[0].stream()));
    let expected: Vec<SealedSlice> = chains.concat();

    let mut visited = Vec::new();
    read_all(&ledger, |slice| {
        assert_eq!(slice.digest, Digest::of(slice.bytes));
        visited.push(SealedSlice::from_bytes(slice.bytes).unwrap());
        let last = visited.last().unwrap();
        assert_eq!((last.stream(), last.seq()), (slice.stream, slice.seq));
        assert_eq!((last.start_ms(), last.end_ms()), (slice.start_ms, slice.end_ms));
        ControlFlow::Continue(())
    })
    .unwrap();
    let bytes =
        |slices: &[SealedSlice]| slices.iter().map(|slice| slice.bytes().to_vec()).collect::<Vec<_>>();
    assert_eq!(bytes(&visited), bytes(&expected));

    let mut seen = 0;
    read_all(&ledger, |_| {
        seen += 1;
        if seen == 4 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })
    .unwrap();
    assert_eq!(seen, 4, "a visitor may stop");

    let heads: Vec<_> = ledger.heads(None, 10).unwrap();
    assert_eq!(heads.len(), 3);
    for (head, chain) in heads.iter().zip(&chains) {
        assert_eq!((head.stream(), head.next_seq()), (chain[0].stream(), Seq::new(3)));
        assert_eq!(head.last(), Some(chain[2].digest()));
    }
}

#[test]
fn a_panic_in_a_visitor_leaves_the_ledger_usable() {
    let folder = LedgerFolder::new();
    let ledger = folder.open();
    let chain = chain(&stream("acme", "requests"), 2);
    put_all(&ledger, &chain[..1]);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = read_all(&ledger, |_| panic!("a visitor's own fault"));
    }));
    assert!(panicked.is_err());
    put_all(&ledger, &chain[1..]);
    assert_eq!(verify(&ledger, |_| {}).unwrap().slices, 2);
}
