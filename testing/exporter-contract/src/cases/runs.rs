//! Several slices of one stream in a batch: stored in order, up to the first one that is refused.

use ron_accounting_export::{Ack, PutError};
use ron_ledger_wire::{Digest, SealedSlice, Seq};

use crate::{
    probe::{Answer, Probe},
    samples::{chain, slice, stream},
};

const NEW: Answer = Ok(Ack::Ok);
const STORED: Answer = Ok(Ack::Duplicate);
const NOT_REACHED: Answer = Err(PutError::NotReached);

pub(crate) fn a_run_is_stored_as_a_whole(probe: &Probe) {
    let chains = ["acme", "globex"].map(|tenant| chain(&stream(tenant), 20));
    let batch = chains.concat();
    probe.answers("a batch of two runs", &batch, &vec![NEW; batch.len()]);
    for chain in &chains {
        if let Some(last) = chain.last() {
            probe.head_is(last.stream(), Some(last));
        }
        probe.finds_duplicates(chain);
    }
}

/// The slice behind the refused one would be accepted if it were offered alone.
pub(crate) fn a_refusal_ends_the_run_of_its_stream_alone(probe: &Probe) {
    let (acme, globex) = (chain(&stream("acme"), 4), chain(&stream("globex"), 4));
    let foreign = Digest::of(b"a slice of another chain");
    let broken = slice(&stream("acme"), Seq::new(2), Some(foreign), 1);
    let mut batch = acme.clone();
    batch.insert(2, broken);
    // The streams take turns: the slices of a run need not be adjacent.
    let batch: Vec<SealedSlice> = batch.into_iter().zip(&globex).flat_map(|(a, g)| [a, g.clone()]).collect();
    let answers = probe.put_batch(&batch);
    match answers.get(4) {
        Some(Err(PutError::Rejected { .. } | PutError::Conflict { .. })) => {}
        found => probe.fail(format_args!("a broken link must be rejected for good, found {found:?}")),
    }
    let of_acme: Vec<Answer> = answers.iter().step_by(2).cloned().collect();
    let of_globex: Vec<Answer> = answers.into_iter().skip(1).step_by(2).collect();
    probe.same("answers before the refused slice", &[NEW, NEW].as_slice(), &&of_acme[..2]);
    probe.same("answers behind the refused slice", &[NOT_REACHED].as_slice(), &&of_acme[3..]);
    probe.same("answers to the other stream", &vec![NEW; 4], &of_globex);
    probe.head_is(&stream("acme"), acme.get(1));
    probe.head_is(&stream("globex"), globex.last());
    probe.answers("the rest of the run, offered again", &acme[2..], &[NEW, NEW]);
}

pub(crate) fn a_gap_ends_a_run(probe: &Probe) {
    let stream = stream("acme");
    let chain = chain(&stream, 5);
    let batch = [0, 1, 3, 2, 4].map(|index: usize| chain[index].clone());
    let gap = Err(PutError::Gap { expected: Seq::new(2), found: Seq::new(3) });
    probe.answers("a run out of order", &batch, &[NEW, NEW, gap, NOT_REACHED, NOT_REACHED]);
    probe.head_is(&stream, chain.get(1));
    probe.accepts_all(&chain[2..]);
}

pub(crate) fn a_fork_ends_a_run(probe: &Probe) {
    let stream = stream("acme");
    let chain = chain(&stream, 4);
    probe.accepts_all(&chain[..2]);
    let fork = slice(&stream, Seq::new(1), chain.first().map(SealedSlice::digest), 1000);
    let batch = [chain[0].clone(), fork.clone(), chain[1].clone(), chain[2].clone()];
    let conflict = Err(PutError::Conflict { stored: chain[1].digest(), offered: fork.digest() });
    probe.answers("a run with a fork", &batch, &[STORED, conflict, NOT_REACHED, NOT_REACHED]);
    probe.head_is(&stream, chain.get(1));
    probe.accepts_all(&chain[2..]);
}

/// The slices are stored, but the answers from the third on are lost, so they are offered again from there.
pub(crate) fn a_run_whose_answers_were_lost_is_offered_again(probe: &Probe) {
    let stream = stream("acme");
    let chain = chain(&stream, 8);
    probe.answers("a run", &chain[..5], &vec![NEW; 5]);
    let again = [STORED, STORED, STORED, NEW, NEW, NEW];
    probe.answers("a run that begins with stored slices", &chain[2..], &again);
    probe.head_is(&stream, chain.last());
}

pub(crate) fn a_run_may_have_duplicates_before_and_after_new_slices(probe: &Probe) {
    let stream = stream("acme");
    let chain = chain(&stream, 5);
    probe.accepts_all(&chain[..2]);
    let batch = [0, 1, 2, 3, 0, 3, 4].map(|index: usize| chain[index].clone());
    let answers = [STORED, STORED, NEW, NEW, STORED, STORED, NEW];
    probe.answers("a run with repeated slices", &batch, &answers);
    probe.head_is(&stream, chain.last());
}
