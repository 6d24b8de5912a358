//! `bench usage`: how fast a ledger answers.

use clap::Args;

use super::durability;
use crate::{steps::Steps, workspace::Workspace};

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Options {
    /// A small ledger: shows that everything runs, and gives no figures to rely on
    #[arg(long)]
    quick: bool,
    /// Fail if a target is missed
    #[arg(long)]
    check: bool,
}

pub(super) fn run(workspace: &Workspace, steps: &mut Steps, options: &Options) -> anyhow::Result<()> {
    durability::run(workspace, steps, &durability::Options::only("usage", options.quick, options.check))
}
