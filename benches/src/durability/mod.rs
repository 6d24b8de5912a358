//! What it costs to make usage durable, to bring it to a ledger and to ask for it there, beside the disk and beside SQLite alone.
//!
//! * `append`: records into the log, one sync for sixteen.
//! * `recovery`: opening a log.
//! * `ledger`: a window of a thousand tenants into SQLite.
//! * `usage`: questions to a ledger of ten million rows.
//! * `export`: from the sealing to the acknowledgement of a ledger that is far away.

mod append;
mod export;
mod ledger;
mod recovery;
mod usage;

use std::path::Path as Folder;

use crate::figures::PathFigures;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// For figures that one can rely on.
    Full,
    /// To see that everything still runs.
    Quick,
}

/// A group of figures that is measured in one go, with files in a folder on the disk that is meant.
#[derive(Debug, Clone, Copy)]
pub struct Path {
    /// By which it is chosen.
    pub name: &'static str,
    /// Measures it.
    pub measure: fn(Size, &Folder) -> anyhow::Result<Vec<PathFigures>>,
}

/// All paths, in the order of the table.
pub const PATHS: &[Path] = &[
    Path { name: "append", measure: append::measure },
    Path { name: "recovery", measure: recovery::measure },
    Path { name: "ledger", measure: ledger::measure },
    Path { name: "usage", measure: usage::measure },
    Path { name: "export", measure: export::measure },
];
