//! `faults`: the test of the tests. Known bugs are put back into the code one by one, and each must make a suite fail.
//!
//! The catalogue is a folder of edits, so that the code itself has no switches. They are applied to a copy of the workspace
//! below `target`, never to the checkout.

mod catalogue;
mod scratch;
mod suites;

use std::{collections::BTreeMap, time::Instant};

use anyhow::bail;
use clap::Args;

use crate::{steps::Steps, workspace::Workspace};

use catalogue::Fault;
use scratch::Scratch;
use suites::{Findings, Suite, SUITES};

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Only the faults with this in their names or sources; can be given more than once
    #[arg(long)]
    only: Vec<String>,
    /// Prints the catalogue and runs nothing
    #[arg(long)]
    list: bool,
    /// How many worlds are simulated for each fault
    #[arg(long, default_value_t = 300)]
    seeds: u64,
    /// Ends each fault with the first suite that catches it
    #[arg(long)]
    first: bool,
}

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps, options: &Options) -> anyhow::Result<()> {
    let mut faults = catalogue::load(workspace.root())?;
    let is_asked = |fault: &Fault| {
        let has = |part: &String| fault.name.contains(part.as_str()) || fault.source.contains(part.as_str());
        options.only.is_empty() || options.only.iter().any(has)
    };
    faults.retain(is_asked);
    if faults.is_empty() {
        bail!("no fault has such a name; --list shows them");
    }
    if options.list {
        for fault in &faults {
            println!("{}\n    {}: {}", fault.name, fault.source, fault.what);
        }
        return Ok(());
    }
    let scratch = Scratch::prepare(workspace)?;
    let used: Vec<&Suite> =
        SUITES.iter().filter(|suite| faults.iter().any(|fault| suite.reaches(fault))).collect();
    let mut baseline = BTreeMap::new();
    steps.step("the code as it is", || {
        for suite in used {
            let found = suite.run(&scratch, options.seeds, &Findings::default())?;
            println!("{}: {}", suite.name, found.told(&Findings::default()));
            baseline.insert(suite.name, found);
        }
        Ok(())
    })?;
    let mut rows = Vec::new();
    for fault in &faults {
        steps.step(&fault.name, || {
            println!("{}: {}", fault.source, fault.what);
            rows.push(try_fault(&scratch, fault, &baseline, options)?);
            Ok(())
        })?;
    }
    print_table(&rows);
    let missed: Vec<&str> = rows.iter().filter(|row| !row.is_caught).map(|row| &*row.fault.name).collect();
    if !missed.is_empty() {
        bail!("no suite catches {}", missed.join(", "));
    }
    Ok(())
}

/// What each suite made of a fault.
struct Row<'a> {
    fault: &'a Fault,
    is_caught: bool,
    cells: BTreeMap<&'static str, String>,
}

fn try_fault<'a>(
    scratch: &Scratch,
    fault: &'a Fault,
    baseline: &BTreeMap<&'static str, Findings>,
    options: &Options,
) -> anyhow::Result<Row<'a>> {
    let mut row = Row { fault, is_caught: false, cells: BTreeMap::new() };
    let applied = scratch.apply(fault)?;
    for suite in SUITES.iter().filter(|suite| suite.reaches(fault)) {
        let none = Findings::default();
        let known = baseline.get(suite.name).unwrap_or(&none);
        let started = Instant::now();
        let found = suite.run(scratch, options.seeds, known)?;
        let told = found.told(known);
        println!("{}: {told} ({:.0} s)", suite.name, started.elapsed().as_secs_f64());
        row.cells.insert(suite.name, told);
        row.is_caught |= found.exceeds(known);
        if options.first && row.is_caught {
            break;
        }
    }
    applied.take_back()?;
    Ok(row)
}

fn print_table(rows: &[Row<'_>]) {
    let names: Vec<&str> = SUITES
        .iter()
        .map(|suite| suite.name)
        .filter(|name| rows.iter().any(|row| row.cells.contains_key(name)))
        .collect();
    println!("\n| fault | source | {} |", names.join(" | "));
    println!("| --- | --- |{}", " --- |".repeat(names.len()));
    for row in rows {
        let cells: Vec<&str> =
            names.iter().map(|name| row.cells.get(name).map_or("", String::as_str)).collect();
        println!("| {} | {} | {} |", row.fault.name, row.fault.source, cells.join(" | "));
    }
    let caught = rows.iter().filter(|row| row.is_caught).count();
    println!("\n{caught} of {} faults are caught", rows.len());
}
