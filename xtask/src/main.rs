//! The developer's command line: `cargo xtask VERB`.
//!
//! One verb per file; this file is the list of them. A verb is a sequence of named steps, each of which runs ordinary
//! commands that it prints, so that a failure can be repeated by hand.

mod ci;
mod deny;
mod lint;
mod loom;
mod profiles;
mod steps;
mod test;
mod tidy;
mod vectors;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{steps::Steps, workspace::Workspace};

/// The developer's command line of the metering workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Verb {
    /// Everything that a pull request must pass: `lint`, then `test`
    Ci,
    /// Bans, licences and sources of the dependencies; builds cargo-deny on first use
    Deny,
    /// Formatting, clippy, documentation, `tidy` and `deny`
    Lint,
    /// The concurrency models of the recording engine
    Loom,
    /// Each feature profile pulls what it may and builds alone
    Profiles,
    /// Unit, integration and documentation tests, `profiles`, `loom` and `vectors`
    Test,
    /// Plain checks of manifests, sources and documents
    Tidy,
    /// An independent program in Python checks the wire format
    Vectors,
}

impl Verb {
    fn name(self) -> &'static str {
        match self {
            Self::Ci => "ci",
            Self::Deny => "deny",
            Self::Lint => "lint",
            Self::Loom => "loom",
            Self::Profiles => "profiles",
            Self::Test => "test",
            Self::Tidy => "tidy",
            Self::Vectors => "vectors",
        }
    }
}

fn run(verb: Verb) -> anyhow::Result<Steps> {
    let workspace = Workspace::load()?;
    let mut steps = Steps::new();
    match verb {
        Verb::Ci => ci::run(&workspace, &mut steps),
        Verb::Deny => deny::run(&workspace, &mut steps),
        Verb::Lint => lint::run(&workspace, &mut steps),
        Verb::Loom => loom::run(&workspace, &mut steps),
        Verb::Profiles => profiles::run(&workspace, &mut steps),
        Verb::Test => test::run(&workspace, &mut steps),
        Verb::Tidy => tidy::run(&workspace, &mut steps),
        Verb::Vectors => vectors::run(&workspace, &mut steps),
    }?;
    Ok(steps)
}

fn main() -> ExitCode {
    let verb = Arguments::parse().verb;
    match run(verb) {
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
