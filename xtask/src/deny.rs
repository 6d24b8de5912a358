//! `deny`: bans, licences and sources of all dependencies, by the rules of `deny.toml`; `ci --weekly` asks for advisories, too.

use crate::{
    steps::{execute, Steps},
    tools::Tools,
    workspace::Workspace,
};

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
    let tools = Tools::install(workspace, steps)?;
    rules(workspace, steps, &tools)
}

pub(crate) fn rules(workspace: &Workspace, steps: &mut Steps, tools: &Tools) -> anyhow::Result<()> {
    steps.step("bans, licences and sources", || check(workspace, tools, &["bans", "licenses", "sources"]))
}

/// Known vulnerabilities. The answer depends on the day, and the list comes from the network.
pub(crate) fn advisories(workspace: &Workspace, steps: &mut Steps, tools: &Tools) -> anyhow::Result<()> {
    steps.step("advisories", || check(workspace, tools, &["advisories"]))
}

fn check(workspace: &Workspace, tools: &Tools, what: &[&str]) -> anyhow::Result<()> {
    let mut command = workspace.command(tools.program("cargo-deny"));
    execute(command.args(["check", "--hide-inclusion-graph"]).args(what))
}
