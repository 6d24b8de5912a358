//! `bench import`: a million lines of an access log into a new ledger, beside `GoAccess` on the same file.

use std::{fs, path::PathBuf};

use anyhow::{bail, Context};
use clap::{Args, ValueEnum};

use super::{
    document::{self, Section},
    goaccess, output, program,
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
    /// Where logs and ledgers are made, about 2 GB; a folder below the target directory otherwise
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// A log of your own in the combined format, instead of the one that is made up
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// How many lines the made-up log has
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    lines: u64,
    /// How often each program has its turn
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=100))]
    rounds: u64,
    /// Leave out the peer, or the formats but the combined one
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    without: Vec<Part>,
    /// A few seconds instead of minutes: shows that everything runs, and gives no figures to rely on
    #[arg(long)]
    quick: bool,
    /// Fail if a target is missed
    #[arg(long)]
    check: bool,
    /// Write the tables into docs/performance.md
    #[arg(long, conflicts_with_all = ["quick", "log", "without"])]
    update_docs: bool,
}

/// What can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Goaccess,
    Formats,
}

pub(super) fn run(workspace: &Workspace, steps: &mut Steps, options: &Options) -> anyhow::Result<()> {
    let mut report = Report::new(workspace, options.quick)?;
    let peer = if options.without.contains(&Part::Goaccess) {
        None
    } else {
        let mut peer = None;
        steps.step("GoAccess", || {
            peer = Some(goaccess::bring(workspace)?);
            Ok(())
        })?;
        peer
    };
    steps.step("bench import", || {
        // As users build it.
        execute(&mut workspace.cargo(&["build", "--release", "--package", "ron-accounting-node"]))?;
        let node =
            workspace.target("release").join(format!("ron-accounting{}", std::env::consts::EXE_SUFFIX));
        let mut command = program(workspace, "measure-import")?;
        let file = output(workspace, "import-paths.json")?;
        let comparison = output(workspace, "import-parity.csv")?;
        let folder = match &options.folder {
            Some(folder) => folder.clone(),
            None => output(workspace, "logs")?,
        };
        command.arg("--json").arg(&file).arg("--node").arg(node).arg("--folder").arg(folder);
        command.arg("--comparison").arg(&comparison);
        if let Some(goaccess) = &peer {
            command
                .arg("--goaccess")
                .arg(&goaccess.program)
                .arg("--goaccess-libraries")
                .arg(&goaccess.libraries);
            command.arg("--goaccess-configuration").arg(&goaccess.configuration);
        }
        if let Some(log) = &options.log {
            command.arg("--log").arg(log);
        }
        let (lines, rounds) = if options.quick { (20_000, 1) } else { (options.lines, options.rounds) };
        command.arg("--lines").arg(lines.to_string()).arg("--rounds").arg(rounds.to_string());
        if options.without.contains(&Part::Formats) {
            command.arg("--combined-only");
        }
        execute(&mut command)?;
        report.read(&file)?;
        println!("\n{report}");
        if peer.is_some() {
            println!("both programs counted the same: {}", comparison.display());
        }
        let json = serde_json::to_string_pretty(&report)? + "\n";
        for file in [Some(output(workspace, "import.json")?), options.json.clone()].into_iter().flatten() {
            fs::write(&file, &json).with_context(|| format!("cannot write {}", file.display()))?;
            println!("written to {}", file.display());
        }
        if options.update_docs {
            document::update(workspace, &report, Section::IMPORT)?;
        }
        match report.missed() {
            missed if missed > 0 && options.check => bail!("{missed} targets are missed, shown above"),
            _ => Ok(()),
        }
    })
}
