//! The one acceptance rule: may these bytes follow that head?
//!
//! Every ledger calls it inside its own transaction, so that all ledgers accept the same slices. The rule is pure: the head
//! is an argument, and the new head is a result.

use crate::decode;
use crate::digest::Digest;
use crate::error::DecodeError;
use crate::sealed::SealedSlice;
use crate::seq::Seq;
use crate::slice::Slice;
use crate::stream::StreamId;

/// The end of a stream's chain: the number and the link that the next slice must have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Head {
    stream: StreamId,
    next_seq: Seq,
    last: Option<Digest>,
}

impl Head {
    /// Returns the head of a stream that has no slice yet.
    pub fn genesis(stream: StreamId) -> Self {
        Self { stream, next_seq: Seq::FIRST, last: None }
    }

    /// Returns the head of a stream with slices: the number that comes next, and the digest of the last slice.
    ///
    /// An impossible pair, such as a digest with number 0, is not repaired. Under such a head every slice is refused as a
    /// broken link.
    pub fn new(stream: StreamId, next_seq: Seq, last: Option<Digest>) -> Self {
        Self { stream, next_seq, last }
    }

    /// Returns the stream.
    pub fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// Returns the number of the slice that comes next.
    pub fn next_seq(&self) -> Seq {
        self.next_seq
    }

    /// Returns the digest of the last slice; `None` before the first.
    pub fn last(&self) -> Option<Digest> {
        self.last
    }
}

/// The verdict of [`accept`] and [`accept_sealed`]. Exhaustive on purpose: a ledger must act on each.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a slice that was judged must be stored, compared or refused"]
pub enum Acceptance<S = Slice> {
    /// The slice is the stream's next. Store the bytes and the new head in one transaction.
    Next {
        /// The slice. `accept` decodes it; `accept_sealed` returns the one that it was given.
        slice: S,
        /// The head once the slice is stored.
        head: Head,
    },
    /// The number was taken before. Compare with the digest that is stored under it. An equal digest is a duplicate: acknowledge
    /// it and change nothing. A different digest is a fork: refuse and report it.
    Repeated {
        /// The slice's number.
        seq: Seq,
        /// Digest of the bytes offered.
        digest: Digest,
    },
    /// Slices before this one are missing. Nothing is stored.
    Gap {
        /// Number of the slice that comes next.
        expected: Seq,
        /// Number of the slice offered.
        found: Seq,
    },
    /// The slice can never be accepted at this head.
    Reject(Rejection),
}

/// Why a slice is refused for good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The bytes are not a canonical slice.
    #[error("the bytes are not a canonical slice")]
    Malformed(#[source] DecodeError),
    /// The bytes do not hash to the digest that came with them.
    #[error("the bytes hash to {computed}, but were sent as {claimed}")]
    DigestMismatch {
        /// The digest that came with the bytes.
        claimed: Digest,
        /// The digest of the bytes.
        computed: Digest,
    },
    /// The slice belongs to another stream than the head.
    #[error("the slice belongs to stream {found}, not to {expected}")]
    WrongStream {
        /// The head's stream.
        expected: StreamId,
        /// The slice's stream.
        found: StreamId,
    },
    /// The slice has the right number, but continues another chain.
    #[error(
        "slice {seq} continues {}, but the stream ends with {}",
        digest_or_none(found.as_ref()), digest_or_none(expected.as_ref())
    )]
    BrokenLink {
        /// The slice's number.
        seq: Seq,
        /// Digest of the stream's last slice.
        expected: Option<Digest>,
        /// Digest that the slice links to.
        found: Option<Digest>,
    },
    /// The slice has the last number there is, so that nothing could follow it.
    #[error("slice {} would leave the stream without a next number", u64::MAX)]
    Exhausted,
}

fn digest_or_none(digest: Option<&Digest>) -> String {
    digest.map_or_else(|| "nothing".to_owned(), Digest::to_string)
}

/// Judges `bytes`, which came under the digest `claimed`, against the head of their stream.
///
/// The checks run in this order: strict decoding, digest, stream, number, link. That costs one pass of BLAKE3 and one of the
/// decoder. Only a slice that is accepted is copied out of its bytes.
///
/// ```
/// use ron_ledger_wire::{accept, Acceptance, Head, Origin, Row, RowKey, Seq, Slice, StreamId};
///
/// let stream = StreamId::new(Origin::from_bytes([7; 16]), "acme", "requests");
/// let row = Row { key: RowKey::account(1, 42), increment: 5 };
/// let rows = vec![row];
/// let slice = Slice { stream, seq: Seq::FIRST, start_ms: 0, end_ms: 1, previous: None, rows };
/// let sealed = slice.encode()?;
///
/// let empty = Head::genesis(slice.stream);
/// let Acceptance::Next { head, .. } = accept(&empty, &sealed.digest(), sealed.bytes()) else { panic!() };
/// assert_eq!(
///     accept(&head, &sealed.digest(), sealed.bytes()),
///     Acceptance::Repeated { seq: Seq::FIRST, digest: sealed.digest() },
/// );
/// # Ok::<(), ron_ledger_wire::EncodeError>(())
/// ```
pub fn accept(head: &Head, claimed: &Digest, bytes: &[u8]) -> Acceptance {
    let frame = match decode::frame(bytes) {
        Ok(frame) => frame,
        Err(error) => return Acceptance::Reject(Rejection::Malformed(error)),
    };
    let digest = Digest::of(bytes);
    if digest != *claimed {
        return Acceptance::Reject(Rejection::DigestMismatch { claimed: *claimed, computed: digest });
    }
    let stream = &head.stream;
    if (frame.origin, frame.tenant, frame.dimension) != (stream.origin(), stream.tenant(), stream.dimension())
    {
        let (expected, found) = (stream.clone(), frame.stream());
        return Acceptance::Reject(Rejection::WrongStream { expected, found });
    }
    match follow(head, frame.seq, frame.previous, digest) {
        Ok(head) => Acceptance::Next { slice: frame.to_slice(bytes), head },
        Err(refused) => refused,
    }
}

/// Judges a sealed slice against the head of its stream, by the same rule as [`accept`].
///
/// The bytes were decoded or encoded before, so they are only hashed again. Nothing is copied out of them.
pub fn accept_sealed<'a>(head: &Head, offered: &'a SealedSlice) -> Acceptance<&'a SealedSlice> {
    let (claimed, computed) = (offered.digest(), Digest::of(offered.bytes()));
    if claimed != computed {
        return Acceptance::Reject(Rejection::DigestMismatch { claimed, computed });
    }
    if *offered.stream() != head.stream {
        let (expected, found) = (head.stream.clone(), offered.stream().clone());
        return Acceptance::Reject(Rejection::WrongStream { expected, found });
    }
    match follow(head, offered.seq(), offered.previous(), computed) {
        Ok(head) => Acceptance::Next { slice: offered, head },
        Err(refused) => refused,
    }
}

/// Returns the head once a slice of the head's stream is stored, or why the slice is not the next.
fn follow<S>(head: &Head, seq: Seq, previous: Option<Digest>, digest: Digest) -> Result<Head, Acceptance<S>> {
    if seq < head.next_seq {
        return Err(Acceptance::Repeated { seq, digest });
    }
    if seq > head.next_seq {
        return Err(Acceptance::Gap { expected: head.next_seq, found: seq });
    }
    if previous != head.last {
        let (expected, found) = (head.last, previous);
        return Err(Acceptance::Reject(Rejection::BrokenLink { seq, expected, found }));
    }
    let Some(next_seq) = seq.checked_next() else {
        return Err(Acceptance::Reject(Rejection::Exhausted));
    };
    Ok(Head { stream: head.stream.clone(), next_seq, last: Some(digest) })
}
