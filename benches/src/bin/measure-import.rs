//! Measures imports of access logs and writes figures as JSON. `cargo xtask bench import` builds and runs it.

use std::{env, fs, path::PathBuf};

use clap::Parser;
use ron_accounting_benches::{
    figures,
    import::{child, contest, imports, parsing, GoAccess, Setting},
};

/// Measures imports of access logs.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the figures go
    #[arg(long)]
    json: PathBuf,
    /// The program `ron-accounting`
    #[arg(long)]
    node: PathBuf,
    /// Where logs and ledgers are made
    #[arg(long)]
    folder: PathBuf,
    /// Where the comparison of the counts goes
    #[arg(long)]
    comparison: PathBuf,
    /// The program `goaccess`; without it, there is no peer
    #[arg(long)]
    goaccess: Option<PathBuf>,
    /// Where the libraries of goaccess are
    #[arg(long, requires = "goaccess")]
    goaccess_libraries: Option<String>,
    /// The configuration of goaccess
    #[arg(long, requires = "goaccess")]
    goaccess_configuration: Option<PathBuf>,
    /// A log in the combined format, instead of one that is made up
    #[arg(long)]
    log: Option<PathBuf>,
    /// Lines of the log that is made up
    #[arg(long, default_value_t = 1_000_000)]
    lines: u64,
    /// How often each program has its turn
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// No other formats than the combined one
    #[arg(long)]
    combined_only: bool,
}

fn main() -> anyhow::Result<()> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next().is_some_and(|verb| verb == child::VERB) {
        return child::main(arguments);
    }
    let arguments = Arguments::parse();
    fs::create_dir_all(&arguments.folder)?;
    let (libraries, configuration) = (arguments.goaccess_libraries, arguments.goaccess_configuration);
    let goaccess = arguments.goaccess.map(|program| GoAccess { program, libraries, configuration });
    let setting = Setting {
        node: arguments.node,
        folder: arguments.folder,
        goaccess,
        comparison: arguments.comparison,
        log: arguments.log,
        lines: arguments.lines,
        rounds: arguments.rounds.max(1),
    };
    eprintln!("measuring import");
    let mut measured = vec![contest(&setting)?];
    if !arguments.combined_only {
        eprintln!("measuring formats");
        measured.push(imports(&setting)?);
        measured.push(parsing(&setting)?);
    }
    figures::write(&measured, &arguments.json)
}
