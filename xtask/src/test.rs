//! `test`: everything that proves the project by running it, with nothing but Rust, a C compiler, Python and git.
//!
//! All steps that build the whole workspace ask for the same packages and features, so that they share one build.

use crate::{
    loom, profiles,
    steps::{execute, Steps},
    vectors,
    workspace::Workspace,
};

/// Package and name. The example that writes vectors is no test.
const EXAMPLES: &[(&str, &str)] = &[
    ("ron-accounting", "bill_by_tenant"),
    ("ron-accounting", "survive_a_crash"),
    ("ron-ledger-wire", "verify_chain"),
];

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
    // Benches take part: without `--bench` Criterion runs each body once, which proves that they still work.
    steps.step("unit and integration tests", || {
        execute(&mut workspace.cargo(&["test", "--workspace", "--all-targets", "--all-features"]))
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
    vectors::run(workspace, steps)?;
    profiles::run(workspace, steps)?;
    loom::run(workspace, steps)
}
