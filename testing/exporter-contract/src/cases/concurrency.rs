//! Several threads at once. The outcome is checked, not the interleaving.

use std::{sync::Barrier, thread};

use ron_accounting_export::{Ack, PutError};
use ron_ledger_wire::{SealedSlice, Seq};

use crate::{
    cases::claims::{claimed, copies},
    probe::{Answer, Probe},
    samples::{chain, slice, stream},
};

pub(crate) fn threads_on_different_streams_do_not_disturb_each_other(probe: &Probe) {
    let chains = ["acme", "globex", "initech"].map(|tenant| chain(&stream(tenant), 30));
    let answers = together(probe, chains.each_ref().map(Vec::as_slice));
    for (chain, answers) in chains.iter().zip(answers) {
        // A retry after a lost answer finds a duplicate, so both are a success here.
        for (slice, answer) in chain.iter().zip(answers) {
            if let Err(error) = answer {
                let error = error.with_causes();
                probe.fail(format_args!("slice {} of {}: {error}", slice.seq(), slice.stream()));
            }
        }
        probe.finds_duplicates(chain);
        if let Some(last) = chain.last() {
            probe.head_is(last.stream(), Some(last));
        }
    }
}

pub(crate) fn threads_on_one_stream_store_each_slice_once(probe: &Probe) {
    let stream = stream("acme");
    let chain = chain(&stream, 30);
    let [one, other] = together(probe, [&chain, &chain]);
    for (slice, pair) in chain.iter().zip(one.into_iter().zip(other)) {
        match pair {
            // Two duplicates: the answer that said `Ok` was lost, and the slice offered again.
            (Ok(Ack::Ok), Ok(Ack::Duplicate)) | (Ok(Ack::Duplicate), Ok(_)) => {}
            found => probe.fail(format_args!(
                "slice {} offered by two threads must be stored by one of them, found {found:?}",
                slice.seq()
            )),
        }
    }
    probe.head_is(&stream, chain.last());
    probe.finds_duplicates(&chain);
}

pub(crate) fn of_two_forks_at_once_one_wins(probe: &Probe) {
    for number in 0..20 {
        let stream = stream(&format!("tenant {number}"));
        let forks = [1, 2].map(|increment| slice(&stream, Seq::FIRST, None, increment));
        let [one, other] = &forks;
        let answers = together(probe, forks.each_ref().map(std::slice::from_ref));
        let answers = answers.map(|mut answers| answers.remove(0));
        let lost = |stored: &SealedSlice, offered: &SealedSlice| {
            Err(PutError::Conflict { stored: stored.digest(), offered: offered.digest() })
        };
        let winner = match &answers {
            [Ok(_), answer] if *answer == lost(one, other) => one,
            [answer, Ok(_)] if *answer == lost(other, one) => other,
            found => {
                probe.fail(format_args!("one of two forks must be stored, the other a conflict: {found:?}"))
            }
        };
        probe.head_is(&stream, Some(winner));
        probe.finds_duplicate(winner);
    }
}

/// Both offer the same slices. The second one must not be told that they are stored.
pub(crate) fn of_two_copies_at_once_one_wins(probe: &Probe) {
    let copies = copies();
    let start = Barrier::new(copies.len());
    let answers = thread::scope(|scope| {
        let start = &start;
        let threads = copies.each_ref().map(|(claim, batch)| {
            scope.spawn(move || {
                start.wait();
                probe.until_final(|| probe.put_claimed(claim, batch))
            })
        });
        threads.map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let is_stored = |answers: &[Answer]| answers.iter().all(Result::is_ok);
    match &answers {
        [one, other] if is_stored(one) && *other == vec![claimed(1); other.len()] => {}
        [other, one] if is_stored(one) && *other == vec![claimed(2); other.len()] => {}
        found => probe.fail(format_args!("one of two copies must store, the other be refused: {found:?}")),
    }
    let [(_, batch), _] = &copies;
    probe.head_is(&stream("acme"), batch.last());
}

/// Each thread offers its slices one after the other, and all begin at the same moment.
fn together<const N: usize>(probe: &Probe, work: [&[SealedSlice]; N]) -> [Vec<Answer>; N] {
    let start = Barrier::new(N);
    thread::scope(|scope| {
        let start = &start;
        let threads = work.map(|slices| {
            scope.spawn(move || {
                start.wait();
                slices.iter().map(|slice| probe.put_until_final(slice)).collect()
            })
        });
        threads.map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}
