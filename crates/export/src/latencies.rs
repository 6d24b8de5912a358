//! A histogram of spans of time, of fixed size.

use std::fmt;

/// Each power of two of milliseconds is divided into this many buckets, so a quantile is at most a quarter too high.
const PARTS: u64 = 4;

/// Everything from 2^40 ms (about 35 years) on shares the last bucket.
const EXPONENT_MAX: u32 = 40;

/// One bucket for each of 0 to 3 ms, four for each power of two from 4 ms on.
const BUCKETS: usize = 4 + 4 * (EXPONENT_MAX as usize - 2) + 1;

/// A histogram of spans of time in milliseconds. Its size is fixed, and recording costs the same for each span. Counts saturate.
///
/// ```
/// use ron_accounting_export::Latencies;
///
/// let mut latencies = Latencies::default();
/// for span_ms in [1, 2, 2, 900] {
///     latencies.record(span_ms);
/// }
/// assert_eq!((latencies.count(), latencies.quantile_ms(0.5)), (4, Some(2)));
/// assert_eq!(latencies.quantile_ms(1.0), Some(900));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Latencies {
    buckets: [u64; BUCKETS],
    count: u64,
    sum_ms: u64,
    max_ms: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS], count: 0, sum_ms: 0, max_ms: 0 }
    }
}

impl Latencies {
    /// Counts one span of `span_ms` milliseconds.
    pub fn record(&mut self, span_ms: u64) {
        if let Some(bucket) = self.buckets.get_mut(bucket_of(span_ms)) {
            *bucket = bucket.saturating_add(1);
        }
        self.count = self.count.saturating_add(1);
        self.sum_ms = self.sum_ms.saturating_add(span_ms);
        self.max_ms = self.max_ms.max(span_ms);
    }

    /// Adds what another histogram counted.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *bucket = bucket.saturating_add(*more);
        }
        self.count = self.count.saturating_add(other.count);
        self.sum_ms = self.sum_ms.saturating_add(other.sum_ms);
        self.max_ms = self.max_ms.max(other.max_ms);
    }

    /// Returns how many spans were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the sum of all spans in milliseconds.
    #[must_use]
    pub fn sum_ms(&self) -> u64 {
        self.sum_ms
    }

    /// Returns how many spans took `span_ms` or less. The count is exact where a bucket ends: at 0 to 7 ms, and from there on at
    /// four places in each power of two, such as 127, 159, 191, 223 and 255 ms. In between it is too low by those of one bucket.
    #[must_use]
    pub fn count_within(&self, span_ms: u64) -> u64 {
        let within = self.buckets.iter().enumerate().take_while(|(index, _)| last_of(*index) <= span_ms);
        within.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// Returns the longest span in milliseconds; 0 before the first.
    #[must_use]
    pub fn max_ms(&self) -> u64 {
        self.max_ms
    }

    /// Returns a number of milliseconds that the given share of the spans did not exceed: 0.5 for the median, 0.99 for all but
    /// one in a hundred. `None` before the first span.
    ///
    /// The number is never too low, and at most a quarter too high. A share outside of 0 to 1 counts as the nearer end.
    #[must_use]
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    // A rank that is rounded in the 53rd bit names the same bucket, or the next.
    pub fn quantile_ms(&self, share: f64) -> Option<u64> {
        if self.count == 0 {
            return None;
        }
        let rank = ((share.clamp(0.0, 1.0) * self.count as f64).ceil() as u64).max(1);
        let mut seen = 0_u64;
        for (index, bucket) in self.buckets.iter().enumerate() {
            seen = seen.saturating_add(*bucket);
            if seen >= rank {
                return Some(last_of(index).min(self.max_ms));
            }
        }
        Some(self.max_ms)
    }
}

impl fmt::Debug for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latencies")
            .field("count", &self.count)
            .field("p50_ms", &self.quantile_ms(0.5))
            .field("p99_ms", &self.quantile_ms(0.99))
            .field("max_ms", &self.max_ms)
            .finish_non_exhaustive()
    }
}

fn bucket_of(span_ms: u64) -> usize {
    let Some(exponent) = span_ms.checked_ilog2().filter(|exponent| *exponent >= 2) else {
        return usize::try_from(span_ms).unwrap_or(0);
    };
    if exponent >= EXPONENT_MAX {
        return BUCKETS - 1;
    }
    let part = (span_ms >> (exponent - 2)) % PARTS;
    usize::try_from(u64::from(exponent - 1) * PARTS + part).unwrap_or(BUCKETS - 1)
}

/// Returns the longest span that falls into a bucket.
fn last_of(index: usize) -> u64 {
    let index = index as u64;
    if index < PARTS {
        return index;
    }
    if index >= BUCKETS as u64 - 1 {
        return u64::MAX;
    }
    let shift = index / PARTS - 1;
    ((PARTS + index % PARTS + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_span_falls_into_the_bucket_that_ends_at_or_after_it() {
        let spans = (0..5000).chain((12..64).flat_map(|bit| {
            let power = 1_u64 << bit;
            [power - 1, power, power + 1, power + power / 4, power + power / 2]
        }));
        for span in spans.chain([u64::MAX]) {
            let bucket = bucket_of(span);
            assert!(bucket < BUCKETS, "{span} ms falls into bucket {bucket}");
            assert!(last_of(bucket) >= span, "{span} ms in the bucket up to {}", last_of(bucket));
            assert!(bucket == 0 || last_of(bucket - 1) < span, "{span} ms in bucket {bucket}");
        }
    }

    #[test]
    fn a_quantile_is_never_too_low_and_at_most_a_quarter_too_high() {
        let mut spans: Vec<u64> = (0..1000_u64).map(|number| number * number * 7 % 100_003).collect();
        let mut latencies = Latencies::default();
        for span in &spans {
            latencies.record(*span);
        }
        spans.sort_unstable();
        for percent in [0, 1, 50, 90, 99, 100_u32] {
            let exact = spans[(percent as usize * 10).max(1) - 1];
            let found = latencies.quantile_ms(f64::from(percent) / 100.0).unwrap();
            assert!(found >= exact && found <= exact + exact / 4 + 1, "{percent} %: {found} for {exact}");
        }
    }

    #[test]
    fn what_took_no_longer_than_the_end_of_a_bucket_is_counted_exactly() {
        let mut latencies = Latencies::default();
        let spans: Vec<u64> = (0..2000_u64).map(|number| number * number % 4001).collect();
        for span in &spans {
            latencies.record(*span);
        }
        for end in [0, 1, 2, 3, 7, 127, 159, 191, 223, 255, 1023, 4095] {
            let exact = spans.iter().filter(|span| **span <= end).count();
            assert_eq!(latencies.count_within(end), exact as u64, "up to {end} ms");
        }
        assert!(latencies.count_within(140) <= spans.iter().filter(|span| **span <= 140).count() as u64);
        assert_eq!(latencies.count_within(u64::MAX), latencies.count());
        assert_eq!(latencies.sum_ms(), spans.iter().sum::<u64>());
    }

    #[test]
    fn merging_is_recording_both() {
        let (mut one, mut other, mut both) =
            (Latencies::default(), Latencies::default(), Latencies::default());
        for span in 0..500 {
            let part = if span % 3 == 0 { &mut one } else { &mut other };
            part.record(span * 11);
            both.record(span * 11);
        }
        one.merge(&other);
        assert_eq!(one, both);
        assert_eq!(Latencies::default().quantile_ms(0.5), None);
    }
}
