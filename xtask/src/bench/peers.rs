//! `bench peers`: all paths in one run.

use std::{fs, path::PathBuf};

use anyhow::{bail, Context};
use clap::Args;

use super::{
    document::{self, Section},
    output, program,
    report::Report,
};
use crate::{
    steps::{execute, Steps},
    workspace::Workspace,
};

/// The name by which the bytes per label set are chosen; the paths of the other program have names of their own.
const MEMORY: &str = "memory";

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Options {
    /// Write the report as JSON to this file as well
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// A few seconds instead of minutes: shows that everything runs, and gives no figures to rely on
    #[arg(long)]
    quick: bool,
    /// Measure these paths alone, such as `record,scope,seal,memory`; a wrong name lists all
    #[arg(long, value_name = "PATH", value_delimiter = ',')]
    only: Vec<String>,
    /// Fail if a target is missed
    #[arg(long)]
    check: bool,
    /// Write the tables into docs/performance.md
    #[arg(long, conflicts_with_all = ["quick", "only"])]
    update_docs: bool,
}

impl Options {
    pub(super) fn quick() -> Self {
        Self { quick: true, ..Self::default() }
    }
}

pub(super) fn run(workspace: &Workspace, steps: &mut Steps, options: &Options) -> anyhow::Result<()> {
    let mut report = Report::new(workspace, options.quick)?;
    steps.step("bench peers", || {
        let (memory, times): (Vec<_>, Vec<_>) = options.only.iter().partition(|name| *name == MEMORY);
        if options.only.is_empty() || !times.is_empty() {
            let file = output(workspace, "times.json")?;
            let mut command = program(workspace, "measure")?;
            command.arg("--json").arg(&file);
            if options.quick {
                command.arg("--quick");
            }
            if !times.is_empty() {
                command.args(["--only", &times.into_iter().cloned().collect::<Vec<_>>().join(",")]);
            }
            execute(&mut command)?;
            report.read(&file)?;
        }
        if options.only.is_empty() || !memory.is_empty() {
            let file = output(workspace, "memory.json")?;
            execute(program(workspace, "measure-memory")?.args(["label-sets", "--json"]).arg(&file))?;
            report.read(&file)?;
        }
        println!("\n{report}");
        let json = serde_json::to_string_pretty(&report)? + "\n";
        for file in [Some(output(workspace, "peers.json")?), options.json.clone()].into_iter().flatten() {
            fs::write(&file, &json).with_context(|| format!("cannot write {}", file.display()))?;
            println!("written to {}", file.display());
        }
        if options.update_docs {
            document::update(workspace, &report, Section::PEERS)?;
        }
        match report.missed() {
            missed if missed > 0 && options.check => bail!("{missed} targets are missed, shown above"),
            _ => Ok(()),
        }
    })
}
