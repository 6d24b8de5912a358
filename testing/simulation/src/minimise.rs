//! From a long story to the few steps that show the same.

use crate::{
    report::Failure,
    story::Story,
    world::{run, Probing},
};

/// Runs at the most.
const RUNS_MAX: usize = 600;

/// Deletes steps as long as the same check fails. Returns the shorter story and its failure.
pub fn minimise(story: &Story, failure: &Failure, probing: Probing) -> (Story, Failure) {
    let (mut best, mut best_failure) = (story.clone(), failure.clone());
    if let Some(step) = failure.step {
        best.steps.truncate(step + 1);
    }
    let mut runs = 0;
    let mut chunk = best.steps.len().div_ceil(2);
    while chunk > 0 && runs < RUNS_MAX {
        let mut start = 0;
        let mut has_shrunk = false;
        while start < best.steps.len() && runs < RUNS_MAX {
            let mut shorter = best.clone();
            shorter.steps.drain(start..(start + chunk).min(shorter.steps.len()));
            runs += 1;
            match run(&shorter, probing).failure {
                Some(found) if found.check == failure.check => {
                    (best, best_failure, has_shrunk) = (shorter, found, true);
                    if let Some(step) = best_failure.step {
                        best.steps.truncate(step + 1);
                    }
                }
                _ => start += chunk,
            }
        }
        if chunk > 1 || !has_shrunk {
            chunk /= 2;
        }
    }
    (best, best_failure)
}
