//! The only way in which the log uses files.
//!
//! The log needs very little of a file system, and these two traits name it. A test can implement them with a disk that tears
//! writes, loses them, fills up, or flips bits.

use std::{fmt, io};

/// A flat directory of files.
pub trait Storage: fmt::Debug {
    /// An open file.
    type File: SegmentFile;

    /// Returns the names of everything in the directory, in any order. A name of something that is not a regular file ends
    /// with `/`. A lock file of the storage is left out.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Returns the length of a file in bytes.
    fn length(&self, name: &str) -> io::Result<u64>;

    /// Returns the whole content of a file.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;

    /// Replaces the content of `buffer` by the whole content of a file. A storage that reuses the memory of the buffer saves an
    /// allocation per segment when a log is opened.
    fn read_into(&self, name: &str, buffer: &mut Vec<u8>) -> io::Result<()> {
        *buffer = self.read(name)?;
        Ok(())
    }

    /// Creates an empty file. Fails if the name is taken. Durable after [`Storage::sync_directory`].
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
    /// Writes all of `bytes` at `offset`. After an error, any part of them may have been written.
    fn write_all_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Reserves space up to `length`, which reads as zeros. If this fails for another reason than a full disk, the log goes on
    /// without a reservation.
    fn allocate(&mut self, length: u64) -> io::Result<()>;

    /// Cuts the file, or extends it with zeros.
    fn set_length(&mut self, length: u64) -> io::Result<()>;

    /// Returns the length of the file.
    fn length(&self) -> io::Result<u64>;

    /// Makes content and length durable. After an error, any write since the last success may be lost.
    fn sync(&mut self) -> io::Result<()>;
}
