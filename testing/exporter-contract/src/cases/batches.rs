//! Batches over several streams: one answer per slice, in order, each on its own.

use ron_accounting_export::{Ack, PutError};
use ron_ledger_wire::{SealedSlice, Seq};

use crate::{
    probe::Probe,
    samples::{chain, slice, stream},
};

pub(crate) fn an_empty_batch_has_no_answers(probe: &Probe) {
    probe.put_batch(&[]);
}

pub(crate) fn a_batch_answers_per_slice_and_keeps_the_good_ones(probe: &Probe) {
    let [new, repeated, gap, forked, rejected, grown] =
        ["new", "repeated", "gap", "forked", "rejected", "grown"].map(stream);
    let first = |of| slice(of, Seq::FIRST, None, 1);
    let second = |of, increment| slice(of, Seq::new(1), Some(first(of).digest()), increment);
    for stored in [&repeated, &forked, &rejected, &grown] {
        probe.accepts(&first(stored));
    }

    let fork = slice(&forked, Seq::FIRST, None, 2);
    let unlinked = slice(&rejected, Seq::new(1), Some(fork.digest()), 1);
    let batch = [unlinked, first(&new), first(&repeated), second(&gap, 1), fork.clone(), second(&grown, 9)];
    let answers = probe.put_batch(&batch);

    match answers.first() {
        Some(Err(PutError::Rejected { .. } | PutError::Conflict { .. })) => {}
        found => probe.fail(format_args!("a broken link must be rejected for good, found {found:?}")),
    }
    let expected = [
        Ok(Ack::Ok),
        Ok(Ack::Duplicate),
        Err(PutError::Gap { expected: Seq::FIRST, found: Seq::new(1) }),
        Err(PutError::Conflict { stored: first(&forked).digest(), offered: fork.digest() }),
        Ok(Ack::Ok),
    ];
    for (index, (expected, found)) in (1..).zip(expected.iter().zip(answers.iter().skip(1))) {
        probe.same(&format!("answer {index} of a mixed batch"), expected, found);
    }

    probe.head_is(&gap, None);
    probe.head_is(&grown, Some(&second(&grown, 9)));
    for stream in [&new, &repeated, &forked, &rejected] {
        probe.head_is(stream, Some(&first(stream)));
    }
}

pub(crate) fn a_batch_may_repeat_another(probe: &Probe) {
    let chains: Vec<_> = (0..64).map(|number| chain(&stream(&format!("tenant {number}")), 3)).collect();
    for turn in 0..3 {
        let batch: Vec<SealedSlice> = chains.iter().filter_map(|chain| chain.get(turn)).cloned().collect();
        for (answer, expected) in [(1, Ack::Ok), (2, Ack::Duplicate), (3, Ack::Duplicate)] {
            let answers = probe.put_batch(&batch);
            let expected = vec![Ok(expected); batch.len()];
            probe.same(&format!("answers to batch {turn}, sent {answer} times"), &expected, &answers);
        }
    }
    for chain in &chains {
        if let Some(last) = chain.last() {
            probe.head_is(last.stream(), Some(last));
        }
    }
}
