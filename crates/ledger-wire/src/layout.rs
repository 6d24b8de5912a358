//! The names, numbers and limits of the format, as `docs/wire-format.md` lists them.
//!
//! Encoder and decoder both use these, so that they cannot disagree about a name or an order.

/// Version of the slice format that this crate writes and reads: field `v`.
pub const WIRE_VERSION: u64 = 1;

/// Length of the longest slice in bytes. Rows that do not fit go into further slices with consecutive numbers.
pub const SLICE_BYTES_MAX: usize = 1 << 20;

/// The least limit of a [`SliceBuilder`](crate::SliceBuilder), in bytes: enough for the longest frame and the longest row.
pub const SLICE_BYTES_LEAST: usize = 8 << 10;

/// Length of the longest tenant, dimension or label, in bytes of UTF-8.
pub const TEXT_BYTES_MAX: usize = 1024;

pub(crate) const ORIGIN_BYTES: usize = 16;
pub(crate) const DIGEST_BYTES: usize = 32;
pub(crate) const ACCOUNT_ID_BYTES: usize = 16;
pub(crate) const ROW_ITEMS: u64 = 2;
pub(crate) const LABELS_ITEMS: u64 = 4;
pub(crate) const ACCOUNT_ITEMS: u64 = 2;

/// CBOR tag of an IPLD link.
pub(crate) const LINK_TAG: u64 = 42;
/// Precedes a binary CID inside a link: the identity multibase.
pub(crate) const LINK_PREFIX: u8 = 0x00;
/// The part of a CID before its digest: version 1, codec dag-cbor, hash BLAKE3, digest of 32 bytes.
pub(crate) const CID_HEADER: [u8; 4] = [0x01, 0x71, 0x1e, 0x20];
pub(crate) const CID_BYTES: usize = CID_HEADER.len() + DIGEST_BYTES;
pub(crate) const LINK_BYTES: usize = 1 + CID_BYTES;

/// Length of the shortest row: two array heads, four empty labels, an increment of one byte.
pub(crate) const ROW_BYTES_MIN: usize = 7;

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

// The longest frame and the longest row fit together. So a caller that gets `Full` and continues with the next slice always
// makes progress.
const FRAME_BYTES_MAX: usize = 512 + 2 * TEXT_BYTES_MAX;
const ROW_BYTES_MAX: usize = 16 + 4 * (3 + TEXT_BYTES_MAX);
const _: () = assert!(FRAME_BYTES_MAX + ROW_BYTES_MAX <= SLICE_BYTES_LEAST);
const _: () = assert!(SLICE_BYTES_LEAST <= SLICE_BYTES_MAX);
// The count of rows fits into the head of five bytes for which the builder leaves a gap.
const _: () = assert!(SLICE_BYTES_MAX / ROW_BYTES_MIN <= 0xffff_ffff);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_in_dag_cbor_order() {
        for pair in Field::ALL.windows(2) {
            let (a, b) = (pair[0].name(), pair[1].name());
            assert!((a.len(), a) < (b.len(), b), "{a} must precede {b}");
            assert!(pair[0] < pair[1], "the derived order is the wire order");
        }
    }
}
