//! What came of a run, as a table.

use std::{fmt, path::PathBuf, time::Duration};

use crate::tally::Verdict;

/// What came of a run.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Under which conditions.
    pub conditions: String,
    /// The seed.
    pub seed: u64,
    /// Processes that were killed.
    pub kills: u64,
    /// Of those, the ones that were still opening log and ledger.
    pub kills_while_opening: u64,
    /// Processes.
    pub lives: u64,
    /// Processes that ended by themselves, drained.
    pub clean_ends: u64,
    /// Processes that did not start, the last reason among them.
    pub refused: (u64, Option<String>),
    /// Clean ends that could not drain, with the last reason.
    pub undrained: (u64, Option<String>),
    /// Entries that were sent.
    pub entries: u64,
    /// How often the ledger was locked by somebody else.
    pub locks: u64,
    /// How often the disk was full, or files were limited.
    pub full_spells: u64,
    /// Slices in the ledger.
    pub slices: u64,
    /// How the ledger compares with the tally.
    pub verdict: Verdict,
    /// What else is wrong: the last drain, the verification, what further starts add.
    pub faults: Vec<String>,
    /// How long it took.
    pub took: Duration,
    /// Where log and ledger are, if they were kept.
    pub folder: Option<PathBuf>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_right(&self) -> bool {
        self.verdict.is_right() && self.faults.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = &self.verdict;
        let number = |text: &dyn fmt::Display| text.to_string();
        let rows: Vec<(&str, String)> = vec![
            ("conditions", self.conditions.clone()),
            ("seed", number(&self.seed)),
            ("kills", format!("{} ({} while opening)", self.kills, self.kills_while_opening)),
            ("lives", number(&self.lives)),
            ("clean ends", number(&self.clean_ends)),
            ("did not start", with_reason(&self.refused)),
            ("did not drain", with_reason(&self.undrained)),
            ("spells of a full disk", number(&self.full_spells)),
            ("spells of a locked ledger", number(&self.locks)),
            ("entries sent", number(&self.entries)),
            ("units recorded", number(&verdict.recorded)),
            ("units acknowledged", number(&verdict.stored)),
            ("bound of the loss", number(&verdict.uncovered)),
            ("lost within the bound", number(&verdict.lost_within_bound)),
            ("lost beyond the bound", number(&verdict.lost_beyond_bound)),
            ("doubled", number(&verdict.doubled)),
            ("slices", number(&self.slices)),
            ("time", format!("{:.1} s", self.took.as_secs_f64())),
        ];
        for (name, value) in rows {
            writeln!(f, "{name:<26} {value}")?;
        }
        let faults: Vec<&String> = self.faults.iter().chain(&verdict.faults).collect();
        for fault in faults.iter().take(20) {
            writeln!(f, "FAULT  {fault}")?;
        }
        if faults.len() > 20 {
            writeln!(f, "       and {} more", faults.len() - 20)?;
        }
        if let Some(folder) = &self.folder {
            writeln!(f, "log and ledger are kept in {}", folder.display())?;
        }
        Ok(())
    }
}

fn with_reason((times, reason): &(u64, Option<String>)) -> String {
    reason.as_ref().map_or_else(|| times.to_string(), |reason| format!("{times} (the last: {reason})"))
}
