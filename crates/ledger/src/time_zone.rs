//! Time zones by name, from the database that comes with this crate.

use std::{fmt, str::FromStr};

use jiff::{
    civil::{Date, DateTime},
    tz::{self, AmbiguousOffset},
    Timestamp,
};

/// A time zone: UTC, one of the IANA database such as `Europe/Berlin`, or a fixed offset such as `+05:30`.
///
/// The database is that of this build, so that the same ledger gives the same answer on each machine.
///
/// ```
/// use ron_accounting_ledger::TimeZone;
/// assert_eq!(TimeZone::default().name(), "UTC");
/// assert_eq!("asia/kolkata".parse::<TimeZone>()?.name(), "Asia/Kolkata");
/// assert_eq!("+05:30".parse::<TimeZone>()?.name(), "+05:30");
/// # Ok::<(), ron_accounting_ledger::UnknownTimeZone>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TimeZone {
    name: String,
    zone: tz::TimeZone,
}

impl TimeZone {
    /// Returns the name, which parses to the same zone.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the Unix milliseconds at which a day begins, given as `2015-05-17`, or those of a time of day, given as
    /// `2015-05-17T10:05` with or without seconds. `None` for other texts, and for times before 1970.
    ///
    /// A time that clocks showed twice is the first of the two; one that they left out counts as if they had not been put forward.
    #[must_use]
    pub fn parse_local(&self, text: &str) -> Option<u64> {
        let timestamp = match text.parse::<Date>() {
            // A date parses as a time too, but its day may begin later than at midnight.
            Ok(date) if text.len() <= "2015-05-17".len() => self.day_start(date)?,
            _ => self.zone.to_timestamp(text.parse::<DateTime>().ok()?).ok()?,
        };
        u64::try_from(timestamp.as_millisecond()).ok()
    }

    pub(crate) fn is_utc(&self) -> bool {
        self.zone == tz::TimeZone::UTC
    }

    pub(crate) fn zone(&self) -> &tz::TimeZone {
        &self.zone
    }

    /// Returns the moment at which a day begins.
    ///
    /// Where clocks show midnight twice, that is the first time. But if they go from shortly after midnight back to the day before, the
    /// day begins the second time. Where clocks skip midnight, it begins when they do.
    pub(crate) fn day_start(&self, date: Date) -> Option<Timestamp> {
        let midnight = date.at(0, 0, 0, 0);
        match self.zone.to_ambiguous_timestamp(midnight).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(midnight).ok(),
            AmbiguousOffset::Gap { after, .. } => {
                let before_gap = after.to_timestamp(midnight).ok()?;
                self.zone.following(before_gap).next().map(|transition| transition.timestamp())
            }
            AmbiguousOffset::Fold { before, after } => {
                let second = after.to_timestamp(midnight).ok()?;
                let moment_before =
                    Timestamp::from_millisecond(second.as_millisecond().checked_sub(1)?).ok()?;
                if self.zone.to_datetime(moment_before).date() < date {
                    return Some(second);
                }
                before.to_timestamp(midnight).ok()
            }
        }
    }
}

/// UTC.
impl Default for TimeZone {
    fn default() -> Self {
        Self { name: "UTC".to_owned(), zone: tz::TimeZone::UTC }
    }
}

impl fmt::Debug for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TimeZone").field(&self.name).finish()
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl FromStr for TimeZone {
    type Err = UnknownTimeZone;

    fn from_str(name: &str) -> Result<Self, UnknownTimeZone> {
        if ["UTC", "utc", "Z", "GMT"].contains(&name) {
            return Ok(Self::default());
        }
        if let Some(seconds) = offset_seconds(name) {
            if seconds == 0 {
                return Ok(Self::default());
            }
            if let Ok(offset) = tz::Offset::from_seconds(seconds) {
                return Ok(Self { name: name.to_owned(), zone: tz::TimeZone::fixed(offset) });
            }
        }
        match tz::TimeZone::get(name) {
            Ok(zone) => Ok(Self { name: zone.iana_name().unwrap_or(name).to_owned(), zone }),
            Err(_) => Err(UnknownTimeZone(name.to_owned())),
        }
    }
}

/// Parses `+05:30`, `-0800` or `+02`.
fn offset_seconds(text: &str) -> Option<i32> {
    let (sign, figures) = match text.split_at_checked(1)? {
        ("+", figures) => (1, figures),
        ("-", figures) => (-1, figures),
        _ => return None,
    };
    let figures: String = match figures.len() {
        5 if figures.as_bytes().get(2) == Some(&b':') => figures.replacen(':', "", 1),
        2 => format!("{figures}00"),
        4 => figures.to_owned(),
        _ => return None,
    };
    if !figures.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i32 = figures.parse().ok()?;
    let (hours, minutes) = (number / 100, number % 100);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// The error for a name that is no [`TimeZone`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no time zone `{}`: write UTC, a name such as Europe/Berlin, or an offset such as +05:30", _0.escape_debug())]
pub struct UnknownTimeZone(String);

/// Writes a time in RFC 3339 and UTC. Past the year 9999, which has no such form, it writes the Unix milliseconds.
pub(crate) fn show_ms(unix_ms: u64) -> String {
    i64::try_from(unix_ms)
        .ok()
        .and_then(|unix_ms| Timestamp::from_millisecond(unix_ms).ok())
        .map_or_else(|| unix_ms.to_string(), |time| time.to_string())
}
