//! Letting a process finish, over a world in which everything works.

use std::collections::BTreeSet;

use ron_accounting_export::Exporter;

use crate::{
    clock::Clock, ledger::Ledger, process::Process, report::Failure, setup::Setup, steps::Answer,
    totals::Totals,
};

/// Batches in one round, at the most.
const BATCHES_MAX: usize = 2_000;

/// Which streams may stay stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// None.
    Nobody,
    /// Those that a fork or a gap has stopped.
    Forked,
    /// Those that the ledger refuses.
    Refused,
}

impl Stopped {
    pub(crate) const fn by_forks(may_fork: bool) -> Self {
        if may_fork {
            Self::Forked
        } else {
            Self::Nobody
        }
    }
}

/// Asks the ledger for all heads that the process waits for.
pub(crate) fn tell_heads(process: &mut Process, ledger: &Ledger, now_ms: u64) {
    while let Some(stream) = process.ask_head() {
        process.take_head(&stream, ledger.head(&stream), now_ms);
    }
}

/// Brings batches to the ledger until none is due. Returns how many.
pub(crate) fn put_all(process: &mut Process, ledger: &Ledger, now_ms: u64) -> usize {
    for count in 0..BATCHES_MAX {
        tell_heads(process, ledger, now_ms);
        let Some(batch) = process.next_batch(now_ms) else { return count };
        let answers = ledger.put(&batch.slices, process.claim().as_ref(), Answer::Store);
        process.complete(batch.id, now_ms, answers);
    }
    BATCHES_MAX
}

/// Seals and exports until nothing is left but the counts of streams that may stay stopped, and returns those. Fails if anything
/// else stays for too long.
pub(crate) fn settle(
    setup: &Setup,
    process: &mut Process,
    ledger: &Ledger,
    clock: &mut Clock,
    stopped: Stopped,
) -> Result<Totals, Failure> {
    let streams = (setup.tenants + 1) * setup.dimensions();
    let mut resumed = BTreeSet::new();
    let may_have_gaps = stopped == Stopped::Forked;
    if !may_have_gaps {
        process.validate()?;
    }
    for round in 0..60 + 3 * streams {
        process.maintain(clock.open(), clock.now_ms());
        put_all(process, ledger, clock.now_ms());
        let facts = process.facts();
        let (mut left, _) = process.exported(setup);
        left.add_all(&process.live(setup));
        if facts.is_drained && left.is_empty() {
            if !may_have_gaps {
                process.validate()?;
            }
            return Ok(left);
        }
        let may_stop = |is_evidence: bool| match stopped {
            Stopped::Nobody => false,
            Stopped::Forked => is_evidence,
            Stopped::Refused => !is_evidence,
        };
        let mut rest = left.clone();
        for (stream, _) in facts.parked.iter().filter(|(_, is_evidence)| may_stop(*is_evidence)) {
            let mut stream_left = setup.totals();
            stream_left.add(setup.place(stream), u128::MAX);
            rest.take_all(&stream_left);
        }
        let is_torn = stopped == Stopped::Forked && (facts.refused > 0 || facts.is_unsealable);
        if round > 4 && stopped != Stopped::Nobody && (rest.is_empty() || is_torn) {
            return Ok(left);
        }
        // Who is refused stays refused, and nobody resumes it.
        let resumable = facts.parked.iter().filter(|_| stopped != Stopped::Refused);
        for (stream, is_evidence) in resumable {
            if !is_evidence || resumed.insert(stream.clone()) {
                process.resume(stream);
            }
        }
        clock.pass(20 + setup.jitter_ms);
        if facts.is_drained || round % 3 == 2 {
            let window = clock.close();
            process.seal(window, clock.now_ms());
        }
    }
    let facts = process.facts();
    let (pending, _) = process.exported(setup);
    let live = process.live(setup);
    let parked: Vec<String> = facts.parked.iter().map(|(stream, _)| stream.to_string()).collect();
    let check = match stopped {
        Stopped::Nobody => "stuck",
        Stopped::Forked => "stuck beside forks",
        Stopped::Refused => "stuck beside refusals",
    };
    Err(Failure::new(
        check,
        format!(
            "{} slices stay pending [{pending}], live stays [{live}], parked {parked:?}, refused {}, last error {:?}",
            facts.pending, facts.refused, facts.last_error
        ),
    ))
}
