//! `test`: everything that proves the project by running it, with nothing but Rust, a C compiler, Python and git.
//!
//! All steps that build the whole workspace ask for the same packages and features, so that they share one build.

use crate::{
    loom, profiles,
    steps::{execute, Steps},
    vectors,
    workspace::Workspace,
};

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
    // Benches take part: without `--bench` Criterion runs each body once, which proves that they still work.
    steps.step("unit and integration tests", || {
        execute(&mut workspace.cargo(&["test", "--workspace", "--all-targets", "--all-features"]))
    })?;
    steps.step("documentation tests", || {
        execute(&mut workspace.cargo(&["test", "--workspace", "--doc", "--all-features"]))
    })?;
    vectors::run(workspace, steps)?;
    profiles::run(workspace, steps)?;
    loom::run(workspace, steps)
}
