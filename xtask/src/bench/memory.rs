//! `bench memory`: hostile label sets against the limit.

use clap::Args;

use super::{output, program};
use crate::{
    steps::{execute, Steps},
    workspace::Workspace,
};

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// How many distinct label sets to record
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000_000)]
    pub(super) sets: u64,
}

pub(super) fn run(workspace: &Workspace, steps: &mut Steps, options: &Options) -> anyhow::Result<()> {
    steps.step("bench memory", || {
        let file = output(workspace, "hostile.json")?;
        let sets = options.sets.to_string();
        execute(program(workspace, "measure-memory")?.args(["hostile", "--sets", &sets, "--json"]).arg(file))
    })
}
