//! A storage in which one operation fails, whichever it is: the n-th of all that the log asks for.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use ron_accounting_wal::fault::{MemoryFile, MemoryStorage, Operation};
use ron_accounting_wal::{SegmentFile, Storage};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The device fails.
    Device,
    /// The disk is full.
    NoSpace,
    /// A write ends early. Any other operation fails as a device does.
    Short,
    NotFound,
    NotPermitted,
}

impl Failure {
    pub(crate) const ALL: [Self; 5] =
        [Self::Device, Self::NoSpace, Self::Short, Self::NotFound, Self::NotPermitted];

    fn error(self) -> io::Error {
        match self {
            Self::Device => io::Error::from_raw_os_error(5),
            Self::NoSpace => io::Error::from_raw_os_error(28),
            Self::Short => io::ErrorKind::WriteZero.into(),
            Self::NotFound => io::ErrorKind::NotFound.into(),
            Self::NotPermitted => io::ErrorKind::PermissionDenied.into(),
        }
    }
}

#[derive(Debug, Default)]
struct Aim {
    /// How many operations were asked for.
    asked: u64,
    /// Which one fails, and how.
    target: Option<(u64, Failure)>,
    struck: Option<String>,
}

/// A [`MemoryStorage`] of which one operation fails. Clones share the count.
#[derive(Debug, Clone)]
pub(crate) struct FailingStorage {
    disk: MemoryStorage,
    aim: Arc<Mutex<Aim>>,
}

impl FailingStorage {
    pub(crate) fn new(disk: MemoryStorage, target: Option<(u64, Failure)>) -> Self {
        Self { disk, aim: Arc::new(Mutex::new(Aim { target, ..Aim::default() })) }
    }

    /// How many operations were asked for.
    pub(crate) fn asked(&self) -> u64 {
        self.aim().asked
    }

    /// What failed, if it did already.
    pub(crate) fn struck(&self) -> Option<String> {
        self.aim().struck.clone()
    }

    fn aim(&self) -> std::sync::MutexGuard<'_, Aim> {
        self.aim.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an operation; the error, if it is the one that fails.
    fn strike(&self, operation: &str) -> Option<Failure> {
        let mut aim = self.aim();
        let number = aim.asked;
        aim.asked += 1;
        let (_, failure) = aim.target.filter(|(target, _)| *target == number)?;
        aim.struck = Some(format!("operation {number}, {operation}, fails with {failure:?}"));
        Some(failure)
    }

    /// Asks for an operation that has no effect when it fails.
    fn ask<T>(&self, operation: &str, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.strike(operation).map_or_else(work, |failure| Err(failure.error()))
    }

    /// Asks for an operation that has the disk's own effect when it fails.
    fn ask_disk<T>(
        &self,
        operation: Operation,
        work: impl FnOnce(&MemoryStorage) -> io::Result<T>,
    ) -> io::Result<T> {
        match self.strike(&format!("{operation:?}")) {
            None => work(&self.disk),
            Some(failure) => {
                self.disk.fail_next(operation);
                work(&self.disk).map_err(|_| failure.error())
            }
        }
    }
}

impl Storage for FailingStorage {
    type File = FailingFile;

    fn list(&self) -> io::Result<Vec<String>> {
        self.ask("list", || self.disk.list())
    }

    fn length(&self, name: &str) -> io::Result<u64> {
        self.ask("length", || self.disk.length(name))
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.ask("read", || self.disk.read(name))
    }

    fn create(&mut self, name: &str) -> io::Result<FailingFile> {
        let storage = self.clone();
        let mut disk = self.disk.clone();
        self.ask("create", || disk.create(name)).map(|file| FailingFile { file, storage })
    }

    fn open(&mut self, name: &str) -> io::Result<FailingFile> {
        let storage = self.clone();
        let mut disk = self.disk.clone();
        self.ask("open", || disk.open(name)).map(|file| FailingFile { file, storage })
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk.clone();
        self.ask("rename", || disk.rename(from, to))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut disk = self.disk.clone();
        self.ask("remove", || disk.remove(name))
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        self.ask_disk(Operation::SyncDirectory, |disk| disk.clone().sync_directory())
    }
}

/// An open file of a [`FailingStorage`].
#[derive(Debug)]
pub(crate) struct FailingFile {
    file: MemoryFile,
    storage: FailingStorage,
}

impl SegmentFile for FailingFile {
    fn write_all_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match self.storage.strike("write") {
            None => self.file.write_all_at(offset, bytes),
            Some(failure) => {
                // A device that fails, or is full, may have written some of it as well.
                let kept = if failure == Failure::NotPermitted { 0 } else { bytes.len() / 2 };
                self.storage.disk.short_write(0, kept);
                self.file.write_all_at(offset, bytes).map_err(|_| failure.error())
            }
        }
    }

    fn allocate(&mut self, length: u64) -> io::Result<()> {
        let file = &mut self.file;
        self.storage.ask("allocate", || file.allocate(length))
    }

    fn set_length(&mut self, length: u64) -> io::Result<()> {
        let file = &mut self.file;
        self.storage.ask("set_length", || file.set_length(length))
    }

    fn length(&self) -> io::Result<u64> {
        self.storage.ask("length of an open file", || self.file.length())
    }

    fn sync(&mut self) -> io::Result<()> {
        let file = &mut self.file;
        self.storage.ask_disk(Operation::Sync, |_| file.sync())
    }
}
