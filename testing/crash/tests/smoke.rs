//! Does the rig work, and does a node survive a few kills?
#![allow(clippy::unwrap_used)] // A failed assertion, wherever it stands.

use std::path::Path;

use ron_accounting_crash::{run, Plan, Report};

fn lives(plan: &Plan) -> Report {
    run(plan, Some(Path::new(env!("CARGO_BIN_EXE_crash-node")))).unwrap()
}

#[test]
fn a_node_that_is_killed_five_times_loses_no_more_than_its_bound_and_doubles_nothing() {
    let report = lives(&Plan::new(5, 1));
    assert!(report.is_right(), "{report}");
    assert_eq!(report.kills, 5);
    assert!(report.verdict.stored > 0, "it has recorded something:\n{report}");
}

#[test]
fn a_full_disk_and_a_locked_ledger_change_nothing_of_that() {
    // Files are limited, which needs no rights; `cargo xtask crash --disk-full` mounts a disk where it may.
    let report = lives(&Plan { disk_full: true, limit_files: true, ledger_locked: true, ..Plan::new(4, 2) });
    assert!(report.is_right(), "{report}");
}

#[test]
fn counts_that_are_folded_on_the_way_change_nothing_of_that() {
    let report = lives(&Plan { churn: true, ..Plan::new(5, 1) });
    assert!(report.is_right(), "{report}");
}
