//! Points in time and spans, as they are written on a command line.

use std::num::ParseIntError;

use jiff::Timestamp;
use ron_accounting_ledger::TimeZone;

/// Numbers below this are seconds, others milliseconds. In seconds it is the year 5138, in milliseconds 1973.
const SECONDS_MAX: u64 = 100_000_000_000;

/// Parses an RFC 3339 time, a date or a time of the zone, or a Unix time in seconds or milliseconds. Returns Unix milliseconds.
pub(crate) fn parse_time(text: &str, zone: &TimeZone) -> Result<u64, String> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        let number: u64 = text.parse().map_err(|error: ParseIntError| error.to_string())?;
        return Ok(if number < SECONDS_MAX { number * 1000 } else { number });
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return u64::try_from(time.as_millisecond()).map_err(|_| "a time since 1970 is needed".to_owned());
    }
    zone.parse_local(text).ok_or_else(|| {
        "write a time since 1970: 2015-05-17T10:05:00Z, 2015-05-17 (midnight of --time-zone), or a Unix time in seconds or \
         milliseconds"
            .to_owned()
    })
}

/// Writes a time in RFC 3339 and UTC. Past the year 9999, which has no such form, it writes the Unix milliseconds.
pub(crate) fn format_time(unix_ms: u64) -> String {
    i64::try_from(unix_ms)
        .ok()
        .and_then(|unix_ms| Timestamp::from_millisecond(unix_ms).ok())
        .map_or_else(|| unix_ms.to_string(), |time| time.to_string())
}

/// Parses a span above zero such as `500ms`, `60s`, `5m`, `1h` or `1d`. Returns milliseconds.
pub(crate) fn parse_span(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 5] =
        [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    let figures = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(figures);
    let unit_ms = UNITS.into_iter().find(|(name, _)| *name == unit).map(|(_, unit_ms)| unit_ms);
    let span_ms =
        number.parse::<u64>().ok().zip(unit_ms).and_then(|(number, unit_ms)| number.checked_mul(unit_ms));
    match span_ms {
        Some(0) => Err("a span above zero is needed".to_owned()),
        Some(span_ms) => Ok(span_ms),
        None => Err("write a whole number and its unit: 500ms, 60s, 5m, 1h or 1d".to_owned()),
    }
}

/// Parses the length of a window, which is a span within the limits of the engine.
pub(crate) fn parse_window(text: &str) -> Result<u64, String> {
    let span_ms = parse_span(text)?;
    if (10..=86_400_000).contains(&span_ms) {
        Ok(span_ms)
    } else {
        Err("a window of 10ms to 1d is needed".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{format_time, parse_span, parse_time, parse_window, TimeZone};

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

    #[test]
    fn spans_need_a_unit_and_a_length() {
        assert_eq!(parse_span("500ms"), Ok(500));
        assert_eq!(parse_span("60s"), Ok(60_000));
        assert_eq!(parse_span("5m"), Ok(300_000));
        assert_eq!(parse_span("1h"), Ok(3_600_000));
        assert_eq!((parse_window("10ms"), parse_window("1d")), (Ok(10), Ok(86_400_000)));
        assert!(parse_window("9ms").is_err() && parse_window("25h").is_err());
        for text in [
            "",
            "60",
            "s",
            "0s",
            "-1s",
            "1.5h",
            "1 h",
            "5M",
            "99999999999999999999h",
            "18446744073709551615d",
        ] {
            assert!(parse_span(text).is_err(), "{text}");
        }
    }
}
