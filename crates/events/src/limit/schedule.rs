//! Schedules: hours and days, in UTC or in the system's time zone.

use std::{fmt, sync::Arc};

use chrono::{DateTime, Duration, Local, Utc};

use crate::{time::calendar::Calendar, Error, Result};

/// Times of the day or of the week.
///
/// ```
/// use ron_accounting_events::Schedule;
/// let office = Schedule::hours(9, 17)?; // 09:00 to 17:00 UTC
/// let night = Schedule::hours_local_tz(22, 6)?; // 22:00 to 06:00 of the next day, where this runs
/// let evening = Schedule::hours(18, 24)?;
/// # Ok::<(), ron_accounting_events::Error>(())
/// ```
#[derive(Clone)]
pub enum Schedule {
    /// From the start of an hour to the start of another, over midnight if the end is not after the start.
    Hours {
        /// The first hour.
        start_hour: u8,
        /// The first hour that is not in it. 24 means midnight.
        end_hour: u8,
        /// Whether it is in the system's time zone, and not in UTC.
        use_local_tz: bool,
    },
    /// Monday to Friday.
    Weekdays {
        /// Whether it is in the system's time zone, and not in UTC.
        use_local_tz: bool,
    },
    /// Saturday and Sunday.
    Weekends {
        /// Whether it is in the system's time zone, and not in UTC.
        use_local_tz: bool,
    },
    /// The times for which a function returns `true`. It is called before any event is locked.
    Custom(Arc<dyn Fn(DateTime<Utc>) -> bool + Send + Sync>),
}

impl Schedule {
    /// Makes a schedule of hours of the day in UTC, from 0 to 24.
    ///
    /// Fails with [`Error::InvalidHour`] if the start is past 23 or the end past 24, and with [`Error::InvalidRange`] if both are
    /// the same.
    pub fn hours(start_hour: u8, end_hour: u8) -> Result<Self> {
        Self::new_hours(start_hour, end_hour, false)
    }

    /// Makes a schedule of hours of the day in the system's time zone, see [`Schedule::hours`].
    pub fn hours_local_tz(start_hour: u8, end_hour: u8) -> Result<Self> {
        Self::new_hours(start_hour, end_hour, true)
    }

    fn new_hours(start_hour: u8, end_hour: u8, use_local_tz: bool) -> Result<Self> {
        if start_hour > 23 {
            Err(Error::InvalidHour(start_hour))
        } else if end_hour > 24 {
            Err(Error::InvalidHour(end_hour))
        } else if start_hour == end_hour {
            Err(Error::InvalidRange(start_hour, end_hour))
        } else {
            Ok(Self::Hours { start_hour, end_hour, use_local_tz })
        }
    }

    /// Makes a schedule of Monday to Friday, in UTC.
    pub fn weekdays() -> Self {
        Self::Weekdays { use_local_tz: false }
    }

    /// Makes a schedule of Monday to Friday, in the system's time zone.
    pub fn weekdays_local_tz() -> Self {
        Self::Weekdays { use_local_tz: true }
    }

    /// Makes a schedule of Saturday and Sunday, in UTC.
    pub fn weekends() -> Self {
        Self::Weekends { use_local_tz: false }
    }

    /// Makes a schedule of Saturday and Sunday, in the system's time zone.
    pub fn weekends_local_tz() -> Self {
        Self::Weekends { use_local_tz: true }
    }

    /// Returns whether a time is in the schedule.
    pub(super) fn contains(&self, time: DateTime<Utc>) -> bool {
        let ms = time.timestamp_millis();
        let at = |local: bool| {
            if local {
                Calendar(Local).hour_and_weekday(ms)
            } else {
                Calendar(Utc).hour_and_weekday(ms)
            }
        };
        match self {
            Self::Hours { start_hour, end_hour, use_local_tz } => {
                let (hour, _) = at(*use_local_tz);
                if start_hour < end_hour {
                    (*start_hour..*end_hour).contains(&hour)
                } else {
                    hour >= *start_hour || hour < *end_hour
                }
            }
            Self::Weekdays { use_local_tz } => at(*use_local_tz).1 < 5,
            Self::Weekends { use_local_tz } => at(*use_local_tz).1 >= 5,
            Self::Custom(contains) => contains(time),
        }
    }

    /// Returns how long it is until the schedule begins or, if `now` is in it, until it ends. Returns `None` if it never does, or
    /// if it is not known.
    ///
    /// Hours and days begin when local clocks show it. Around a change of the clocks, that is not a whole number of hours away.
    /// So the next change is searched, in steps so short that the schedule changes at most once in each.
    pub(super) fn until_change(&self, now: DateTime<Utc>) -> Option<Duration> {
        /// Since 1972, each offset of a time zone is a multiple of this.
        const STEP_S: i64 = 15 * 60;
        /// More than five weekdays and a change of the clocks.
        const HORIZON_S: i64 = 8 * 24 * 60 * 60;
        if matches!(self, Self::Custom(_)) {
            return None;
        }
        let inside = self.contains(now);
        let changed = |second: i64| {
            DateTime::from_timestamp(second, 0).is_some_and(|time| self.contains(time) != inside)
        };
        let first = now.timestamp();
        let mut early = first;
        let mut late = (first.div_euclid(STEP_S) + 1) * STEP_S;
        while !changed(late) {
            if late - first > HORIZON_S {
                return None;
            }
            early = late;
            late += STEP_S;
        }
        while late - early > 1 {
            let middle = early + (late - early) / 2;
            if changed(middle) {
                late = middle;
            } else {
                early = middle;
            }
        }
        Some(DateTime::from_timestamp(late, 0)? - now)
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zone = |local: &bool| if *local { "Local" } else { "UTC" };
        match self {
            Self::Hours { start_hour, end_hour, use_local_tz } => write!(
                f,
                "Hours {{ start_hour: {start_hour}, end_hour: {end_hour}, timezone: {} }}",
                zone(use_local_tz)
            ),
            Self::Weekdays { use_local_tz } => write!(f, "Weekdays({})", zone(use_local_tz)),
            Self::Weekends { use_local_tz } => write!(f, "Weekends({})", zone(use_local_tz)),
            Self::Custom(_) => f.write_str("Custom(<closure>)"),
        }
    }
}
