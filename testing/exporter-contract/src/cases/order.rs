//! One stream: its order, its repeats and its forks.

use ron_accounting_export::PutError;
use ron_ledger_wire::{Digest, SealedSlice, Seq};

use crate::{
    probe::Probe,
    samples::{chain, slice, stream},
};

pub(crate) fn a_chain_is_accepted_in_order(probe: &Probe) {
    let stream = stream("acme");
    for slice in chain(&stream, 20) {
        probe.accepts(&slice);
        probe.head_is(&stream, Some(&slice));
    }
}

pub(crate) fn a_repeat_is_a_duplicate_and_changes_nothing(probe: &Probe) {
    let stream = stream("acme");
    let chain = chain(&stream, 6);
    let (stored, next) = chain.split_at(5);
    probe.accepts_all(stored);
    // The oldest ones too: an identity is never forgotten.
    for slice in stored.iter().chain(stored.iter().rev()) {
        probe.finds_duplicate(slice);
        probe.head_is(&stream, stored.last());
    }
    probe.accepts_all(next);
}

pub(crate) fn a_fork_is_a_conflict_with_both_digests(probe: &Probe) {
    let stream = stream("acme");
    let chain = chain(&stream, 4);
    let (stored, next) = chain.split_at(3);
    probe.accepts_all(stored);
    for original in stored {
        let fork = slice(&stream, original.seq(), original.previous(), 1000);
        // Twice: the refusal itself must not count as having seen the slice.
        for _ in 0..2 {
            probe.finds_fork(original, &fork);
            probe.head_is(&stream, stored.last());
        }
        probe.finds_duplicate(original);
    }
    probe.accepts_all(next);
}

pub(crate) fn a_gap_is_refused(probe: &Probe) {
    let stream = stream("acme");
    let chain = chain(&stream, 5);
    let [first, second, third, fourth, fifth] = chain.as_slice() else {
        probe.fail(format_args!("a sample chain of 5 has {} slices", chain.len()))
    };
    probe.finds_gap(Seq::FIRST, second);
    probe.finds_gap(Seq::FIRST, fifth);
    probe.head_is(&stream, None);
    probe.accepts(first);
    probe.finds_gap(Seq::new(1), third);
    probe.finds_gap(Seq::new(1), fifth);
    probe.head_is(&stream, Some(first));
    probe.accepts_all(&[second.clone(), third.clone(), fourth.clone(), fifth.clone()]);
    probe.head_is(&stream, Some(fifth));
}

pub(crate) fn a_broken_link_is_refused(probe: &Probe) {
    let stream = stream("acme");
    let chain = chain(&stream, 3);
    let (stored, next) = chain.split_at(2);
    probe.accepts_all(stored);
    let foreign = Digest::of(b"a slice of another chain");
    let too_old = stored.first().map(SealedSlice::digest);
    for previous in [Some(foreign), too_old] {
        let broken = slice(&stream, Seq::new(2), previous, 3);
        match probe.put(&broken) {
            Err(PutError::Rejected { .. } | PutError::Conflict { .. }) => {}
            found => probe.fail(format_args!("a broken link must be rejected for good, found {found:?}")),
        }
        probe.head_is(&stream, stored.last());
    }
    probe.accepts_all(next);
}
