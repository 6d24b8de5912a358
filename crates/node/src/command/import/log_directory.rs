//! The write-ahead logs of imports: one folder per origin, which is removed once its import is complete.
//!
//! A file has none: running its import again makes the same slices. Standard input cannot be read again, so that its slices are kept
//! until the ledger has them.
//!
//! A log that exists belongs to an import that was interrupted. Its slices are brought to the ledger first. The import then
//! starts again at the first line, with an empty log. It seals the same slices once more, and the ledger finds those that it has
//! to be duplicates.
//!
//! Next to each log is a lock file, which an import holds from its beginning to its end, so that a second import of the same
//! access log is refused. The write-ahead log's own lock is not enough: it is free while the folder is created and removed.

mod lock;

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{bail, Context};
use ron_accounting::{export::Origin, AccError, Accounting};
use ron_accounting_sqlite::SqliteLedger;

use self::lock::ImportLock;

/// How long the ledger may take for the slices of an interrupted import.
const RECOVERY_DEADLINE: Duration = Duration::from_secs(60);

/// The folder of all logs.
#[derive(Debug)]
pub(super) struct LogDirectory {
    path: PathBuf,
    /// Whether the user named the folder, so that it is kept.
    is_named: bool,
}

impl LogDirectory {
    /// Uses the named folder, or the one next to the ledger.
    pub(super) fn new(named: Option<&Path>, ledger: &Path) -> Self {
        if let Some(path) = named {
            return Self { path: path.to_owned(), is_named: true };
        }
        let mut name: OsString = ledger.as_os_str().to_owned();
        name.push(".log");
        Self { path: name.into(), is_named: false }
    }

    /// Creates the folder if the user named it, so that one that cannot be used is refused before anything is changed.
    pub(super) fn create_named(&self) -> anyhow::Result<()> {
        if self.is_named {
            create(&self.path)?;
        }
        Ok(())
    }

    /// Creates an empty log for one import. Slices that an interrupted import left there are brought to the ledger first.
    /// Refuses while another import of the same access log is running.
    pub(super) fn prepare(&self, origin: Origin, ledger: &Arc<SqliteLedger>) -> anyhow::Result<ImportLog> {
        let path = self.path.join(origin.to_string());
        let Some(lock) = ImportLock::take(&path)? else { bail!(is_running(&path)) };
        let mut log = ImportLog { path, recovered_slices: 0, parent: None, lock };
        if !self.is_named {
            log.parent = Some(self.path.clone());
        }
        if log.path.exists() {
            log.recovered_slices = recover(&log.path, ledger)?;
            remove(&log.path)?;
        }
        create(&log.path)?;
        Ok(log)
    }
}

/// The log of an import that is running.
#[derive(Debug)]
pub(super) struct ImportLog {
    /// Its folder.
    pub(super) path: PathBuf,
    /// Slices of an interrupted import that were brought to the ledger.
    pub(super) recovered_slices: u64,
    /// The folder of all logs, if it is removed with the last of them.
    parent: Option<PathBuf>,
    lock: ImportLock,
}

impl ImportLog {
    /// Removes the log, once the import is complete.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        remove(&self.path)?;
        let Self { parent, lock, .. } = self;
        drop(lock);
        if let Some(parent) = parent {
            // Fails while the folder holds the log of another import.
            let _ = fs::remove_dir(parent);
        }
        Ok(())
    }
}

fn create(path: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(path)
        .with_context(|| format!("cannot create the folder {} for the log", path.display()))
}

fn is_running(path: &Path) -> String {
    format!(
        "another import of the same log is running (it uses {}): wait until it has ended; everything is then in the ledger",
        path.display()
    )
}

fn recover(path: &Path, ledger: &Arc<SqliteLedger>) -> anyhow::Result<u64> {
    let builder = Accounting::builder().manual().checkpoint_ms(0);
    let accounting = match builder.wal_dir(path).exporter(Arc::clone(ledger)).build() {
        Ok(accounting) => accounting,
        // The same access log was imported before, and further: the ledger has these slices.
        Err(AccError::LedgerAhead { .. }) => return Ok(0),
        // An older version of this program is running, which has no lock file.
        Err(AccError::WalLocked { .. }) => bail!(is_running(path)),
        Err(error) => return Err(error).with_context(|| left_over(path)),
    };
    accounting.drain(RECOVERY_DEADLINE).with_context(|| left_over(path))?;
    Ok(accounting.stats().export.map_or(0, |export| export.recovered_slices))
}

fn left_over(path: &Path) -> String {
    format!(
        "an interrupted import left a log in {}, and it cannot be brought to the ledger; that import is not running any \
         more, so the folder may be removed: the import begins with the first line, and nothing is lost",
        path.display()
    )
}

fn remove(path: &Path) -> anyhow::Result<()> {
    fs::remove_dir_all(path).with_context(|| format!("cannot remove the finished log {}", path.display()))
}
