//! `lint`: what can be said about the code without running it.

use crate::{
    deny,
    steps::{execute, Steps},
    tidy,
    workspace::Workspace,
};

const NODE: &str = "ron-accounting-node";

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
    steps.step("formatting", || execute(&mut workspace.cargo(&["fmt", "--all", "--check"])))?;
    tidy::run(workspace, steps)?;
    steps.step("clippy", || {
        execute(&mut workspace.cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--",
            "-D",
            "warnings",
        ]))
    })?;
    steps.step("documentation", || {
        // The node's binary and the façade have one name and so one page. Apart they don't race, and the façade's stays.
        document(workspace, &["--package", NODE])?;
        document(workspace, &["--workspace", "--exclude", NODE])
    })?;
    deny::run(workspace, steps)
}

fn document(workspace: &Workspace, packages: &[&str]) -> anyhow::Result<()> {
    let mut command = workspace.cargo(&["doc", "--no-deps", "--all-features"]);
    execute(command.args(packages).env("RUSTDOCFLAGS", "-D warnings"))
}
