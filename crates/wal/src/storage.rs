//! The one door to files.
//!
//! The log needs very little of a file system. Naming that little in two traits lets a test put a disk behind them
//! that tears writes, loses them, fills up, or flips bits, and lets the log prove that it survives.

use std::{fmt, io};

/// A flat directory of files.
pub trait Storage: fmt::Debug {
    /// An open file.
    type File: SegmentFile;

    /// The names of everything in the directory, in any order. What is not a regular file ends with `/`; a lock file of
    /// the storage's own is left out.
    fn list(&self) -> io::Result<Vec<String>>;

    /// The length of a file in bytes.
    fn length(&self, name: &str) -> io::Result<u64>;

    /// The whole content of a file.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;

    /// Reads the whole content of a file into `buffer`, in place of what stood there. A storage that can use the memory
    /// of the buffer again saves the allocation of each segment when a log is opened.
    fn read_into(&self, name: &str, buffer: &mut Vec<u8>) -> io::Result<()> {
        *buffer = self.read(name)?;
        Ok(())
    }

    /// Creates an empty file; fails if the name is taken. Durable after [`Storage::sync_directory`].
    fn create(&mut self, name: &str) -> io::Result<Self::File>;

    /// Opens an existing file for writing, cutting and syncing.
    fn open(&mut self, name: &str) -> io::Result<Self::File>;

    /// Renames a file. Durable after [`Storage::sync_directory`].
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Deletes a file. Durable after [`Storage::sync_directory`].
    fn remove(&mut self, name: &str) -> io::Result<()>;

    /// Makes all creations, renames and removals so far durable.
    fn sync_directory(&mut self) -> io::Result<()>;
}

/// An open file of a [`Storage`].
pub trait SegmentFile: fmt::Debug {
    /// Writes all of `bytes` at `offset`. After an error, any part of it may have been written.
    fn write_all_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Reserves space up to `length`, reading as zeros. An error is no fault of the file: the log then goes on without
    /// a reservation.
    fn allocate(&mut self, length: u64) -> io::Result<()>;

    /// Cuts the file, or extends it with zeros.
    fn set_length(&mut self, length: u64) -> io::Result<()>;

    /// The length as the file system sees it now.
    fn length(&self) -> io::Result<u64>;

    /// Makes content and length durable. After an error nothing may be assumed about any write since the last success.
    fn sync(&mut self) -> io::Result<()>;
}
