//! The bodies of the records that are not slices: CBOR, read tolerantly, since only our own log is read back.

use ron_accounting_wal::RecordKind;
use ron_ledger_wire::{Digest, Head, Origin, SealedSlice, StreamId};
use serde::{de::DeserializeOwned, Deserialize, Serialize};

use super::Standing;

/// The kinds of records. A number is never given to another kind.
pub(crate) mod kind {
    use super::RecordKind;

    /// A sealed slice: its bytes.
    pub(crate) const SLICE: RecordKind = RecordKind(1);
    /// A list of [`super::AcknowledgementRecord`].
    pub(crate) const ACKNOWLEDGEMENTS: RecordKind = RecordKind(2);
    /// A list of [`super::HeadRecord`].
    pub(crate) const HEADS: RecordKind = RecordKind(3);
    /// The number of a checkpoint (8 bytes, little-endian), then the bytes of a slice that was not sealed yet.
    pub(crate) const CHECKPOINT: RecordKind = RecordKind(4);
    /// The number of a checkpoint, then how many slices it has (8 bytes each, little-endian). Without this one it is void.
    pub(crate) const CHECKPOINT_END: RecordKind = RecordKind(5);
}

/// The ledger has this slice.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AcknowledgementRecord {
    pub(crate) tenant: String,
    pub(crate) dimension: String,
    pub(crate) seq: u64,
}

impl From<&SealedSlice> for AcknowledgementRecord {
    fn from(slice: &SealedSlice) -> Self {
        let stream = slice.stream();
        Self { tenant: stream.tenant().into(), dimension: stream.dimension().into(), seq: slice.seq() }
    }
}

/// Where a stream stands.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HeadRecord {
    pub(crate) tenant: String,
    pub(crate) dimension: String,
    pub(crate) next_seq: u64,
    #[serde(with = "serde_bytes")]
    pub(crate) last: Vec<u8>,
    /// The ledger has all slices before this seq.
    #[serde(default)]
    pub(crate) acknowledged: u64,
}

impl From<&Standing> for HeadRecord {
    fn from(standing: &Standing) -> Self {
        let head = &standing.head;
        let stream = head.stream();
        Self {
            tenant: stream.tenant().into(),
            dimension: stream.dimension().into(),
            next_seq: head.next_seq(),
            last: head.last().map_or_else(Vec::new, |digest| digest.as_bytes().to_vec()),
            acknowledged: standing.acknowledged,
        }
    }
}

impl HeadRecord {
    pub(crate) fn head(&self, origin: Origin) -> Head {
        let last = <[u8; 32]>::try_from(self.last.as_slice()).ok().map(Digest::from_bytes);
        Head::new(StreamId::new(origin, &self.tenant, &self.dimension), self.next_seq, last)
    }
}

pub(crate) fn encode<T: Serialize>(list: &[T]) -> Vec<u8> {
    let mut body = Vec::new();
    // Writing to memory does not fail, and these types have no form that CBOR lacks.
    let written = ciborium::into_writer(list, &mut body);
    debug_assert!(written.is_ok(), "{written:?}");
    body
}

pub(crate) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, String> {
    ciborium::from_reader(body).map_err(|error| error.to_string())
}

pub(crate) fn checkpoint(number: u64, slice: &[u8]) -> Vec<u8> {
    [&number.to_le_bytes(), slice].concat()
}

pub(crate) fn checkpoint_end(number: u64, slices: usize) -> Vec<u8> {
    [number.to_le_bytes(), (slices as u64).to_le_bytes()].concat()
}

/// The number in front, and the rest.
pub(crate) fn split_number(body: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = body.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*number), rest))
}
