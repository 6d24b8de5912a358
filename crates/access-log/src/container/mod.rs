//! What a log is packed in, told by its content: gzip, zstd, UTF-16, byte order marks.
//!
//! Streams in bounded memory. A name is never asked: `access.log.1` may be compressed, and `access.log.gz` may not.

mod compressed;
mod utf16;

use std::{
    fmt,
    io::{self, Read},
};

pub use compressed::Compression;
use compressed::Prefixed;
pub use utf16::Encoding;

/// Enough to tell an encoding.
const HEAD_BYTES: u64 = 512;
/// Archives within archives that are opened.
const COMPRESSIONS_MAX: usize = 3;

/// The text of a log: decompressed, in UTF-8 if it was in UTF-16, without a byte order mark.
///
/// Where a compressed log is cut or damaged, its text ends, and [`Decoded::damage`] says why.
pub struct Decoded<'r> {
    reader: Box<dyn Read + 'r>,
    compressions: Vec<Compression>,
    encoding: Encoding,
    damage: Option<io::Error>,
}

impl fmt::Debug for Decoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoded")
            .field("compressions", &self.compressions)
            .field("encoding", &self.encoding)
            .field("damage", &self.damage)
            .finish_non_exhaustive()
    }
}

impl<'r> Decoded<'r> {
    /// Recognises the packing by the first bytes of `reader`, and decodes what follows.
    ///
    /// Fails if the first bytes cannot be read.
    pub fn new(reader: impl Read + 'r) -> io::Result<Self> {
        let mut reader: Box<dyn Read + 'r> = Box::new(reader);
        let mut compressions = Vec::new();
        let mut damage = None;
        let mut head;
        loop {
            (head, damage) = match (Prefixed::head_of(&mut reader, HEAD_BYTES), damage) {
                ((head, None), damage) => (head, damage),
                ((head, Some(error)), _) if is_damage(&error, &compressions) => (head, Some(error)),
                ((_, Some(error)), _) => return Err(error),
            };
            let compression = Compression::of(&head).filter(|_| compressions.len() < COMPRESSIONS_MAX);
            let prefixed = Prefixed::new(head.clone(), reader);
            let Some(compression) = compression else {
                reader = Box::new(prefixed);
                break;
            };
            reader = compression.open(prefixed)?;
            compressions.push(compression);
        }
        let encoding = Encoding::of(&head);
        Ok(Self { reader: encoding.open(reader), compressions, encoding, damage })
    }

    /// Returns what the log was compressed with, outermost first.
    pub fn compressions(&self) -> &[Compression] {
        &self.compressions
    }

    /// Returns how the log writes characters.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Returns why the text ends early, once that is known.
    pub fn damage(&self) -> Option<&io::Error> {
        self.damage.as_ref()
    }
}

impl Read for Decoded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.reader.read(buffer) {
            Err(error) if is_damage(&error, &self.compressions) => {
                self.damage.get_or_insert(error);
                Ok(0)
            }
            result => result,
        }
    }
}

/// Returns whether an error is a decompressor's, and not the disk's below it.
fn is_damage(error: &io::Error, compressions: &[Compression]) -> bool {
    !compressions.is_empty() && error.raw_os_error().is_none() && error.kind() != io::ErrorKind::Interrupted
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use flate2::{write::GzEncoder, Compression as Level};

    use super::{Compression, Decoded, Encoding};

    /// More than any buffer on the way.
    fn text() -> String {
        "192.0.2.7 - Zoë [17/May/2015:10:05:03 +0000]\n".repeat(4000)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Level::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(to_bytes).collect()
    }

    fn decoded(bytes: &[u8]) -> (String, Decoded<'_>) {
        let mut decoded = Decoded::new(bytes).unwrap();
        let mut out = Vec::new();
        decoded.read_to_end(&mut out).unwrap();
        (String::from_utf8(out).unwrap(), decoded)
    }

    #[test]
    fn a_packed_log_reads_as_its_text() {
        let text = text();
        let (first, second) = text.split_at(text.len() / 4);
        let gz = [gzip(first.as_bytes()), gzip(second.as_bytes())].concat();
        let zst = [first, second].map(|part| zstd::encode_all(part.as_bytes(), 1).unwrap()).concat();
        for (packed, expected) in [
            (text.clone().into_bytes(), &[][..]),
            (gz.clone(), &[Compression::Gzip]),
            (zst, &[Compression::Zstd]),
            (gzip(&gz), &[Compression::Gzip, Compression::Gzip]),
            (format!("\u{feff}{text}").into_bytes(), &[]),
            (utf16(&format!("\u{feff}{text}"), u16::to_le_bytes), &[]),
            (utf16(&format!("\u{feff}{text}"), u16::to_be_bytes), &[]),
            (utf16(&text, u16::to_le_bytes), &[]),
            (utf16(&text, u16::to_be_bytes), &[]),
            (gzip(&utf16(&text, u16::to_le_bytes)), &[Compression::Gzip]),
        ] {
            let (out, decoded) = decoded(&packed);
            assert!(out == text, "{decoded:?}");
            assert_eq!(decoded.compressions(), expected);
            assert!(decoded.damage().is_none());
        }
    }

    #[test]
    fn nothing_short_is_taken_for_something_else() {
        for bytes in ["", "a", "ab", "\0\0\0\0\0\0\0\0\0\0", "a\0"] {
            let (out, decoded) = decoded(bytes.as_bytes());
            assert_eq!((out.as_str(), decoded.encoding()), (bytes, Encoding::Bytes));
        }
    }

    #[test]
    fn a_cut_archive_gives_what_it_has_and_says_so() {
        let text = text();
        for packed in [gzip(text.as_bytes()), zstd::encode_all(text.as_bytes(), 1).unwrap()] {
            let (out, decoded) = decoded(&packed[..packed.len() - 9]);
            assert!(text.starts_with(&out));
            assert!(decoded.damage().is_some());
        }
        let garbage = [gzip(text.as_bytes()), vec![0; 20]].concat();
        let (out, decoded) = decoded(&garbage);
        assert!(out == text);
        assert!(decoded.damage().is_some());
        for packed in [&b"\x1f\x8b\x08"[..], b"\x28\xb5\x2f\xfd", b"\x1f\x8b\x08garbage"] {
            let (out, decoded) = self::decoded(packed);
            assert_eq!(out, "");
            assert!(decoded.damage().is_some(), "{packed:?}");
        }
    }

    #[test]
    fn an_error_of_the_disk_stays_an_error() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::from_raw_os_error(5))
            }
        }
        assert!(Decoded::new(Broken).is_err());
        let packed = gzip(text().as_bytes());
        let mut decoded = Decoded::new(packed[..100].chain(Broken)).unwrap_err();
        assert_eq!(decoded.raw_os_error(), Some(5));
        let mut late = Decoded::new(packed[..700].chain(Broken));
        if let Ok(reader) = &mut late {
            decoded = reader.read_to_end(&mut Vec::new()).unwrap_err();
        }
        assert_eq!(decoded.raw_os_error(), Some(5));
    }
}
