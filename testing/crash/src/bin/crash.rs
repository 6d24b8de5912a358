//! Kills a node again and again, and compares what its ledger has with a tally outside: `cargo xtask crash`.

use std::process::ExitCode;

use clap::Parser;
use ron_accounting_crash::{run, Plan};

/// Kills a node again and again.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    plan: Plan,
}

fn main() -> anyhow::Result<ExitCode> {
    let report = run(&Arguments::parse().plan, None)?;
    print!("{report}");
    Ok(if report.is_right() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
