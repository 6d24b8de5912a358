//! The bodies of the log's records. `docs/durability.md` lists them with their bytes.
//!
//! A slice is its own bytes. What else is in a body is CBOR, read tolerantly, or little-endian integers of 8 bytes.

use ron_accounting_wal::RecordKind;
use ron_ledger_wire::{Digest, Head, Origin, SealedSlice, Seq, StreamId};
use serde::{de::DeserializeOwned, Deserialize, Serialize};

use crate::RecordError;

/// The kinds of records. A number is never given to another kind.
pub(crate) mod kind {
    use super::RecordKind;

    /// A sealed slice that is durable by itself: its bytes.
    pub(crate) const SLICE: RecordKind = RecordKind(1);
    /// A list of [`super::AcknowledgementRecord`].
    pub(crate) const ACKNOWLEDGEMENTS: RecordKind = RecordKind(2);
    /// A list of [`super::HeadRecord`].
    pub(crate) const HEADS: RecordKind = RecordKind(3);
    /// Version 1: the number of a checkpoint, then the bytes of a slice that was not sealed yet. Read, not written.
    pub(crate) const CHECKPOINT_1: RecordKind = RecordKind(4);
    /// Version 1: the number of a checkpoint, then how many slices it has. Read, not written.
    pub(crate) const CHECKPOINT_END_1: RecordKind = RecordKind(5);
    /// A slice that counts only together with the others of its group: first and last seq of the group, then its bytes.
    pub(crate) const GROUPED_SLICE: RecordKind = RecordKind(6);
    /// A part of a stream's checkpoint: see [`super::PartHeader`], then the bytes of a slice that was not sealed yet.
    pub(crate) const CHECKPOINT: RecordKind = RecordKind(7);
    /// A list of [`super::EmptyRecord`].
    pub(crate) const EMPTY_CHECKPOINTS: RecordKind = RecordKind(8);
    /// One [`super::IdentityRecord`].
    pub(crate) const IDENTITY: RecordKind = RecordKind(9);
}

/// The version of the bodies that this build writes, in [`IdentityRecord::version`].
pub(crate) const PAYLOAD_VERSION: u32 = 2;

/// The name of a kind, for those who only look.
pub(crate) const fn kind_name(kind: RecordKind) -> &'static str {
    match kind {
        kind::SLICE => "slice",
        kind::GROUPED_SLICE => "grouped slice",
        kind::ACKNOWLEDGEMENTS => "acknowledgements",
        kind::HEADS => "heads",
        kind::CHECKPOINT | kind::CHECKPOINT_1 => "checkpoint",
        kind::CHECKPOINT_END_1 => "checkpoint end",
        kind::EMPTY_CHECKPOINTS => "empty checkpoints",
        kind::IDENTITY => "identity",
        _ => "unknown",
    }
}

/// A [`Seq`] in a body is its number.
mod number {
    use ron_ledger_wire::Seq;
    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref)] // The form that serde calls.
    pub(super) fn serialize<S: Serializer>(seq: &Seq, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(seq.get())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Seq, D::Error> {
        u64::deserialize(deserializer).map(Seq::new)
    }
}

/// What a head takes in a record, beside the names.
pub(crate) const HEAD_BYTES: u64 = 80;

/// The ledger has this slice.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AcknowledgementRecord {
    pub(crate) tenant: String,
    pub(crate) dimension: String,
    #[serde(with = "number")]
    pub(crate) seq: Seq,
    /// The slice's digest, if a power cut can take the slice and leave this record. Else empty.
    #[serde(default, with = "serde_bytes", skip_serializing_if = "Vec::is_empty")]
    pub(crate) digest: Vec<u8>,
}

impl AcknowledgementRecord {
    pub(crate) fn new(stream: &StreamId, seq: Seq, digest: Option<Digest>) -> Self {
        Self {
            tenant: stream.tenant().into(),
            dimension: stream.dimension().into(),
            seq,
            digest: digest.map_or_else(Vec::new, |digest| digest.as_bytes().to_vec()),
        }
    }

    pub(crate) fn digest(&self) -> Option<Digest> {
        <[u8; 32]>::try_from(self.digest.as_slice()).ok().map(Digest::from_bytes)
    }
}

/// Where the chain of a stream ends, as far as it is durable.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HeadRecord {
    pub(crate) tenant: String,
    pub(crate) dimension: String,
    #[serde(with = "number")]
    pub(crate) next_seq: Seq,
    #[serde(with = "serde_bytes")]
    pub(crate) last: Vec<u8>,
    /// The ledger has all slices before this seq.
    #[serde(default, with = "number")]
    pub(crate) acknowledged: Seq,
}

impl HeadRecord {
    pub(crate) fn new(head: &Head, acknowledged: Seq) -> Self {
        let stream = head.stream();
        Self {
            tenant: stream.tenant().into(),
            dimension: stream.dimension().into(),
            next_seq: head.next_seq(),
            last: head.last().map_or_else(Vec::new, |digest| digest.as_bytes().to_vec()),
            acknowledged,
        }
    }

    /// What the record takes of the share that heads have.
    pub(crate) fn stored_bytes(&self) -> u64 {
        (self.tenant.len() + self.dimension.len()) as u64 + HEAD_BYTES
    }

    pub(crate) fn head(&self, origin: Origin) -> Head {
        let last = <[u8; 32]>::try_from(self.last.as_slice()).ok().map(Digest::from_bytes);
        Head::new(StreamId::new(origin, &self.tenant, &self.dimension), self.next_seq, last)
    }
}

/// What the stream's checkpoint had was thrown away on purpose.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EmptyRecord {
    pub(crate) tenant: String,
    pub(crate) dimension: String,
    pub(crate) number: u64,
    #[serde(with = "number")]
    pub(crate) first_seq: Seq,
}

/// Which log this is, beside its origin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IdentityRecord {
    pub(crate) version: u32,
    /// The ids that the openings of this log drew, oldest first: see `ron_ledger_wire::Claim`.
    #[serde(default)]
    pub(crate) claims: Vec<[u8; 16]>,
    /// The last of them that the ledger is known to have taken. It stays in the list however many openings follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) confirmed: Option<[u8; 16]>,
    /// Whether a head was ever dropped, so that an unknown stream may have one in the ledger.
    #[serde(default)]
    pub(crate) has_forgotten: bool,
}

/// What stands before the slice in a part of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PartHeader {
    /// Grows with each checkpoint of the log.
    pub(crate) number: u64,
    /// Which part of the stream's checkpoint this is, from 0.
    pub(crate) part: u64,
    /// How many parts there are. All of them have to be there.
    pub(crate) parts: u64,
}

impl PartHeader {
    pub(crate) const BYTES: u64 = 24;
}

/// The first and the last seq of slices that were appended as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) first: Seq,
    pub(crate) last: Seq,
    /// The ledger told where the stream continues, and no other record says it: the log had dropped the head. Only of a
    /// slice that needs no other, which is then written as a group of one.
    pub(crate) is_resumed: bool,
}

impl Group {
    /// A slice that needs no other.
    pub(crate) const fn single(seq: Seq) -> Self {
        Self { first: seq, last: seq, is_resumed: false }
    }
}

pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut body = Vec::new();
    // Writing to memory does not fail, and these types have no form that CBOR lacks.
    let written = ciborium::into_writer(value, &mut body);
    debug_assert!(written.is_ok(), "{written:?}");
    body
}

pub(crate) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, RecordError> {
    ciborium::from_reader(body).map_err(|error| RecordError::Cbor(error.into()))
}

/// The kind and the body of a slice's record.
pub(crate) fn slice(group: Group, slice: &SealedSlice) -> (RecordKind, Vec<u8>) {
    if group.first == group.last && !group.is_resumed {
        return (kind::SLICE, slice.bytes().to_vec());
    }
    let body = [&group.first.get().to_le_bytes(), &group.last.get().to_le_bytes(), slice.bytes()].concat();
    (kind::GROUPED_SLICE, body)
}

pub(crate) fn part(header: PartHeader, slice: &SealedSlice) -> Vec<u8> {
    let PartHeader { number, part, parts } = header;
    [&number.to_le_bytes(), &part.to_le_bytes(), &parts.to_le_bytes(), slice.bytes()].concat()
}

pub(crate) fn read_slice(body: &[u8]) -> Result<SealedSlice, RecordError> {
    Ok(SealedSlice::from_bytes(body)?)
}

pub(crate) fn read_grouped(body: &[u8]) -> Result<(Group, SealedSlice), RecordError> {
    let (first, rest) = split_number(body)?;
    let (last, bytes) = split_number(rest)?;
    let (first, last, slice) = (Seq::new(first), Seq::new(last), read_slice(bytes)?);
    if !(first..=last).contains(&slice.seq()) {
        return Err(RecordError::OutsideGroup { seq: slice.seq(), first, last });
    }
    Ok((Group { first, last, is_resumed: first == last }, slice))
}

pub(crate) fn read_part(body: &[u8]) -> Result<(PartHeader, SealedSlice), RecordError> {
    let (number, rest) = split_number(body)?;
    let (part, rest) = split_number(rest)?;
    let (parts, bytes) = split_number(rest)?;
    if part >= parts {
        return Err(RecordError::NoSuchPart { part, parts });
    }
    Ok((PartHeader { number, part, parts }, read_slice(bytes)?))
}

/// Version 1: number and slice.
pub(crate) fn read_part_1(body: &[u8]) -> Result<(u64, SealedSlice), RecordError> {
    let (number, bytes) = split_number(body)?;
    Ok((number, read_slice(bytes)?))
}

/// Version 1: number and count.
pub(crate) fn read_end_1(body: &[u8]) -> Result<(u64, u64), RecordError> {
    let (number, rest) = split_number(body)?;
    Ok((number, split_number(rest)?.0))
}

/// The number in front, and the rest.
fn split_number(body: &[u8]) -> Result<(u64, &[u8]), RecordError> {
    let (number, rest) = body.split_first_chunk::<8>().ok_or(RecordError::CutShort)?;
    Ok((u64::from_le_bytes(*number), rest))
}
