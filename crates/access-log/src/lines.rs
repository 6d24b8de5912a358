//! Lines of a log, one at a time, in bounded memory.

use std::io::{self, Read};

use crate::{Skip, SkipReason};

/// A line of more bytes than this is skipped: 1 MiB.
pub const LINE_BYTES_MAX: usize = 1 << 20;

const BUFFER_BYTES: usize = 256 << 10;
/// What is kept of a block of NULs, enough to tell it from what a client sent.
pub(crate) const NULS_KEPT: usize = 16;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A line without its newline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line<'a> {
    /// The bytes, without newline and without a byte order mark.
    pub bytes: &'a [u8],
    /// Whether a newline follows. A line that the end of the log ends may be cut.
    pub is_terminated: bool,
}

/// The lines of a log, numbered from 1.
///
/// Memory stays constant however long the log or a line is. Blocks of NULs, which a crash or a truncated log leaves
/// behind, take no room: of those before a line one is kept, and within a line that would be too long, sixteen of
/// each run.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    /// What is read and not handed out: from `start` to `end`.
    start: usize,
    end: usize,
    number: u64,
    is_at_end: bool,
    line_bytes_max: usize,
}

impl<R: Read> Lines<R> {
    /// Reads lines from `reader`. Nothing is read before the first line is asked for.
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            number: 0,
            is_at_end: false,
            line_bytes_max: LINE_BYTES_MAX,
        }
    }

    /// Skips lines of more than `bytes` bytes instead of [`LINE_BYTES_MAX`].
    pub fn line_bytes_max(mut self, bytes: usize) -> Self {
        self.line_bytes_max = bytes.max(1);
        self
    }

    /// Returns the beginning of the log, for [`Parser::new`](crate::Parser::new): 256 KiB, or all of a shorter log.
    /// No line is consumed.
    pub fn sample(&mut self) -> io::Result<&[u8]> {
        loop {
            self.skip_nuls();
            if self.is_at_end || self.end - self.start >= BUFFER_BYTES {
                break;
            }
            self.refill()?;
        }
        Ok(self.buffer.get(self.start..self.end).unwrap_or_default())
    }

    /// Returns the next line, or why it was skipped, and `None` at the end.
    #[allow(clippy::should_implement_trait)] // An iterator cannot lend its own buffer.
    pub fn next(&mut self) -> io::Result<Option<Result<Line<'_>, Skip>>> {
        let mut scanned = 0_usize;
        let mut too_long = false;
        let (from, mut to, is_terminated) = loop {
            let start = self.start;
            self.skip_nuls();
            scanned = scanned.saturating_sub(self.start - start);
            let unscanned = self.buffer.get(self.start + scanned..self.end).unwrap_or_default();
            if let Some(at) = memchr::memchr(b'\n', unscanned) {
                let from = self.start;
                let to = from + scanned + at;
                self.start = to + 1;
                break (from, to, true);
            }
            scanned = self.end - self.start;
            if self.is_at_end {
                if scanned == 0 && !too_long {
                    return Ok(None);
                }
                let from = self.start;
                self.start = self.end;
                break (from, self.end, false);
            }
            if scanned > self.line_bytes_max {
                self.end = self.collapse_nuls(self.start, self.end);
                scanned = self.end - self.start;
                if scanned > self.line_bytes_max {
                    too_long = true;
                }
            }
            if too_long {
                (self.start, self.end, scanned) = (0, 0, 0);
            }
            self.refill()?;
        };
        self.number += 1;
        if to - from > self.line_bytes_max {
            to = self.collapse_nuls(from, to);
        }
        if too_long || to - from > self.line_bytes_max {
            return Ok(Some(Err(Skip::new(SkipReason::TooLong))));
        }
        let bytes = self.buffer.get(from..to).unwrap_or_default();
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        Ok(Some(Ok(Line { bytes, is_terminated })))
    }

    /// Returns the number of the line that was read last; 0 before the first.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the reader.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// Returns the reader. What was read ahead is lost.
    pub fn into_inner(self) -> R {
        self.reader
    }

    fn refill(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.buffer.len() - self.end < BUFFER_BYTES / 2 {
            self.buffer.resize(self.end + BUFFER_BYTES, 0);
        }
        loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(read) => {
                    self.end += read;
                    self.is_at_end = read == 0;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Leaves out all but one of the NULs before a line.
    fn skip_nuls(&mut self) {
        let ready = self.buffer.get(self.start..self.end).unwrap_or_default();
        if ready.first() == Some(&0) {
            let nuls = ready.iter().position(|b| *b != 0).unwrap_or(ready.len());
            self.start += nuls - 1;
        }
    }

    /// Keeps the first of each run of NULs. Returns where the bytes end then.
    fn collapse_nuls(&mut self, from: usize, to: usize) -> usize {
        let mut kept = from;
        let mut nuls = 0;
        for at in from..to {
            let b = self.buffer[at];
            nuls = if b == 0 { nuls + 1 } else { 0 };
            if nuls <= NULS_KEPT {
                self.buffer[kept] = b;
                kept += 1;
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Lines, LINE_BYTES_MAX};
    use crate::SkipReason;

    fn read_all(log: &[u8]) -> Vec<Result<Vec<u8>, SkipReason>> {
        let mut lines = Lines::new(log);
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push(line.map(|line| line.bytes.to_vec()).map_err(|skip| skip.reason()));
            assert_eq!(lines.number(), all.len() as u64);
        }
        all
    }

    #[test]
    fn a_line_past_the_limit_is_skipped_and_the_next_one_read() {
        let mut log = vec![b'x'; LINE_BYTES_MAX + 1];
        log.extend(b"\nnext\n");
        log.extend(vec![b'y'; 3 * LINE_BYTES_MAX]);
        log.extend(b"\n");
        log.extend(vec![b'z'; LINE_BYTES_MAX]);
        log.extend(b"\nlast");
        let lines = read_all(&log);
        assert_eq!(lines[0], Err(SkipReason::TooLong));
        assert_eq!(lines[1], Ok(b"next".to_vec()));
        assert_eq!(lines[2], Err(SkipReason::TooLong));
        assert_eq!(lines[3], Ok(vec![b'z'; LINE_BYTES_MAX]));
        assert_eq!(lines[4], Ok(b"last".to_vec()));
        assert_eq!(lines.len(), 5);
        assert_eq!(read_all(&vec![b'x'; 2 * LINE_BYTES_MAX]), [Err(SkipReason::TooLong)]);
    }

    #[test]
    fn blocks_of_nuls_take_no_room() {
        let mut log = b"before".to_vec();
        log.extend(vec![0; 5 * LINE_BYTES_MAX]);
        log.extend(b"behind\nnext\n");
        let lines = read_all(&log);
        let line = lines[0].as_ref().unwrap();
        assert!(line.starts_with(b"before\0") && line.ends_with(b"\0behind"));
        assert_eq!(lines[1], Ok(b"next".to_vec()));

        let mut log = vec![0; 5 * LINE_BYTES_MAX];
        log.extend(b"behind\n");
        assert_eq!(read_all(&log), [Ok(b"\0behind".to_vec())]);
        assert_eq!(Lines::new(log.as_slice()).sample().unwrap(), b"\0behind\n");
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_line() {
        let lines = read_all(b"\xef\xbb\xbffirst\n\xef\xbb\xbfsecond\n");
        assert_eq!(lines, [Ok(b"first".to_vec()), Ok(b"second".to_vec())]);
        assert_eq!(read_all(b""), []);
        assert_eq!(read_all(b"\n\n"), [Ok(vec![]), Ok(vec![])]);
    }

    #[test]
    fn a_sample_takes_nothing_away() {
        let mut lines = Lines::new(&b"first\nsecond"[..]);
        assert_eq!(lines.sample().unwrap(), b"first\nsecond");
        let line = lines.next().unwrap().unwrap().unwrap();
        assert_eq!((line.bytes, line.is_terminated), (&b"first"[..], true));
        let line = lines.next().unwrap().unwrap().unwrap();
        assert_eq!((line.bytes, line.is_terminated), (&b"second"[..], false));
        assert_eq!(lines.next().unwrap(), None);
    }

    proptest! {
        #[test]
        fn lines_are_what_splitting_at_newlines_gives(log in "[ab\n]{0,40}", limit in 1_usize..6) {
            let mut expected: Vec<_> = log.split('\n').collect();
            if log.is_empty() || log.ends_with('\n') {
                expected.pop();
            }
            let mut lines = Lines::new(log.as_bytes()).line_bytes_max(limit);
            for expected in expected {
                let line = lines.next().unwrap().unwrap();
                match line {
                    Ok(line) => prop_assert_eq!(line.bytes, expected.as_bytes()),
                    Err(_) => prop_assert!(expected.len() > limit),
                }
            }
            prop_assert!(lines.next().unwrap().is_none());
        }
    }
}
