//! Has anything happened to a file that SQLite was told never changes?

use std::{
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// What a ledger file was at one moment. Reads its metadata only: see the module `open` for why it is not opened.
#[derive(Debug, Clone)]
pub(crate) struct FileState {
    path: PathBuf,
    content: Content,
    log: LogFiles,
}

/// Size, time of the last change and identity.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Content(u64, Option<SystemTime>, u64);

#[derive(Debug, Clone, PartialEq, Eq)]
struct LogFiles {
    bytes: Option<u64>,
    has_index: bool,
}

impl FileState {
    /// `path` is the file itself, not a link to it.
    pub(crate) fn of(path: PathBuf) -> io::Result<Self> {
        Ok(Self { content: Content::of(&path)?, log: LogFiles::of(&path), path })
    }

    /// Whether part of the ledger may be in a log. An empty log counts while its index shows that somebody uses it.
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
        let beside = |suffix| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            fs::metadata(PathBuf::from(name))
        };
        Self { bytes: beside("-wal").ok().map(|log| log.len()), has_index: beside("-shm").is_ok() }
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
