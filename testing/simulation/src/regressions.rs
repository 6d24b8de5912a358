//! Seeds that once showed a fault, each under the name of what must hold.
//!
//! A seed means a story only as long as the stories are drawn in the same way. Who changes `story.rs`, `setup.rs` or
//! `dice.rs` finds new seeds for these.

use crate::{report::Failure, run_once_or_twice, story::Story, world::Probing};

/// A seed that once failed.
#[derive(Debug, Clone, Copy)]
pub struct Regression {
    /// The claim that it disproved.
    pub name: &'static str,
    /// The seed.
    pub seed: u64,
}

impl Regression {
    /// Runs the world. Returns what did not hold.
    pub fn run(&self) -> Result<(), Failure> {
        let outcome = run_once_or_twice(&Story::generate(self.seed), Probing::USUAL, true);
        outcome.failure.map_or(Ok(()), Err)
    }
}

const fn regression(seed: u64, name: &'static str) -> Regression {
    Regression { name, seed }
}

/// All of them.
pub const REGRESSIONS: &[Regression] = &[regression(0, "placeholder")];
