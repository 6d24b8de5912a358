//! Notices changes of a file that SQLite treats as immutable.

use std::{
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The metadata of a ledger file at one time. The file itself is not opened; the module `open` says why.
#[derive(Debug, Clone)]
pub(crate) struct FileState {
    path: PathBuf,
    content: Content,
    log: LogFiles,
}

/// Size, time of the last change, and inode.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Content(u64, Option<SystemTime>, u64);

#[derive(Debug, Clone, PartialEq, Eq)]
struct LogFiles {
    bytes: Option<u64>,
    has_index: bool,
}

impl FileState {
    /// Reads the state of a file. `path` must lead to the file itself, not to a link.
    pub(crate) fn of(path: PathBuf) -> io::Result<Self> {
        Ok(Self { content: Content::of(&path)?, log: LogFiles::of(&path), path })
    }

    /// Returns whether part of the ledger may be in a `-wal` file. An empty one counts only with a `-shm` file, which shows that
    /// it is in use.
    pub(crate) fn has_log(&self) -> bool {
        match self.log.bytes {
            None => false,
            Some(0) => self.log.has_index,
            Some(_) => true,
        }
    }

    pub(crate) fn is_unchanged(&self) -> bool {
        LogFiles::of(&self.path) == self.log && self.is_content_unchanged()
    }

    pub(crate) fn is_content_unchanged(&self) -> bool {
        Content::of(&self.path).is_ok_and(|now| now == self.content)
    }
}

impl Content {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self(metadata.len(), metadata.modified().ok(), inode(&metadata)))
    }
}

impl LogFiles {
    fn of(path: &Path) -> Self {
        let companion = |suffix| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            fs::metadata(PathBuf::from(name))
        };
        Self { bytes: companion("-wal").ok().map(|log| log.len()), has_index: companion("-shm").is_ok() }
    }
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}
