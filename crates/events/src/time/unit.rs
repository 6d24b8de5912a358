//! Units of time, and windows of them.

use chrono::Duration;
#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// A unit of time, which is the span of one bucket. Ordered from the shortest to the longest.
///
/// With feature `calendar` (the default), days start at local midnight, weeks on Monday, months on the 1st and years on
/// January 1st, in the system's time zone. A day may then have 23 or 25 hours. Without the feature, a day is 24 hours of UTC. A
/// week is 7 of these days, a month 30 and a year 365, counted from January 1st of the year in which the store was built.
/// Seconds, minutes and hours are those of UTC.
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TimeUnit {
    /// Seconds.
    Seconds,
    /// Minutes.
    Minutes,
    /// Hours.
    Hours,
    /// Days, from local midnight.
    Days,
    /// Weeks, from Monday.
    Weeks,
    /// Months, from the 1st.
    Months,
    /// Years, from January 1st.
    Years,
    /// The whole tracked time: the unit with the longest tracked span. For queries and limits only.
    Ever,
}

impl TimeUnit {
    /// The units that can be tracked, from the shortest to the longest.
    pub(crate) const TRACKED: [Self; 7] =
        [Self::Seconds, Self::Minutes, Self::Hours, Self::Days, Self::Weeks, Self::Months, Self::Years];

    /// Returns the unit's nominal length: 30 days for a month, 365 for a year.
    ///
    /// # Panics
    ///
    /// Panics for [`TimeUnit::Ever`], which has no length.
    pub fn duration(&self) -> Duration {
        assert!(*self != Self::Ever, "TimeUnit::Ever has no length; ask one of the tracked units");
        Duration::milliseconds(self.length_ms())
    }

    /// Returns the nominal length in milliseconds. Zero for `Ever`.
    pub(crate) const fn length_ms(self) -> i64 {
        const DAY: i64 = 24 * 60 * 60 * 1000;
        match self {
            Self::Seconds => 1000,
            Self::Minutes => 60 * 1000,
            Self::Hours => 60 * 60 * 1000,
            Self::Days => DAY,
            Self::Weeks => 7 * DAY,
            Self::Months => 30 * DAY,
            Self::Years => 365 * DAY,
            Self::Ever => 0,
        }
    }

    /// Returns the nominal length, or `None` for `Ever`.
    pub(crate) fn length(self) -> Option<Duration> {
        (self != Self::Ever).then(|| Duration::milliseconds(self.length_ms()))
    }

    /// Returns whether buckets follow the calendar of a time zone on a calendar timeline.
    pub(crate) const fn follows_calendar(self) -> bool {
        matches!(self, Self::Days | Self::Weeks | Self::Months | Self::Years)
    }
}

/// A window of time for limits: a number of units.
///
/// It is made of a unit (one of it), of a pair of count and unit, or of a [`Duration`]. A duration becomes its whole days, or
/// else its whole hours, or else its whole minutes. A duration of less than a minute becomes as many *minutes* as it has
/// seconds. The sign of a duration is ignored.
///
/// ```
/// use chrono::Duration;
/// use ron_accounting_events::{TimeUnit, TimeWindow};
/// assert_eq!(TimeWindow::from(Duration::hours(36)), TimeWindow { count: 1, time_unit: TimeUnit::Days });
/// assert_eq!(TimeWindow::from((7, TimeUnit::Days)).count, 7);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeWindow {
    /// The number of units.
    pub count: usize,
    /// The unit.
    pub time_unit: TimeUnit,
}

impl From<TimeUnit> for TimeWindow {
    fn from(time_unit: TimeUnit) -> Self {
        Self { count: 1, time_unit }
    }
}

impl From<(usize, TimeUnit)> for TimeWindow {
    fn from((count, time_unit): (usize, TimeUnit)) -> Self {
        Self { count, time_unit }
    }
}

impl From<Duration> for TimeWindow {
    fn from(duration: Duration) -> Self {
        let duration = duration.abs();
        let (count, time_unit) = [
            (duration.num_days(), TimeUnit::Days),
            (duration.num_hours(), TimeUnit::Hours),
            (duration.num_minutes(), TimeUnit::Minutes),
        ]
        .into_iter()
        .find(|(count, _)| *count > 0)
        .unwrap_or((duration.num_seconds(), TimeUnit::Minutes));
        Self { count: usize::try_from(count).unwrap_or(usize::MAX), time_unit }
    }
}
