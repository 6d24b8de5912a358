//! The next step, for a failure whose message says only what happened.

use std::{fmt, io};

use ron_accounting::AccError;
use ron_accounting_sqlite::LedgerError;

/// What happened, as the context of an error, and what to do next.
#[derive(Debug)]
pub(crate) struct Advised {
    what: String,
    next: &'static str,
}

impl Advised {
    pub(crate) fn new(what: impl Into<String>, next: &'static str) -> Self {
        Self { what: what.into(), next }
    }
}

impl fmt::Display for Advised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// Returns what to do next. `None` for an error whose message says it.
pub(crate) fn next_step(error: &anyhow::Error) -> Option<String> {
    if let Some(advised) = error.downcast_ref::<Advised>() {
        return Some(advised.next.to_owned());
    }
    if let Some(next) = error.chain().find_map(|cause| cause.downcast_ref().and_then(of_accounting)) {
        return Some(next);
    }
    if let Some(io) = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>()) {
        return Some(of_system(io.kind()).to_owned());
    }
    let is_sqlite = |ledger: &LedgerError| matches!(ledger, LedgerError::Sqlite { .. });
    error.chain().any(|cause| cause.downcast_ref().is_some_and(is_sqlite)).then(|| {
        "check the disk and its free space, then run `ron-accounting verify` on the ledger".to_owned()
    })
}

fn of_accounting(error: &AccError) -> Option<String> {
    Some(match error {
        AccError::WalUnavailable { directory, .. } => format!(
            "check that {directory} is a folder that this program may write to, on a disk with free space; a log that a \
             newer version wrote needs that version"
        ),
        AccError::WalCorrupt { directory, .. } => format!(
            "keep a copy of {directory}, and run `ron-accounting wal inspect {directory}` to see what is damaged"
        ),
        AccError::LedgerAhead { .. } => {
            "check that the log is not an old copy, and that no other process uses it; if both are so, begin with an \
             empty folder"
                .to_owned()
        }
        _ => return None,
    })
}

fn of_system(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::NotFound => "check the path",
        io::ErrorKind::PermissionDenied => {
            "run this as a user that may read and write there, or change the permissions"
        }
        io::ErrorKind::NotADirectory => "check the path: a part of it is a file, where a folder is needed",
        io::ErrorKind::AlreadyExists => "name another folder: a file has this name",
        io::ErrorKind::IsADirectory => "name a file: this is a folder",
        io::ErrorKind::ReadOnlyFilesystem => "name a path on a disk that can be written to",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space, then run the same command again"
        }
        _ => "check the disk and the path, then run the same command again",
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{anyhow, Context};

    use super::*;

    #[test]
    fn the_advice_of_a_context_comes_before_that_of_the_system() {
        let system = || io::Error::from(io::ErrorKind::PermissionDenied);
        let plain = anyhow::Error::from(system()).context("cannot create the folder x");
        assert!(next_step(&plain).unwrap().contains("permissions"));
        let advised: anyhow::Result<()> =
            Err(system()).with_context(|| Advised::new("cannot spool", "set TMPDIR"));
        let advised = advised.unwrap_err().context("stopped");
        assert_eq!(next_step(&advised).as_deref(), Some("set TMPDIR"));
        assert!(format!("{advised:#}").starts_with("stopped: cannot spool: "));
        assert_eq!(next_step(&anyhow!("--by names `tenant` twice: name it once")), None);
    }
}
