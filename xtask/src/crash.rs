//! `crash`: real processes on a real disk, killed at any moment.
//!
//! The package `ron-accounting-crash` has the rig; this verb builds it optimised and hands everything over to it. A few kills are
//! among the package's tests.

use clap::Args;

use crate::{
    steps::{execute, Steps},
    workspace::Workspace,
};

const PACKAGE: &str = "ron-accounting-crash";

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// What the rig takes, such as `--kills 200 --seed 1 --disk-full --ledger-locked --churn`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTION")]
    arguments: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps, options: &Options) -> anyhow::Result<()> {
    steps.step("crash", || {
        execute(&mut workspace.cargo(&["build", "--release", "--package", PACKAGE, "--bins"]))?;
        let program = workspace.target("release").join(format!("crash{}", std::env::consts::EXE_SUFFIX));
        execute(workspace.command(program).args(&options.arguments))
    })
}
