//! Measures the ways to disk and ledger and writes figures as JSON. `cargo xtask bench durability` builds and runs it.

use std::path::PathBuf;

use anyhow::ensure;
use clap::Parser;
use ron_accounting_benches::{
    durability::{Size, PATHS},
    figures,
};

/// Measures the ways to disk and ledger.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the figures go
    #[arg(long)]
    json: PathBuf,
    /// Where logs and ledgers are made: a folder on the disk that is meant
    #[arg(long)]
    folder: PathBuf,
    /// Less of everything: shows that it runs, and gives no figures to rely on
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
    let size = if arguments.quick { Size::Quick } else { Size::Full };
    let mut figures = Vec::new();
    for path in PATHS {
        if arguments.only.is_empty() || arguments.only.iter().any(|name| name == path.name) {
            eprintln!("measuring {}", path.name);
            figures.extend((path.measure)(size, &arguments.folder)?);
        }
    }
    figures::write(&figures, &arguments.json)
}
