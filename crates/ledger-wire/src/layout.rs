//! The names, numbers and limits of the format, as `docs/wire-format.md` lists them.
//!
//! Encoder and decoder take them from here alone, so the two cannot disagree about a name or an order.

/// Version of the slice format that this crate writes and reads: field `v`.
pub const WIRE_VERSION: u64 = 1;

/// Longest slice in bytes. More rows than fit become several slices with consecutive numbers.
pub const MAX_SLICE_BYTES: usize = 1 << 20;

/// The least limit that a [`SliceBuilder`](crate::SliceBuilder) can be given: any row fits beside any frame.
pub const SLICE_BYTES_LEAST: usize = 8 << 10;

/// Longest tenant, dimension or label in bytes of UTF-8.
pub const MAX_TEXT_BYTES: usize = 1024;

pub(crate) const ORIGIN_BYTES: usize = 16;
pub(crate) const DIGEST_BYTES: usize = 32;
pub(crate) const ACCOUNT_ID_BYTES: usize = 16;
pub(crate) const ROW_ITEMS: u64 = 2;
pub(crate) const LABELS_ITEMS: u64 = 4;
pub(crate) const ACCOUNT_ITEMS: u64 = 2;

/// CBOR tag of an IPLD link.
pub(crate) const LINK_TAG: u64 = 42;
/// Stands before a binary CID inside a link: the identity multibase.
pub(crate) const LINK_PREFIX: u8 = 0x00;
/// A CID before its digest: version 1, codec dag-cbor, hash BLAKE3, digest of 32 bytes.
pub(crate) const CID_HEADER: [u8; 4] = [0x01, 0x71, 0x1e, 0x20];
pub(crate) const CID_BYTES: usize = CID_HEADER.len() + DIGEST_BYTES;
pub(crate) const LINK_BYTES: usize = 1 + CID_BYTES;

/// The smallest row: two array heads, four empty labels, a one-byte increment.
pub(crate) const MIN_ROW_BYTES: usize = 7;

/// A field of the slice's map, in wire order: DAG-CBOR sorts map keys by length, then by bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    Version,
    Seq,
    Previous,
    Rows,
    End,
    Origin,
    Tenant,
    Start,
    Dimension,
}

impl Field {
    pub(crate) const ALL: [Self; 9] = [
        Self::Version,
        Self::Seq,
        Self::Previous,
        Self::Rows,
        Self::End,
        Self::Origin,
        Self::Tenant,
        Self::Start,
        Self::Dimension,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Version => "v",
            Self::Seq => "seq",
            Self::Previous => "prev",
            Self::Rows => "rows",
            Self::End => "end_ms",
            Self::Origin => "origin",
            Self::Tenant => "tenant",
            Self::Start => "start_ms",
            Self::Dimension => "dimension",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}

// Everything in a slice but its rows, at its longest, plus the longest row: a row always fits into a fresh
// slice, so a caller that gets `Full` and goes on with the next slice always makes progress.
const MAX_FRAME_BYTES: usize = 512 + 2 * MAX_TEXT_BYTES;
const MAX_ROW_BYTES: usize = 16 + 4 * (3 + MAX_TEXT_BYTES);
const _: () = assert!(MAX_FRAME_BYTES + MAX_ROW_BYTES <= SLICE_BYTES_LEAST);
const _: () = assert!(SLICE_BYTES_LEAST <= MAX_SLICE_BYTES);
// The count of rows fits the five-byte head for which the builder leaves room.
const _: () = assert!(MAX_SLICE_BYTES / MIN_ROW_BYTES <= 0xffff_ffff);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_in_dag_cbor_order() {
        for pair in Field::ALL.windows(2) {
            let (a, b) = (pair[0].name(), pair[1].name());
            assert!((a.len(), a) < (b.len(), b), "{a} must stand before {b}");
            assert!(pair[0] < pair[1], "the derived order is the wire order");
        }
    }
}
