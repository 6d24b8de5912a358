//! The command line: one command per module.

// Documentation comments on arguments are their help texts. Markdown would show as it is written.
#![allow(clippy::doc_markdown)]

mod demo;
mod import;
mod ledger;
mod serve;
mod slices;
mod usage;
mod verify;
mod visiting;
mod wal;

use std::{
    ffi::OsString,
    io::{self, BufWriter, Write},
};

use clap::{Parser, Subcommand};

use crate::exit::{Exit, Failure, EXIT_CODES};

/// Meter usage, seal it, store it, ask for it, and prove it.
///
/// Usage is counted per label set (tenant, method, route, service, region) and dimension (requests, bytes_out, ...).
/// Every window is sealed into hash-chained slices, which a ledger, one SQLite file, takes exactly once.
#[derive(Debug, Parser)]
#[command(name = "ron-accounting", version, after_help = EXIT_CODES, max_term_width = 100)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(after_help = demo::EXAMPLES, after_long_help = long_help(demo::EXAMPLES))]
    Demo(demo::Arguments),
    #[command(after_help = import::EXAMPLES, after_long_help = long_help(import::EXAMPLES))]
    Import(Box<import::Arguments>),
    #[command(after_help = usage::EXAMPLES, after_long_help = long_help(usage::EXAMPLES))]
    Usage(Box<usage::Arguments>),
    #[command(after_help = verify::EXAMPLES, after_long_help = long_help(verify::EXAMPLES))]
    Verify(verify::Arguments),
    #[command(after_help = slices::EXAMPLES, after_long_help = long_help(slices::EXAMPLES))]
    Slices(slices::Arguments),
    #[command(after_help = serve::EXAMPLES, after_long_help = long_help(serve::EXAMPLES))]
    Serve(serve::Arguments),
    #[command(subcommand)]
    Wal(wal::Arguments),
}

fn long_help(examples: &str) -> String {
    format!("{examples}\n\n{EXIT_CODES}")
}

/// Runs the command that the arguments name.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<Exit, Failure> {
    let command = match CommandLine::try_parse_from(arguments) {
        Ok(line) => line.command,
        Err(error) => {
            // Help and version come this way too, and go to standard output.
            error.print()?;
            return Ok(if error.use_stderr() { Exit::Refused } else { Exit::Done });
        }
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let exit = match command {
        Command::Demo(arguments) => demo::run(&arguments, &mut out),
        Command::Import(arguments) => import::run(&arguments, &mut out),
        Command::Usage(arguments) => usage::run(&arguments, &mut out),
        Command::Verify(arguments) => verify::run(&arguments, &mut out),
        Command::Slices(arguments) => slices::run(&arguments, &mut out),
        Command::Serve(arguments) => serve::run(&arguments, &mut out),
        Command::Wal(arguments) => wal::run(&arguments, &mut out),
    }?;
    out.flush()?;
    Ok(exit)
}
