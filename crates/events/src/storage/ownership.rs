//! Locks by which a directory or database belongs to one process at a time.
//!
//! A store keeps counters in memory and stores each as a whole. So two processes over the same files would overwrite each
//! other's counts. The second one gets an error that names the directory or database.
//!
//! Several storages of one process may share a directory or database. The system releases the lock when the process ends,
//! however it ends.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
};

use fs4::fs_std::FileExt as _;

use crate::{Error, Result};

/// A lock that is held as long as this is.
#[derive(Debug, Clone)]
#[allow(dead_code)] // Never read: it is kept open for its lock.
pub(super) struct Ownership(Arc<File>);

impl Ownership {
    /// Locks a directory. On Unix the directory itself is locked, so that no file is added to it.
    #[cfg(feature = "storage-fs")]
    pub(super) fn of_directory(directory: &Path) -> Result<Option<Self>> {
        let lock = if cfg!(unix) { directory.to_path_buf() } else { lock_path(directory) };
        Self::take(&lock, directory)
    }

    /// Locks a file, by a lock file next to it. A lock of the file itself would conflict with those of the database.
    #[cfg(feature = "storage-sqlite")]
    pub(super) fn of_file(file: &Path) -> Result<Option<Self>> {
        Self::take(&lock_path(file), file)
    }

    /// Takes the lock. Returns `None` if the file system has no locks.
    fn take(lock: &Path, owned: &Path) -> Result<Option<Self>> {
        static OWNED: OnceLock<Mutex<HashMap<PathBuf, Weak<File>>>> = OnceLock::new();

        let file = open(lock)
            .map_err(|error| Error::Storage(format!("failed to open {}: {error}", lock.display())))?;
        // Different paths may lead to the same file.
        let lock = lock.canonicalize().unwrap_or_else(|_| lock.to_path_buf());
        let owned_here = OWNED.get_or_init(Mutex::default);
        let mut owned_here = owned_here.lock().unwrap_or_else(PoisonError::into_inner);
        owned_here.retain(|_, file| file.strong_count() > 0);
        if let Some(file) = owned_here.get(&lock).and_then(Weak::upgrade) {
            return Ok(Some(Self(file)));
        }
        match file.try_lock_exclusive() {
            Ok(true) => {}
            Ok(false) => {
                return Err(Error::Storage(format!(
                    "{} is in use by another process; stop it, or choose another place",
                    owned.display()
                )));
            }
            Err(_) => return Ok(None),
        }
        let file = Arc::new(file);
        owned_here.insert(lock, Arc::downgrade(&file));
        Ok(Some(Self(file)))
    }
}

fn open(lock: &Path) -> io::Result<File> {
    if lock.is_dir() {
        return File::open(lock);
    }
    OpenOptions::new().write(true).create(true).truncate(false).open(lock)
}

/// Returns the path of the lock file of a path.
fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}
