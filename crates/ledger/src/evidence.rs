//! The slices behind a figure.

use ron_ledger_wire::{Cid, Digest};

use crate::{smallest::SmallestSums, ReadError, SliceInfo, SliceName};

/// A slice behind a figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The slice.
    pub slice: SliceInfo,
    /// How much of the figure the slice is.
    pub amount: u128,
}

/// Returns at most `limit` slices behind a figure, those behind `after`. `scan` adds all slices that the ledger has and whose stream, span
/// and rows are selected.
pub fn collect_evidence<E: From<ReadError>>(
    after: Option<&SliceName>,
    limit: usize,
    scan: impl FnOnce(&mut EvidenceSums) -> Result<(), E>,
) -> Result<Vec<Evidence>, E> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let mut sums = EvidenceSums(SmallestSums::new(after.cloned(), limit));
    scan(&mut sums)?;
    Ok(sums
        .0
        .into_sorted()
        .into_iter()
        .map(|(name, (known, amount))| Evidence { slice: known.info(name), amount })
        .collect())
}

/// The slices behind a figure, while a ledger adds those that it has.
#[derive(Debug)]
pub struct EvidenceSums(SmallestSums<SliceName, Known>);

impl EvidenceSums {
    /// Adds how much of the figure a slice is. Slices that do not fit into the answer are dropped.
    pub fn add(&mut self, slice: &SliceInfo, amount: u128) {
        if amount > 0 {
            self.0.add(slice.name.clone(), || Known::of(slice), amount);
        }
    }
}

#[derive(Debug)]
struct Known {
    digest: Digest,
    start_ms: u64,
    end_ms: u64,
    row_count: u64,
    total: u128,
}

impl Known {
    fn of(slice: &SliceInfo) -> Self {
        let SliceInfo { digest, start_ms, end_ms, row_count, total, .. } = *slice;
        Self { digest, start_ms, end_ms, row_count, total }
    }

    fn info(self, name: SliceName) -> SliceInfo {
        let Self { digest, start_ms, end_ms, row_count, total } = self;
        SliceInfo { name, digest, start_ms, end_ms, row_count, total }
    }
}

impl Evidence {
    /// Returns the content identifier of the slice.
    #[must_use]
    pub fn cid(&self) -> Cid {
        self.slice.cid()
    }
}
