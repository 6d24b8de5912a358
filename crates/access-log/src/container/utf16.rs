//! Characters of two bytes, as Windows writes them, and byte order marks.

use std::io::{self, Read};

use encoding_rs::{CoderResult, Decoder, UTF_16BE, UTF_16LE};

const CHUNK_BYTES: usize = 16 << 10;
/// A unit of UTF-16 becomes at most three bytes; the rest is for what the last chunk left.
const TEXT_BYTES: usize = 2 * CHUNK_BYTES;
const MARK: &[u8] = b"\xef\xbb\xbf";

/// How a log writes characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// One byte for each ASCII character: UTF-8, or what else servers write. Bytes are passed on as they are.
    Bytes,
    /// UTF-16, the low byte first.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
}

impl Encoding {
    /// Tells the encoding by a byte order mark, or by a zero in every other byte.
    pub(super) fn of(head: &[u8]) -> Self {
        match head {
            [0xff, 0xfe, ..] => return Self::Utf16Le,
            [0xfe, 0xff, ..] => return Self::Utf16Be,
            _ => {}
        }
        let units = head.chunks_exact(2);
        let count = units.len();
        let low_first = units.clone().filter(|unit| unit[0] != 0 && unit[1] == 0).count();
        let high_first = units.filter(|unit| unit[0] == 0 && unit[1] != 0).count();
        let most = |matching: usize| count >= 4 && matching * 8 >= count * 7;
        match (most(low_first), most(high_first)) {
            (true, _) => Self::Utf16Le,
            (_, true) => Self::Utf16Be,
            _ => Self::Bytes,
        }
    }

    pub(super) fn open<'r>(self, mut reader: Box<dyn Read + 'r>) -> Box<dyn Read + 'r> {
        let encoding = match self {
            Self::Bytes => {
                let mut mark = Vec::new();
                // An error comes again with the next read of a decompressor, and there is nothing to lose before it.
                let _ended_early = (&mut reader).take(3).read_to_end(&mut mark);
                if mark == MARK {
                    mark.clear();
                }
                return Box::new(io::Cursor::new(mark).chain(reader));
            }
            Self::Utf16Le => UTF_16LE,
            Self::Utf16Be => UTF_16BE,
        };
        Box::new(Utf16Reader {
            reader,
            decoder: encoding.new_decoder_with_bom_removal(),
            chunk: Vec::new(),
            text: vec![0; TEXT_BYTES],
            start: 0,
            end: 0,
            finished: false,
        })
    }
}

struct Utf16Reader<R> {
    reader: R,
    decoder: Decoder,
    /// Read, and not decoded.
    chunk: Vec<u8>,
    /// Decoded, and from `start` to `end` not handed out.
    text: Vec<u8>,
    start: usize,
    end: usize,
    finished: bool,
}

impl<R: Read> Utf16Reader<R> {
    fn refill(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            (&mut self.reader).take(CHUNK_BYTES as u64).read_to_end(&mut self.chunk)?;
        }
        let last = self.chunk.is_empty();
        let (result, read, written, _) = self.decoder.decode_to_utf8(&self.chunk, &mut self.text, last);
        self.chunk.drain(..read);
        (self.start, self.end) = (0, written);
        self.finished = last && result == CoderResult::InputEmpty;
        Ok(())
    }
}

impl<R: Read> Read for Utf16Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.start == self.end && !self.finished {
            self.refill()?;
        }
        let ready = self.text.get(self.start..self.end).unwrap_or_default();
        let count = ready.len().min(buffer.len());
        buffer[..count].copy_from_slice(&ready[..count]);
        self.start += count;
        Ok(count)
    }
}
