//! The time of a line: `17/May/2015:10:05:03 +0000`.

use jiff::{civil::DateTime, tz::Offset};

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// Returns the Unix milliseconds of a time in the format of access logs. `None` for another format, a day that does not exist,
/// or a time before 1970.
///
/// A leap second counts as the second before it, since Unix time has none.
pub(super) fn unix_ms(text: &str) -> Option<u64> {
    let bytes: &[u8; 26] = text.as_bytes().try_into().ok()?;
    let [d1, d2, b'/', m1, m2, m3, b'/', y1, y2, y3, y4, b':', h1, h2, b':', n1, n2, b':', s1, s2, b' ', sign, z1, z2, z3, z4] =
        *bytes
    else {
        return None;
    };
    let month = (1_i8..).zip(MONTHS).find(|(_, name)| **name == [m1, m2, m3])?.0;
    let year = i16::from(pair(y1, y2)?) * 100 + i16::from(pair(y3, y4)?);
    let second = pair(s1, s2)?;
    let second = if second == 60 { 59 } else { second };
    let local = DateTime::new(year, month, pair(d1, d2)?, pair(h1, h2)?, pair(n1, n2)?, second, 0).ok()?;

    let (zone_hours, zone_minutes) = (pair(z1, z2)?, pair(z3, z4)?);
    if zone_minutes > 59 {
        return None;
    }
    let seconds = i32::from(zone_hours) * 3600 + i32::from(zone_minutes) * 60;
    let seconds = match sign {
        b'+' => seconds,
        b'-' => -seconds,
        _ => return None,
    };
    let time = Offset::from_seconds(seconds).ok()?.to_timestamp(local).ok()?;
    u64::try_from(time.as_millisecond()).ok()
}

/// Returns the number of two digits.
fn pair(tens: u8, ones: u8) -> Option<i8> {
    let figure = |b: u8| if b.is_ascii_digit() { i8::try_from(b - b'0').ok() } else { None };
    Some(figure(tens)? * 10 + figure(ones)?)
}

#[cfg(test)]
mod tests {
    use super::unix_ms;

    #[test]
    fn zones_are_honoured() {
        let utc = unix_ms("17/May/2015:10:05:03 +0000");
        assert_eq!(utc, Some(1_431_857_103_000));
        for same in ["17/May/2015:12:05:03 +0200", "17/May/2015:02:35:03 -0730", "18/May/2015:00:05:03 +1400"]
        {
            assert_eq!(unix_ms(same), utc, "{same}");
        }
        assert_eq!(unix_ms("01/Jan/1970:00:00:00 +0000"), Some(0));
        assert_eq!(unix_ms("29/Feb/2024:23:59:60 +0000"), Some(1_709_251_199_000));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "17/May/2015:10:05:03",
            "17/may/2015:10:05:03 +0000",
            "31/Feb/2015:10:05:03 +0000",
            "29/Feb/2023:10:05:03 +0000",
            "00/May/2015:10:05:03 +0000",
            "17/May/2015:24:05:03 +0000",
            "17/May/2015:10:60:03 +0000",
            "17/May/2015:10:05:61 +0000",
            "17/May/2015:10:05:03 +0060",
            "17/May/2015:10:05:03 +9900",
            "17/May/2015:10:05:03 *0000",
            "17-May-2015:10:05:03 +0000",
            "1é/May/2015:10:05:03 +000",
            "31/Dec/1969:23:59:59 +0000",
            "01/Jan/1970:00:00:00 +0100",
        ] {
            assert_eq!(unix_ms(text), None, "{text}");
        }
    }
}
