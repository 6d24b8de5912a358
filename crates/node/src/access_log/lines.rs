//! Lines of an access log, one at a time.

use std::io::{self, BufRead, BufReader, Read};

use super::LineError;

/// A line of this many bytes or more is skipped unread: 1 MiB.
pub const LINE_BYTES_MAX: usize = 1 << 20;

const BUFFER_BYTES: usize = 64 << 10;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The lines of an access log, numbered from 1.
///
/// Holds one line, so memory stays constant however long the log or a line is. A byte order mark at the beginning is
/// left out, and the last line needs no newline.
#[derive(Debug)]
pub struct Lines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    number: u64,
}

impl<R: Read> Lines<R> {
    /// Makes a reader of lines. Nothing is read before the first call of [`Self::next`].
    pub fn new(reader: R) -> Self {
        Self { reader: BufReader::with_capacity(BUFFER_BYTES, reader), line: Vec::new(), number: 0 }
    }

    /// Returns the next line without its newline, or the reason for skipping it. `None` at the end.
    #[allow(clippy::should_implement_trait)] // An iterator cannot lend its own buffer.
    pub fn next(&mut self) -> io::Result<Option<Result<&[u8], LineError>>> {
        self.line.clear();
        let read = (&mut self.reader).take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        } else if read == LINE_BYTES_MAX {
            self.reader.skip_until(b'\n')?;
            return Ok(Some(Err(LineError::TooLong)));
        }
        let line = self.line.as_slice();
        let marked = if self.number == 1 { line.strip_prefix(BYTE_ORDER_MARK) } else { None };
        Ok(Some(Ok(marked.unwrap_or(line))))
    }

    /// Returns the number of the line that was read last, or 0 before the first.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the reader that the lines come from.
    pub fn get_ref(&self) -> &R {
        self.reader.get_ref()
    }
}
