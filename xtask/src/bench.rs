//! `bench`: what everything costs, in one run, beside peers and floors.
//!
//! The package `ron-accounting-benches` measures and writes JSON; this verb builds and runs it, shows tables, and compares
//! with the targets, which the JSON carries.
//!
//! * [`peers`]: all paths, and the bytes per label set.
//! * [`durability`]: the log, its recovery, the ledger, questions to it and the export.
//! * [`usage`]: questions to a ledger, alone.
//! * [`import`]: access logs into a ledger, beside the peer that [`goaccess`] brings.
//! * [`memory`]: millions of hostile label sets against the limit.
//! * [`plots`]: how cost grows.
//! * [`report`] and [`document`]: a report as a table in the terminal, and in `docs/performance.md`.

mod document;
mod durability;
mod goaccess;
mod import;
mod memory;
mod peers;
mod plots;
mod report;
mod usage;

use std::{fs, path::PathBuf, process::Command};

use anyhow::Context;
use clap::Subcommand;

use crate::{
    steps::{execute, Steps},
    workspace::Workspace,
};

const PACKAGE: &str = "ron-accounting-benches";

/// What to measure.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Bench {
    /// Every path beside its peers and its floor, and the bytes per label set
    Peers(peers::Options),
    /// The log beside the disk, recovery beside reading, the ledger beside SQLite, and the export's latency
    Durability(durability::Options),
    /// Questions to a ledger of ten million rows, beside SQL; a part of `durability`, alone
    Usage(usage::Options),
    /// A million lines of an access log into a new ledger, beside `GoAccess`, and every format beside combined
    Import(import::Options),
    /// Millions of hostile label sets: does memory stay within the limit, and each tenant's total exact?
    Memory(memory::Options),
    /// How cost grows with threads, label sets, dimensions and windows, drawn into docs/plots
    Plots(plots::Options),
    /// A short run of the first three, as `cargo xtask test` has it: that they work, not how fast
    Smoke,
}

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps, what: &Bench) -> anyhow::Result<()> {
    match what {
        Bench::Peers(options) => peers::run(workspace, steps, options),
        Bench::Durability(options) => durability::run(workspace, steps, options),
        Bench::Usage(options) => usage::run(workspace, steps, options),
        Bench::Import(options) => import::run(workspace, steps, options),
        Bench::Memory(options) => memory::run(workspace, steps, options),
        Bench::Plots(options) => plots::run(workspace, steps, options),
        Bench::Smoke => smoke(workspace, steps),
    }
}

/// A short run, for CI.
pub(crate) fn smoke(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
    peers::run(workspace, steps, &peers::Options::quick())?;
    durability::run(workspace, steps, &durability::Options::quick())?;
    memory::run(workspace, steps, &memory::Options { sets: 200_000 })
}

/// Builds one of the measuring programs, optimised as benches are, and returns a command that runs it.
fn program(workspace: &Workspace, name: &str) -> anyhow::Result<Command> {
    execute(&mut workspace.cargo(&["build", "--profile", "bench", "--package", PACKAGE, "--bin", name]))?;
    let program = workspace.target("release").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    Ok(workspace.command(program))
}

/// A file below the target directory, in a folder that is there.
fn output(workspace: &Workspace, name: &str) -> anyhow::Result<PathBuf> {
    let folder = workspace.target("bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder.join(name))
}
