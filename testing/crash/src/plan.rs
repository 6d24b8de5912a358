//! What a run is to do.

use std::path::PathBuf;

use clap::Args;

/// How many kills, and under which conditions.
#[derive(Debug, Clone, Args)]
#[allow(clippy::struct_excessive_bools)] // independent conditions, any of which may be combined
pub struct Plan {
    /// How often the node is killed
    #[arg(long, value_name = "NUMBER", default_value_t = 200)]
    pub kills: u64,
    /// Decides what is recorded and when the node is killed; the moments are those of a real machine, and differ a little
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Log and ledger are on a small disk that is full now and then: a tmpfs of its own, or without the right to mount one, files
    /// of limited size
    #[arg(long)]
    pub disk_full: bool,
    /// Limit the size of files instead of mounting a small disk
    #[arg(long, requires = "disk_full")]
    pub limit_files: bool,
    /// Another process locks the ledger now and then
    #[arg(long)]
    pub ledger_locked: bool,
    /// Many more label sets than the limit, so that most are evicted and folded into the tenants' overflow rows
    #[arg(long)]
    pub churn: bool,
    /// Where log and ledger are; a temporary folder otherwise, which stays if something is wrong
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
}

impl Plan {
    /// A plain run.
    pub const fn new(kills: u64, seed: u64) -> Self {
        Self {
            kills,
            seed,
            disk_full: false,
            limit_files: false,
            ledger_locked: false,
            churn: false,
            folder: None,
        }
    }

    /// The conditions in a few words.
    pub fn conditions(&self) -> String {
        let conditions = [
            (self.disk_full && !self.limit_files, "disk full"),
            (self.limit_files, "files limited"),
            (self.ledger_locked, "ledger locked"),
            (self.churn, "churn"),
        ];
        let words: Vec<_> = conditions.iter().filter(|(is_so, _)| *is_so).map(|(_, word)| *word).collect();
        if words.is_empty() {
            "plain".to_owned()
        } else {
            words.join(", ")
        }
    }
}
