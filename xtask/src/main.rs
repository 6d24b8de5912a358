//! The developer's command line: `cargo xtask VERB`.
//!
//! One verb per file; this file is the list of them. A verb is a sequence of named steps, each of which runs ordinary
//! commands that it prints, so that a failure can be repeated by hand.

mod bench;
mod ci;
mod crash;
mod deny;
mod emitters;
mod faults;
mod lint;
mod loom;
mod oldest_rust;
mod perf_gate;
mod profiles;
mod prometheus;
mod python;
mod simulate;
mod steps;
mod telemetry_python;
mod test;
mod tidy;
mod tools;
mod vectors;
mod without;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{bench::Bench, steps::Steps, without::Without, workspace::Workspace};

/// The developer's command line of the metering workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Clone, Subcommand)]
enum Verb {
    /// What everything costs, beside peers and floors
    #[command(subcommand)]
    Bench(Bench),
    /// Everything that a pull request must pass: `lint`, then `test`; or what is asked once a week
    Ci(ci::Options),
    /// A node on a real disk, killed again and again, and its ledger beside a tally; --help lists the conditions
    #[command(disable_help_flag = true)]
    Crash(crash::Options),
    /// Bans, licences and sources of the dependencies
    Deny,
    /// Real servers write access logs, which are compared with the wire and with the fixtures; needs a Debian
    Emitters(emitters::Options),
    /// Known bugs put back one by one: which suite catches which
    Faults(faults::Options),
    /// Formatting, spelling, links, unused dependencies, clippy, documentation, `tidy` and `deny`
    Lint,
    /// The concurrency models of the recording engine and of the event store
    Loom,
    /// The library crates with the oldest Rust that they promise; rustup installs it
    OldestRust,
    /// Instructions per operation against the committed baseline; needs valgrind
    PerfGate(perf_gate::Options),
    /// Each feature profile pulls what it may and builds alone
    Profiles,
    /// Programs of others read the metrics: prometheus-client, promtool, and a Prometheus that scrapes a node
    Prometheus(Without),
    /// Crashes, faulty disks and faulty ledgers, from many seeds
    Simulate(simulate::Options),
    /// The Python binding of `telemetry`: wheel, fresh environment, pytest
    TelemetryPython,
    /// Unit, integration and documentation tests, `vectors`, `telemetry-python`, `prometheus`, `profiles` and `loom`
    Test(Without),
    /// Plain checks of manifests, sources and documents
    Tidy,
    /// An independent program in Python checks the wire format
    Vectors,
}

impl Verb {
    const fn name(&self) -> &'static str {
        match self {
            Self::Bench(_) => "bench",
            Self::Ci(_) => "ci",
            Self::Crash(_) => "crash",
            Self::Deny => "deny",
            Self::Emitters(_) => "emitters",
            Self::Faults(_) => "faults",
            Self::Lint => "lint",
            Self::Loom => "loom",
            Self::OldestRust => "oldest-rust",
            Self::PerfGate(_) => "perf-gate",
            Self::Profiles => "profiles",
            Self::Prometheus(_) => "prometheus",
            Self::Simulate(_) => "simulate",
            Self::TelemetryPython => "telemetry-python",
            Self::Test(_) => "test",
            Self::Tidy => "tidy",
            Self::Vectors => "vectors",
        }
    }
}

fn run(verb: &Verb) -> anyhow::Result<Steps> {
    let workspace = Workspace::load()?;
    let mut steps = Steps::new();
    match verb {
        Verb::Bench(what) => bench::run(&workspace, &mut steps, what),
        Verb::Ci(options) => ci::run(&workspace, &mut steps, options),
        Verb::Crash(options) => crash::run(&workspace, &mut steps, options),
        Verb::Deny => deny::run(&workspace, &mut steps),
        Verb::Emitters(options) => emitters::run(&workspace, &mut steps, options),
        Verb::Faults(options) => faults::run(&workspace, &mut steps, options),
        Verb::Lint => lint::run(&workspace, &mut steps),
        Verb::Loom => loom::run(&workspace, &mut steps),
        Verb::OldestRust => oldest_rust::run(&workspace, &mut steps),
        Verb::PerfGate(options) => perf_gate::run(&workspace, &mut steps, options),
        Verb::Profiles => profiles::run(&workspace, &mut steps),
        Verb::Prometheus(without) => prometheus::run(&workspace, &mut steps, without),
        Verb::Simulate(options) => simulate::run(&workspace, &mut steps, options),
        Verb::TelemetryPython => telemetry_python::run(&workspace, &mut steps),
        Verb::Test(without) => test::run(&workspace, &mut steps, without),
        Verb::Tidy => tidy::run(&workspace, &mut steps),
        Verb::Vectors => vectors::run(&workspace, &mut steps),
    }?;
    Ok(steps)
}

fn main() -> ExitCode {
    let verb = Arguments::parse().verb;
    match run(&verb) {
        Ok(steps) => {
            println!("\nxtask {}: {steps}", verb.name());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("\nxtask {}: failed\nerror: {error:#}", verb.name());
            ExitCode::FAILURE
        }
    }
}
