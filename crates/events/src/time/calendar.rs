//! Days, weeks, months and years of a time zone, as numbers that never decrease.
//!
//! # Why days are numbered by their first instant
//! The local date of an instant cannot be a bucket number: it goes back if clocks are put back just after midnight (St John's,
//! 1987 to 2011). Therefore a day starts at the first instant whose local date is that day or a later one, and ends when the
//! next day starts. If clocks skip midnight, the day starts at the jump. A date that a zone left out (Apia, 2011-12-30) is a
//! day without length.
//!
//! # Invariants
//! 1. Later instants never have smaller numbers.
//! 2. `start(n) <= t < start(n + 1)` for `n = day(t)`.
//! 3. Only the zone's map from instants to offsets is used, since the map from local times to instants is ambiguous.

use chrono::{DateTime, Datelike, NaiveDate, Offset, TimeZone, Utc};

use super::unit::TimeUnit;

const SECOND_MS: i64 = 1000;
const DAY_MS: i64 = 24 * 60 * 60 * SECOND_MS;
/// More than any zone's offset. So the offsets at this distance before and after a midnight are all that the midnight can
/// have.
const MARGIN_MS: i64 = 36 * 60 * 60 * SECOND_MS;
/// The day number of 1970-01-01, where day 1 is 0001-01-01, a Monday.
const EPOCH_DAY: i64 = 719_163;

/// The calendar of a time zone.
#[derive(Debug, Clone)]
pub(crate) struct Calendar<Z>(pub(crate) Z);

impl<Z: TimeZone> Calendar<Z> {
    /// Returns the number of the day that holds an instant. Day 1 is 0001-01-01.
    pub(crate) fn day(&self, ms: i64) -> i64 {
        let day = self.date(ms);
        // Right after clocks were put back over midnight, the local date is that of the day before again.
        if self.day_start(day + 1) <= ms {
            day + 1
        } else {
            day
        }
    }

    /// Returns the first instant of a day.
    pub(crate) fn day_start(&self, day: i64) -> i64 {
        let midnight = (day - EPOCH_DAY).saturating_mul(DAY_MS);
        let before = self.offset_ms(midnight.saturating_sub(MARGIN_MS));
        let after = self.offset_ms(midnight.saturating_add(MARGIN_MS));
        let shown_at = |offset: i64| {
            let instant = midnight.saturating_sub(offset);
            (self.offset_ms(instant) == offset).then_some(instant)
        };
        match (shown_at(before), shown_at(after)) {
            (Some(one), Some(other)) => one.min(other),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => self.jump_over(day, midnight, before.max(after)),
        }
    }

    /// Returns the instant at which clocks jump over the midnight of `day`.
    fn jump_over(&self, day: i64, midnight: i64, offset_max: i64) -> i64 {
        let mut early = midnight.saturating_sub(offset_max).saturating_sub(SECOND_MS);
        let mut late = midnight.saturating_add(MARGIN_MS);
        while self.date(early) >= day {
            early = early.saturating_sub(MARGIN_MS);
        }
        // The local date at `early` is an earlier one, at `late` it is not. The search ends at a second: offsets are whole
        // seconds.
        while late - early > SECOND_MS {
            let middle = early + (late - early) / 2 / SECOND_MS * SECOND_MS;
            if self.date(middle) >= day {
                late = middle;
            } else {
                early = middle;
            }
        }
        late
    }

    /// Returns the local date of an instant, as a day number.
    fn date(&self, ms: i64) -> i64 {
        ms.saturating_add(self.offset_ms(ms)).div_euclid(DAY_MS) + EPOCH_DAY
    }

    fn offset_ms(&self, ms: i64) -> i64 {
        let at = DateTime::<Utc>::from_timestamp(ms.div_euclid(SECOND_MS), 0).unwrap_or_default();
        i64::from(self.0.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()) * SECOND_MS
    }

    /// Returns the hour of the day, from 0 to 23, and the day of the week, from 0 for Monday.
    pub(crate) fn hour_and_weekday(&self, ms: i64) -> (u8, u8) {
        let local = ms.saturating_add(self.offset_ms(ms));
        let hour = local.div_euclid(3600 * SECOND_MS).rem_euclid(24);
        let weekday = (local.div_euclid(DAY_MS) + EPOCH_DAY - 1).rem_euclid(7);
        (u8::try_from(hour).unwrap_or(0), u8::try_from(weekday).unwrap_or(0))
    }

    /// Returns the instant at which clocks show a time of a day, given in milliseconds after midnight.
    pub(crate) fn time_of_day(&self, day: i64, after_midnight_ms: i64) -> i64 {
        let local = (day - EPOCH_DAY).saturating_mul(DAY_MS).saturating_add(after_midnight_ms);
        let before = self.offset_ms(local.saturating_sub(MARGIN_MS));
        let first = local.saturating_sub(before);
        if self.offset_ms(first) == before {
            return first;
        }
        local.saturating_sub(self.offset_ms(first))
    }
}

/// Returns the number of the week, month or year that a day belongs to. Weeks count from Monday 0001-01-01, months are
/// `year * 12 + month - 1`.
pub(crate) fn period_of_day(unit: TimeUnit, day: i64) -> i64 {
    match unit {
        TimeUnit::Weeks => (day - 1).div_euclid(7),
        TimeUnit::Months => {
            let date = date_of_day(day);
            i64::from(date.year()) * 12 + i64::from(date.month0())
        }
        TimeUnit::Years => i64::from(date_of_day(day).year()),
        _ => day,
    }
}

/// Returns the first day of a week, month or year.
pub(crate) fn first_day(unit: TimeUnit, period: i64) -> i64 {
    match unit {
        TimeUnit::Weeks => period.saturating_mul(7).saturating_add(1),
        TimeUnit::Months => day_of_month(period.div_euclid(12), period.rem_euclid(12)),
        TimeUnit::Years => day_of_month(period, 0),
        _ => period,
    }
}

fn date_of_day(day: i64) -> NaiveDate {
    let bounded = i32::try_from(day.clamp(1, 4_000_000)).unwrap_or(1);
    NaiveDate::from_num_days_from_ce_opt(bounded).unwrap_or_default()
}

/// Returns the day number of the first of a month. The year is limited to 1 to 10 000.
fn day_of_month(year: i64, month0: i64) -> i64 {
    let year = i32::try_from(year.clamp(1, 10_000)).unwrap_or(1);
    let month = u32::try_from(month0 + 1).unwrap_or(1);
    NaiveDate::from_ymd_opt(year, month, 1).map_or(1, |date| i64::from(date.num_days_from_ce()))
}

#[cfg(test)]
mod tests;
