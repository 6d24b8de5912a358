//! Folders and databases that belong to one process at a time.
//!
//! A store keeps counters in memory and stores them whole, so two processes over the same files would overwrite each
//! other's counts without a word. The second one is refused, with the name of what it wanted.
//!
//! Several storages of one process may share a folder or database. The lock is the system's, and ends with the process,
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
#[allow(dead_code)] // Held for its lock alone.
pub(super) struct Ownership(Arc<File>);

impl Ownership {
    /// Owns a folder. On unix the folder itself is locked, so that nothing is added to it.
    #[cfg(feature = "storage-fs")]
    pub(super) fn of_folder(folder: &Path) -> Result<Option<Self>> {
        let lock = if cfg!(unix) { folder.to_path_buf() } else { beside(folder) };
        Self::take(&lock, folder)
    }

    /// Owns a file, by a lock file beside it: to lock the file itself would get in the way of its own locks.
    #[cfg(feature = "storage-sqlite")]
    pub(super) fn of_file(file: &Path) -> Result<Option<Self>> {
        Self::take(&beside(file), file)
    }

    /// `None` where the file system has no locks.
    fn take(lock: &Path, owned: &Path) -> Result<Option<Self>> {
        static OWNED: OnceLock<Mutex<HashMap<PathBuf, Weak<File>>>> = OnceLock::new();

        let file = open(lock)
            .map_err(|error| Error::Storage(format!("failed to open {}: {error}", lock.display())))?;
        // One path for all ways that lead there.
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

/// A name for a lock file.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}
