//! What a ledger still knows after it was closed.

use ron_accounting_export::Ack;

use crate::{
    cases::claims::{claim, claimed},
    probe::Probe,
    samples::{chain, slice, stream},
};

const NAME: &str = "state_survives_reopening";

pub(crate) fn state_survives_reopening(open: impl Fn(&'static str) -> Probe) {
    let (acme, globex) = (stream("acme"), stream("globex"));
    let acme_chain = chain(&acme, 8);
    let globex_chain = chain(&globex, 3);
    open(NAME).accepts_all(&globex_chain);

    for (index, next) in acme_chain.iter().enumerate() {
        let probe = open(NAME);
        let stored = acme_chain.get(..index).unwrap_or_default();
        probe.head_is(&acme, stored.last());
        probe.head_is(&globex, globex_chain.last());
        for slice_stored in stored {
            probe.finds_duplicate(slice_stored);
            let fork = slice(&acme, slice_stored.seq(), slice_stored.previous(), 1000);
            probe.finds_fork(slice_stored, &fork);
        }
        if let Some(beyond) = acme_chain.get(index + 1) {
            probe.finds_gap(next.seq(), beyond);
        }
        probe.accepts(next);
    }
    open(NAME).head_is(&acme, acme_chain.last());

    let new = [Ok(Ack::Ok)];
    let chain = chain(&stream("initech"), 3);
    open(NAME).claimed_answers("a first claim", &claim(1, &[]), &chain[..1], &new);
    open(NAME).claimed_answers("another copy", &claim(2, &[]), &chain[1..2], &[claimed(1)]);
    open(NAME).claimed_answers("a successor", &claim(3, &[1]), &chain[1..2], &new);
    open(NAME).claimed_answers("an old holder", &claim(1, &[]), &chain[2..], &[claimed(3)]);
    open(NAME).claimed_answers("the successor", &claim(3, &[1]), &chain[2..], &new);
}
