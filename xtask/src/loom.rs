//! `loom`: the models of what threads share, where every interleaving of a few operations is tried.
//!
//! The models replace the atomics of the whole build, so that they have a target directory of their own. They run
//! optimised, because there are many interleavings, and with debug assertions, because a model without its assertions
//! proves less.

use std::{env, process::Command};

use anyhow::bail;

use crate::{
    steps::{capture, execute, Steps},
    workspace::Workspace,
};

/// The module that holds the models; the crates' other tests don't run on loom's atomics.
const FILTER: &str = "models::";
/// Preemptions per execution: the loom manual's advice of 2 or 3, beyond which models take hours and find little.
const PREEMPTIONS: &str = "3";

/// The crates that have models.
const PACKAGES: [&str; 3] = ["ron-accounting-core", "ron-accounting-events", "ron-accounting-pipeline"];

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
    for package in PACKAGES {
        steps.step(&format!("loom models of {package}"), || {
            let models = capture(command(workspace, package).args(["--", "--list"]))?;
            // A filter that matches nothing passes for ever, so that a renamed module would go unnoticed.
            if !models.lines().any(|line| line.ends_with(": test")) {
                bail!("no model found: {package} has no test in `{FILTER}`; correct xtask/src/loom.rs");
            }
            execute(&mut command(workspace, package))
        })?;
    }
    Ok(())
}

fn command(workspace: &Workspace, package: &str) -> Command {
    let mut command = workspace.cargo(&["test", "--release", "-p", package, "--lib", FILTER]);
    command
        .env("RUSTFLAGS", "--cfg loom")
        .env("CARGO_TARGET_DIR", workspace.target("loom"))
        .env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true")
        .env("CARGO_PROFILE_RELEASE_LTO", "off");
    if env::var_os("LOOM_MAX_PREEMPTIONS").is_none() {
        command.env("LOOM_MAX_PREEMPTIONS", PREEMPTIONS);
    }
    command
}
