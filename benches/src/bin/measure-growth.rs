//! Draws how cost grows. `cargo xtask bench plots` builds and runs it.

use std::{fs, path::PathBuf};

use anyhow::Context;
use clap::Parser;
use ron_accounting_benches::{growth::GROWTHS, race::Effort};

/// Draws how the costs of the metering workspace grow.
#[derive(Debug, Parser)]
struct Arguments {
    /// The folder for the plots
    #[arg(long)]
    folder: PathBuf,
    /// A fraction of the rounds: shows that everything runs
    #[arg(long)]
    quick: bool,
}

fn main() -> anyhow::Result<()> {
    let Arguments { folder, quick } = Arguments::parse();
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let effort = if quick { Effort::QUICK } else { Effort::FULL };
    for growth in GROWTHS {
        eprintln!("measuring {}", growth.name);
        (growth.measure)(effort).draw(&folder.join(growth.name).with_extension("svg"))?;
    }
    Ok(())
}
