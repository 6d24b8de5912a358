//! Which cadence numbers the buckets of which unit.
//!
//! A counter contains its timeline, since stored data outlives the build. If a build without feature `calendar` stored a
//! counter, a build with it converts the counter.

use std::cell::Cell;

use chrono::{DateTime, Datelike, Local, Utc};
use ron_accounting_window::{Cadence, FixedCadence};

use super::{
    calendar::{first_day, period_of_day, Calendar},
    from_ms, signed,
    unit::TimeUnit,
};

/// How buckets are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timeline {
    /// Days and longer follow the calendar of the system's time zone.
    Calendar,
    /// All buckets of a unit have one length. Weeks and longer units are counted from January 1st of a year, in UTC.
    Uniform {
        /// The year of the anchor.
        year: i32,
    },
}

impl Timeline {
    /// Returns the timeline of a store that is built at `now`.
    pub(crate) fn new(now: DateTime<Utc>) -> Self {
        if cfg!(feature = "calendar") {
            Self::Calendar
        } else {
            Self::Uniform { year: now.year().clamp(1, 9999) }
        }
    }

    /// Returns the cadence of a unit's buckets.
    pub(crate) fn cadence(self, unit: TimeUnit) -> UnitCadence {
        if self == Self::Calendar && unit.follows_calendar() {
            return UnitCadence::Calendar(unit);
        }
        match unit {
            TimeUnit::Seconds => UnitCadence::Fixed(SECONDS),
            TimeUnit::Minutes => UnitCadence::Fixed(MINUTES),
            TimeUnit::Hours => UnitCadence::Fixed(HOURS),
            TimeUnit::Days => UnitCadence::Fixed(DAYS),
            _ => {
                let year = if let Self::Uniform { year } = self { year } else { 1970 };
                let anchor_day = first_day(TimeUnit::Years, i64::from(year)) - 719_163;
                UnitCadence::Anchored {
                    anchor_ms: anchor_day * TimeUnit::Days.length_ms(),
                    length_ms: unit.length_ms().max(1),
                }
            }
        }
    }

    /// Returns how many buckets a time is older than bucket `newest`. Zero for times in it and after it.
    ///
    /// On the calendar that is the difference of the numbers. Buckets of one length are counted by whole lengths before the start
    /// of the newest one, at least one: a time 90 minutes before the start of this hour is one hour bucket old.
    pub(crate) fn age(self, unit: TimeUnit, newest: u64, at_ms: i64) -> u64 {
        let cadence = self.cadence(unit);
        if let UnitCadence::Calendar(_) = cadence {
            return newest.saturating_sub(cadence.number(at_ms));
        }
        let before_start = cadence.start(newest).saturating_sub(at_ms);
        if before_start <= 0 {
            return 0;
        }
        u64::try_from(before_start / unit.length_ms().max(1)).unwrap_or(0).max(1)
    }

    /// Returns the start of the bucket that is `count` buckets before the one that holds `at`. If buckets have one length,
    /// returns the time that is `count` lengths before `at`.
    pub(crate) fn back(self, unit: TimeUnit, at: DateTime<Utc>, count: usize) -> DateTime<Utc> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let cadence = self.cadence(unit);
        if let UnitCadence::Calendar(_) = cadence {
            let number = signed(cadence.number(at.timestamp_millis()));
            return from_ms(cadence.start(number.saturating_sub(count).max(1).unsigned_abs()));
        }
        let length = chrono::Duration::milliseconds(unit.length_ms().saturating_mul(count));
        at.checked_sub_signed(length).unwrap_or(DateTime::<Utc>::MIN_UTC)
    }
}

const SECONDS: FixedCadence = fixed(TimeUnit::Seconds);
const MINUTES: FixedCadence = fixed(TimeUnit::Minutes);
const HOURS: FixedCadence = fixed(TimeUnit::Hours);
const DAYS: FixedCadence = fixed(TimeUnit::Days);

const fn fixed(unit: TimeUnit) -> FixedCadence {
    match FixedCadence::new(unit.length_ms().unsigned_abs()) {
        Ok(cadence) => cadence,
        Err(_) => panic!("seconds to days are cadences of a fixed length"),
    }
}

/// The number of the anchor's bucket. It is so great that times before the anchor have numbers, too.
const ANCHOR_NUMBER: i64 = 1 << 32;

/// The cadence of one unit.
#[derive(Debug, Clone, Copy)]
pub(crate) enum UnitCadence {
    /// Buckets of one length, from 1970.
    Fixed(FixedCadence),
    /// Buckets of one length, from an anchor.
    Anchored { anchor_ms: i64, length_ms: i64 },
    /// Days, weeks, months or years of the system's time zone.
    Calendar(TimeUnit),
}

impl UnitCadence {
    /// Returns the number of the bucket that holds an instant.
    pub(crate) fn number(&self, ms: i64) -> u64 {
        let number = match self {
            Self::Fixed(cadence) => return cadence.bucket(u64::try_from(ms).unwrap_or(0)),
            Self::Anchored { anchor_ms, length_ms } => {
                ms.saturating_sub(*anchor_ms).div_euclid(*length_ms).saturating_add(ANCHOR_NUMBER)
            }
            Self::Calendar(unit) => period_of_day(*unit, Today::at(ms).day),
        };
        u64::try_from(number).unwrap_or(0)
    }

    /// Returns the first instant of a bucket.
    pub(crate) fn start(&self, number: u64) -> i64 {
        match self {
            Self::Fixed(cadence) => signed(cadence.start_ms(number)),
            Self::Anchored { anchor_ms, length_ms } => {
                (signed(number) - ANCHOR_NUMBER).saturating_mul(*length_ms).saturating_add(*anchor_ms)
            }
            Self::Calendar(unit) => Calendar(Local).day_start(first_day(*unit, signed(number))),
        }
    }

    /// Returns the number of the bucket that holds an instant, and until when this is valid: until the start of the next
    /// bucket, or until the time zone has to be asked again.
    pub(crate) fn number_until(&self, ms: i64) -> (u64, i64) {
        if let Self::Calendar(unit) = self {
            let today = Today::at(ms);
            return (u64::try_from(period_of_day(*unit, today.day)).unwrap_or(0), today.known_until_ms);
        }
        let number = self.number(ms);
        (number, self.start(number.saturating_add(1)))
    }
}

impl Cadence for UnitCadence {
    fn bucket(&self, now_ms: u64) -> u64 {
        self.number(signed(now_ms))
    }

    fn start_ms(&self, bucket: u64) -> u64 {
        u64::try_from(self.start(bucket)).unwrap_or(0)
    }
}

/// The current local day, cached per thread until the end of the minute.
///
/// The zone database is asked at most once a minute while time advances. A change of the system's time zone is noticed within
/// a minute.
#[derive(Debug, Clone, Copy)]
struct Today {
    day: i64,
    known_from_ms: i64,
    known_until_ms: i64,
}

impl Today {
    fn at(ms: i64) -> Self {
        thread_local! {
            static LAST: Cell<Option<Today>> = const { Cell::new(None) };
        }
        let last = LAST.with(Cell::get);
        if let Some(today) = last.filter(|today| (today.known_from_ms..today.known_until_ms).contains(&ms)) {
            return today;
        }
        let calendar = Calendar(Local);
        let day = calendar.day(ms);
        let (start_ms, end_ms) = (calendar.day_start(day), calendar.day_start(day + 1));
        let minute = ms.div_euclid(TimeUnit::Minutes.length_ms()) * TimeUnit::Minutes.length_ms();
        let today = Self {
            day,
            known_from_ms: minute.max(start_ms),
            known_until_ms: (minute + TimeUnit::Minutes.length_ms()).min(end_ms),
        };
        LAST.with(|last| last.set(Some(today)));
        today
    }
}
