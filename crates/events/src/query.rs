//! Queries: what was counted, when, and in what relation.
//!
//! * [`single`] is about one event. A query becomes a [`RangeQuery`] by choosing a unit and a range of its buckets.
//! * [`range`] answers sums, averages and buckets of a range.
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

/// How many buckets a range names, of which there are `tracked`: an open range ends with what is tracked.
fn width(range: &Range<usize>, tracked: usize) -> usize {
    let end = if range.end == usize::MAX { tracked } else { range.end };
    end.saturating_sub(range.start)
}

/// An average over so many buckets.
#[allow(clippy::cast_precision_loss)]
fn per_bucket(sum: f64, buckets: usize) -> f64 {
    if buckets == 0 {
        0.0
    } else {
        sum / buckets as f64
    }
}

/// The methods that choose a unit and its last `n` buckets.
macro_rules! last_of_each_unit {
    ($what:literal, $answer:ty) => {
        #[doc = concat!($what, " over the last `n` seconds.")]
        pub fn last_seconds(self, n: usize) -> $answer {
            self.last(n, crate::TimeUnit::Seconds)
        }

        #[doc = concat!($what, " over the last `n` minutes.")]
        pub fn last_minutes(self, n: usize) -> $answer {
            self.last(n, crate::TimeUnit::Minutes)
        }

        #[doc = concat!($what, " over the last `n` hours.")]
        pub fn last_hours(self, n: usize) -> $answer {
            self.last(n, crate::TimeUnit::Hours)
        }

        #[doc = concat!($what, " over the last `n` days, today included.")]
        pub fn last_days(self, n: usize) -> $answer {
            self.last(n, crate::TimeUnit::Days)
        }

        #[doc = concat!($what, " over the last `n` weeks, this one included.")]
        pub fn last_weeks(self, n: usize) -> $answer {
            self.last(n, crate::TimeUnit::Weeks)
        }

        #[doc = concat!($what, " over the last `n` months, this one included.")]
        pub fn last_months(self, n: usize) -> $answer {
            self.last(n, crate::TimeUnit::Months)
        }

        #[doc = concat!($what, " over the last `n` years, this one included.")]
        pub fn last_years(self, n: usize) -> $answer {
            self.last(n, crate::TimeUnit::Years)
        }

        #[doc = concat!($what, " over the longest span that is tracked.")]
        pub fn ever(self) -> $answer {
            self.last(usize::MAX, crate::TimeUnit::Ever)
        }
    };
}
use last_of_each_unit;
