//! The bytes of a segment. `docs/wal-format.md` defines the layout and says what each field means. The test
//! `format_golden` reads that page and builds a file from it, so that page and code agree.
//!
//! Everything is little-endian and of fixed width. Nothing here reads or writes files.

use crate::record::RECORD_BODY_BYTES_MAX;

pub(crate) const MAGIC: [u8; 8] = *b"RONWAL\r\n";
pub(crate) const VERSION: u32 = 1;

pub(crate) const HEADER_BYTES: usize = 64;
/// The second header is in another page, so that one damaged page does not destroy both.
pub(crate) const HEADER_COPY_OFFSET: usize = 4096;
pub(crate) const DATA_OFFSET: usize = HEADER_COPY_OFFSET + HEADER_BYTES;
pub(crate) const RECORD_HEADER_BYTES: usize = 24;
pub(crate) const FOOTER_BODY_BYTES: usize = 24;
/// Zeros that are written behind each frame in a recycled file. They tell the end of the log from a torn end.
pub(crate) const END_MARK_BYTES: usize = RECORD_HEADER_BYTES;
pub(crate) const FOOTER_BYTES: usize = RECORD_HEADER_BYTES + FOOTER_BODY_BYTES;

pub(crate) const SEGMENT_BYTES_MIN: u64 = 8 << 10;
pub(crate) const SEGMENT_BYTES_MAX: u64 = 256 << 20;

const FRAME_RECORD: u8 = 1;
const FRAME_FOOTER: u8 = 2;

const _: () = assert!(8 + 4 + 4 + 16 + 8 + 8 + 4 + 8 + 4 == HEADER_BYTES, "docs/wal-format.md says 64");
const _: () = assert!(4 + 1 + 1 + 2 + 4 + 4 + 4 + 4 == RECORD_HEADER_BYTES, "docs/wal-format.md says 24");
const _: () = assert!(8 + 8 + 4 + 4 == FOOTER_BODY_BYTES, "docs/wal-format.md says 24");
const _: () = assert!(DATA_OFFSET == 4160, "docs/wal-format.md says 4160");
const _: () = assert!(RECORD_BODY_BYTES_MAX <= u32::MAX as usize);
const _: () =
    assert!(SEGMENT_BYTES_MAX <= u32::MAX as u64, "docs/wal-format.md says that `synced` has 4 bytes");
const _: () = assert!(((DATA_OFFSET + FOOTER_BYTES) as u64) < SEGMENT_BYTES_MIN);
const _: () = assert!(
    ((DATA_OFFSET + FOOTER_BYTES + RECORD_HEADER_BYTES + RECORD_BODY_BYTES_MAX) as u64) < SEGMENT_BYTES_MAX
);

const SEGMENT_EXTENSION: &str = ".wal";
const POISONED_EXTENSION: &str = ".poisoned";
const SET_ASIDE_EXTENSION: &str = ".damaged";
const NUMBER_DIGITS: usize = 20;
/// The name of the file that is kept for the next segment.
pub(crate) const SPARE_NAME: &str = "spare";

pub(crate) fn segment_name(number: u64) -> String {
    format!("{number:020}{SEGMENT_EXTENSION}")
}

pub(crate) fn poisoned_name(number: u64) -> String {
    format!("{number:020}{POISONED_EXTENSION}")
}

pub(crate) fn set_aside_name(number: u64) -> String {
    format!("{number:020}{SET_ASIDE_EXTENSION}")
}

pub(crate) fn parse_segment_name(name: &str) -> Option<u64> {
    parse_number(name.strip_suffix(SEGMENT_EXTENSION)?)
}

pub(crate) fn parse_poisoned_name(name: &str) -> Option<u64> {
    parse_number(name.strip_suffix(POISONED_EXTENSION)?)
}

pub(crate) fn parse_set_aside_name(name: &str) -> Option<u64> {
    parse_number(name.strip_suffix(SET_ASIDE_EXTENSION)?)
}

fn parse_number(digits: &str) -> Option<u64> {
    let well_formed = digits.len() == NUMBER_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    well_formed.then(|| digits.parse().ok()).flatten()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) origin: [u8; 16],
    pub(crate) number: u64,
    pub(crate) created_ms: u64,
    /// A number that each frame of this segment carries. 0 in a new file. In a recycled file, a number that the old content
    /// of the file does not carry.
    pub(crate) salt: u32,
}

/// What was found where a header should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderCheck {
    Valid(Header),
    Newer { found: u32 },
    Invalid,
}

impl Header {
    /// Returns the bytes of a new segment up to its first record: both copies.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut copy = Vec::with_capacity(HEADER_BYTES);
        copy.extend_from_slice(&MAGIC);
        copy.extend_from_slice(&VERSION.to_le_bytes());
        copy.extend_from_slice(&[0; 4]);
        copy.extend_from_slice(&self.origin);
        copy.extend_from_slice(&self.number.to_le_bytes());
        copy.extend_from_slice(&self.created_ms.to_le_bytes());
        copy.extend_from_slice(&self.salt.to_le_bytes());
        copy.extend_from_slice(&[0; 8]);
        let checksum = crc32c::crc32c(&copy);
        copy.extend_from_slice(&checksum.to_le_bytes());
        debug_assert_eq!(copy.len(), HEADER_BYTES);

        let mut bytes = Vec::with_capacity(DATA_OFFSET);
        bytes.extend_from_slice(&copy);
        bytes.resize(HEADER_COPY_OFFSET, 0);
        bytes.extend_from_slice(&copy);
        bytes
    }

    /// Reads the copy at `offset`. The first 64 bytes have the same layout in all versions. So a version is believed only if
    /// the checksum holds: a flipped bit in the version field is damage, not a newer version.
    pub(crate) fn decode(bytes: &[u8], offset: usize) -> HeaderCheck {
        let Some(mut fields) = Fields::new(bytes, offset, HEADER_BYTES) else { return HeaderCheck::Invalid };
        let Some(checksum) = bytes.get(offset..offset + HEADER_BYTES - 4).map(crc32c::crc32c) else {
            return HeaderCheck::Invalid;
        };
        let magic: [u8; 8] = fields.take();
        let version = fields.u32();
        let _reserved: [u8; 4] = fields.take();
        let origin = fields.take();
        let number = fields.u64();
        let created_ms = fields.u64();
        let salt = fields.u32();
        let _reserved: [u8; 8] = fields.take();
        if magic != MAGIC || fields.u32() != checksum {
            return HeaderCheck::Invalid;
        }
        match version {
            VERSION => HeaderCheck::Valid(Self { origin, number, created_ms, salt }),
            0 => HeaderCheck::Invalid,
            found => HeaderCheck::Newer { found },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Footer {
    pub(crate) records: u64,
    /// The length of everything before the footer, headers included.
    pub(crate) bytes: u64,
    /// CRC32C of those bytes.
    pub(crate) checksum: u32,
}

/// A record or a footer whose checksums hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    Record { kind: u8, body: &'a [u8] },
    Footer(Footer),
}

/// A frame that was read, and what its header says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Framed<'a> {
    pub(crate) frame: Frame<'a>,
    /// The number of bytes of this segment that were known to be durable when the frame was written.
    pub(crate) synced: u64,
    /// The offset of the byte after it.
    pub(crate) next: usize,
}

/// Why there is no frame at an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameError {
    /// The header does not verify, so it is not even known where the next frame would begin.
    Header,
    /// The header verifies, so the length of the frame is known. The body is damaged or missing.
    Body { next: usize },
}

/// What the header and the checksums of a frame say besides its kind and body: where it is written, and in which state of
/// the segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Envelope {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    /// The number of bytes of this segment that are known to be durable.
    pub(crate) synced: u64,
    /// The salt of the segment's header.
    pub(crate) salt: u32,
}

/// What a frame must agree with to belong to a segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Membership {
    pub(crate) segment: u64,
    /// The salt of the segment's header. `None` if no header is readable.
    pub(crate) salt: Option<u32>,
}

/// Appends the bytes of a record to `out`. The caller has checked the length of the body.
pub(crate) fn encode_record(envelope: Envelope, kind: u8, body: &[u8], out: &mut Vec<u8>) {
    encode_frame(envelope, FRAME_RECORD, kind, body, out);
}

/// Appends the bytes of a footer to `out`.
pub(crate) fn encode_footer(envelope: Envelope, footer: Footer, out: &mut Vec<u8>) {
    let mut body = Vec::with_capacity(FOOTER_BODY_BYTES);
    body.extend_from_slice(&footer.records.to_le_bytes());
    body.extend_from_slice(&footer.bytes.to_le_bytes());
    body.extend_from_slice(&footer.checksum.to_le_bytes());
    body.extend_from_slice(&[0; 4]);
    encode_frame(envelope, FRAME_FOOTER, 0, &body, out);
}

#[allow(clippy::cast_possible_truncation)] // the body is at most 4 MiB, and a segment at most 256 MiB
fn encode_frame(envelope: Envelope, frame: u8, kind: u8, body: &[u8], out: &mut Vec<u8>) {
    debug_assert!(body.len() <= RECORD_BODY_BYTES_MAX);
    let mut header = [0; RECORD_HEADER_BYTES];
    header[0..4].copy_from_slice(&(body.len() as u32).to_le_bytes());
    header[4] = frame;
    header[5] = kind;
    header[8..12].copy_from_slice(&(envelope.synced as u32).to_le_bytes());
    header[12..16].copy_from_slice(&envelope.salt.to_le_bytes());
    let position = position_checksum(envelope.segment, envelope.offset);
    let checksum = crc32c::crc32c_append(crc32c::crc32c_append(position, &header[0..16]), body);
    header[16..20].copy_from_slice(&checksum.to_le_bytes());
    let header_checksum = crc32c::crc32c_append(position, &header[0..20]);
    header[20..24].copy_from_slice(&header_checksum.to_le_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(body);
}

/// The number of offsets that [`may_begin_frame`] tests at once.
pub(crate) const TESTED_OFFSETS: usize = 64;

/// Returns whether a frame may begin at one of the first 64 offsets. It tests some bytes of a header whose values are known,
/// without a branch, which compiles to vector instructions. So the old content of a recycled file is searched at memory
/// speed.
pub(crate) fn may_begin_frame(membership: Membership, bytes: &[u8; TESTED_OFFSETS + 16]) -> bool {
    let (salt, known) = match membership.salt {
        Some(salt) => (salt.to_le_bytes(), 0xff),
        None => ([0; 4], 0),
    };
    let mut may_begin = 0;
    for offset in 0..TESTED_OFFSETS {
        let other_kind = (bytes[offset + 4] ^ FRAME_RECORD) & (bytes[offset + 4] ^ FRAME_FOOTER);
        let other = bytes[offset + 6]
            | bytes[offset + 7]
            | ((bytes[offset + 12] ^ salt[0]) & known)
            | ((bytes[offset + 15] ^ salt[3]) & known);
        may_begin |= u8::from(other_kind | other == 0);
    }
    may_begin != 0
}

/// Reads the frame at `offset` of a segment's bytes. Costs a checksum of 36 bytes, and one of the body if the header
/// verifies.
pub(crate) fn decode_frame(
    membership: Membership,
    bytes: &[u8],
    offset: usize,
) -> Result<Framed<'_>, FrameError> {
    let mut fields = Fields::new(bytes, offset, RECORD_HEADER_BYTES).ok_or(FrameError::Header)?;
    let length = fields.u32() as usize;
    let [frame, kind, reserved_low, reserved_high] = fields.take();
    let synced = u64::from(fields.u32());
    let salt = fields.u32();
    let checksum = fields.u32();
    let header_checksum = fields.u32();
    // Cheap tests come first: a scan over damage calls this once per byte.
    let plausible = (frame == FRAME_RECORD && length <= RECORD_BODY_BYTES_MAX)
        || (frame == FRAME_FOOTER && length == FOOTER_BODY_BYTES && kind == 0);
    let is_member = membership.salt.map_or(true, |expected| expected == salt);
    if !plausible || !is_member || reserved_low != 0 || reserved_high != 0 {
        return Err(FrameError::Header);
    }
    let position = position_checksum(membership.segment, offset as u64);
    let header = bytes.get(offset..offset + 20).ok_or(FrameError::Header)?;
    if crc32c::crc32c_append(position, header) != header_checksum {
        return Err(FrameError::Header);
    }
    let next = offset + RECORD_HEADER_BYTES + length;
    let body = bytes.get(offset + RECORD_HEADER_BYTES..next).ok_or(FrameError::Body { next })?;
    let covered = header.get(..16).ok_or(FrameError::Header)?;
    if crc32c::crc32c_append(crc32c::crc32c_append(position, covered), body) != checksum {
        return Err(FrameError::Body { next });
    }
    let frame = if frame == FRAME_RECORD {
        Frame::Record { kind, body }
    } else {
        let mut fields = Fields::new(body, 0, FOOTER_BODY_BYTES).ok_or(FrameError::Header)?;
        Frame::Footer(Footer { records: fields.u64(), bytes: fields.u64(), checksum: fields.u32() })
    };
    Ok(Framed { frame, synced, next })
}

/// Returns the checksum of a position, with which the checksums of a frame begin. Because of it, a frame that landed
/// elsewhere, or that a recycled file still holds, does not verify.
fn position_checksum(segment: u64, offset: u64) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&segment.to_le_bytes()), &offset.to_le_bytes())
}

/// Reads fixed-width fields, one after the other, from bytes whose length was checked once.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn new(bytes: &'a [u8], offset: usize, length: usize) -> Option<Self> {
        bytes.get(offset..offset.checked_add(length)?).map(Self)
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk::<N>() {
            Some((field, rest)) => {
                self.0 = rest;
                *field
            }
            None => [0; N],
        }
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
}
