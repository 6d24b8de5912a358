//! The errors: one type per kind of operation.
//!
//! A [`DecodeError`] is an offset and a kind. The kind is part of its message, not a cause behind it.

use crate::layout::{SLICE_BYTES_MAX, TEXT_BYTES_MAX, WIRE_VERSION};
use crate::seq::Seq;

/// Why bytes are not a slice, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: {kind}")]
pub struct DecodeError {
    kind: DecodeErrorKind,
    offset: usize,
}

impl DecodeError {
    pub(crate) fn new(offset: usize, kind: DecodeErrorKind) -> Self {
        Self { kind, offset }
    }

    /// Returns how the bytes deviate from the format.
    pub fn kind(&self) -> &DecodeErrorKind {
        &self.kind
    }

    /// Returns the index of the first byte of the item that deviates.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

/// How bytes deviate from the format. Each deviation has its own variant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The input is longer than a slice may be. Nothing of it was read.
    #[error("{bytes} bytes are more than the {SLICE_BYTES_MAX} that a slice may have")]
    TooLarge {
        /// Length of the input.
        bytes: usize,
    },
    /// The input ends inside an item, or a count promises more than the input can hold.
    #[error("the input is cut off: {needed} more bytes were announced, {left} are left")]
    Truncated {
        /// Bytes that the item needs at least.
        needed: u64,
        /// Bytes that the input still has.
        left: usize,
    },
    /// The slice is complete, and bytes follow it.
    #[error("{bytes} bytes follow the end of the slice")]
    TrailingBytes {
        /// How many bytes follow.
        bytes: usize,
    },
    /// An initial byte that CBOR reserves.
    #[error("byte {byte:#04x} begins no CBOR item")]
    ReservedByte {
        /// The byte found.
        byte: u8,
    },
    /// An integer or a tag is written in more bytes than it needs.
    #[error("the integer {value} is not in its shortest form")]
    NonShortestInteger {
        /// The value written.
        value: u64,
    },
    /// A length or a count is written in more bytes than it needs.
    #[error("the length {value} is not in its shortest form")]
    NonShortestLength {
        /// The length written.
        value: u64,
    },
    /// An item of indefinite length, or the break that ends one.
    #[error("items of indefinite length are not canonical")]
    IndefiniteLength,
    /// A floating-point number.
    #[error("a slice holds no floating-point numbers")]
    Float,
    /// A tag other than the IPLD link.
    #[error("tag {tag} is foreign, only the IPLD link (tag 42) is allowed")]
    ForeignTag {
        /// The tag found.
        tag: u64,
    },
    /// An item of another type than the schema has here.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// Type that the schema has here.
        expected: &'static str,
        /// Type of the item found.
        found: &'static str,
    },
    /// An array or a map where the schema has a plain value.
    #[error("expected {expected}, found nesting: {found}")]
    Nesting {
        /// Type that the schema has here.
        expected: &'static str,
        /// Array or map.
        found: &'static str,
    },
    /// Text that is not UTF-8.
    #[error("the text is not valid UTF-8")]
    InvalidUtf8,
    /// Text longer than [`TEXT_BYTES_MAX`].
    #[error("a text of {bytes} bytes is longer than the {TEXT_BYTES_MAX} allowed")]
    TextTooLong {
        /// Announced length in bytes.
        bytes: u64,
    },
    /// A field that this version does not have.
    #[error("field {name:?} is not part of the format")]
    UnknownField {
        /// The beginning of the name found.
        name: Box<str>,
    },
    /// A field that every slice has is absent.
    #[error("field {field:?} is missing")]
    MissingField {
        /// Name of the first absent field.
        field: &'static str,
    },
    /// A field occurs twice.
    #[error("field {field:?} occurs twice")]
    DuplicateField {
        /// Name of the field.
        field: &'static str,
    },
    /// A field follows one that it must precede.
    #[error("field {field:?} follows {after:?}, but must precede it")]
    UnorderedFields {
        /// Name of the field that comes too late.
        field: &'static str,
        /// Name of the field before it.
        after: &'static str,
    },
    /// A slice of another version of the format.
    #[error("version {version} of the format is not supported, this reader knows {WIRE_VERSION}")]
    UnsupportedVersion {
        /// The version found.
        version: u64,
    },
    /// An origin that is not 16 bytes long.
    #[error("an origin has 16 bytes, found {bytes}")]
    OriginLength {
        /// Length found.
        bytes: u64,
    },
    /// A link without the leading zero byte of the identity multibase.
    #[error("a link begins with byte 0x00, found {found:#04x}")]
    LinkPrefix {
        /// First byte of the link.
        found: u8,
    },
    /// A link whose CID is not of version 1.
    #[error("a link holds a CID of version 1, found {found:#04x}")]
    LinkVersion {
        /// The byte found instead of the version.
        found: u8,
    },
    /// A link whose CID names another codec than dag-cbor.
    #[error("a link's codec is dag-cbor (0x71), found {found:#04x}")]
    LinkCodec {
        /// The byte found instead of the codec.
        found: u8,
    },
    /// A link whose CID names another hash than BLAKE3.
    #[error("a link's hash is BLAKE3 (0x1e), found {found:#04x}")]
    LinkHash {
        /// The byte found instead of the hash.
        found: u8,
    },
    /// A link whose digest, or whose CID as a whole, is too short or too long.
    #[error("a link has 37 bytes with a digest of 32, found {bytes} bytes")]
    LinkLength {
        /// Length of the whole link in bytes.
        bytes: u64,
    },
    /// `prev` is null although the slice is not the first of its stream.
    #[error("slice {seq} needs a link to the slice before it")]
    MissingLink {
        /// The slice's number.
        seq: Seq,
    },
    /// `prev` is a link although the slice is the first of its stream.
    #[error("slice 0 is the first of its stream and must have a null link")]
    GenesisLink,
    /// The window ends before it begins, or is empty.
    #[error("the window from {start_ms} to {end_ms} ms is empty, its end must lie after its start")]
    EmptyWindow {
        /// Start in Unix milliseconds.
        start_ms: u64,
        /// End in Unix milliseconds.
        end_ms: u64,
    },
    /// A slice without rows.
    #[error("a slice has at least one row")]
    NoRows,
    /// A row that is not a pair.
    #[error("a row is a key and an increment, found an array of {items}")]
    RowLength {
        /// Items found.
        items: u64,
    },
    /// A key that is neither four labels nor namespace and id.
    #[error("a key has 4 items (labels) or 2 (account), found {items}")]
    KeyLength {
        /// Items found.
        items: u64,
    },
    /// A namespace that does not fit 32 bits.
    #[error("namespace {value} does not fit 32 bits")]
    NamespaceTooLarge {
        /// The value found.
        value: u64,
    },
    /// An account id that is not 16 bytes long.
    #[error("an account id has 16 bytes, found {bytes}")]
    AccountIdLength {
        /// Length found.
        bytes: u64,
    },
    /// A row whose key sorts before the key of the row above it.
    #[error("row {row} sorts before the row above it")]
    UnsortedRows {
        /// Index of the row.
        row: usize,
    },
    /// A row whose key is the key of the row above it.
    #[error("row {row} repeats the key of the row above it")]
    DuplicateRow {
        /// Index of the row.
        row: usize,
    },
    /// A row that counts nothing.
    #[error("row {row} has an increment of zero, such a row must be left out")]
    ZeroIncrement {
        /// Index of the row.
        row: usize,
    },
}

/// Why a slice cannot be encoded. The slice or builder is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The row would take the slice past [`SLICE_BYTES_MAX`]. Finish this slice and put the row into the next.
    #[error("the row would take the slice past {SLICE_BYTES_MAX} bytes, finish it and go on with the next")]
    Full,
    /// The key is not the canonical form of a key, or one of its labels is too long.
    #[error("the key is not canonical")]
    InvalidKey(#[source] DecodeError),
    /// The tenant or the dimension is longer than [`TEXT_BYTES_MAX`].
    #[error("{field} has {bytes} bytes, more than the {TEXT_BYTES_MAX} allowed")]
    TextTooLong {
        /// Name of the field.
        field: &'static str,
        /// Its length in bytes.
        bytes: usize,
    },
    /// The window ends before it begins, or is empty.
    #[error("the window from {start_ms} to {end_ms} ms is empty, its end must lie after its start")]
    EmptyWindow {
        /// Start in Unix milliseconds.
        start_ms: u64,
        /// End in Unix milliseconds.
        end_ms: u64,
    },
    /// Slice 0 was given a previous digest.
    #[error("slice 0 is the first of its stream and has no previous digest")]
    GenesisLink,
    /// A slice other than 0 was given no previous digest.
    #[error("slice {seq} needs the digest of the slice before it")]
    MissingLink {
        /// The slice's number.
        seq: Seq,
    },
    /// A slice without rows. Leave it out: the number goes to the next slice that has some.
    #[error("a slice has at least one row")]
    NoRows,
    /// The key sorts before the key pushed last. Rows go in ascending order of their encoded keys.
    #[error("row {row} sorts before the row above it, push rows in the order of their encoded keys")]
    UnsortedRows {
        /// Index that the row would have had.
        row: usize,
    },
    /// The key was pushed before. Add the increments up first.
    #[error("row {row} repeats the key of the row above it, add the increments up first")]
    DuplicateRow {
        /// Index that the row would have had.
        row: usize,
    },
    /// The row counts nothing. Leave it out.
    #[error("row {row} has an increment of zero, leave it out")]
    ZeroIncrement {
        /// Index that the row would have had.
        row: usize,
    },
}

/// Why a text is not an [`Origin`](crate::Origin), a [`Digest`](crate::Digest) or a [`Cid`](crate::Cid).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The text is too short or too long.
    #[error("expected {expected} characters, found {found}")]
    Length {
        /// Characters that the form has.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// A byte that the form does not use: only lower case is accepted, so that each value has one text.
    #[error("character {found:?} at index {index} is not in {alphabet}")]
    Character {
        /// Index of the byte.
        index: usize,
        /// The byte found, as a character.
        found: char,
        /// What the form uses.
        alphabet: &'static str,
    },
    /// A CID in another base.
    #[error("a CID begins with 'b' for base32, found {found:?}")]
    Multibase {
        /// The first character.
        found: char,
    },
    /// A CID of another version, codec or hash.
    #[error("a CID of this ledger begins with bytes 01 71 1e 20, found {found:02x?}")]
    CidHeader {
        /// The first four bytes.
        found: [u8; 4],
    },
    /// The unused bits of the last character are not zero.
    #[error("the last character {found:?} has bits beyond the end of the CID")]
    TrailingBits {
        /// The last character.
        found: char,
    },
}

#[cfg(test)]
mod tests {
    use ron_accounting_error_contract::{assert_errors, assert_without_cause};

    use DecodeErrorKind as Kind;

    use super::*;
    use crate::{Digest, Origin, Rejection, StreamId};

    #[test]
    fn every_error_leaves_its_cause_to_its_source() {
        assert_errors!(Kind {
            without_cause: {
                TooLarge => Kind::TooLarge { bytes: 1 },
                Truncated => Kind::Truncated { needed: 2, left: 1 },
                TrailingBytes => Kind::TrailingBytes { bytes: 1 },
                ReservedByte => Kind::ReservedByte { byte: 0x1c },
                NonShortestInteger => Kind::NonShortestInteger { value: 1 },
                NonShortestLength => Kind::NonShortestLength { value: 1 },
                IndefiniteLength => Kind::IndefiniteLength,
                Float => Kind::Float,
                ForeignTag => Kind::ForeignTag { tag: 1 },
                WrongType => Kind::WrongType { expected: "a text", found: "a map" },
                Nesting => Kind::Nesting { expected: "a text", found: "a map" },
                InvalidUtf8 => Kind::InvalidUtf8,
                TextTooLong => Kind::TextTooLong { bytes: 2000 },
                UnknownField => Kind::UnknownField { name: "x".into() },
                MissingField => Kind::MissingField { field: "seq" },
                DuplicateField => Kind::DuplicateField { field: "seq" },
                UnorderedFields => Kind::UnorderedFields { field: "v", after: "seq" },
                UnsupportedVersion => Kind::UnsupportedVersion { version: 2 },
                OriginLength => Kind::OriginLength { bytes: 1 },
                LinkPrefix => Kind::LinkPrefix { found: 1 },
                LinkVersion => Kind::LinkVersion { found: 2 },
                LinkCodec => Kind::LinkCodec { found: 1 },
                LinkHash => Kind::LinkHash { found: 1 },
                LinkLength => Kind::LinkLength { bytes: 1 },
                MissingLink => Kind::MissingLink { seq: Seq::new(1) },
                GenesisLink => Kind::GenesisLink,
                EmptyWindow => Kind::EmptyWindow { start_ms: 1, end_ms: 1 },
                NoRows => Kind::NoRows,
                RowLength => Kind::RowLength { items: 1 },
                KeyLength => Kind::KeyLength { items: 1 },
                NamespaceTooLarge => Kind::NamespaceTooLarge { value: u64::MAX },
                AccountIdLength => Kind::AccountIdLength { bytes: 1 },
                UnsortedRows => Kind::UnsortedRows { row: 1 },
                DuplicateRow => Kind::DuplicateRow { row: 1 },
                ZeroIncrement => Kind::ZeroIncrement { row: 1 },
            }
            with_cause: {}
        });
        let decode_error = || DecodeError::new(1, Kind::NoRows);
        assert_without_cause(&decode_error());
        assert_errors!(EncodeError {
            without_cause: {
                Full => EncodeError::Full,
                TextTooLong => EncodeError::TextTooLong { field: "tenant", bytes: 2000 },
                EmptyWindow => EncodeError::EmptyWindow { start_ms: 1, end_ms: 1 },
                GenesisLink => EncodeError::GenesisLink,
                MissingLink => EncodeError::MissingLink { seq: Seq::new(1) },
                NoRows => EncodeError::NoRows,
                UnsortedRows => EncodeError::UnsortedRows { row: 1 },
                DuplicateRow => EncodeError::DuplicateRow { row: 1 },
                ZeroIncrement => EncodeError::ZeroIncrement { row: 1 },
            }
            with_cause: { InvalidKey => EncodeError::InvalidKey(decode_error()) }
        });
        assert_errors!(ParseError {
            without_cause: {
                Length => ParseError::Length { expected: 2, found: 1 },
                Character => ParseError::Character { index: 1, found: 'x', alphabet: "0-9 and a-f" },
                Multibase => ParseError::Multibase { found: 'z' },
                CidHeader => ParseError::CidHeader { found: [0; 4] },
                TrailingBits => ParseError::TrailingBits { found: 'b' },
            }
            with_cause: {}
        });
        let stream = || StreamId::new(Origin::from_bytes([7; 16]), "acme", "requests");
        let digest = Digest::of(b"");
        assert_errors!(Rejection {
            without_cause: {
                DigestMismatch => Rejection::DigestMismatch { claimed: digest, computed: digest },
                WrongStream => Rejection::WrongStream { expected: stream(), found: stream() },
                BrokenLink => Rejection::BrokenLink { seq: Seq::new(1), expected: Some(digest), found: None },
                Exhausted => Rejection::Exhausted,
            }
            with_cause: { Malformed => Rejection::Malformed(decode_error()) }
        });
    }
}
