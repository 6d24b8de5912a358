//! Reading one segment: every record that verifies, and what stands between them.
//!
//! A crash tears the end of the newest segment; that is expected, and nothing in the torn part was acknowledged. A bad
//! record with a good one behind it is no tail. Usually it is damage, and damage is reported, never cut. But a power cut
//! may also keep a later write and lose an earlier one, when neither was synced yet. To tell the two apart, each record
//! says how far its segment was durable when it was written: bytes that a later record knew to be durable were damaged
//! afterwards; bytes that none did may never have been written.
//!
//! # Invariants
//! 1. Records come out in the order of their offsets, each once, and only if both checksums hold.
//! 2. The scan ends: its offset grows with every step and stops at the end of the file. It is linear in the file: a
//!    body is checksummed only behind a header that verifies, and no byte is in two such bodies.
//! 3. The result depends on the bytes, the number and whether the end may be torn; no state outlives a segment.

use std::fmt;

use crate::format::{self, Footer, Frame, FrameError, Header, HeaderCheck, Membership, DATA_OFFSET};
use crate::format::{END_MARK_BYTES, GLANCE_OFFSETS, HEADER_BYTES, HEADER_COPY_OFFSET, RECORD_HEADER_BYTES};
use crate::{Position, RecordKind, RecordRef};

/// What a segment's bytes say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SegmentState {
    /// Ends cleanly, without a footer: the active segment, or one whose process ended.
    Open,
    /// Ends with a footer, and all checksums hold.
    Sealed,
    /// Something at its end, or among its unsynced writes, was lost to a crash.
    Torn,
    /// Something that was durable is damaged. What verifies before and after is kept.
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

/// What kind of bytes are damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DamageKind {
    /// A copy of the segment's header. The other copy serves.
    Header,
    /// One or more records, with a record behind them that verifies.
    Records,
    /// The end of a segment that was synced before a newer one was begun.
    Tail,
    /// Every record verifies, but not the whole: the footer counts other records or other bytes.
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
    /// Where the stretch begins.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
    /// What it should have been.
    pub kind: DamageKind,
    /// True when the bytes are known to have been durable once: this is corruption. False when a crash among unsynced
    /// writes explains it.
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
    /// Where the records that verify stand, in order.
    pub(crate) records: Vec<u64>,
    pub(crate) damage: Vec<Damage>,
    pub(crate) state: SegmentState,
    /// Its name says that it is poisoned.
    pub(crate) poisoned: bool,
    /// The length of the file.
    pub(crate) length: u64,
    /// The offset behind the last thing that verifies: a file may be cut here without losing any of it.
    pub(crate) end: u64,
    /// Bytes behind `end` that are not zero and are explained by a crash.
    pub(crate) torn_bytes: u64,
}

/// A header with a verified checksum names this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NewerFormat(pub(crate) u32);

/// Reads the segment `number`, and shows each record that verifies to `visit`. `may_be_torn` says that nothing proves that
/// its end was ever synced.
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
            // A header that was written for another segment is as good as none.
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
        // Headers are synced before the first record, so a segment without one may have been torn while it was made.
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
        // Zeros behind the last record are the preallocated rest, or the mark before what a recycled file held. Anything
        // else is a torn end, or worse.
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

    /// Whether what stands at `offset` and behind it is left over from the segment whose file this was.
    fn ends_with_mark(&self, bytes: &[u8], offset: usize) -> bool {
        let is_recycled = self.header.is_some_and(|header| header.salt != 0);
        let mark = bytes.get(offset..bytes.len().min(offset + END_MARK_BYTES));
        is_recycled && mark.is_some_and(is_zero)
    }

    fn check_footer(&mut self, bytes: &[u8], offset: usize, footer: Footer) {
        // Both headers and all frames have verified, each by a checksum of its own. The checksum of the whole would find
        // nothing in them that those did not, and would cost a second pass.
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

/// Where the zeros at the end begin.
fn content_end(bytes: &[u8]) -> usize {
    let zeros: usize = bytes.rchunks(4096).take_while(|chunk| is_zero(chunk)).map(<[u8]>::len).sum();
    let content = bytes.get(..bytes.len() - zeros).unwrap_or_default();
    content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

/// Whether all bytes are zero. Looks at all of them, which compiles to wide instructions.
fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |all, byte| all | byte) == 0
}

/// The first offset from `from` on at which a frame verifies.
fn find_frame(membership: Membership, bytes: &[u8], from: usize, content_end: usize) -> Option<usize> {
    let mut offset = from;
    let mut glanced_to = from;
    while offset < content_end && offset + RECORD_HEADER_BYTES <= bytes.len() {
        if offset >= glanced_to {
            glanced_to = offset + GLANCE_OFFSETS;
            let ahead = bytes.get(offset..).and_then(|rest| rest.first_chunk());
            if ahead.is_some_and(|ahead| !format::may_begin_frame(membership, ahead)) {
                offset = glanced_to;
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

/// Where to look next. A header that verifies gives the extent of its body, which is not searched: it is the owner's,
/// and may hold anything, even the bytes of a log.
fn resume(offset: usize, error: FrameError) -> usize {
    match error {
        FrameError::Header => offset + 1,
        FrameError::Body { next } => next,
    }
}
