//! Canonical DAG-CBOR, the strict reading half: one item at a time, borrowed from the input.
//!
//! # Why not a general CBOR reader
//! The format has one schema, so each position expects one type. Reading by schema needs no recursion and no tree of values.
//! So nesting cannot exhaust the stack, and nothing is allocated (but the name of an unknown field, for the error). A length or
//! count that the input announces is only compared with the rest of the input, never used to allocate.

use crate::digest::Digest;
use crate::error::{DecodeError, DecodeErrorKind as Kind};
use crate::layout::{CID_HEADER, DIGEST_BYTES, LINK_PREFIX, LINK_TAG, TEXT_BYTES_MAX};

/// The type of an item: CBOR's major types, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Unsigned,
    Negative,
    Bytes,
    Text,
    Array,
    Map,
    Tag,
    Simple,
}

impl Type {
    fn of(initial: u8) -> Self {
        match initial >> 5 {
            0 => Self::Unsigned,
            1 => Self::Negative,
            2 => Self::Bytes,
            3 => Self::Text,
            4 => Self::Array,
            5 => Self::Map,
            6 => Self::Tag,
            _ => Self::Simple,
        }
    }
}

/// An initial byte with its argument. For an integer that is the whole item, for other types the length or count.
#[derive(Clone, Copy, Debug)]
struct ItemHead {
    offset: usize,
    kind: Type,
    argument: u64,
}

/// Makes the error for a byte of a link that is not the one expected.
type WrongByte = fn(u8) -> Kind;

/// The simple value that is null.
const NULL: u64 = 22;

impl ItemHead {
    fn fail<T>(self, kind: Kind) -> Result<T, DecodeError> {
        Err(DecodeError::new(self.offset, kind))
    }

    /// The error for an item whose type is not the one expected.
    fn unexpected<T>(self, expected: &'static str) -> Result<T, DecodeError> {
        let found = match (self.kind, self.argument) {
            (Type::Unsigned, _) => "an unsigned integer",
            (Type::Negative, _) => "a negative integer",
            (Type::Bytes, _) => "a byte string",
            (Type::Text, _) => "a text",
            (Type::Array, _) => return self.fail(Kind::Nesting { expected, found: "an array" }),
            (Type::Map, _) => return self.fail(Kind::Nesting { expected, found: "a map" }),
            (Type::Tag, LINK_TAG) => "a link",
            (Type::Tag, tag) => return self.fail(Kind::ForeignTag { tag }),
            (Type::Simple, 20 | 21) => "a boolean",
            (Type::Simple, NULL) => "null",
            (Type::Simple, _) => "a simple value",
        };
        self.fail(Kind::WrongType { expected, found })
    }
}

/// Reads canonical items from a borrowed input, and keeps its offset.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, offset: 0 }
    }

    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    fn truncated(&self, needed: u64) -> DecodeError {
        DecodeError::new(self.offset, Kind::Truncated { needed, left: self.left() })
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], DecodeError> {
        let split = usize::try_from(count).ok().and_then(|count| self.rest.split_at_checked(count));
        let Some((taken, rest)) = split else { return Err(self.truncated(count)) };
        self.rest = rest;
        self.offset += taken.len();
        Ok(taken)
    }

    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let Some((taken, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.truncated(N as u64));
        };
        self.rest = rest;
        self.offset += N;
        Ok(*taken)
    }

    /// Reads an initial byte and its argument, in the shortest form only.
    fn head(&mut self) -> Result<ItemHead, DecodeError> {
        let offset = self.offset;
        let [initial] = self.take_array()?;
        let kind = Type::of(initial);
        let fail = |kind| Err(DecodeError::new(offset, kind));
        let (argument, least) = match (initial & 31, kind) {
            (31, Type::Bytes | Type::Text | Type::Array | Type::Map | Type::Simple) => {
                return fail(Kind::IndefiniteLength)
            }
            (28..=31, _) => return fail(Kind::ReservedByte { byte: initial }),
            (25..=27, Type::Simple) => return fail(Kind::Float),
            (24, _) => (u64::from(u8::from_be_bytes(self.take_array()?)), 24),
            (25, _) => (u64::from(u16::from_be_bytes(self.take_array()?)), 0x100),
            (26, _) => (u64::from(u32::from_be_bytes(self.take_array()?)), 0x1_0000),
            (27, _) => (u64::from_be_bytes(self.take_array()?), 0x1_0000_0000),
            (argument, _) => (u64::from(argument), 0),
        };
        if argument < least {
            return fail(match kind {
                Type::Unsigned | Type::Negative | Type::Tag | Type::Simple => {
                    Kind::NonShortestInteger { value: argument }
                }
                Type::Bytes | Type::Text | Type::Array | Type::Map => {
                    Kind::NonShortestLength { value: argument }
                }
            });
        }
        Ok(ItemHead { offset, kind, argument })
    }

    /// Reads a head of the given type.
    fn head_of(&mut self, kind: Type, expected: &'static str) -> Result<ItemHead, DecodeError> {
        // Most heads are one byte of the expected type. Trying that first halves the time of a row.
        if let Some((&initial, rest)) = self.rest.split_first() {
            let argument = initial.wrapping_sub((kind as u8) << 5);
            if argument < 24 {
                let head = ItemHead { offset: self.offset, kind, argument: u64::from(argument) };
                self.rest = rest;
                self.offset += 1;
                return Ok(head);
            }
        }
        let head = self.head()?;
        if head.kind == kind {
            Ok(head)
        } else {
            head.unexpected(expected)
        }
    }

    pub(crate) fn unsigned(&mut self) -> Result<u64, DecodeError> {
        Ok(self.head_of(Type::Unsigned, "an unsigned integer")?.argument)
    }

    /// Reads the head of a map and returns how many entries it announces.
    pub(crate) fn map(&mut self) -> Result<u64, DecodeError> {
        Ok(self.head_of(Type::Map, "a map")?.argument)
    }

    /// Reads the head of an array and returns how many items it announces.
    pub(crate) fn array(&mut self, expected: &'static str) -> Result<u64, DecodeError> {
        Ok(self.head_of(Type::Array, expected)?.argument)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, DecodeError> {
        let head = self.head_of(Type::Text, "a text")?;
        if head.argument > TEXT_BYTES_MAX as u64 {
            return head.fail(Kind::TextTooLong { bytes: head.argument });
        }
        let start = self.offset;
        let bytes = self.take(head.argument)?;
        std::str::from_utf8(bytes)
            .map_err(|error| DecodeError::new(start + error.valid_up_to(), Kind::InvalidUtf8))
    }

    /// Reads a byte string of exactly `N` bytes. For another length, fails with what `wrong_length` returns.
    pub(crate) fn byte_string<const N: usize>(
        &mut self,
        wrong_length: fn(u64) -> Kind,
    ) -> Result<[u8; N], DecodeError> {
        let head = self.head_of(Type::Bytes, "a byte string")?;
        if head.argument != N as u64 {
            return head.fail(wrong_length(head.argument));
        }
        self.take_array()
    }

    /// Reads a link or null. The only CIDs allowed are those of slices.
    pub(crate) fn link(&mut self) -> Result<Option<Digest>, DecodeError> {
        let head = self.head()?;
        match (head.kind, head.argument) {
            (Type::Simple, NULL) => return Ok(None),
            (Type::Tag, LINK_TAG) => {}
            _ => return head.unexpected("a link or null"),
        }
        let head = self.head_of(Type::Bytes, "a byte string")?;
        let start = self.offset;
        let link = self.take(head.argument)?;
        let checks: [(u8, WrongByte); 4] = [
            (LINK_PREFIX, |found| Kind::LinkPrefix { found }),
            (CID_HEADER[0], |found| Kind::LinkVersion { found }),
            (CID_HEADER[1], |found| Kind::LinkCodec { found }),
            (CID_HEADER[2], |found| Kind::LinkHash { found }),
        ];
        for ((index, &found), (expected, wrong)) in link.iter().enumerate().zip(checks) {
            if found != expected {
                return Err(DecodeError::new(start + index, wrong(found)));
            }
        }
        let digest = match link.split_first_chunk() {
            Some(([_, _, _, _, digest_length], digest)) if *digest_length == CID_HEADER[3] => {
                <[u8; DIGEST_BYTES]>::try_from(digest).ok()
            }
            _ => None,
        };
        match digest {
            Some(digest) => Ok(Some(Digest::from_bytes(digest))),
            None => head.fail(Kind::LinkLength { bytes: head.argument }),
        }
    }

    /// Returns the bytes that were read since `earlier`, which is an earlier state of this reader.
    pub(crate) fn read_since(&self, earlier: &Self) -> &'a [u8] {
        let read = earlier.rest.get(..self.offset - earlier.offset);
        debug_assert!(read.is_some(), "the other reader reads other bytes");
        read.unwrap_or_default()
    }

    /// Checks that nothing is left.
    pub(crate) fn end(&self) -> Result<(), DecodeError> {
        match self.left() {
            0 => Ok(()),
            bytes => Err(DecodeError::new(self.offset, Kind::TrailingBytes { bytes })),
        }
    }
}
