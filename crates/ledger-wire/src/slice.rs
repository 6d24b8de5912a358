//! A slice as owned values.

use std::cmp::Ordering;

use crate::builder::SliceBuilder;
use crate::decode;
use crate::encode::encode_row_key;
use crate::error::{DecodeError, EncodeError};
use crate::rows::RowKeyRef;
use crate::sealed::SealedSlice;
use crate::seq::Seq;
use crate::stream::StreamId;
use crate::Digest;

/// One stream's usage for a span of whole windows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slice {
    /// The stream that the slice belongs to.
    pub stream: StreamId,
    /// Number within the stream, from 0 and without gaps.
    pub seq: Seq,
    /// Start of the span in Unix milliseconds.
    pub start_ms: u64,
    /// End of the span in Unix milliseconds, exclusive, after the start.
    pub end_ms: u64,
    /// Digest of the slice before this one; `None` for slice 0 alone.
    pub previous: Option<Digest>,
    /// What was counted: at least one row, ascending by key, each key once.
    pub rows: Vec<Row>,
}

impl Slice {
    /// Encodes the slice into its one canonical form and hashes it.
    ///
    /// The rows must be in order. `rows.sort_by(|a, b| a.key.cmp(&b.key))` sorts them.
    pub fn encode(&self) -> Result<SealedSlice, EncodeError> {
        let mut builder =
            SliceBuilder::new(&self.stream, self.seq, self.start_ms, self.end_ms, self.previous)?;
        let mut key = Vec::new();
        for row in &self.rows {
            key.clear();
            encode_row_key(&row.key, &mut key);
            builder.push_encoded(&key, row.increment)?;
        }
        builder.finish()
    }

    /// Decodes a slice strictly: only bytes that [`encode`](Self::encode) writes are accepted.
    ///
    /// Nothing is allocated before the whole input is found to be canonical. A slice that is accepted then takes a small
    /// multiple of its bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode::frame(bytes).map(|frame| frame.to_slice(bytes))
    }
}

/// A key, and how much was counted for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    /// What the usage is attributed to.
    pub key: RowKey,
    /// How much, never zero.
    pub increment: u64,
}

/// What a row's usage is attributed to. Keys compare like their encoded bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RowKey {
    /// A label set, without its tenant, which the stream has.
    Labels {
        /// Method of the request, such as `GET`.
        method: Box<str>,
        /// Template of the route, such as `/v1/objects/:id`.
        route: Box<str>,
        /// Service that counted.
        service: Box<str>,
        /// Region in which it runs.
        region: Box<str>,
    },
    /// A numeric account.
    Account {
        /// Namespace of the id.
        namespace: u32,
        /// The account's number within the namespace.
        id: u128,
    },
}

impl RowKey {
    /// Returns the key of a label set.
    pub fn labels(method: &str, route: &str, service: &str, region: &str) -> Self {
        Self::Labels {
            method: method.into(),
            route: route.into(),
            service: service.into(),
            region: region.into(),
        }
    }

    /// Returns the borrowed form.
    pub fn as_ref(&self) -> RowKeyRef<'_> {
        match self {
            Self::Labels { method, route, service, region } => {
                RowKeyRef::Labels { method, route, service, region }
            }
            Self::Account { namespace, id } => RowKeyRef::Account { namespace: *namespace, id: *id },
        }
    }

    /// Returns the key of a numeric account.
    pub const fn account(namespace: u32, id: u128) -> Self {
        Self::Account { namespace, id }
    }
}

impl PartialOrd for RowKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

// Compares like the encoded bytes, without encoding. Heads ascend with their value, so a text sorts by its length and then by
// its bytes, and an array of two sorts before an array of four.
impl Ord for RowKey {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Account { .. }, Self::Labels { .. }) => Ordering::Less,
            (Self::Labels { .. }, Self::Account { .. }) => Ordering::Greater,
            (Self::Account { namespace, id }, Self::Account { namespace: other_namespace, id: other_id }) => {
                (namespace, id).cmp(&(other_namespace, other_id))
            }
            (
                Self::Labels { method, route, service, region },
                Self::Labels {
                    method: other_method,
                    route: other_route,
                    service: other_service,
                    region: other_region,
                },
            ) => text_order(method, other_method)
                .then_with(|| text_order(route, other_route))
                .then_with(|| text_order(service, other_service))
                .then_with(|| text_order(region, other_region)),
        }
    }
}

fn text_order(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}
