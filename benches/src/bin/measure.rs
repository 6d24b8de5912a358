//! Measures and writes figures as JSON. `cargo xtask bench` builds and runs it, and shows what it says.

use std::path::PathBuf;

use anyhow::ensure;
use clap::Parser;
use ron_accounting_benches::{figures, paths::PATHS, race::Effort};

/// Measures the paths of the metering workspace.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the figures go
    #[arg(long)]
    json: PathBuf,
    /// A fraction of the rounds: shows that everything runs, and gives no figures to rely on
    #[arg(long)]
    quick: bool,
    /// The paths to measure, instead of all
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let names: Vec<&str> = PATHS.iter().map(|path| path.name).collect();
    for name in &arguments.only {
        ensure!(names.contains(&name.as_str()), "no path is called `{name}`: there are {}", names.join(", "));
    }
    let effort = if arguments.quick { Effort::QUICK } else { Effort::FULL };
    let mut figures = Vec::new();
    for path in PATHS {
        if arguments.only.is_empty() || arguments.only.iter().any(|name| name == path.name) {
            eprintln!("measuring {}", path.name);
            figures.extend((path.measure)(effort));
        }
    }
    figures::write(&figures, &arguments.json)
}
