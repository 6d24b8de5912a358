//! Reading one segment: every record that verifies, and the damage between them.
//!
//! A crash tears the end of the newest segment. That is expected: nothing in the torn part was durable. A bad record with a
//! good one behind it is not such an end. Usually it is damage, which is reported and never cut. But if two writes were not
//! synced yet, a power cut may also keep the later one and lose the earlier one. To tell the two cases apart, each record
//! says how many bytes of its segment were durable when it was written. Bytes that a later record knew to be durable were
//! damaged afterwards. Other bytes may never have been written.
//!
//! # Invariants
//! 1. Records come out in the order of their offsets, each once, and only if both checksums hold.
//! 2. The scan ends: its offset grows with every step and stops at the end of the file. Its cost is linear in the file: a
//!    body is checksummed only behind a header that verifies, and no byte is in two such bodies.
//! 3. The result depends only on the bytes, the number, and whether the end may be torn. No state is kept from one segment
//!    to the next.

use std::fmt;

use crate::format::{self, Footer, Frame, FrameError, Header, HeaderCheck, Membership, DATA_OFFSET};
use crate::format::{END_MARK_BYTES, HEADER_BYTES, HEADER_COPY_OFFSET, RECORD_HEADER_BYTES, TESTED_OFFSETS};
use crate::{Position, RecordKind, RecordRef};

/// What a segment's bytes say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SegmentState {
    /// Everything verifies, and there is no footer. It is the active segment, or its process ended without closing it.
    Open,
    /// Everything verifies, and there is a footer.
    Sealed,
    /// A crash lost something of its end, or of its unsynced writes.
    Torn,
    /// Something that was durable is damaged. The records before and behind it that verify are kept.
    Corrupt,
}

impl fmt::Display for SegmentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Open => "open",
            Self::Sealed => "sealed",
            Self::Torn => "torn",
            Self::Corrupt => "corrupt",
        })
    }
}

/// Which bytes are damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DamageKind {
    /// A copy of the segment's header. The other copy is used.
    Header,
    /// One or more records, with a record behind them that verifies.
    Records,
    /// The end of a segment that was synced before a newer one was begun.
    Tail,
    /// Every record verifies, but the footer gives another number of records or bytes.
    Checksum,
}

impl fmt::Display for DamageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Header => "segment header",
            Self::Records => "records",
            Self::Tail => "end of the segment",
            Self::Checksum => "segment checksum",
        })
    }
}

/// A stretch of bytes that do not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The segment.
    pub segment: u64,
    /// The offset at which the stretch begins.
    pub offset: u64,
    /// Its length.
    pub bytes: u64,
    /// What it should have been.
    pub kind: DamageKind,
    /// Whether the bytes are known to have been durable. If so, this is corruption. If not, a crash before the sync explains
    /// it.
    pub synced: bool,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = if self.synced { "damaged" } else { "lost in a crash before it was synced" };
        write!(
            f,
            "segment {} offset {}: {} bytes, {} {cause}",
            self.segment, self.offset, self.bytes, self.kind
        )
    }
}

#[derive(Debug)]
pub(crate) struct ScannedSegment {
    pub(crate) number: u64,
    pub(crate) header: Option<Header>,
    /// The offsets of the records that verify, in order.
    pub(crate) records: Vec<u64>,
    pub(crate) damage: Vec<Damage>,
    pub(crate) state: SegmentState,
    /// Whether its name says that it is poisoned.
    pub(crate) poisoned: bool,
    /// The length of the file.
    pub(crate) length: u64,
    /// The offset behind the last header or frame that verifies. The file may be cut here.
    pub(crate) end: u64,
    /// The number of bytes behind `end` that are not zero and that a crash explains.
    pub(crate) torn_bytes: u64,
}

/// The newer version that a header names, whose checksum holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NewerFormat(pub(crate) u32);

/// Reads the segment `number`, and calls `visit` with each record that verifies. `may_be_torn` says whether its end may
/// never have been synced.
pub(crate) fn scan(
    number: u64,
    bytes: &[u8],
    may_be_torn: bool,
    visit: &mut dyn FnMut(RecordRef<'_>),
) -> Result<ScannedSegment, NewerFormat> {
    let content_end = content_end(bytes);
    let copies = [0, HEADER_COPY_OFFSET].map(|offset| (offset, Header::decode(bytes, offset)));
    let mut header = None;
    let mut damage = Vec::new();
    for (offset, check) in copies {
        match check {
            HeaderCheck::Newer { found } => return Err(NewerFormat(found)),
            HeaderCheck::Valid(valid) if valid.number == number => header = header.or(Some(valid)),
            // A header of another segment counts as damaged.
            HeaderCheck::Valid(_) | HeaderCheck::Invalid => damage.push(Damage {
                segment: number,
                offset: offset as u64,
                bytes: HEADER_BYTES as u64,
                kind: DamageKind::Header,
                synced: true,
            }),
        }
    }
    let mut scanned = ScannedSegment {
        number,
        header,
        records: Vec::new(),
        damage,
        state: SegmentState::Open,
        poisoned: false,
        length: bytes.len() as u64,
        end: if header.is_some() { DATA_OFFSET.min(bytes.len()) as u64 } else { 0 },
        torn_bytes: 0,
    };
    if content_end <= DATA_OFFSET {
        // Headers are synced before the first record is written, so a segment without one may have been torn as it was made.
        scanned.damage.clear();
        if may_be_torn && header.is_none() && content_end > 0 {
            scanned.torn_bytes = content_end as u64;
            scanned.state = SegmentState::Torn;
        }
        return Ok(scanned);
    }
    scanned.read_frames(bytes, content_end, may_be_torn, visit);
    Ok(scanned)
}

impl ScannedSegment {
    fn read_frames(
        &mut self,
        bytes: &[u8],
        content_end: usize,
        may_be_torn: bool,
        visit: &mut dyn FnMut(RecordRef<'_>),
    ) {
        let membership = Membership { segment: self.number, salt: self.header.map(|header| header.salt) };
        let mut offset = DATA_OFFSET;
        let mut durable = 0;
        let mut footer = None;
        while offset < content_end && footer.is_none() {
            let framed = match format::decode_frame(membership, bytes, offset) {
                Ok(framed) => framed,
                Err(error) => {
                    let Some(next) = find_frame(membership, bytes, resume(offset, error), content_end) else {
                        break;
                    };
                    self.push_damage(offset, next - offset, DamageKind::Records);
                    offset = next;
                    continue;
                }
            };
            durable = durable.max(framed.synced);
            match framed.frame {
                Frame::Record { kind, body } => {
                    let position = Position { segment: self.number, offset: offset as u64 };
                    self.records.push(position.offset);
                    visit(RecordRef { position, kind: RecordKind(kind), body });
                }
                Frame::Footer(found) => footer = Some((offset, found)),
            }
            offset = framed.next;
            self.end = offset as u64;
        }
        // Zeros behind the last record are the preallocated rest, or the mark before the old content of a recycled file.
        // Anything else is a torn end or damage.
        if offset < content_end && !self.ends_with_mark(bytes, offset) {
            let tail = content_end - offset;
            if may_be_torn {
                self.torn_bytes = tail as u64;
            } else {
                // The newer segment was begun only after this one was synced.
                durable = u64::MAX;
                self.push_damage(offset, tail, DamageKind::Tail);
            }
        }
        for damage in &mut self.damage {
            damage.synced |= durable > damage.offset;
        }
        let sealed = footer.is_some();
        if let (Some((offset, footer)), true) = (footer, self.damage.is_empty()) {
            self.check_footer(bytes, offset, footer);
        }
        self.state = if self.damage.iter().any(|damage| damage.synced) {
            SegmentState::Corrupt
        } else if self.torn_bytes > 0 || !self.damage.is_empty() {
            SegmentState::Torn
        } else if sealed {
            SegmentState::Sealed
        } else {
            SegmentState::Open
        };
    }

    /// Returns whether the bytes from `offset` on are left over from the segment whose file this was.
    fn ends_with_mark(&self, bytes: &[u8], offset: usize) -> bool {
        let is_recycled = self.header.is_some_and(|header| header.salt != 0);
        let mark = bytes.get(offset..bytes.len().min(offset + END_MARK_BYTES));
        is_recycled && mark.is_some_and(is_zero)
    }

    fn check_footer(&mut self, bytes: &[u8], offset: usize, footer: Footer) {
        // Both headers and all frames have been verified, each by its own checksum. The checksum of the whole would find
        // nothing more in them, and would cost a second pass.
        let between_headers = bytes.get(HEADER_BYTES..HEADER_COPY_OFFSET).unwrap_or_default();
        let holds = footer.records == self.records.len() as u64
            && footer.bytes == offset as u64
            && is_zero(between_headers);
        if !holds {
            self.push_damage(0, offset, DamageKind::Checksum);
            self.damage.iter_mut().for_each(|damage| damage.synced = true);
        }
    }

    fn push_damage(&mut self, offset: usize, bytes: usize, kind: DamageKind) {
        let damage =
            Damage { segment: self.number, offset: offset as u64, bytes: bytes as u64, kind, synced: false };
        self.damage.push(damage);
    }
}

/// Returns the offset at which the zeros at the end begin.
fn content_end(bytes: &[u8]) -> usize {
    let zeros: usize = bytes.rchunks(4096).take_while(|chunk| is_zero(chunk)).map(<[u8]>::len).sum();
    let content = bytes.get(..bytes.len() - zeros).unwrap_or_default();
    content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

/// Returns whether all bytes are zero. Reads all of them, which compiles to vector instructions.
fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |all, byte| all | byte) == 0
}

/// Returns the first offset from `from` on at which a frame verifies.
fn find_frame(membership: Membership, bytes: &[u8], from: usize, content_end: usize) -> Option<usize> {
    let mut offset = from;
    let mut tested_to = from;
    while offset < content_end && offset + RECORD_HEADER_BYTES <= bytes.len() {
        if offset >= tested_to {
            tested_to = offset + TESTED_OFFSETS;
            let ahead = bytes.get(offset..).and_then(|rest| rest.first_chunk());
            if ahead.is_some_and(|ahead| !format::may_begin_frame(membership, ahead)) {
                offset = tested_to;
                continue;
            }
        }
        match format::decode_frame(membership, bytes, offset) {
            Ok(_) => return Some(offset),
            Err(error) => offset = resume(offset, error),
        }
    }
    None
}

/// Returns the next offset at which a frame may begin. If a header verifies, its body is skipped: the body is the owner's
/// and may hold anything, even the bytes of a log.
fn resume(offset: usize, error: FrameError) -> usize {
    match error {
        FrameError::Header => offset + 1,
        FrameError::Body { next } => next,
    }
}
