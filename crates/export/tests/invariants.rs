//! Can it break its promise? Random actions, compared at every step with a plain model.
#![allow(clippy::unwrap_used)] // A failed assertion, wherever it stands.

mod model;
mod samples;

use std::collections::BTreeSet;

use proptest::prelude::*;
use ron_accounting_export::{memory::MemoryLedger, Exporter, LaneOptions, Lanes, PutError};
use ron_ledger_wire::{Digest, SealedSlice};

use crate::{
    model::{actions, limits, Action, Limits, Model},
    samples::stream,
};

fn run(limits: &Limits, actions: &[Action]) -> Vec<String> {
    let mut model = Model::new(limits.clone());
    for action in actions {
        model.act(action);
    }
    model.drain();
    model.trace
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Order, bounds, fairness, nothing lost, nothing acknowledged twice: see the assertions of the model.
    #[test]
    fn random_actions_keep_every_promise(limits in limits(), actions in actions()) {
        run(&limits, &actions);
    }

    #[test]
    fn the_same_calls_give_the_same_outcome(limits in limits(), actions in actions()) {
        let (one, other) = (run(&limits, &actions), run(&limits, &actions));
        prop_assert_eq!(one, other);
    }

    /// Lost puts, lost acknowledgements, shifted answers and outages cost time, never usage.
    #[test]
    fn a_flaky_ledger_ends_up_with_everything_once(
        limits in limits(),
        faults in prop::collection::vec((0..5_u8, 1..4_usize), 0..30),
        lengths in prop::collection::vec(1..12_usize, 1..5),
    ) {
        let ledger = MemoryLedger::new();
        let mut lanes = limits.lanes();
        let chains: Vec<_> =
            lengths.iter().enumerate().map(|(number, length)| samples::chain(&number.to_string(), *length)).collect();
        let mut waiting: Vec<_> = chains.iter().map(|chain| chain.iter().cloned().peekable()).collect();
        let (mut now_ms, mut faults, mut acknowledged) = (0, faults.into_iter(), Vec::new());
        for _ in 0..2000 {
            for chain in &mut waiting {
                while lanes.room() > 0 {
                    let Some(slice) = chain.next() else { break };
                    lanes.push(slice, now_ms).unwrap();
                    lanes.validate().unwrap();
                }
            }
            now_ms += 17;
            ledger.set_unavailable(false);
            match faults.next() {
                Some((0, count)) => ledger.fail_puts(count),
                Some((1, count)) => ledger.lose_acknowledgements(count),
                Some((2, count)) => ledger.answer_short(count),
                Some((3, _)) => ledger.set_unavailable(true),
                _ => {}
            }
            if let Some(batch) = lanes.next_batch(now_ms) {
                let answers = ledger.put_batch(&batch.slices);
                let completion = lanes.complete(batch.id, answers, now_ms);
                acknowledged.extend(completion.acknowledged.into_iter().map(|(slice, _)| slice.digest()));
            }
        }
        prop_assert!(lanes.is_idle(), "{:?}", lanes.status());
        let pushed: BTreeSet<Digest> = chains.iter().flatten().map(SealedSlice::digest).collect();
        prop_assert_eq!(acknowledged.len(), pushed.len());
        prop_assert_eq!(acknowledged.into_iter().collect::<BTreeSet<_>>(), pushed);
        for (number, chain) in chains.iter().enumerate() {
            let stored = ledger.slices_of(&stream(&number.to_string()));
            prop_assert_eq!(&stored, chain);
            let expected: u128 = chain.iter().map(SealedSlice::total).sum();
            prop_assert_eq!(ledger.total(&number.to_string(), "requests"), expected);
        }
    }
}

/// Another seed gives other delays, or a fleet would come back in step.
#[test]
fn another_seed_gives_other_delays() {
    let delays = |seed| {
        let mut lanes = Lanes::new(LaneOptions::default().seed(seed).backoff_ms(2000, 2000)).unwrap();
        let batches = (0..20).map(|number| samples::chain(&number.to_string(), 1).remove(0));
        samples::push_all(&mut lanes, &batches.collect::<Vec<_>>());
        let batch = lanes.next_batch(0).unwrap();
        let completion = samples::complete_all(&mut lanes, &batch, 0, &Err(PutError::Busy));
        completion.failed.iter().map(|failed| failed.next).collect::<Vec<_>>()
    };
    assert_eq!(delays(1), delays(1));
    assert_ne!(delays(1), delays(2));
    let distinct: BTreeSet<String> = delays(1).iter().map(|next| format!("{next:?}")).collect();
    assert!(distinct.len() > 15, "lanes that failed together come back spread out");
}
