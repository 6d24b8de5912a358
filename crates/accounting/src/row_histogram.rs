//! A histogram of the rows of snapshots, of fixed size.

/// Everything above 2^24 rows, which is the highest label limit, shares the last bucket.
const EXPONENT_MAX: usize = 24;

/// How many snapshots had how many rows. A bucket ends at each power of two. Counts saturate.
///
/// ```
/// use ron_accounting::{labels, Accounting};
/// let acc = Accounting::builder().manual_at(0).build()?;
/// for route in ["/a", "/b", "/c"] {
///     acc.incr_request(&labels().tenant("acme").route(route));
/// }
/// acc.tick(60_000)?;
/// let rows = acc.stats().snapshot_rows;
/// assert_eq!((rows.count(), rows.sum()), (1, 3));
/// assert_eq!(rows.buckets().nth(2), Some((4, 1)));
/// # Ok::<(), ron_accounting::AccError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowHistogram {
    /// By exponent: the snapshots that had at most 2^exponent rows, and more than half of that.
    counts: [u64; EXPONENT_MAX + 1],
    count: u64,
    sum: u64,
}

impl RowHistogram {
    pub(crate) fn record(&mut self, rows: usize) {
        let exponent = rows.checked_next_power_of_two().map_or(usize::MAX, |power| power.ilog2() as usize);
        if let Some(count) = self.counts.get_mut(exponent) {
            *count = count.saturating_add(1);
        }
        self.count = self.count.saturating_add(1);
        self.sum = self.sum.saturating_add(rows as u64);
    }

    /// Returns for each power of two from 1 to 2^24 how many snapshots had as many rows or fewer.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.counts.iter().enumerate().scan(0_u64, |within, (exponent, count)| {
            *within = within.saturating_add(*count);
            Some((1 << exponent, *within))
        })
    }

    /// Returns how many snapshots were recorded.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Returns the sum of the rows of all snapshots.
    pub const fn sum(&self) -> u64 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_snapshot_is_in_all_buckets_that_end_at_its_rows_or_later() {
        let sizes = [1, 2, 3, 4, 5, 2047, 2048, 2049, (1 << 24) - 1, 1 << 24, (1 << 24) + 1, usize::MAX];
        let mut rows = RowHistogram::default();
        for size in sizes {
            rows.record(size);
        }
        for (end, within) in rows.buckets() {
            let exact = sizes.iter().filter(|size| **size as u64 <= end).count();
            assert_eq!(within, exact as u64, "up to {end} rows");
        }
        assert_eq!((rows.count(), rows.sum()), (12, u64::MAX));
    }
}
