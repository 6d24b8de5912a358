//! Queries: what was counted, when, and how the counts of several events compare.
//!
//! * [`single`] is about one event. A query becomes a [`RangeQuery`] by choosing a unit and a range of its buckets.
//! * [`range`] returns sums, averages and buckets of a range.
//! * [`many`], [`ratio`] and [`delta`] are about several events together.

mod delta;
mod many;
mod name;
mod range;
mod ratio;
mod single;

use std::ops::Range;

pub use delta::{DeltaQuery, DeltaRangeQuery};
pub use many::{MultiQuery, MultiRangeQuery};
pub use range::{Buckets, RangeQuery};
pub use ratio::RatioQuery;
pub use single::Query;

/// Returns how many buckets a range has. An open range ends with the last of the `tracked` buckets.
fn width(range: &Range<usize>, tracked: usize) -> usize {
    let end = if range.end == usize::MAX { tracked } else { range.end };
    end.saturating_sub(range.start)
}

/// Returns the average of a sum over `buckets`, or zero if there are none.
#[allow(clippy::cast_precision_loss)]
fn per_bucket(sum: f64, buckets: usize) -> f64 {
    if buckets == 0 {
        0.0
    } else {
        sum / buckets as f64
    }
}

/// Defines the methods that choose a unit and its last `n` buckets.
macro_rules! last_of_each_unit {
    ($what:literal, $result:ty) => {
        #[doc = concat!($what, " the last `n` seconds.")]
        pub fn last_seconds(self, n: usize) -> $result {
            self.last(n, crate::TimeUnit::Seconds)
        }

        #[doc = concat!($what, " the last `n` minutes.")]
        pub fn last_minutes(self, n: usize) -> $result {
            self.last(n, crate::TimeUnit::Minutes)
        }

        #[doc = concat!($what, " the last `n` hours.")]
        pub fn last_hours(self, n: usize) -> $result {
            self.last(n, crate::TimeUnit::Hours)
        }

        #[doc = concat!($what, " the last `n` days, today included.")]
        pub fn last_days(self, n: usize) -> $result {
            self.last(n, crate::TimeUnit::Days)
        }

        #[doc = concat!($what, " the last `n` weeks, this one included.")]
        pub fn last_weeks(self, n: usize) -> $result {
            self.last(n, crate::TimeUnit::Weeks)
        }

        #[doc = concat!($what, " the last `n` months, this one included.")]
        pub fn last_months(self, n: usize) -> $result {
            self.last(n, crate::TimeUnit::Months)
        }

        #[doc = concat!($what, " the last `n` years, this one included.")]
        pub fn last_years(self, n: usize) -> $result {
            self.last(n, crate::TimeUnit::Years)
        }

        #[doc = concat!($what, " the longest span that is tracked.")]
        pub fn ever(self) -> $result {
            self.last(usize::MAX, crate::TimeUnit::Ever)
        }
    };
}
use last_of_each_unit;
