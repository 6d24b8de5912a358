//! `bench durability`: what it costs to make usage durable and to bring it to a ledger.

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

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Options {
    /// Write the report as JSON to this file as well
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where logs and ledgers are made, on the disk that is meant; a folder below the target directory otherwise
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// A few seconds instead of minutes: shows that everything runs, and gives no figures to rely on
    #[arg(long)]
    quick: bool,
    /// Measure these paths alone: `append`, `recovery`, `ledger`, `usage`, `export`
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

    /// One path alone.
    pub(super) fn only(path: &str, quick: bool, check: bool) -> Self {
        Self { quick, check, only: vec![path.to_owned()], ..Self::default() }
    }
}

pub(super) fn run(workspace: &Workspace, steps: &mut Steps, options: &Options) -> anyhow::Result<()> {
    let mut report = Report::new(workspace, options.quick)?;
    steps.step("bench durability", || {
        let file = output(workspace, "durability-paths.json")?;
        let folder = match &options.folder {
            Some(folder) => folder.clone(),
            None => output(workspace, "disk")?,
        };
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut command = program(workspace, "measure-durability")?;
        command.arg("--json").arg(&file).arg("--folder").arg(&folder);
        if options.quick {
            command.arg("--quick");
        }
        if !options.only.is_empty() {
            command.args(["--only", &options.only.join(",")]);
        }
        execute(&mut command)?;
        report.read(&file)?;
        println!("\n{report}");
        let json = serde_json::to_string_pretty(&report)? + "\n";
        for file in [Some(output(workspace, "durability.json")?), options.json.clone()].into_iter().flatten()
        {
            fs::write(&file, &json).with_context(|| format!("cannot write {}", file.display()))?;
            println!("written to {}", file.display());
        }
        if options.update_docs {
            document::update(workspace, &report, Section::DURABILITY)?;
        }
        match report.missed() {
            missed if missed > 0 && options.check => bail!("{missed} targets are missed, shown above"),
            _ => Ok(()),
        }
    })
}
