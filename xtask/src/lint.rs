//! `lint`: what can be said about the code without running it.

use crate::{
    deny,
    steps::{execute, Steps},
    tidy,
    tools::Tools,
    workspace::Workspace,
};

const NODE: &str = "ron-accounting-node";

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
    steps.step("formatting", || execute(&mut workspace.cargo(&["fmt", "--all", "--check"])))?;
    tidy::run(workspace, steps)?;
    let tools = Tools::install(workspace, steps)?;
    documents_and_manifests(workspace, steps, &tools)?;
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
    deny::rules(workspace, steps, &tools)
}

/// What other people's programs check better than ours: nothing here compiles.
fn documents_and_manifests(workspace: &Workspace, steps: &mut Steps, tools: &Tools) -> anyhow::Result<()> {
    steps.step("spelling", || {
        execute(workspace.command(tools.program("typos")).args(["--config", ".typos.toml", "."]))
    })?;
    steps.step("links between documents, and their anchors", || {
        let documents = ["*.md", "docs/*.md", "docs/*/*.md", "crates/*/*.md", ".github/**/*.md"];
        let options = ["--offline", "--include-fragments", "--no-progress"];
        execute(workspace.command(tools.program("lychee")).args(options).args(documents))
    })?;
    steps.step("unused dependencies", || {
        execute(workspace.command(tools.program("cargo-shear")).args(["shear", "--deny-warnings"]))
    })?;
    steps.step("workflows", || {
        let arguments = ["--offline", "--quiet", "--config", ".github/zizmor.yml", ".github"];
        execute(workspace.command(tools.program("zizmor")).args(arguments))
    })
}

fn document(workspace: &Workspace, packages: &[&str]) -> anyhow::Result<()> {
    let mut command = workspace.cargo(&["doc", "--no-deps", "--all-features"]);
    execute(command.args(packages).env("RUSTDOCFLAGS", "-D warnings"))
}
