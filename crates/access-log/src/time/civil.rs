//! A day and a time as a clock on a wall shows them, and the moment that they are.

use jiff::{civil::DateTime, tz::TimeZone};

/// A day and a time of day without a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Civil {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    pub(super) millisecond: i64,
}

/// What a time says of its zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    /// Seconds east of UTC.
    Offset(i32),
    Missing,
}

impl Civil {
    /// Returns Unix milliseconds at this offset. `None` if there is no such day or time. A leap second is the second
    /// before it.
    pub(super) fn unix_ms(&self, offset_seconds: i32) -> Option<i64> {
        let is_leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        let month_days = match self.month {
            2 => 28 + i64::from(is_leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        let in_range = (1..=month_days).contains(&self.day)
            && (0..24).contains(&self.hour)
            && (0..60).contains(&self.minute)
            && (0..=60).contains(&self.second);
        if !in_range {
            return None;
        }
        // Days since 1970 in the proleptic Gregorian calendar, with years that begin in March.
        let year = self.year - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((self.month + 9) % 12) + 2) / 5 + self.day - 1;
        let days =
            era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
        let seconds = days * 86_400 + self.hour * 3600 + self.minute * 60 + self.second.min(59);
        Some((seconds - i64::from(offset_seconds)) * 1000 + self.millisecond)
    }

    /// Returns Unix milliseconds in a zone whose clocks are put forward and back.
    pub(super) fn unix_ms_in(&self, zone: &TimeZone) -> Option<i64> {
        self.unix_ms(0)?;
        let narrow = |value: i64| i8::try_from(value).ok();
        let year = i16::try_from(self.year).ok()?;
        let nanoseconds = i32::try_from(self.millisecond * 1_000_000).ok()?;
        let (hour, minute, second) = (narrow(self.hour)?, narrow(self.minute)?, narrow(self.second.min(59))?);
        let local =
            DateTime::new(year, narrow(self.month)?, narrow(self.day)?, hour, minute, second, nanoseconds)
                .ok()?;
        Some(zone.to_ambiguous_timestamp(local).compatible().ok()?.as_millisecond())
    }
}

/// Returns the offset of a zone by its letters, where these mean one zone in the whole world. `EST`, `CST` and
/// `BST` do not.
fn named_zone(name: &[u8]) -> Option<i32> {
    let hours = match name {
        b"WET" => 0,
        b"CET" | b"WEST" => 1,
        b"CEST" | b"EET" => 2,
        b"EEST" | b"MSK" => 3,
        b"JST" | b"KST" => 9,
        _ => return None,
    };
    Some(hours * 3600)
}

/// Returns a number of two figures.
#[inline]
pub(super) fn pair(tens: u8, ones: u8) -> Option<i64> {
    let figure = |b: u8| if b.is_ascii_digit() { Some(i64::from(b - b'0')) } else { None };
    Some(figure(tens)? * 10 + figure(ones)?)
}

/// Reads a time from left to right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Returns what `read` makes of the bytes if it takes all of them.
    pub(super) fn whole<T>(mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let value = read(&mut self)?;
        self.rest.is_empty().then_some(value)
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// Takes one byte if it is one of these.
    pub(super) fn one_of(&mut self, allowed: &[u8]) -> Option<u8> {
        let b = self.peek().filter(|b| allowed.contains(b))?;
        self.take(1)?;
        Some(b)
    }

    pub(super) fn take_while(&mut self, accept: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|b| !accept(*b)).unwrap_or(self.rest.len());
        self.take(end).unwrap_or_default()
    }

    /// Reads a number of exactly so many figures.
    pub(super) fn figures(&mut self, count: usize) -> Option<i64> {
        let mut number = 0;
        for b in self.take(count)? {
            number = number * 10 + i64::from(b.is_ascii_digit().then(|| b - b'0')?);
        }
        Some(number)
    }

    /// Reads `10:05:03`, and a fraction if there is one, in milliseconds; further figures are left out.
    pub(super) fn clock(&mut self) -> Option<(i64, i64, i64, i64)> {
        let hour = self.figures(2)?;
        self.one_of(b":")?;
        let minute = self.figures(2)?;
        self.one_of(b":")?;
        let second = self.figures(2)?;
        Some((hour, minute, second, self.fraction()?))
    }

    pub(super) fn fraction(&mut self) -> Option<i64> {
        if self.one_of(b".,").is_none() {
            return Some(0);
        }
        let figures = self.take_while(|b| b.is_ascii_digit());
        let milliseconds =
            figures.iter().chain(b"00").take(3).fold(0, |sum, b| sum * 10 + i64::from(b - b'0'));
        (!figures.is_empty()).then_some(milliseconds)
    }

    /// Reads `+0200`, `-07:30` or `+02`, in seconds east of UTC.
    pub(super) fn offset(&mut self) -> Option<i32> {
        let sign = self.one_of(b"+-")?;
        let hours = self.figures(2)?;
        self.one_of(b":");
        let minutes = if self.peek().is_some_and(|b| b.is_ascii_digit()) { self.figures(2)? } else { 0 };
        if hours > 18 || minutes > 59 {
            return None;
        }
        let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
        Some(if sign == b'-' { -seconds } else { seconds })
    }

    /// Reads what is left as a zone: nothing, an offset, or the name of UTC, with a space before it or none.
    pub(super) fn zone(mut self) -> Option<Zone> {
        self.one_of(b" ");
        match self.rest {
            b"" => Some(Zone::Missing),
            b"Z" | b"z" | b"UTC" | b"GMT" | b"utc" => Some(Zone::Offset(0)),
            _ => named_zone(self.rest).or_else(|| self.whole(Self::offset)).map(Zone::Offset),
        }
    }
}
