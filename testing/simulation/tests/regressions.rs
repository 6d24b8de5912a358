//! Do the seeds that once showed a fault hold?

use ron_accounting_simulation::REGRESSIONS;

#[test]
fn seeds_that_once_failed_hold() {
    let failed: Vec<String> = REGRESSIONS
        .iter()
        .filter_map(|regression| {
            let failure = regression.run().err()?;
            Some(format!("{} (seed {}): {failure}", regression.name, regression.seed))
        })
        .collect();
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), REGRESSIONS.len(), failed.join("\n"));
}
