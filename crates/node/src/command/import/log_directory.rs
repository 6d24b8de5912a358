//! Where the write-ahead logs of imports live: one folder per origin, gone once its import is complete.
//!
//! A log that is still there belongs to an import that was interrupted. Its slices are brought to the ledger first. The
//! import itself then starts again at the first line, in a log of its own: what it seals is the same once more, and the
//! ledger answers `Duplicate` to what it has.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use ron_accounting::{export::Origin, AccError, Accounting};
use ron_accounting_sqlite::SqliteLedger;

/// How long the ledger may take for what an interrupted import left.
const RECOVERY_DEADLINE: Duration = Duration::from_secs(60);

/// The folder of all logs.
#[derive(Debug)]
pub(super) struct LogDirectory {
    path: PathBuf,
    /// Whether the user named it, and keeps it.
    is_named: bool,
}

impl LogDirectory {
    /// The named folder, or the one beside the ledger.
    pub(super) fn new(named: Option<&Path>, ledger: &Path) -> Self {
        if let Some(path) = named {
            return Self { path: path.to_owned(), is_named: true };
        }
        let mut name: OsString = ledger.as_os_str().to_owned();
        name.push(".log");
        Self { path: name.into(), is_named: false }
    }

    /// The folder of a fresh log for one import, after what an interrupted one left there was brought to the ledger.
    /// Answers how many slices that were.
    pub(super) fn prepare(
        &self,
        origin: Origin,
        ledger: &Arc<SqliteLedger>,
    ) -> anyhow::Result<(PathBuf, u64)> {
        let path = self.path.join(origin.to_string());
        if !path.exists() {
            fs::create_dir_all(&path)
                .with_context(|| format!("cannot create the folder {} for the log", path.display()))?;
            return Ok((path, 0));
        }
        let slices = recover(&path, ledger).with_context(|| {
            format!(
                "an interrupted import left a log in {}; if no other import is running, remove that folder and start \
                 again: the import begins with the first line, so nothing is lost",
                path.display()
            )
        })?;
        remove(&path)?;
        Ok((path, slices))
    }

    /// Removes the log of an import that is complete.
    pub(super) fn finish(&self, origin: Origin) -> anyhow::Result<()> {
        remove(&self.path.join(origin.to_string()))?;
        if !self.is_named {
            // Left where it holds the log of another import.
            let _ = fs::remove_dir(&self.path);
        }
        Ok(())
    }
}

fn recover(path: &Path, ledger: &Arc<SqliteLedger>) -> anyhow::Result<u64> {
    let builder = Accounting::builder().manual().checkpoint_ms(0);
    let accounting = match builder.wal_dir(path).exporter(Arc::clone(ledger) as _).build() {
        Ok(accounting) => accounting,
        // The same log was imported before, and further. What was left is part of that.
        Err(AccError::LedgerAhead { .. }) => return Ok(0),
        Err(error) => return Err(error.into()),
    };
    accounting.drain(RECOVERY_DEADLINE)?;
    Ok(accounting.stats().export.map_or(0, |export| export.recovered_slices))
}

fn remove(path: &Path) -> anyhow::Result<()> {
    fs::remove_dir_all(path).with_context(|| format!("cannot remove the finished log {}", path.display()))
}
