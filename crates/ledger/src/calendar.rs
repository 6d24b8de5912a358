//! Hours, days, weeks and months: which period a slice belongs to, and whether it belongs to one alone.

use std::{fmt, sync::Arc};

use jiff::{civil::Date, Timestamp};

use crate::{error::BeyondCalendar, time_zone::TimeZone};

/// The length of a calendar period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CalendarUnit {
    /// From one full hour of the zone's clocks to the next. Shorter where clocks change in between.
    Hour,
    /// From midnight to midnight: 24 hours, or more or less where clocks change.
    Day,
    /// From Monday to Monday, as ISO 8601 numbers weeks.
    Week,
    /// From the first day of a month to that of the next.
    Month,
}

impl CalendarUnit {
    /// All units, from the shortest to the longest.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// Returns the name, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

impl fmt::Display for CalendarUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One hour, day, week or month of a time zone. Periods are sorted by their start.
///
/// It is displayed as `2015-05-17T10:00+02:00`, `2015-05-17`, `2015-W20` or `2015-05`. An hour has the offset of the zone, because clocks
/// show an hour twice when summer time ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    start_ms: u64,
    end_ms: u64,
    unit: CalendarUnit,
    text: Arc<str>,
}

impl Period {
    /// Returns the period of a time zone that a time is in, given in Unix milliseconds.
    ///
    /// ```
    /// use ron_accounting_ledger::{CalendarUnit, Period, TimeZone};
    /// let berlin: TimeZone = "Europe/Berlin".parse()?;
    /// let day = Period::at(CalendarUnit::Day, &berlin, 1_445_731_200_000)?;
    /// assert_eq!(day.to_string(), "2015-10-25");
    /// assert_eq!(day.end_ms() - day.start_ms(), 25 * 3_600_000, "summer time ends on this day");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn at(unit: CalendarUnit, zone: &TimeZone, unix_ms: u64) -> Result<Self, BeyondCalendar> {
        let beyond = BeyondCalendar { unix_ms };
        let timestamp = i64::try_from(unix_ms)
            .ok()
            .and_then(|unix_ms| Timestamp::from_millisecond(unix_ms).ok())
            .ok_or(beyond)?;
        let (start, end, text) = match unit {
            CalendarUnit::Hour => hour(zone, timestamp),
            CalendarUnit::Day | CalendarUnit::Week | CalendarUnit::Month => dates(unit, zone, timestamp),
        }
        .ok_or(beyond)?;
        // The period of a time since 1970 may begin before.
        let start_ms = u64::try_from(start.as_millisecond()).unwrap_or(0);
        let end_ms = u64::try_from(end.as_millisecond()).map_err(|_| beyond)?;
        Ok(Self { start_ms, end_ms, unit, text: text.into() })
    }

    /// Returns the unit.
    #[must_use]
    pub const fn unit(&self) -> CalendarUnit {
        self.unit
    }

    /// Returns the start in Unix milliseconds; 0 for a period that began before 1970.
    #[must_use]
    pub const fn start_ms(&self) -> u64 {
        self.start_ms
    }

    /// Returns the end in Unix milliseconds, exclusive.
    #[must_use]
    pub const fn end_ms(&self) -> u64 {
        self.end_ms
    }

    pub(crate) const fn contains(&self, unix_ms: u64) -> bool {
        self.start_ms <= unix_ms && unix_ms < self.end_ms
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

type Bounds = (Timestamp, Timestamp, String);

/// Returns the hour of the clocks that a time is in. It begins or ends early where the offset changes.
fn hour(zone: &TimeZone, time: Timestamp) -> Option<Bounds> {
    let tz = zone.zone();
    let offset = tz.to_offset(time);
    let clock = offset.to_datetime(time);
    let mut start = offset.to_timestamp(clock.date().at(clock.hour(), 0, 0, 0)).ok()?;
    let mut end = start.checked_add(jiff::SignedDuration::from_hours(1)).ok()?;
    let just_before = |time: Timestamp| time.checked_sub(jiff::SignedDuration::from_millis(1)).ok();
    if tz.to_offset(start) != offset {
        let next = time.checked_add(jiff::SignedDuration::from_nanos(1)).ok()?;
        let mut changes = tz.preceding(next).map(|transition| transition.timestamp());
        start =
            changes.find(|change| just_before(*change).is_some_and(|time| tz.to_offset(time) != offset))?;
    }
    if tz.to_offset(just_before(end)?) != offset {
        let mut changes = tz.following(time).map(|transition| transition.timestamp());
        end = changes.find(|change| tz.to_offset(*change) != offset)?;
    }
    let clock = offset.to_datetime(start);
    let shown = if zone.is_utc() { "Z".to_owned() } else { format_offset(offset.seconds()) };
    let text = format!("{}T{:02}:{:02}{shown}", clock.date(), clock.hour(), clock.minute());
    Some((start, end, text))
}

fn format_offset(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// Returns the day, week or month that a time is in.
fn dates(unit: CalendarUnit, zone: &TimeZone, time: Timestamp) -> Option<Bounds> {
    let mut date = zone.zone().to_datetime(time).date();
    // The date that clocks show may go back, so it is not always that of the day.
    while time < zone.day_start(date)? {
        date = date.yesterday().ok()?;
    }
    while time >= zone.day_start(date.tomorrow().ok()?)? {
        date = date.tomorrow().ok()?;
    }
    let (first, next, text) = match unit {
        CalendarUnit::Week => week(date)?,
        CalendarUnit::Month => {
            let first = date.first_of_month();
            (
                first,
                first.last_of_month().tomorrow().ok()?,
                format!("{:04}-{:02}", first.year(), first.month()),
            )
        }
        CalendarUnit::Day | CalendarUnit::Hour => (date, date.tomorrow().ok()?, date.to_string()),
    };
    Some((zone.day_start(first)?, zone.day_start(next)?, text))
}

fn week(date: Date) -> Option<(Date, Date, String)> {
    let days = |count: i64| jiff::Span::new().try_days(count).ok();
    let since_monday = i64::from(date.weekday().to_monday_zero_offset());
    let monday = date.checked_sub(days(since_monday)?).ok()?;
    let numbered = date.iso_week_date();
    Some((
        monday,
        monday.checked_add(days(7)?).ok()?,
        format!("{:04}-W{:02}", numbered.year(), numbered.week()),
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR_MS: u64 = 3_600_000;

    fn zone(name: &str) -> TimeZone {
        name.parse().unwrap()
    }

    fn ms(text: &str) -> u64 {
        u64::try_from(text.parse::<Timestamp>().unwrap().as_millisecond()).unwrap()
    }

    #[track_caller]
    fn assert_period(unit: CalendarUnit, name: &str, at: &str, shown: &str, start: &str, end: &str) {
        let period = Period::at(unit, &zone(name), ms(at)).unwrap();
        assert_eq!(
            (period.to_string().as_str(), period.start_ms(), period.end_ms()),
            (shown, ms(start), ms(end)),
            "{unit} of {name} at {at}"
        );
    }

    #[test]
    fn hours_of_half_hour_zones_begin_at_half_hours_of_utc() {
        use CalendarUnit::Hour;
        assert_period(
            Hour,
            "Asia/Kolkata",
            "2015-05-17T10:31:00Z",
            "2015-05-17T16:00+05:30",
            "2015-05-17T10:30:00Z",
            "2015-05-17T11:30:00Z",
        );
        assert_period(
            Hour,
            "Asia/Kathmandu",
            "2015-05-17T10:14:59.999Z",
            "2015-05-17T15:00+05:45",
            "2015-05-17T09:15:00Z",
            "2015-05-17T10:15:00Z",
        );
    }

    #[test]
    fn an_hour_that_clocks_show_twice_is_two_hours() {
        use CalendarUnit::Hour;
        let zone = "Europe/Berlin";
        assert_period(
            Hour,
            zone,
            "2015-10-25T00:30:00Z",
            "2015-10-25T02:00+02:00",
            "2015-10-25T00:00:00Z",
            "2015-10-25T01:00:00Z",
        );
        assert_period(
            Hour,
            zone,
            "2015-10-25T01:30:00Z",
            "2015-10-25T02:00+01:00",
            "2015-10-25T01:00:00Z",
            "2015-10-25T02:00:00Z",
        );
    }

    #[test]
    fn where_clocks_change_by_half_an_hour_an_hour_is_cut() {
        use CalendarUnit::Hour;
        let zone = "Australia/Lord_Howe";
        // 02:00 +11:00 becomes 01:30 +10:30.
        assert_period(
            Hour,
            zone,
            "2015-04-04T15:10:00Z",
            "2015-04-05T01:30+10:30",
            "2015-04-04T15:00:00Z",
            "2015-04-04T15:30:00Z",
        );
        // 02:00 +10:30 becomes 02:30 +11:00.
        assert_period(
            Hour,
            zone,
            "2015-10-03T15:35:00Z",
            "2015-10-04T02:30+11:00",
            "2015-10-03T15:30:00Z",
            "2015-10-03T16:00:00Z",
        );
    }

    #[test]
    fn days_have_23_to_25_hours_and_begin_when_clocks_say_so() {
        use CalendarUnit::Day;
        for (name, at, shown, hours) in [
            ("Europe/Berlin", "2015-03-29T12:00:00Z", "2015-03-29", 23),
            ("Europe/Berlin", "2015-10-25T12:00:00Z", "2015-10-25", 25),
            ("America/New_York", "2015-11-01T12:00:00Z", "2015-11-01", 25),
            // Midnight is left out.
            ("America/Sao_Paulo", "2015-10-18T12:00:00Z", "2015-10-18", 23),
            // The hour before midnight comes twice.
            ("America/Sao_Paulo", "2015-02-21T12:00:00Z", "2015-02-21", 25),
            // The hour behind midnight comes twice.
            ("America/Havana", "2015-11-01T12:00:00Z", "2015-11-01", 25),
            ("Europe/Berlin", "2015-05-17T12:00:00Z", "2015-05-17", 24),
        ] {
            let day = Period::at(Day, &zone(name), ms(at)).unwrap();
            assert_eq!((day.to_string().as_str(), day.end_ms() - day.start_ms()), (shown, hours * HOUR_MS));
        }
        // Samoa had no 30 December 2011.
        assert_period(
            Day,
            "Pacific/Apia",
            "2011-12-30T09:59:59Z",
            "2011-12-29",
            "2011-12-29T10:00:00Z",
            "2011-12-30T10:00:00Z",
        );
        assert_period(
            Day,
            "Pacific/Apia",
            "2011-12-30T10:00:00Z",
            "2011-12-31",
            "2011-12-30T10:00:00Z",
            "2011-12-31T10:00:00Z",
        );
        // At one minute past midnight clocks went back by an hour: the day begins at the second midnight.
        assert_period(
            Day,
            "America/St_Johns",
            "2010-11-07T03:00:00Z",
            "2010-11-06",
            "2010-11-06T02:30:00Z",
            "2010-11-07T03:30:00Z",
        );
    }

    #[test]
    fn weeks_begin_on_monday_and_have_iso_numbers() {
        use CalendarUnit::Week;
        for (at, shown) in [
            ("2015-05-17T23:59:59Z", "2015-W20"),
            ("2015-05-18T00:00:00Z", "2015-W21"),
            ("2016-01-03T12:00:00Z", "2015-W53"),
            ("2018-12-31T12:00:00Z", "2019-W01"),
        ] {
            let week = Period::at(Week, &TimeZone::default(), ms(at)).unwrap();
            assert_eq!((week.to_string().as_str(), week.end_ms() - week.start_ms()), (shown, 168 * HOUR_MS));
        }
        let spring = Period::at(Week, &zone("Europe/Berlin"), ms("2015-03-25T12:00:00Z")).unwrap();
        assert_eq!(spring.end_ms() - spring.start_ms(), 167 * HOUR_MS);
    }

    #[test]
    fn months_begin_on_the_first_in_their_zone() {
        use CalendarUnit::Month;
        assert_period(
            Month,
            "Asia/Tokyo",
            "2016-02-29T14:59:59Z",
            "2016-02",
            "2016-01-31T15:00:00Z",
            "2016-02-29T15:00:00Z",
        );
        assert_eq!(Period::at(Month, &zone("Asia/Tokyo"), 0).unwrap().start_ms(), 0, "it began before 1970");
        let late = ms("9999-12-30T00:00:00Z");
        assert!(Period::at(Month, &TimeZone::default(), late).is_err());
        assert_eq!(
            Period::at(Month, &TimeZone::default(), u64::MAX),
            Err(BeyondCalendar { unix_ms: u64::MAX })
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn periods_follow_each_other_without_gap_and_say_what_clocks_say(
            name in prop::sample::select(vec![
                "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia",
                "America/Sao_Paulo", "America/Havana", "Africa/Casablanca", "Asia/Kathmandu", "Antarctica/Troll", "+05:30",
            ]),
            unit in prop::sample::select(CalendarUnit::ALL.to_vec()),
            at in 86_400_000_u64 * 40..2_500_000_000_000,
        ) {
            let zone = zone(name);
            let period = Period::at(unit, &zone, at).unwrap();
            prop_assert!(period.contains(at));
            let (start, end) = (period.start_ms(), period.end_ms());
            prop_assert_eq!(&Period::at(unit, &zone, start).unwrap(), &period);
            prop_assert_eq!(&Period::at(unit, &zone, end - 1).unwrap(), &period);
            let next = Period::at(unit, &zone, end).unwrap();
            prop_assert_eq!(next.start_ms(), end);
            prop_assert!(next > period && next.to_string() != period.to_string());

            let clock = zone.zone().to_datetime(Timestamp::from_millisecond(i64::try_from(at).unwrap()).unwrap());
            let shown = period.to_string();
            match unit {
                CalendarUnit::Hour => {
                    let says_so = shown.starts_with(&format!("{}T{:02}:", clock.date(), clock.hour()));
                    prop_assert!(says_so);
                }
                CalendarUnit::Day => prop_assert_eq!(shown, clock.date().to_string()),
                CalendarUnit::Week => {
                    let week = clock.date().iso_week_date();
                    prop_assert_eq!(shown, format!("{}-W{:02}", week.year(), week.week()));
                }
                CalendarUnit::Month => prop_assert_eq!(shown, format!("{}-{:02}", clock.year(), clock.month())),
            }
        }

        #[test]
        fn a_zone_parses_from_its_own_name(name in "[A-Za-z+:0-9/_-]{0,12}") {
            if let Ok(zone) = name.parse::<TimeZone>() {
                prop_assert_eq!(zone.name().parse::<TimeZone>().unwrap(), zone);
            }
        }
    }

    #[test]
    fn local_dates_and_times_are_those_of_the_zone() {
        let berlin = zone("Europe/Berlin");
        assert_eq!(berlin.parse_local("2015-05-17"), Some(ms("2015-05-16T22:00:00Z")));
        assert_eq!(berlin.parse_local("2015-05-17T10:05"), Some(ms("2015-05-17T08:05:00Z")));
        assert_eq!(zone("America/Sao_Paulo").parse_local("2015-10-18"), Some(ms("2015-10-18T03:00:00Z")));
        for text in ["", "2015-02-30", "yesterday", "1969-12-31"] {
            assert_eq!(berlin.parse_local(text), None, "{text}");
        }
        for text in ["", "Mars", "+25:00", "+5", "Europe/"] {
            assert!(text.parse::<TimeZone>().is_err(), "{text}");
        }
    }
}
