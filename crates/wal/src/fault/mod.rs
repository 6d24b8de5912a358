//! A disk in memory for tests, which fails on command, the same way every time.
//!
//! [`MemoryStorage`] is a [`Storage`] whose clones share one disk. The log under test owns one clone. The test keeps
//! another, injects faults through it and counts operations. A write is in the page cache until its file is synced, and a
//! name until the directory is synced. [`MemoryStorage::crash`] cuts the power and returns the disk that is left.
//!
//! A sync that fails does what file systems were found to do: it drops the dirty pages and marks them clean. So the data
//! can still be read and the next sync succeeds, but after a crash the data is gone.
//!
//! ```
//! use ron_accounting_wal::fault::{MemoryStorage, Operation};
//! use ron_accounting_wal::{RecordKind, Wal, WalError, WalOptions};
//!
//! # fn main() -> Result<(), WalError> {
//! let disk = MemoryStorage::new();
//! let (mut wal, _) = Wal::open(disk.clone(), [1; 16], WalOptions::default(), 0)?;
//! let position = wal.append(RecordKind(1), b"usage", 0)?;
//! disk.fail_next(Operation::Sync);
//! assert!(matches!(wal.sync(), Err(WalError::SyncFailed { .. })));
//! assert_eq!(wal.unsafe_positions(), [position]);
//! # Ok(())
//! # }
//! ```

mod crash;
mod disk;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{SegmentFile, Storage};
use disk::{Disk, Fault};

/// An operation of a storage. A fault is injected into one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// [`SegmentFile::write_all_at`].
    Write,
    /// [`SegmentFile::allocate`].
    Allocate,
    /// [`SegmentFile::set_length`].
    SetLength,
    /// [`SegmentFile::sync`].
    Sync,
    /// [`Storage::create`].
    Create,
    /// [`Storage::rename`].
    Rename,
    /// [`Storage::remove`].
    Remove,
    /// [`Storage::sync_directory`].
    SyncDirectory,
    /// [`Storage::read`].
    Read,
}

/// Which unsynced changes a power cut leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Survival {
    /// None of them.
    Synced,
    /// The first of those to each file, the last of these torn, and the first of those to the directory.
    InOrder,
    /// Any of them. Each write is kept, lost, or torn by sectors. Each name is changed or not.
    AnyOrder,
}

/// A disk in memory. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryStorage {
    disk: Arc<Mutex<Disk>>,
}

impl MemoryStorage {
    /// Makes an empty disk without limits or faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the next `operation` fail, once.
    pub fn fail_next(&self, operation: Operation) {
        self.fail_nth(operation, 0);
    }

    /// Makes an `operation` fail after `skip` more of its kind have passed, once. A write that fails has no effect. A sync that
    /// fails loses the writes since the last one.
    pub fn fail_nth(&self, operation: Operation, skip: u64) {
        self.disk().aim(operation, skip, Fault::Fail);
    }

    /// Makes a write stop after `kept` bytes and fail, after `skip` more writes have passed.
    pub fn short_write(&self, skip: u64, kept: usize) {
        self.disk().aim(Operation::Write, skip, Fault::Short(kept));
    }

    /// Makes a write land `distance` bytes behind its offset and report success, after `skip` more writes have passed.
    pub fn misdirect_write(&self, skip: u64, distance: u64) {
        self.disk().aim(Operation::Write, skip, Fault::Misdirect(distance));
    }

    /// Limits the sum of all file lengths. A write keeps what fits and then fails as a full disk does.
    pub fn set_capacity(&self, bytes: impl Into<Option<u64>>) {
        self.disk().capacity = bytes.into();
    }

    /// Lets `operations` more changes pass and fails every one after that, as if the power had failed. Call
    /// [`MemoryStorage::crash`] afterwards.
    pub fn power_off_after(&self, operations: u64) {
        self.disk().power = Some(operations);
    }

    /// Removes all faults that have not happened yet, the capacity, and the power failure.
    pub fn heal(&self) {
        self.disk().heal();
    }

    /// Returns how often an operation was called, whether it failed or not.
    pub fn count(&self, operation: Operation) -> u64 {
        self.disk().count(operation)
    }

    /// Returns every change that reached the disk, failed syncs included, in order. Each has the name under which the file was
    /// opened, which is empty for the directory.
    pub fn history(&self) -> Vec<(Operation, String)> {
        self.disk().history.clone()
    }

    /// Returns the content of a file as a reader sees it now.
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        self.disk().content(name)
    }

    /// Creates a durable file, in place of one that has the name.
    pub fn put(&self, name: &str, content: impl Into<Vec<u8>>) {
        self.disk().put(name, content.into());
    }

    /// Flips a bit (0 to 7) of a byte, durably, as decay does. Returns `false` if there is no such byte.
    pub fn flip_bit(&self, name: &str, offset: u64, bit: u8) -> bool {
        self.disk().flip_bit(name, offset, bit)
    }

    /// Cuts the power. Returns a new disk without faults that holds what was synced, and none, some or all of what was not, in
    /// order or not, as `seed` decides. This disk stays as it is.
    #[must_use]
    pub fn crash(&self, seed: u64) -> Self {
        let survival = match seed % 4 {
            0 => Survival::Synced,
            1 => Survival::InOrder,
            _ => Survival::AnyOrder,
        };
        self.crash_with(survival, seed)
    }

    /// Cuts the power as [`MemoryStorage::crash`] does, but the caller chooses what survives.
    #[must_use]
    pub fn crash_with(&self, survival: Survival, seed: u64) -> Self {
        let disk = self.disk().after_crash(survival, seed);
        Self { disk: Arc::new(Mutex::new(disk)) }
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, id: u64, name: &str) -> MemoryFile {
        MemoryFile { storage: self.clone(), id, name: name.to_owned() }
    }
}

impl Storage for MemoryStorage {
    type File = MemoryFile;

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.disk().names())
    }

    fn length(&self, name: &str) -> io::Result<u64> {
        self.disk().content(name).map(|content| content.len() as u64).ok_or_else(not_found)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.disk().read(name)
    }

    fn create(&mut self, name: &str) -> io::Result<MemoryFile> {
        let id = self.disk().create(name)?;
        Ok(self.file(id, name))
    }

    fn open(&mut self, name: &str) -> io::Result<MemoryFile> {
        let id = self.disk().find(name)?;
        Ok(self.file(id, name))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.disk().rename(from, to)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.disk().remove(name)
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        self.disk().sync_directory()
    }
}

/// An open file of a [`MemoryStorage`].
#[derive(Debug)]
pub struct MemoryFile {
    storage: MemoryStorage,
    id: u64,
    name: String,
}

impl SegmentFile for MemoryFile {
    fn write_all_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.storage.disk().write(self.id, &self.name, offset, bytes)
    }

    fn allocate(&mut self, length: u64) -> io::Result<()> {
        self.storage.disk().resize(Operation::Allocate, self.id, &self.name, length)
    }

    fn set_length(&mut self, length: u64) -> io::Result<()> {
        self.storage.disk().resize(Operation::SetLength, self.id, &self.name, length)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.storage.disk().length(self.id))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.storage.disk().sync(self.id, &self.name)
    }
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}
