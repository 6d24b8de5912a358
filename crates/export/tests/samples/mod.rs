//! Streams and chains with little in them.
#![allow(dead_code, unreachable_pub)] // Each test file uses its part.
#![allow(clippy::unwrap_used)] // A failed assertion, wherever it stands.

use ron_accounting_export::{Ack, Batch, Completion, Lanes, PutError};
use ron_ledger_wire::{Digest, Origin, Row, RowKey, SealedSlice, Seq, Slice, StreamId};

pub fn stream(tenant: &str) -> StreamId {
    StreamId::new(Origin::from_bytes([3; 16]), tenant, "requests")
}

pub fn slice(stream: &StreamId, seq: Seq, previous: Option<Digest>, increment: u64) -> SealedSlice {
    Slice {
        stream: stream.clone(),
        seq,
        start_ms: 1000,
        end_ms: 2000,
        previous,
        rows: vec![Row { key: RowKey::Account { namespace: 1, id: 7 }, increment }],
    }
    .encode()
    .unwrap()
}

/// The slice behind `last` in the stream, or its first.
pub fn next(stream: &StreamId, last: Option<&SealedSlice>) -> SealedSlice {
    let seq = last.map_or(Seq::FIRST, |last| last.seq().next());
    slice(stream, seq, last.map(SealedSlice::digest), seq.get() + 1)
}

pub fn chain(tenant: &str, length: usize) -> Vec<SealedSlice> {
    let stream = stream(tenant);
    let mut chain: Vec<SealedSlice> = Vec::new();
    for _ in 0..length {
        chain.push(next(&stream, chain.last()));
    }
    chain
}

/// Pushes at moment 0.
pub fn push_all(lanes: &mut Lanes, slices: &[SealedSlice]) {
    push_all_at(lanes, slices, 0);
}

pub fn push_all_at(lanes: &mut Lanes, slices: &[SealedSlice], now_ms: u64) {
    for slice in slices {
        lanes.push(slice.clone(), now_ms).unwrap();
    }
    lanes.validate().unwrap();
}

/// Tenant and sequence number of each slice of a batch.
pub fn content(batch: &Batch) -> Vec<(&str, u64)> {
    batch.slices.iter().map(|slice| (slice.stream().tenant(), slice.seq().get())).collect()
}

pub fn complete_all(
    lanes: &mut Lanes,
    batch: &Batch,
    now_ms: u64,
    answer: &Result<Ack, PutError>,
) -> Completion {
    let completion = lanes.complete(batch.id, vec![answer.clone(); batch.slices.len()], now_ms);
    lanes.validate().unwrap();
    completion
}

pub fn unavailable() -> PutError {
    PutError::unavailable("connection refused")
}
