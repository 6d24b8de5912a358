//! Slices of the usage ledger: data types, canonical DAG-CBOR, digest chain and the one acceptance rule.
//!
//! This crate implements `docs/wire-format.md` (schema in `docs/slice.cddl`). It has no clock, no I/O, no retries, no signatures
//! and no storage: bytes and heads are arguments.
//!
//! **Identity**
//! * [`Origin`]: which chain-keeping process counted. * [`StreamId`]: origin, tenant, dimension: the unit of order.
//! * [`Seq`]: a slice's number within its stream.
//! * [`Digest`]: BLAKE3-256 of a slice's bytes. * [`Cid`]: the same digest in the form that IPLD tools use.
//!
//! **Slices**
//! * [`Slice`], [`Row`], [`RowKey`]: a slice as owned values, to read it or to build one by hand.
//! * [`SliceBuilder`]: the streaming encoder, for rows that come one by one and in order.
//! * [`SortedKeys`]: keys that are checked once, for an encoder that writes the same rows again.
//! * [`SealedSlice`]: bytes that are known to be canonical, with their digest. Cheap to clone; queues and ledgers hold these.
//! * [`Rows`], [`RowRef`], [`RowKeyRef`]: the rows of a sealed slice, borrowed.
//! * [`encode_row_key`], [`encode_labels_key`], [`encode_account_key`]: a key's wire form, which is its sort key.
//!
//! **Ledger**
//! * [`accept`], [`Head`], [`Acceptance`], [`Rejection`]: may these bytes follow that head? [`accept_sealed`]: may this
//!   sealed slice?
//! * [`judge_claim`], [`Claim`], [`ClaimId`], [`ClaimVerdict`]: may this opening of a log export under that origin?
//!
//! **Errors and limits**
//! * [`DecodeError`] with [`DecodeErrorKind`], [`EncodeError`], [`ParseError`].
//! * [`SLICE_BYTES_MAX`], [`SLICE_BYTES_LEAST`], [`TEXT_BYTES_MAX`], [`WIRE_VERSION`], [`CLAIM_ANCESTORS_MAX`].
//!
//! ```
//! use ron_ledger_wire::{accept, Acceptance, Head, Origin, Row, RowKey, Seq, Slice, StreamId};
//!
//! let stream = StreamId::new(Origin::from_bytes([7; 16]), "acme", "requests");
//! let slice = Slice {
//!     stream: stream.clone(),
//!     seq: Seq::FIRST,
//!     start_ms: 1_700_000_040_000,
//!     end_ms: 1_700_000_100_000,
//!     previous: None,
//!     rows: vec![Row { key: RowKey::labels("GET", "/v1/objects/:id", "gateway", "eu"), increment: 42 }],
//! };
//! let sealed = slice.encode()?;
//!
//! let head = Head::genesis(stream);
//! match accept(&head, &sealed.digest(), sealed.bytes()) {
//!     Acceptance::Next { slice: accepted, head } => {
//!         assert_eq!(accepted, slice);
//!         assert_eq!(head.next_seq(), Seq::new(1));
//!         assert_eq!(head.last(), Some(sealed.digest()));
//!     }
//!     other => panic!("a genesis slice follows an empty head: {other:?}"),
//! }
//! # Ok::<(), ron_ledger_wire::EncodeError>(())
//! ```

mod accept;
mod builder;
mod cid;
mod claim;
mod decode;
mod digest;
mod encode;
mod error;
mod hexadecimal;
mod layout;
mod origin;
mod reader;
mod rows;
mod sealed;
mod seq;
mod slice;
mod sorted_keys;
mod stream;

pub use crate::accept::{accept, accept_sealed, Acceptance, Head, Rejection};
pub use crate::builder::SliceBuilder;
pub use crate::cid::Cid;
pub use crate::claim::{judge_claim, Claim, ClaimId, ClaimVerdict, CLAIM_ANCESTORS_MAX};
pub use crate::digest::Digest;
pub use crate::encode::{encode_account_key, encode_labels_key, encode_row_key};
pub use crate::error::{DecodeError, DecodeErrorKind, EncodeError, ParseError};
pub use crate::layout::{SLICE_BYTES_LEAST, SLICE_BYTES_MAX, TEXT_BYTES_MAX, WIRE_VERSION};
pub use crate::origin::Origin;
pub use crate::rows::{RowKeyRef, RowRef, Rows};
pub use crate::sealed::SealedSlice;
pub use crate::seq::Seq;
pub use crate::slice::{Row, RowKey, Slice};
pub use crate::sorted_keys::{MergeSource, SortedKeys};
pub use crate::stream::StreamId;
