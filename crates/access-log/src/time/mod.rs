//! Times of a log, in all the forms that servers write.
//!
//! * `stamp`: `17/May/2015:10:05:03 +0000` and its relatives.
//! * `iso`: ISO 8601.
//! * `epoch`: seconds, milliseconds, microseconds or nanoseconds since 1970.
//! * `pattern`: any other form, by a format string.

mod civil;
mod epoch;
mod iso;
mod pattern;
mod stamp;

use jiff::tz::TimeZone;

use civil::{Civil, Zone};

/// Why the time of a line cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeFault {
    NoTime,
    NoZone,
}

/// What is needed to read times besides the bytes: a zone for those without one, and a form for those that are none
/// of the known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Times {
    zone: Option<TimeZone>,
    pattern: Option<String>,
}

/// A name of a time zone, or a form of a time, that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimesError {
    /// There is no such zone.
    #[error(
        "there is no time zone `{name}`: write a name like Europe/Berlin, UTC, or an offset like +02:00"
    )]
    NoSuchZone {
        /// What was asked for.
        name: String,
    },
    /// The format string has no day, or cannot be read.
    #[error("`{pattern}` is no form of a time: write it as for strftime, with day and time, as in %d/%b/%Y:%H:%M:%S %z, or as %s")]
    BadPattern {
        /// What was asked for.
        pattern: String,
    },
}

impl Times {
    /// Reads times that have a zone, in the known forms.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads times without a zone as times of this one: `UTC`, a name of the IANA database, or an offset like
    /// `+02:00`.
    ///
    /// The database is that of this library's release, so that the same log gives the same times on each machine. A
    /// time that a clock showed twice when summer time ended is the first of the two; one that it left out when
    /// summer time began counts as if the clock had not been put forward.
    pub fn with_zone(mut self, name: &str) -> Result<Self, TimesError> {
        let offset = || {
            let seconds = civil::Cursor::new(name.as_bytes()).whole(civil::Cursor::offset)?;
            jiff::tz::Offset::from_seconds(seconds).ok().map(TimeZone::fixed)
        };
        let zone = match name {
            "UTC" | "utc" | "Z" | "GMT" => Some(TimeZone::UTC),
            _ => offset().or_else(|| TimeZone::get(name).ok()),
        };
        let Some(zone) = zone else { return Err(TimesError::NoSuchZone { name: name.to_owned() }) };
        self.zone = Some(zone);
        Ok(self)
    }

    /// Reads times by a format string in the notation of `strftime`, and in no other form.
    pub fn with_pattern(mut self, pattern: &str) -> Result<Self, TimesError> {
        if !pattern::is_usable(pattern) {
            return Err(TimesError::BadPattern { pattern: pattern.to_owned() });
        }
        self.pattern = Some(pattern.to_owned());
        Ok(self)
    }

    /// Returns whether times without a zone can be read.
    pub fn has_zone(&self) -> bool {
        self.zone.is_some()
    }

    pub(crate) fn or_zone(&self, zone: TimeZone) -> Self {
        Self { zone: Some(self.zone.clone().unwrap_or(zone)), pattern: self.pattern.clone() }
    }

    pub(crate) fn or_pattern(&self, pattern: Option<&str>) -> Self {
        let pattern = self.pattern.clone().or_else(|| pattern.map(str::to_owned));
        Self { zone: self.zone.clone(), pattern }
    }

    /// Returns Unix milliseconds of a time; none is before 1970.
    pub(crate) fn unix_ms(&self, bytes: &[u8]) -> Result<u64, TimeFault> {
        if let Some(pattern) = &self.pattern {
            return pattern::unix_ms(pattern, bytes, self.zone.as_ref());
        }
        if let Some(ms) = stamp::plain(bytes) {
            return u64::try_from(ms).map_err(|_| TimeFault::NoTime);
        }
        let known = iso::plain(bytes).or_else(|| stamp::any(bytes)).or_else(|| iso::any(bytes));
        let ms = match known {
            Some((civil, zone)) => self.resolve(civil, zone)?,
            None => epoch::any(bytes).ok_or(TimeFault::NoTime)?,
        };
        u64::try_from(ms).map_err(|_| TimeFault::NoTime)
    }

    /// Returns Unix milliseconds of a day and a time of day in two fields.
    pub(crate) fn unix_ms_of_parts(&self, date: &[u8], clock: &[u8]) -> Result<u64, TimeFault> {
        let mut both = [0_u8; 64];
        let length = date.len() + 1 + clock.len();
        let slot = both.get_mut(..length).ok_or(TimeFault::NoTime)?;
        slot[..date.len()].copy_from_slice(date);
        slot[date.len()] = b' ';
        slot[date.len() + 1..].copy_from_slice(clock);
        self.unix_ms(slot)
    }

    fn resolve(&self, civil: Civil, zone: Zone) -> Result<i64, TimeFault> {
        match (zone, &self.zone) {
            (Zone::Offset(seconds), _) => civil.unix_ms(seconds).ok_or(TimeFault::NoTime),
            (Zone::Missing, Some(zone)) if *zone == TimeZone::UTC => {
                civil.unix_ms(0).ok_or(TimeFault::NoTime)
            }
            (Zone::Missing, Some(zone)) => civil.unix_ms_in(zone).ok_or(TimeFault::NoTime),
            (Zone::Missing, None) => {
                civil.unix_ms(0).ok_or(TimeFault::NoTime)?;
                Err(TimeFault::NoZone)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ron_accounting_error_contract::assert_errors;

    use super::{TimeFault, Times, TimesError};

    fn utc(text: &str) -> Result<u64, TimeFault> {
        Times::new().unix_ms(text.as_bytes())
    }

    #[test]
    fn every_spelling_of_one_moment_is_that_moment() {
        for text in [
            "29/Jul/2024:15:06:21 +0000",
            "30/Jul/2024:00:06:21 +0900",
            "30/Jul/2024:00:06:21 +09:00",
            "30/Jul/2024:00:06:21.000 +0900",
            "30/JUL/2024:00:06:21 +0900",
            "29/Jul/2024:15:06:21 GMT",
            "29/Jul/2024 15:06:21 UTC",
            "29/Juillet/2024:15:06:21 Z",
            "29/Jul/2024:17:06:21 CEST",
            "Mon, 29 Jul 2024 15:06:21 GMT",
            "Mon Jul 29 15:06:21 2024 UTC",
            "Mon Jul 29 15:06:21.000 2024 Z",
            "20240729T150621Z",
            "20240730T000621+0900",
            "2024-07-30T00:06:21+09:00",
            "2024-07-29T15:06:21Z",
            "2024-07-29 15:06:21.000000000+00",
            "2024/07/29 15:06:21Z",
            "1722265581",
            "1722265581.000",
            "1722265581000",
            "1722265581000000",
            "1722265581000000000",
            "1.722265581e9",
        ] {
            assert_eq!(utc(text), Ok(1_722_265_581_000), "{text}");
        }
        assert_eq!(utc("30/Jul/2024:00:06:21.123 +0900"), Ok(1_722_265_581_123));
        assert_eq!(utc("2024-07-29T15:06:21.1Z"), Ok(1_722_265_581_100));
        assert_eq!(utc("1722265581.1239"), Ok(1_722_265_581_123));
        assert_eq!(utc("7/Jul/2024:00:06:21 +0000"), Ok(1_720_310_781_000));
    }

    #[test]
    fn a_leap_second_is_the_second_before_it() {
        assert_eq!(utc("30/Jun/2015:23:59:60 +0000"), utc("30/Jun/2015:23:59:59 +0000"));
        assert_eq!(utc("2015-06-30T23:59:60Z"), utc("2015-06-30T23:59:59Z"));
    }

    #[test]
    fn months_have_the_names_of_several_languages() {
        for (name, month) in
            [("Mai", 5), ("Mär", 3), ("Okt", 10), ("Dez", 12), ("févr", 2), ("août", 8), ("ene", 1)]
        {
            let expected = utc(&format!("2024-{month:02}-03T00:00:00Z"));
            assert_eq!(utc(&format!("03/{name}/2024:00:00:00 +0000")), expected, "{name}");
            assert!(expected.is_ok());
        }
    }

    #[test]
    fn what_has_no_zone_needs_one() {
        for text in [
            "21/Nov/2013 22:30:33",
            "30/Jul/2024:00:06:21",
            "2024-07-30 00:06:21",
            "Mon Jul  1 15:06:21 2024",
        ] {
            assert_eq!(utc(text), Err(TimeFault::NoZone), "{text}");
        }
        let berlin = Times::new().with_zone("Europe/Berlin").unwrap();
        assert_eq!(berlin.unix_ms(b"30/Jul/2024:02:06:21"), utc("30/Jul/2024:00:06:21 +0000"));
        assert_eq!(berlin.unix_ms(b"30/Jul/2024:02:06:21 +0000"), utc("30/Jul/2024:02:06:21 +0000"));
        let offset = Times::new().with_zone("+05:30").unwrap();
        assert_eq!(offset.unix_ms(b"2024-07-30 05:36:21"), utc("30/Jul/2024:00:06:21 +0000"));
        assert!(matches!(Times::new().with_zone("Mars/Olympus"), Err(TimesError::NoSuchZone { .. })));
    }

    #[test]
    fn when_clocks_change_the_first_of_two_and_the_hour_that_was_left_out() {
        let berlin = Times::new().with_zone("Europe/Berlin").unwrap();
        assert_eq!(berlin.unix_ms(b"27/Oct/2024:02:30:00"), utc("27/Oct/2024:02:30:00 +0200"));
        assert_eq!(berlin.unix_ms(b"31/Mar/2024:02:30:00"), utc("31/Mar/2024:02:30:00 +0100"));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "yesterday",
            "31/Feb/2015:10:05:03 +0000",
            "29/Feb/2023:10:05:03 +0000",
            "00/May/2015:10:05:03 +0000",
            "17/May/2015:24:05:03 +0000",
            "17/May/2015:10:60:03 +0000",
            "17/May/2015:10:05:61 +0000",
            "17/May/2015:10:05:03 +0060",
            "17/May/2015:10:05:03 +9900",
            "17/May/2015:10:05:03 *0000",
            "17/Mag1/2015:10:05:03 +0000",
            "17/May/2015:10:05:03 +0000 and more",
            "1é/May/2015:10:05:03 +000",
            "31/Dec/1969:23:59:59 +0000",
            "01/Jan/1970:00:00:00 +0100",
            "31/02/2015 10:05:03",
            "17/May/2015:10:05:03 EST",
            "Mon Jul 291 15:06:21 2024 UTC",
            "M, 29 Jul 2024 15:06:21 GMT",
            "20240729T1506",
            "-5",
            "12345678901234567890123",
            "nan",
            "1e400",
        ] {
            assert_eq!(utc(text), Err(TimeFault::NoTime), "{text}");
        }
    }

    #[test]
    fn a_pattern_reads_any_other_form() {
        let times = |pattern: &str| Times::new().with_pattern(pattern).unwrap();
        let expected = utc("30/Jul/2024:00:06:21 +0200");
        assert_eq!(times("%a %d.%m.%Y %H:%M:%S %z").unix_ms(b"Tue 30.07.2024 00:06:21 +0200"), expected);
        assert_eq!(times("%d.%m.%Y %T").unix_ms(b"30.07.2024 00:06:21"), Err(TimeFault::NoZone));
        let berlin = times("%d.%m.%Y %T").with_zone("Europe/Berlin").unwrap();
        assert_eq!(berlin.unix_ms(b"30.07.2024 00:06:21"), expected);
        assert_eq!(berlin.unix_ms(b"30/Jul/2024:00:06:21 +0200"), Err(TimeFault::NoTime));
        assert_eq!(times("%s").unix_ms(b"1722265581"), Ok(1_722_265_581_000));
        for pattern in ["", "%Q", "no day", "%H:%M"] {
            assert!(Times::new().with_pattern(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn each_error_is_a_whole_message() {
        assert_errors!(TimesError {
            without_cause: {
                NoSuchZone => Times::new().with_zone("x").unwrap_err(),
                BadPattern => Times::new().with_pattern("x").unwrap_err()
            }
            with_cause: {}
        });
    }

    #[test]
    fn day_and_time_may_be_two_fields() {
        let times = Times::new().or_zone(jiff::tz::TimeZone::UTC);
        assert_eq!(times.unix_ms_of_parts(b"2024-07-29", b"15:06:21"), Ok(1_722_265_581_000));
        assert_eq!(times.unix_ms_of_parts(&[b'1'; 70], b"15:06:21"), Err(TimeFault::NoTime));
    }
}
