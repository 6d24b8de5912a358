//! `deny`: bans, licences and sources of all dependencies, by the rules of `deny.toml`.
//!
//! cargo-deny is a program of its own with hundreds of dependencies; it is built on first use, below the target directory.

use std::{fs, path::PathBuf, process::Command};

use anyhow::Context;

use crate::{
    steps::{execute, Steps},
    workspace::Workspace,
};

const VERSION: &str = "0.20.2";

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
    let program = match installed(workspace) {
        Some(program) => program,
        None => install(workspace, steps)?,
    };
    steps.step("bans, licences and sources", || {
        let arguments = ["check", "--hide-inclusion-graph", "bans", "licenses", "sources"];
        execute(workspace.command(program).args(arguments))
    })
}

fn installed(workspace: &Workspace) -> Option<PathBuf> {
    [own_program(workspace), PathBuf::from("cargo-deny")].into_iter().find(|program| {
        Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
    })
}

fn install(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<PathBuf> {
    steps.step("building cargo-deny, once (some minutes)", || {
        let build = workspace.target("tools/build");
        let mut command =
            workspace.cargo(&["install", "cargo-deny", "--quiet", "--locked", "--version", VERSION]);
        execute(command.arg("--root").arg(workspace.target("tools")).env("CARGO_TARGET_DIR", &build))?;
        // The program is all that is needed; what it was built from is larger than our own build.
        fs::remove_dir_all(&build).with_context(|| format!("cannot remove {}", build.display()))
    })?;
    Ok(own_program(workspace))
}

fn own_program(workspace: &Workspace) -> PathBuf {
    workspace.target("tools/bin").join(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX))
}
