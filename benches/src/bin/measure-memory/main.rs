//! Counts bytes. A program of its own, because its allocator counts, which costs time.
//!
//! All figures are bytes as they were asked for, without what an allocator adds.
#![allow(clippy::cast_precision_loss)] // figures

mod hostile;
mod label_sets;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use ron_accounting_benches::figures::{self, PathFigures};

/// Counts the bytes of the metering workspace.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
    /// Where the figures go
    #[arg(long, global = true)]
    json: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Bytes per label set and per thread, beside peers
    LabelSets,
    /// Distinct label sets far beyond the limit
    Hostile {
        /// How many
        #[arg(long)]
        sets: u64,
    },
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let (figures, result): (Vec<PathFigures>, _) = match arguments.what {
        What::LabelSets => (label_sets::measure(), Ok(())),
        What::Hostile { sets } => {
            let hostile = hostile::measure(sets)?;
            println!("{hostile}");
            (vec![hostile.figures()], hostile.check())
        }
    };
    if let Some(file) = arguments.json {
        figures::write(&figures, &file)?;
    }
    result
}
