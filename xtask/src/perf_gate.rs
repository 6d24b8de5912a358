//! `perf-gate`: instructions per operation against a committed baseline.
//!
//! Time is noise on a shared machine; instructions are not. Callgrind counts them through `gungraun`, the benchmarks are in
//! `benches/benches/instructions.rs`. A change either way fails: what became cheaper belongs into the baseline as well, or the
//! next regression hides in it.

mod baseline;
mod runner;

use std::fs;

use anyhow::{bail, Context};
use clap::Args;

use self::baseline::{Baseline, Comparison};
use crate::{
    steps::{capture, Steps},
    workspace::Workspace,
};

const BASELINE: &str = "benches/baseline.json";
const UPDATE: &str = "cargo xtask perf-gate --update";

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Write what was counted as the new baseline
    #[arg(long)]
    update: bool,
}

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps, options: &Options) -> anyhow::Result<()> {
    runner::find_valgrind()?;
    let program = runner::installed(workspace, steps)?;
    steps.step("instructions per operation", || {
        let output = capture(
            workspace
                .cargo(&["bench", "--package", "ron-accounting-benches", "--bench", "instructions"])
                .args(["--", "--output-format=json"])
                .env("GUNGRAUN_RUNNER", program)
                .env("GUNGRAUN_HOME", workspace.target("gungraun")),
        )?;
        let (toolchain, target) = toolchain(workspace)?;
        let counted = Baseline { toolchain, target, instructions: runner::instructions(&output)? };
        let file = workspace.root().join(BASELINE);
        if options.update {
            fs::write(&file, counted.to_json()?).with_context(|| format!("cannot write {BASELINE}"))?;
            println!("{counted}\nwritten to {BASELINE}");
            return Ok(());
        }
        let json = fs::read_to_string(&file)
            .with_context(|| format!("cannot read {BASELINE}; `{UPDATE}` makes one"))?;
        let comparison = Comparison::new(&Baseline::from_json(&json)?, &counted)?;
        println!("{comparison}");
        match comparison.changed() {
            0 => Ok(()),
            changed => bail!("{changed} paths changed, shown above; if that is meant, run `{UPDATE}`"),
        }
    })
}

/// What the compiler calls itself and the machine it compiles for.
fn toolchain(workspace: &Workspace) -> anyhow::Result<(String, String)> {
    let version = capture(workspace.command("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let release = version.lines().find_map(|line| line.strip_prefix("release: "));
    release
        .zip(host)
        .map(|(release, host)| (release.to_owned(), host.to_owned()))
        .with_context(|| format!("`rustc -vV` names no release and no host: {version}"))
}
