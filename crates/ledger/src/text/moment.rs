//! Points in time as people write them, and as answers show them.

use std::num::ParseIntError;

use jiff::Timestamp;

use crate::{time_zone::show_ms, TimeZone};

/// Numbers below this are seconds, others milliseconds. In seconds it is the year 5138, in milliseconds 1973.
const SECONDS_MAX: u64 = 100_000_000_000;

/// The error for a text that is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnknownTime {
    /// A number that is too large.
    #[error("the number is too large for a Unix time")]
    Number {
        /// What is wrong with it.
        source: ParseIntError,
    },
    /// A time before 1970.
    #[error("a time since 1970 is needed")]
    BeforeUnix,
    /// Anything else.
    #[error(
        "write a time since 1970: 2015-05-17T10:05:00Z, 2015-05-17 (midnight of the time zone), or a Unix time in seconds or \
         milliseconds"
    )]
    Form,
}

/// Parses an RFC 3339 time, a date or a time of the zone, or a Unix time in seconds or milliseconds. Returns Unix milliseconds.
///
/// ```
/// use ron_accounting_ledger::{text::parse_time, TimeZone};
/// let berlin: TimeZone = "Europe/Berlin".parse()?;
/// assert_eq!(parse_time("2015-05-17", &berlin)?, parse_time("2015-05-16T22:00:00Z", &TimeZone::default())?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn parse_time(text: &str, zone: &TimeZone) -> Result<u64, UnknownTime> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        let number: u64 = text.parse().map_err(|source| UnknownTime::Number { source })?;
        return Ok(if number < SECONDS_MAX { number * 1000 } else { number });
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return u64::try_from(time.as_millisecond()).map_err(|_| UnknownTime::BeforeUnix);
    }
    zone.parse_local(text).ok_or(UnknownTime::Form)
}

/// Writes Unix milliseconds in RFC 3339 and UTC. Past the year 9999, which has no such form, it writes the number.
#[must_use]
pub fn format_time(unix_ms: u64) -> String {
    show_ms(unix_ms)
}

#[cfg(test)]
mod tests {
    use super::{format_time, parse_time, TimeZone};
    #[test]
    fn every_way_to_write_a_time_means_the_same() {
        for text in [
            "2015-05-17T10:05:03Z",
            "2015-05-17T12:05:03+02:00",
            "2015-05-17T10:05:03",
            "2015-05-17 10:05:03",
            "1431857103",
            "1431857103000",
        ] {
            assert_eq!(parse_time(text, &TimeZone::default()), Ok(1_431_857_103_000), "{text}");
        }
        let in_zone = |text, zone: &str| parse_time(text, &zone.parse().unwrap());
        assert_eq!(in_zone("2015-05-17", "UTC"), in_zone("2015-05-17T00:00:00Z", "Europe/Berlin"));
        assert_eq!(in_zone("2015-05-17", "Europe/Berlin"), in_zone("2015-05-16T22:00:00Z", "UTC"));
        assert_eq!(in_zone("2015-05-17 10:05", "+05:30"), in_zone("2015-05-17T04:35:00Z", "UTC"));
        assert_eq!(format_time(1_431_857_103_000), "2015-05-17T10:05:03Z");
        assert_eq!(format_time(1_431_857_103_250), "2015-05-17T10:05:03.25Z");
        assert_eq!(format_time(u64::MAX), u64::MAX.to_string());
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "yesterday", "2015-02-30", "1969-12-31", "-5", "99999999999999999999999"] {
            assert!(parse_time(text, &TimeZone::default()).is_err(), "{text}");
        }
    }
}
