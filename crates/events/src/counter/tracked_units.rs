//! Which units a store tracks, and in how many buckets.

use crate::{time::unit::TimeUnit, Error, Result};

/// The most buckets of a unit.
pub(crate) const BUCKETS_MAX: usize = 100_000;

/// The tracked units with their numbers of buckets, from the shortest unit to the longest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TrackedUnits {
    intervals: Box<[(TimeUnit, usize)]>,
    longest: TimeUnit,
}

/// Returns the builder's method that tracks a unit.
fn setting(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Seconds => "track_seconds",
        TimeUnit::Minutes => "track_minutes",
        TimeUnit::Hours => "track_hours",
        TimeUnit::Days => "track_days",
        TimeUnit::Weeks => "track_weeks",
        TimeUnit::Months => "track_months",
        TimeUnit::Years => "track_years",
        TimeUnit::Ever => "ever",
    }
}

impl TrackedUnits {
    /// Tracks 60 minutes, 24 hours, 32 days and 12 months.
    pub(crate) fn standard() -> Self {
        Self::sorted(vec![
            (TimeUnit::Minutes, 60),
            (TimeUnit::Hours, 24),
            (TimeUnit::Days, 32),
            (TimeUnit::Months, 12),
        ])
    }

    pub(crate) fn new(intervals: Vec<(TimeUnit, usize)>) -> Result<Self> {
        for (index, (unit, buckets)) in intervals.iter().enumerate() {
            if *unit == TimeUnit::Ever {
                return Err(Error::InvalidTimeUnitEver);
            }
            if !(1..=BUCKETS_MAX).contains(buckets) {
                let (value, max) = (*buckets as u64, BUCKETS_MAX as u64);
                return Err(Error::InvalidOption { option: setting(*unit), value, min: 1, max });
            }
            if intervals.iter().take(index).any(|(earlier, _)| earlier == unit) {
                return Err(Error::ConfigMismatch(format!("duplicate TimeUnit {unit:?}: track it once")));
            }
        }
        Ok(Self::sorted(intervals))
    }

    fn sorted(mut intervals: Vec<(TimeUnit, usize)>) -> Self {
        intervals.sort_by_key(|(unit, _)| *unit);
        let span = |(unit, buckets): &(TimeUnit, usize)| {
            i128::from(unit.length_ms()) * i128::try_from(*buckets).unwrap_or(i128::MAX)
        };
        let longest =
            intervals.iter().max_by_key(|interval| span(interval)).map_or(TimeUnit::Days, |(unit, _)| *unit);
        Self { intervals: intervals.into_boxed_slice(), longest }
    }

    /// Returns the units with their numbers of buckets, from the shortest unit to the longest.
    pub(crate) fn intervals(&self) -> &[(TimeUnit, usize)] {
        &self.intervals
    }

    /// Returns the unit that is read for `unit`. For `Ever` it is the one with the longest span.
    pub(crate) fn resolve(&self, unit: TimeUnit) -> TimeUnit {
        if unit == TimeUnit::Ever {
            self.longest
        } else {
            unit
        }
    }

    /// Returns how many buckets a unit has, or `None` if it is not tracked.
    pub(crate) fn buckets(&self, unit: TimeUnit) -> Option<usize> {
        self.intervals.iter().find(|(tracked, _)| *tracked == unit).map(|(_, buckets)| *buckets)
    }

    /// Returns the tracked unit and the number of its buckets that are read for a window of `count` times `unit`.
    ///
    /// For a unit that is not tracked, it is the next finer one whose buckets span the window, or else the next coarser one.
    /// Returns `None` if there is neither.
    pub(crate) fn window(&self, count: usize, unit: TimeUnit) -> Option<(TimeUnit, usize)> {
        if unit == TimeUnit::Ever {
            return Some((self.longest, usize::MAX));
        }
        if self.buckets(unit).is_some() {
            return Some((unit, count));
        }
        let window_ms = i128::from(unit.length_ms()) * i128::try_from(count).unwrap_or(i128::MAX >> 40);
        let needed = |tracked: TimeUnit| {
            let length_ms = i128::from(tracked.length_ms().max(1));
            usize::try_from((window_ms + length_ms - 1) / length_ms).unwrap_or(usize::MAX)
        };
        let finer = self.intervals.iter().rev().filter(|(tracked, _)| *tracked < unit);
        let coarser = self.intervals.iter().filter(|(tracked, _)| *tracked > unit);
        finer
            .filter(|(tracked, buckets)| needed(*tracked) <= *buckets)
            .chain(coarser)
            .next()
            .map(|(tracked, _)| (*tracked, needed(*tracked)))
    }
}
