//! A digest in the form that IPLD tools use, so that any of them can follow a chain or find a file by name.

use std::fmt::{self, Write};
use std::str::FromStr;

use crate::digest::Digest;
use crate::error::ParseError;
use crate::layout::{CID_BYTES, CID_HEADER, DIGEST_BYTES};

const MULTIBASE_BASE32_LOWER: char = 'b';
/// Five bits per character, rounded up, after the multibase prefix.
const TEXT_BYTES: usize = 1 + (CID_BYTES * 8).div_ceil(5);

/// The content identifier of a slice: CID version 1, codec dag-cbor, hash BLAKE3-256.
///
/// Its text is multibase base32 in lower case, 59 characters that begin with `b`. Other CIDs are refused.
///
/// ```
/// use ron_ledger_wire::{Cid, Digest};
/// let cid = Cid::from(Digest::of(b"slice"));
/// assert_eq!(cid.to_string().parse(), Ok(cid));
/// assert_eq!(cid.to_bytes()[..4], [0x01, 0x71, 0x1e, 0x20]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cid(Digest);

impl Cid {
    /// Returns the digest.
    pub const fn digest(&self) -> Digest {
        self.0
    }

    /// Returns the binary form: version, codec, hash, digest length, digest.
    pub fn to_bytes(&self) -> [u8; CID_BYTES] {
        let mut bytes = [0; CID_BYTES];
        let (header, digest) = bytes.split_at_mut(CID_HEADER.len());
        header.copy_from_slice(&CID_HEADER);
        digest.copy_from_slice(self.0.as_bytes());
        bytes
    }
}

impl From<Digest> for Cid {
    fn from(digest: Digest) -> Self {
        Self(digest)
    }
}

impl fmt::Display for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char(MULTIBASE_BASE32_LOWER)?;
        let (mut buffer, mut bits) = (0_u32, 0);
        for byte in self.to_bytes() {
            buffer = buffer << 8 | u32::from(byte);
            bits += 8;
            while bits >= 5 {
                bits -= 5;
                f.write_char(character(buffer >> bits))?;
            }
        }
        if bits > 0 {
            f.write_char(character(buffer << (5 - bits)))?;
        }
        Ok(())
    }
}

impl FromStr for Cid {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.len() != TEXT_BYTES {
            return Err(ParseError::Length { expected: TEXT_BYTES, found: text.len() });
        }
        let mut bytes = [0; CID_BYTES];
        let mut slots = bytes.iter_mut();
        let (mut buffer, mut bits, mut last) = (0_u32, 0, MULTIBASE_BASE32_LOWER);
        for (index, byte) in text.bytes().enumerate() {
            last = char::from(byte);
            if index == 0 {
                if last != MULTIBASE_BASE32_LOWER {
                    return Err(ParseError::Multibase { found: last });
                }
                continue;
            }
            let value = match byte {
                b'a'..=b'z' => byte - b'a',
                b'2'..=b'7' => byte - b'2' + 26,
                _ => return Err(ParseError::Character { index, found: last, alphabet: "a-z and 2-7" }),
            };
            buffer = (buffer << 5 | u32::from(value)) & 0xfff;
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                if let Some(slot) = slots.next() {
                    *slot = (buffer >> bits & 0xff) as u8;
                }
            }
        }
        if buffer & ((1 << bits) - 1) != 0 {
            return Err(ParseError::TrailingBits { found: last });
        }
        let (header, digest) = bytes.split_at(CID_HEADER.len());
        if header != CID_HEADER {
            let mut found = [0; CID_HEADER.len()];
            found.copy_from_slice(header);
            return Err(ParseError::CidHeader { found });
        }
        let mut inner = [0; DIGEST_BYTES];
        inner.copy_from_slice(digest);
        Ok(Self(Digest::from_bytes(inner)))
    }
}

/// Returns the base32 character of the lowest five bits.
fn character(value: u32) -> char {
    let value = (value & 31) as u8;
    char::from(if value < 26 { b'a' + value } else { b'2' + (value - 26) })
}
