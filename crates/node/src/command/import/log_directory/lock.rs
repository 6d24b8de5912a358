//! The lock that an import holds while it runs, so that the same access log is imported once at a time.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::Context;

/// A locked file next to a log. The system releases the lock when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct ImportLock {
    path: PathBuf,
    file: File,
}

impl ImportLock {
    /// Locks the file next to `log`. Returns `None` if another import holds it.
    pub(super) fn take(log: &Path) -> anyhow::Result<Option<Self>> {
        let mut name = OsString::from(".");
        name.push(log.file_name().unwrap_or_default());
        name.push(".lock");
        let path = log.with_file_name(name);
        let cannot_lock = || format!("cannot lock {}", path.display());
        loop {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)
                    .with_context(|| format!("cannot create the folder {} for the log", folder.display()))?;
            }
            let opened = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
            let file = match opened {
                // An import that ended has removed the folder in between.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                opened => opened.with_context(cannot_lock)?,
            };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error).with_context(cannot_lock),
            }
            let lock = Self { path: path.clone(), file };
            if lock.is_current() {
                return Ok(Some(lock));
            }
            // An import that ended in between has removed the file that was locked here.
        }
    }

    /// Returns whether the path still leads to the file that is locked.
    #[cfg(unix)]
    fn is_current(&self) -> bool {
        use std::os::unix::fs::MetadataExt;

        let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let (here, there) = (self.file.metadata().map(identity), fs::metadata(&self.path).map(identity));
        here.ok().zip(there.ok()).is_some_and(|(here, there)| here == there)
    }

    // Elsewhere an open file cannot be removed.
    #[cfg(not(unix))]
    fn is_current(&self) -> bool {
        self.file.metadata().is_ok()
    }
}

impl Drop for ImportLock {
    fn drop(&mut self) {
        if self.is_current() {
            // While it is locked, so that no other import's file is removed. A file that stays does no harm.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_locked_once_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let first = ImportLock::take(&log).unwrap().unwrap();
        assert!(ImportLock::take(&log).unwrap().is_none());
        drop(first);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(ImportLock::take(&log).unwrap().is_some());
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_whose_file_was_removed_removes_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let first = ImportLock::take(&log).unwrap().unwrap();
        fs::remove_file(&first.path).unwrap();
        let second = ImportLock::take(&log).unwrap().unwrap();
        drop(first);
        assert!(second.is_current());
        assert!(ImportLock::take(&log).unwrap().is_none());
    }
}
