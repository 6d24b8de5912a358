//! `emitters`: real servers write access logs, which the parser has to read as the wire says.
//!
//! nginx, Caddy and Envoy come as wheels, Apache and `HAProxy` as packages of Debian that are unpacked below the target directory.
//! Nothing is installed. What the servers wrote is kept as fixtures, so that the tests of the crate need none of them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{bail, Context};
use clap::Args;

use crate::{
    python,
    steps::{execute, Steps},
    workspace::Workspace,
};

const RECORDER: &str = "testing/emitters/record.py";
const REQUIREMENTS: &str = "testing/emitters/requirements.txt";
const FIXTURES: &str = "crates/access-log/tests/fixtures";

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Keeps what the servers wrote as the new fixtures
    #[arg(long)]
    update: bool,
    /// Only these servers: nginx, apache, caddy, haproxy, envoy
    servers: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps, options: &Options) -> anyhow::Result<()> {
    let mut python = PathBuf::new();
    steps.step("python environment", || {
        python = python::environment(workspace, "emitters-venv", REQUIREMENTS)?;
        Ok(())
    })?;
    let recorded = workspace.target("emitters/logs");
    steps.step("logs of real servers", || {
        if recorded.exists() {
            fs::remove_dir_all(&recorded).with_context(|| format!("cannot clear {}", recorded.display()))?;
        }
        let mut command = workspace.command(&python);
        command.args(["-B", RECORDER]).arg(workspace.target("emitters")).arg(&recorded);
        execute(command.args(&options.servers))
    })?;
    steps.step("the parser, beside what went over the wire", || {
        let test =
            ["test", "--quiet", "--package", "ron-accounting-access-log", "--test", "access_log", "fixtures"];
        execute(workspace.cargo(&test).env("RON_ACCESS_LOG_FIXTURES", &recorded))
    })?;
    let kept = workspace.root().join(FIXTURES);
    if options.update {
        return steps.step("new fixtures", || update(&recorded, &kept));
    }
    steps.step("the fixtures are what the servers write", || compare(&recorded, &kept))
}

fn update(recorded: &Path, kept: &Path) -> anyhow::Result<()> {
    for name in names(recorded)? {
        fs::copy(recorded.join(&name), kept.join(&name)).with_context(|| format!("cannot write {name}"))?;
    }
    Ok(())
}

fn compare(recorded: &Path, kept: &Path) -> anyhow::Result<()> {
    let differ = |name: &String| fs::read(recorded.join(name)).ok() != fs::read(kept.join(name)).ok();
    let differing: Vec<String> = names(recorded)?.into_iter().filter(differ).collect();
    if !differing.is_empty() {
        bail!(
            "{} differ from {}; look at them, then run the verb with --update",
            differing.join(", "),
            recorded.display()
        );
    }
    Ok(())
}

fn names(folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_differs_or_is_missing_is_named() {
        let root = std::env::temp_dir().join(format!("xtask-emitters-{}", std::process::id()));
        let (recorded, kept) = (root.join("recorded"), root.join("kept"));
        for folder in [&recorded, &kept] {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join("a.log"), "a").unwrap();
        }
        compare(&recorded, &kept).unwrap();
        fs::write(recorded.join("b.log"), "b").unwrap();
        assert!(compare(&recorded, &kept).unwrap_err().to_string().starts_with("b.log differ"));
        update(&recorded, &kept).unwrap();
        compare(&recorded, &kept).unwrap();
        fs::write(kept.join("a.log"), "c").unwrap();
        assert!(compare(&recorded, &kept).unwrap_err().to_string().starts_with("a.log differ"));
        fs::remove_dir_all(root).unwrap();
    }
}
