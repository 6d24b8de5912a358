//! Adding the counts of another counter, which conversion, import and merge have in common.
//!
//! - A unit that both counters have is added bucket by bucket, by number.
//! - For a unit that only the receiver has, the other's events are reconstructed from all its units, the finest first.
//! - Counts of the other at times after the receiver's are added to the current bucket. So a clock of another device that is
//!   ahead does not move the receiver ahead.

use super::{tracked_units::TrackedUnits, Interval, SingleEventCounter};
use crate::time::{signed, timeline::Timeline, unit::TimeUnit};

/// A number of events, and about when they happened.
struct Sample {
    at_ms: i64,
    count: u32,
}

impl SingleEventCounter {
    /// Converts the counter to a store's units and buckets, and advances it to at least `now_ms`.
    pub(crate) fn converted(mut self, tracked: &TrackedUnits, timeline: Timeline, now_ms: u64) -> Self {
        self.advance(now_ms);
        if self.matches(tracked, timeline) {
            return self;
        }
        let mut converted = Self::new(tracked, timeline, self.now_ms);
        converted.absorb(&self);
        converted
    }

    /// Adds all that `other` has counted.
    pub(crate) fn absorb(&mut self, other: &Self) {
        let mut samples = None;
        for interval in &mut self.intervals {
            let newest = interval.ring.newest();
            let same = other.interval(interval.unit).filter(|theirs| {
                other.timeline == self.timeline || theirs.numbered_alike(self.timeline, other.timeline)
            });
            if let Some(theirs) = same {
                for (number, count) in theirs.ring.newest_first().filter(|(_, count)| **count > 0) {
                    interval.add(number.min(newest), *count);
                }
                continue;
            }
            let cadence = self.timeline.cadence(interval.unit);
            for sample in samples.get_or_insert_with(|| other.samples()) {
                interval.add(cadence.number(sample.at_ms).min(newest), sample.count);
            }
        }
        self.used_ms = self.used_ms.max(other.used_ms.min(self.now_ms));
    }

    /// Returns the counter's events, each once, at about their times.
    fn samples(&self) -> Vec<Sample> {
        let mut samples: Vec<Sample> = Vec::new();
        let mut total = 0_u64;
        let mut covered_from_ms = i64::MAX;
        for interval in &self.intervals {
            let cadence = self.timeline.cadence(interval.unit);
            let mut through = 0_u64;
            for (number, count) in interval.ring.newest_first() {
                through = through.saturating_add(u64::from(*count));
                let start_ms = cadence.start(number);
                if start_ms >= covered_from_ms || *count == 0 {
                    continue;
                }
                // Events of this bucket that finer units have are not counted again. Totals are compared instead of single
                // buckets, since two units may count a past event one bucket apart.
                let missing = through.saturating_sub(total).min(u64::from(*count));
                if let Some(count) = u32::try_from(missing).ok().filter(|count| *count > 0) {
                    let end_ms =
                        cadence.start(number + 1).min(covered_from_ms).min(signed(self.now_ms)).max(start_ms);
                    samples.push(Sample { at_ms: start_ms + (end_ms - start_ms) / 2, count });
                    total = total.saturating_add(missing);
                }
            }
            let oldest = (interval.ring.newest() + 1).saturating_sub(interval.ring.len() as u64);
            covered_from_ms = covered_from_ms.min(cadence.start(oldest));
        }
        samples
    }
}

impl Interval {
    /// Returns whether two timelines give this unit's buckets the same numbers.
    fn numbered_alike(&self, one: Timeline, other: Timeline) -> bool {
        let calendars = [one, other].iter().filter(|timeline| **timeline == Timeline::Calendar).count();
        match self.unit {
            TimeUnit::Seconds | TimeUnit::Minutes | TimeUnit::Hours => true,
            TimeUnit::Days => calendars == 0,
            _ => false,
        }
    }
}
