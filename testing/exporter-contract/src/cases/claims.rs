//! Claims: of two copies of one log, one may export.

use ron_accounting_export::{Ack, PutError};
use ron_ledger_wire::{Claim, ClaimId, Origin, SealedSlice, Seq, StreamId};

use crate::{
    probe::{Answer, Probe},
    samples::{chain, stream},
};

const NEW: Answer = Ok(Ack::Ok);
const STORED: Answer = Ok(Ack::Duplicate);

/// The claim of opening `holder` of the log that the sample streams come from, which knows some earlier ones.
pub(crate) fn claim(holder: u8, ancestors: &[u8]) -> Claim {
    claim_of(stream("acme").origin(), holder, ancestors)
}

fn claim_of(origin: Origin, holder: u8, ancestors: &[u8]) -> Claim {
    Claim::new(origin, id(holder), ancestors.iter().copied().map(id))
}

fn id(number: u8) -> ClaimId {
    ClaimId::from_bytes([number; 16])
}

pub(crate) fn claimed(holder: u8) -> Answer {
    Err(PutError::Claimed { origin: stream("acme").origin(), current: id(holder) })
}

pub(crate) fn the_first_claim_takes_the_origin(probe: &Probe) {
    let chain = chain(&stream("acme"), 6);
    probe.accepts_all(&chain[..2]);
    probe.claimed_answers("a first claim", &claim(1, &[]), &chain[1..4], &[STORED, NEW, NEW]);
    probe.claimed_answers("the claim again", &claim(1, &[]), &chain[3..5], &[STORED, NEW]);
    probe.answers("slices without a claim", &chain[4..], &[STORED, NEW]);
    probe.head_is(&stream("acme"), chain.last());
}

/// Both copies know the opening before them, and seal identical slices.
pub(crate) fn another_copy_is_refused_for_every_slice(probe: &Probe) {
    let (acme, globex) = (chain(&stream("acme"), 4), chain(&stream("globex"), 1));
    probe.claimed_answers("the opening before", &claim(1, &[]), &acme[..1], &[NEW]);
    probe.claimed_answers("one copy", &claim(2, &[1]), &acme[1..2], &[NEW]);
    let batch = [&acme[..], &globex].concat();
    for holder in [1, 3, 4] {
        // Twice: the refusal itself must not count as having seen the claim.
        for _ in 0..2 {
            let answers = vec![claimed(2); batch.len()];
            probe.claimed_answers("another copy", &claim(holder, &[1]), &batch, &answers);
            probe.head_is(&stream("acme"), acme.get(1));
            probe.head_is(&stream("globex"), None);
        }
    }
    probe.claimed_answers("the first copy", &claim(2, &[1]), &batch, &[STORED, STORED, NEW, NEW, NEW]);
}

pub(crate) fn a_successor_takes_over_and_the_old_holder_is_refused(probe: &Probe) {
    let chain = chain(&stream("acme"), 4);
    probe.claimed_answers("a holder", &claim(1, &[]), &chain[..1], &[NEW]);
    probe.claimed_answers("its successor", &claim(3, &[1, 2]), &chain[..2], &[STORED, NEW]);
    for old in [claim(1, &[]), claim(2, &[1])] {
        probe.claimed_answers("an old holder", &old, &chain[1..3], &[claimed(3), claimed(3)]);
    }
    probe.head_is(&stream("acme"), chain.get(1));
    probe.claimed_answers("a later successor", &claim(5, &[3, 4]), &chain[2..], &[NEW, NEW]);
}

pub(crate) fn claims_of_different_origins_are_independent(probe: &Probe) {
    for byte in 1..4 {
        let stream = StreamId::new(Origin::from_bytes([byte; 16]), "acme", "requests");
        let claim = claim_of(stream.origin(), 10 + byte, &[]);
        let chain = chain(&stream, 2);
        probe.claimed_answers("the first claim of its origin", &claim, &chain, &[NEW, NEW]);
    }
}

pub(crate) fn a_claim_judges_slices_of_its_own_origin_alone(probe: &Probe) {
    let other = StreamId::new(Origin::from_bytes([0xb2; 16]), "acme", "requests");
    let (own, other) = (chain(&stream("acme"), 2), chain(&other, 4));
    let unused = claim(9, &[]);
    probe.claimed_answers("a claim with slices of another origin", &unused, &other[..1], &[NEW]);
    probe.claimed_answers("the first claim with its own", &claim(1, &[]), &own[..1], &[NEW]);
    let batch = [own[0].clone(), other[1].clone(), own[1].clone(), other[2].clone()];
    let answers = [claimed(1), NEW, claimed(1), NEW];
    probe.claimed_answers("a refused claim with slices of two origins", &unused, &batch, &answers);
    let other_claim = claim_of(other[0].stream().origin(), 9, &[]);
    probe.claimed_answers("the first claim of the other origin", &other_claim, &other[3..], &[NEW]);
}

pub(crate) fn a_claim_stays_when_its_slices_are_refused(probe: &Probe) {
    let chain = chain(&stream("acme"), 2);
    let gap = Err(PutError::Gap { expected: Seq::FIRST, found: Seq::new(1) });
    probe.claimed_answers("a first claim", &claim(1, &[]), &chain[1..], &[gap]);
    probe.claimed_answers("another copy", &claim(2, &[]), &chain[..1], &[claimed(1)]);
    probe.claimed_answers("the first copy", &claim(1, &[]), &chain, &[NEW, NEW]);
}

/// One batch of slices for each of two copies that start together.
pub(crate) fn copies() -> [(Claim, Vec<SealedSlice>); 2] {
    [1, 2].map(|holder| (claim(holder, &[]), chain(&stream("acme"), 3)))
}
