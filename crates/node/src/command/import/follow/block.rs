//! Blocks of a file that is being written, and their lines one at a time.

use std::{
    cell::Cell,
    fs::{File, Metadata},
    io::{self, Read, Seek, SeekFrom},
    time::UNIX_EPOCH,
};

/// How much is read at once. Longer than any line that is metered.
pub(super) const BLOCK_BYTES: usize = 2 << 20;

/// Which file a path or an open file is, as far as the system tells. Two files that exist at once differ.
pub(super) type Identity = (u64, u64);

/// What the system says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileState {
    pub(super) identity: Identity,
    pub(super) bytes: u64,
    /// When it was written last, by the clock of its file system, in Unix milliseconds.
    pub(super) modified_ms: u64,
}

impl FileState {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified_ms = modified.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        Self { identity: identity(metadata), bytes: metadata.len(), modified_ms }
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;

    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(metadata: &Metadata) -> Identity {
    let created = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    created.map_or((0, 0), |since| (since.as_secs(), since.subsec_nanos().into()))
}

/// Reads from `offset` until the buffer is full or the file ends. Returns how many bytes that were.
pub(super) fn read_at(file: &mut File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    file.seek(SeekFrom::Start(offset))?;
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Hands a block out line by line, so that whoever reads it knows at which byte the current line begins.
#[derive(Debug)]
pub(super) struct BlockLines<'b> {
    block: &'b [u8],
    at: usize,
    /// Where the line begins that was handed out last.
    line: &'b Cell<usize>,
    is_within: bool,
}

impl<'b> BlockLines<'b> {
    pub(super) fn new(block: &'b [u8], line: &'b Cell<usize>) -> Self {
        line.set(0);
        Self { block, at: 0, line, is_within: false }
    }
}

impl Read for BlockLines<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.block.get(self.at..).unwrap_or_default();
        if rest.is_empty() || buffer.is_empty() {
            return Ok(0);
        }
        if !self.is_within {
            self.line.set(self.at);
        }
        let newline = rest.iter().position(|byte| *byte == b'\n');
        let length = newline.map_or(rest.len(), |at| at + 1).min(buffer.len());
        let (Some(to), Some(from)) = (buffer.get_mut(..length), rest.get(..length)) else { return Ok(0) };
        to.copy_from_slice(from);
        self.at += length;
        self.is_within = from.last() != Some(&b'\n');
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use ron_accounting_access_log::Lines;

    use super::BlockLines;

    #[test]
    fn each_line_is_told_with_its_beginning() {
        let (block, line) = (b"first\n\nthird, longer\nlast".as_slice(), Cell::new(9));
        let mut lines = Lines::new(BlockLines::new(block, &line));
        let mut told = Vec::new();
        while let Some(Ok(found)) = lines.next().unwrap() {
            told.push((found.bytes.len(), found.is_terminated, line.get()));
        }
        assert_eq!(told, [(5, true, 0), (0, true, 6), (13, true, 7), (4, false, 21)]);
    }
}
