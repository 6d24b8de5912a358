//! `bench plots`: how cost grows, as SVG files.

use std::path::PathBuf;

use clap::Args;

use super::program;
use crate::{
    steps::{execute, Steps},
    workspace::Workspace,
};

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Where the plots go
    #[arg(long, value_name = "FOLDER", default_value = "docs/plots")]
    folder: PathBuf,
    /// A few seconds instead of minutes: shows that everything runs
    #[arg(long)]
    quick: bool,
}

pub(super) fn run(workspace: &Workspace, steps: &mut Steps, options: &Options) -> anyhow::Result<()> {
    steps.step("bench plots", || {
        let mut command = program(workspace, "measure-growth")?;
        command.arg("--folder").arg(&options.folder);
        if options.quick {
            command.arg("--quick");
        }
        execute(&mut command)
    })
}
