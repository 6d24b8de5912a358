//! Time as this crate counts it: units, the cadences that divide it into numbered buckets, and milliseconds.
//!
//! * [`unit`] defines the units, and windows of them.
//! * [`calendar`] numbers days, weeks, months and years of a time zone.
//! * [`timeline`] says which cadence numbers the buckets of which unit.

pub(crate) mod calendar;
pub(crate) mod timeline;
pub(crate) mod unit;

use chrono::{DateTime, Utc};

/// The end of the year 9999. Clocks beyond it read as this, so that no date arithmetic can overflow.
pub(crate) const MS_MAX: u64 = 253_402_300_799_999;

/// Returns a time in Unix milliseconds, from 1970 to the year 9999. Earlier and later times become the nearest of these.
pub(crate) fn to_ms(time: DateTime<Utc>) -> u64 {
    u64::try_from(time.timestamp_millis()).unwrap_or(0).min(MS_MAX)
}

/// Returns the time of Unix milliseconds.
pub(crate) fn from_ms(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or(if ms < 0 {
        DateTime::<Utc>::MIN_UTC
    } else {
        DateTime::<Utc>::MAX_UTC
    })
}

/// Returns milliseconds up to the year 9999 as a signed number.
pub(crate) fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}
