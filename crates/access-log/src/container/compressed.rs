//! gzip and zstd.

use std::io::{self, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

/// How a log was compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// gzip, of one or several members.
    Gzip,
    /// Zstandard, of one or several frames.
    Zstd,
}

impl Compression {
    /// Tells the compression by the first bytes.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    pub(super) fn open<'r>(self, reader: impl Read + 'r) -> io::Result<Box<dyn Read + 'r>> {
        let reader = BufReader::new(reader);
        Ok(match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(reader)),
            Self::Zstd => Box::new(zstd::Decoder::with_buffer(reader)?),
        })
    }
}

/// A reader whose first bytes were looked at.
pub(super) struct Prefixed<R> {
    head: Cursor<Vec<u8>>,
    rest: R,
}

impl<R: Read> Prefixed<R> {
    pub(super) fn new(head: Vec<u8>, rest: R) -> Self {
        Self { head: Cursor::new(head), rest }
    }

    /// Returns the first bytes, up to `count`, and the error that ended them early.
    pub(super) fn head_of(reader: &mut R, count: u64) -> (Vec<u8>, Option<io::Error>) {
        let mut head = Vec::new();
        let error = reader.take(count).read_to_end(&mut head).err();
        (head, error)
    }
}

impl<R: Read> Read for Prefixed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.head.read(buffer)? {
            0 => self.rest.read(buffer),
            read => Ok(read),
        }
    }
}
