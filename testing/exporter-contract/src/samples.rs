//! Small streams and slices, for tests of ledgers.

use ron_ledger_wire::{
    encode_account_key, Digest, EncodeError, Origin, Row, RowKey, SealedSlice, Seq, Slice, SliceBuilder,
    StreamId,
};

/// Length of a sample window in milliseconds.
pub const WINDOW_MS: u64 = 60_000;

/// Returns the stream of dimension `requests` that a fixed origin counts for `tenant`.
#[must_use]
pub fn stream(tenant: &str) -> StreamId {
    StreamId::new(Origin::from_bytes([0xa1; 16]), tenant, "requests")
}

/// Returns slice `seq` of a stream, with one row. Another increment makes another slice under the same number: a fork.
#[must_use]
pub fn slice(stream: &StreamId, seq: Seq, previous: Option<Digest>, increment: u64) -> SealedSlice {
    let slice = Slice {
        stream: stream.clone(),
        seq,
        start_ms: seq.get() * WINDOW_MS,
        end_ms: seq.next().get() * WINDOW_MS,
        previous,
        rows: vec![Row { key: RowKey::Account { namespace: 1, id: 42 }, increment }],
    };
    built(slice.encode())
}

/// Returns the slices 0 to `length - 1` of a stream, each linked to the one before it, with increments 1, 2, 3 and so on.
#[must_use]
pub fn chain(stream: &StreamId, length: u64) -> Vec<SealedSlice> {
    let mut chain: Vec<SealedSlice> = Vec::new();
    for seq in 0..length {
        chain.push(slice(stream, Seq::new(seq), chain.last().map(SealedSlice::digest), seq + 1));
    }
    chain
}

/// Returns slice 0 of a stream with as many rows as fit, and their number.
#[must_use]
pub fn full_slice(stream: &StreamId) -> (SealedSlice, usize) {
    let mut builder = built(SliceBuilder::new(stream, Seq::FIRST, 0, WINDOW_MS, None));
    let mut key = Vec::new();
    for id in 0.. {
        key.clear();
        encode_account_key(1, id, &mut key);
        match builder.push_encoded(&key, u64::MAX / 2) {
            Ok(()) => {}
            Err(EncodeError::Full) => break,
            Err(error) => panic!("row {id} of a full sample slice: {error}"),
        }
    }
    let rows = builder.row_count();
    (built(builder.finish()), rows)
}

fn built<T>(result: Result<T, EncodeError>) -> T {
    result.unwrap_or_else(|error| panic!("a sample slice is always valid: {error}"))
}
