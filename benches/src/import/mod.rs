//! Whole imports of access logs, beside `GoAccess`; and what a line costs, by format.
//!
//! * `contest`: a million lines into a new ledger, and `GoAccess` on the same file.
//! * `formats`: the same requests in every format, as whole imports and line by line.
//! * `child`: a program's time, processor time and memory. `goaccess`: how the peer is run. `parity`: whether it counted the same.

pub mod child;
mod contest;
mod formats;
mod goaccess;
mod parity;

use std::path::{Path, PathBuf};

pub use contest::contest;
pub use formats::{imports, parsing};
pub use goaccess::GoAccess;

/// What is measured, and how much of it.
#[derive(Debug)]
pub struct Setting {
    /// The program `ron-accounting`.
    pub node: PathBuf,
    /// Where logs and ledgers are made.
    pub folder: PathBuf,
    /// The peer, unless it is left out.
    pub goaccess: Option<GoAccess>,
    /// Where the comparison of the counts goes.
    pub comparison: PathBuf,
    /// A log of one's own in the combined format, instead of one that is made up.
    pub log: Option<PathBuf>,
    /// Lines of the log.
    pub lines: u64,
    /// How often each contestant has its turn.
    pub rounds: usize,
}

impl Setting {
    /// Returns the command that imports a log into a new ledger, and the ledger.
    fn import(&self, log: &Path, format: &str) -> anyhow::Result<(std::process::Command, PathBuf)> {
        let ledger = self.folder.join("usage.db");
        for end in ["", "-wal", "-shm"] {
            let file = self.folder.join(format!("usage.db{end}"));
            if file.exists() {
                std::fs::remove_file(file)?;
            }
        }
        let mut command = std::process::Command::new(&self.node);
        command.args(["import", "--json", "--time-zone", "UTC", "--format", format, "--ledger"]);
        command.arg(&ledger).arg(log);
        Ok((command, ledger))
    }
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
