//! `17/May/2015:10:05:03 +0000`, as Apache and nginx write it, and what others make of it.

use super::civil::{pair, Civil, Cursor, Zone};

const MONTHS: [&[u8; 3]; 12] =
    [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];

/// Months as servers write them that run in another language, by their first letters, in lower case.
const FOREIGN_MONTHS: [(&str, i64); 25] = [
    ("ene", 1),
    ("gen", 1),
    ("fév", 2),
    ("fev", 2),
    ("mär", 3),
    ("mrz", 3),
    ("mrt", 3),
    ("abr", 4),
    ("avr", 4),
    ("mai", 5),
    ("mei", 5),
    ("mag", 5),
    ("giu", 6),
    ("juin", 6),
    ("juil", 7),
    ("lug", 7),
    ("ago", 8),
    ("aoû", 8),
    ("set", 9),
    ("okt", 10),
    ("ott", 10),
    ("out", 10),
    ("dez", 12),
    ("dic", 12),
    ("déc", 12),
];

/// Returns the Unix milliseconds of exactly `17/May/2015:10:05:03 +0000`: the one form that nearly every line has.
pub(super) fn plain(bytes: &[u8]) -> Option<i64> {
    let bytes: &[u8; 26] = bytes.try_into().ok()?;
    let [d1, d2, b'/', m1, m2, m3, b'/', y1, y2, y3, y4, b':', h1, h2, b':', n1, n2, b':', s1, s2, b' ', sign, z1, z2, z3, z4] =
        *bytes
    else {
        return None;
    };
    let month = match (m1, m2, m3) {
        (b'J', b'a', b'n') => 1,
        (b'F', b'e', b'b') => 2,
        (b'M', b'a', b'r') => 3,
        (b'A', b'p', b'r') => 4,
        (b'M', b'a', b'y') => 5,
        (b'J', b'u', b'n') => 6,
        (b'J', b'u', b'l') => 7,
        (b'A', b'u', b'g') => 8,
        (b'S', b'e', b'p') => 9,
        (b'O', b'c', b't') => 10,
        (b'N', b'o', b'v') => 11,
        (b'D', b'e', b'c') => 12,
        _ => return None,
    };
    let civil = Civil {
        year: pair(y1, y2)? * 100 + pair(y3, y4)?,
        month,
        day: pair(d1, d2)?,
        hour: pair(h1, h2)?,
        minute: pair(n1, n2)?,
        second: pair(s1, s2)?,
        millisecond: 0,
    };
    let (hours, minutes) = (pair(z1, z2)?, pair(z3, z4)?);
    if hours > 18 || minutes > 59 {
        return None;
    }
    let offset = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    match sign {
        b'+' => civil.unix_ms(offset),
        b'-' => civil.unix_ms(-offset),
        _ => None,
    }
}

/// Reads the forms of [`numbered`], also behind a day of the week, and `Sun May 17 10:05:03 2015`.
pub(super) fn any(bytes: &[u8]) -> Option<(Civil, Zone)> {
    if bytes.first().is_some_and(u8::is_ascii_digit) {
        return numbered(bytes);
    }
    let mut cursor = Cursor::new(bytes);
    let weekday = cursor.take_while(|b| b.is_ascii_alphabetic());
    cursor.one_of(b",");
    cursor.one_of(b" ")?;
    if !(3..=9).contains(&weekday.len()) {
        return None;
    }
    if cursor.peek()?.is_ascii_digit() {
        return numbered(cursor.rest());
    }
    let month = month(cursor.take_while(|b| b.is_ascii_alphabetic()))?;
    cursor.one_of(b" ")?;
    cursor.one_of(b" ");
    let figures = cursor.take_while(|b| b.is_ascii_digit());
    let day = Cursor::new(figures).whole(|cursor| cursor.figures(figures.len().clamp(1, 2)))?;
    cursor.one_of(b" ")?;
    let (hour, minute, second, millisecond) = cursor.clock()?;
    cursor.one_of(b" ")?;
    let year = cursor.figures(4)?;
    Some((Civil { year, month, day, hour, minute, second, millisecond }, cursor.zone()?))
}

/// Reads day, name of the month, year and time with other separators, a fraction, one figure for the day, or without
/// a zone.
fn numbered(bytes: &[u8]) -> Option<(Civil, Zone)> {
    let mut cursor = Cursor::new(bytes);
    let day = match cursor.take_while(|b| b.is_ascii_digit()) {
        figures @ ([_] | [_, _]) => Cursor::new(figures).figures(figures.len())?,
        _ => return None,
    };
    cursor.one_of(b"/- ")?;
    let month = month(cursor.take_while(|b| b.is_ascii_alphabetic() || b >= 0x80))?;
    cursor.one_of(b".");
    cursor.one_of(b"/- ")?;
    let year = cursor.figures(4)?;
    cursor.one_of(b": T")?;
    let (hour, minute, second, millisecond) = cursor.clock()?;
    Some((Civil { year, month, day, hour, minute, second, millisecond }, cursor.zone()?))
}

fn month(name: &[u8]) -> Option<i64> {
    if let [a, b, c] = name {
        let lower = [a, b, c].map(u8::to_ascii_lowercase);
        if let Some((month, _)) = (1..).zip(MONTHS).find(|(_, month)| **month == lower) {
            return Some(month);
        }
    }
    let name = std::str::from_utf8(name).ok().filter(|name| name.len() <= 16)?.to_lowercase();
    FOREIGN_MONTHS.iter().find(|(beginning, _)| name.starts_with(beginning)).map(|(_, month)| *month)
}
