//! A program's time, processor time and memory, as the system has them.
//!
//! The system tells them of all programs that a process has waited for, as one sum and one maximum. So each program is run by a
//! process of its own: this one, started again.

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{ensure, Context};
use nix::sys::resource::{getrusage, UsageWho};
use serde::{Deserialize, Serialize};

/// The first argument of a process that is to run a program and tell what it cost.
pub const VERB: &str = "child";

/// What a program cost.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Cost {
    /// Seconds from its start to its end.
    pub seconds: f64,
    /// Seconds of all its threads, on all cores.
    pub processor_seconds: f64,
    /// Its memory at the peak, in MiB.
    pub memory_mib: f64,
}

/// Runs a program and returns what it cost. Its standard output goes to `out`, or nowhere.
pub fn run(command: &Command, out: Option<&Path>, cost: &Path) -> anyhow::Result<Cost> {
    let mut runner = Command::new(env::current_exe()?);
    runner.arg(VERB).arg(cost).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            runner.env(name, value);
        }
    }
    runner.stdin(Stdio::null());
    match out {
        Some(out) => runner.stdout(fs::File::create(out)?),
        None => runner.stdout(Stdio::null()),
    };
    let status = runner.status()?;
    ensure!(status.success(), "{} ended with {status}", command.get_program().display());
    Ok(serde_json::from_str(&fs::read_to_string(cost)?)?)
}

/// Runs the program that the arguments name behind [`VERB`] and a file, and writes what it cost to the file.
pub fn main(mut arguments: impl Iterator<Item = std::ffi::OsString>) -> anyhow::Result<()> {
    let cost = arguments.next().context("a file is missing")?;
    let program = arguments.next().context("a program is missing")?;
    let start = Instant::now();
    let status = Command::new(&program).args(arguments).status()?;
    let seconds = start.elapsed().as_secs_f64();
    ensure!(status.success(), "{} ended with {status}", program.display());
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let times = [usage.user_time(), usage.system_time()];
    let processor_seconds = times.iter().map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6).sum();
    // Kibibytes, but bytes on macOS.
    let unit = if cfg!(target_os = "macos") { 1.0 / 1_048_576.0 } else { 1.0 / 1024.0 };
    let memory_mib = usage.max_rss() as f64 * unit;
    fs::write(cost, serde_json::to_string(&Cost { seconds, processor_seconds, memory_mib })?)?;
    Ok(())
}
