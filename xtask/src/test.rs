//! `test`: everything that proves the project by running it, with nothing but Rust, a C compiler, Python and git. What else
//! it needs it brings below the target directory.
//!
//! All steps that build the whole workspace ask for the same packages and features, so that they share one build.

use crate::{
    bench, loom, profiles, prometheus,
    steps::{execute, Steps},
    telemetry_python, vectors,
    without::Without,
    workspace::Workspace,
};

/// Package and name. Examples that write files for other programs are no tests.
const EXAMPLES: &[(&str, &str)] = &[
    ("ron-accounting", "bill_by_tenant"),
    ("ron-accounting", "count_a_connection"),
    ("ron-accounting", "survive_a_crash"),
    ("ron-accounting-events", "limit_by_minute"),
    ("ron-accounting-events", "retention_and_conversion"),
    ("ron-accounting-events", "survive_a_restart"),
    ("ron-accounting-events", "sync_two_devices"),
    ("ron-accounting-telemetry", "encrypt_files"),
    ("ron-accounting-tower", "aborts"),
    ("ron-accounting-tower", "axum"),
    ("ron-ledger-wire", "verify_chain"),
];

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps, without: &Without) -> anyhow::Result<()> {
    // Benches take part: without `--bench` Criterion runs each body once, which proves that they still work.
    steps.step("unit and integration tests", || {
        execute(&mut workspace.cargo(&["test", "--workspace", "--all-targets", "--all-features"]))
    })?;
    steps.step("each bit of a log, optimised", || {
        let arguments =
            ["test", "--release", "--package", "ron-accounting-wal", "--test", "wal", "exhaustive"];
        execute(&mut workspace.cargo(&arguments))
    })?;
    steps.step("documentation tests", || {
        execute(&mut workspace.cargo(&["test", "--workspace", "--doc", "--all-features"]))
    })?;
    steps.step("examples, which end in assertions", || {
        EXAMPLES.iter().try_for_each(|(package, name)| {
            let arguments = ["run", "--quiet", "--package", package, "--all-features", "--example", name];
            execute(&mut workspace.cargo(&arguments))
        })
    })?;
    bench::smoke(workspace, steps)?;
    vectors::run(workspace, steps)?;
    telemetry_python::run(workspace, steps)?;
    prometheus::run(workspace, steps, without)?;
    profiles::run(workspace, steps)?;
    loom::run(workspace, steps)
}
