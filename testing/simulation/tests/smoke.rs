//! Do some worlds hold? `cargo xtask simulate` runs many more.

use ron_accounting_simulation::{run_facade, Campaign, Dice, Probing, Story};

#[test]
fn some_worlds_hold() {
    let campaign = Campaign {
        first: 0,
        seeds: SEEDS,
        jobs: 2,
        is_twice: true,
        failures_max: 10,
        probing: Probing::USUAL,
    };
    let summary = campaign.run();
    assert_eq!(summary.failure_count(), 0, "{summary}");
    assert!(summary.power_cuts > 0 && summary.crash_states.len() > 1_000, "{summary}");
}

/// About 20 seconds without optimisation.
const SEEDS: u64 = 300;

#[test]
fn some_stories_of_the_facade_hold() {
    for seed in 0..25 {
        let outcome = run_facade(seed);
        assert_eq!(outcome.failure, None, "seed {seed}: {:#?}", outcome.steps);
        if seed % 5 == 0 {
            assert_eq!(run_facade(seed).arrived, outcome.arrived, "seed {seed} is one story");
        }
    }
}

#[test]
fn a_seed_is_one_story() {
    for seed in 0..100 {
        assert_eq!(Story::generate(seed), Story::generate(seed));
        assert_ne!(Story::generate(seed), Story::generate(seed + 1));
    }
    let rolls = |concern: &str| [0; 4].map(|_| Dice::of(1, concern).roll());
    assert_ne!(rolls("setup"), rolls("steps"));
}
