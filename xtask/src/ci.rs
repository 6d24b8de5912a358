//! `ci`: the one command for everything. The cheap questions come first.
//!
//! `--weekly` asks what is too slow for each change, or has another answer tomorrow: advisories, a build with the oldest
//! Rust, and what a user of the last release would have to change. It installs what it needs: a toolchain by rustup, and
//! cargo-semver-checks, which is built once (some minutes).

use std::{fs, path::PathBuf, process::Command};

use anyhow::Context;
use clap::Args;

use crate::{
    deny, lint, oldest_rust,
    steps::{execute, Steps},
    test,
    tools::Tools,
    without::Without,
    workspace::Workspace,
};

/// The newest version that builds with the pinned toolchain.
const SEMVER_CHECKS_VERSION: &str = "0.51.0";

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Advisories, the oldest Rust and compatibility, instead of what each change must pass
    #[arg(long)]
    weekly: bool,
    /// With --weekly: the revision with which the public API is compared; without it, the API is not compared
    #[arg(long, requires = "weekly", value_name = "REVISION")]
    compatible_with: Option<String>,
    #[command(flatten)]
    without: Without,
}

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps, options: &Options) -> anyhow::Result<()> {
    if options.weekly {
        return weekly(workspace, steps, options.compatible_with.as_deref());
    }
    lint::run(workspace, steps)?;
    test::run(workspace, steps, &options.without)
}

fn weekly(workspace: &Workspace, steps: &mut Steps, revision: Option<&str>) -> anyhow::Result<()> {
    oldest_rust::run(workspace, steps)?;
    let tools = Tools::install(workspace, steps)?;
    deny::advisories(workspace, steps, &tools)?;
    if let Some(revision) = revision {
        let program = semver_checks(workspace, steps)?;
        steps.step(&format!("public API, compared with {revision}"), || {
            let arguments = ["semver-checks", "--baseline-rev", revision, "--all-features"];
            let mut command = workspace.command(&program);
            command.args(arguments);
            for member in workspace.libraries() {
                command.args(["--package", &member.name]);
            }
            execute(&mut command)
        })?;
    }
    Ok(())
}

fn semver_checks(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<PathBuf> {
    let program =
        workspace.target("tools/bin").join(format!("cargo-semver-checks{}", std::env::consts::EXE_SUFFIX));
    let is_there = Command::new(&program).args(["semver-checks", "--version"]).output().is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout).split_whitespace().any(|word| word == SEMVER_CHECKS_VERSION)
    });
    if !is_there {
        steps.step("building cargo-semver-checks, once (some minutes)", || {
            let build = workspace.target("tools/build");
            let arguments = ["install", "cargo-semver-checks", "--quiet", "--locked", "--force"];
            let mut command = workspace.cargo(&arguments);
            command.args(["--version", SEMVER_CHECKS_VERSION]).arg("--root").arg(workspace.target("tools"));
            execute(command.env("CARGO_TARGET_DIR", &build))?;
            // The program is all that is needed.
            fs::remove_dir_all(&build).with_context(|| format!("cannot remove {}", build.display()))
        })?;
    }
    Ok(program)
}
