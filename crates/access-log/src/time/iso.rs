//! ISO 8601: `2024-07-30T00:06:21.123+09:00`, also with a space or slashes, or as `20240730T000621Z`.

use super::civil::{pair, Civil, Cursor, Zone};

/// Reads exactly `2024-07-30T00:06:21`, or with a space, and behind it a fraction, `Z` and an offset or none of them: what nearly
/// every server writes.
pub(super) fn plain(bytes: &[u8]) -> Option<(Civil, Zone)> {
    let (date_and_clock, behind) = bytes.split_first_chunk()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T' | b' ', h1, h2, b':', n1, n2, b':', s1, s2] =
        *date_and_clock
    else {
        return None;
    };
    let (millisecond, behind) = match behind {
        [b'.', f1, f2, f3, behind @ ..] => {
            let further = behind.iter().position(|b| !b.is_ascii_digit()).unwrap_or(behind.len());
            (pair(*f1, *f2)? * 10 + pair(b'0', *f3)?, behind.get(further..)?)
        }
        _ => (0, behind),
    };
    let zone = match behind {
        [] => Zone::Missing,
        [b'Z'] | [b'+', b'0', b'0', b':', b'0', b'0'] => Zone::Offset(0),
        _ => return None,
    };
    let civil = Civil {
        year: pair(y1, y2)? * 100 + pair(y3, y4)?,
        month: pair(m1, m2)?,
        day: pair(d1, d2)?,
        hour: pair(h1, h2)?,
        minute: pair(n1, n2)?,
        second: pair(s1, s2)?,
        millisecond,
    };
    Some((civil, zone))
}

pub(super) fn any(bytes: &[u8]) -> Option<(Civil, Zone)> {
    let mut cursor = Cursor::new(bytes);
    if bytes.get(8) == Some(&b'T') {
        return basic(cursor);
    }
    let year = cursor.figures(4)?;
    let separator = cursor.one_of(b"-/")?;
    let month = cursor.figures(2)?;
    cursor.one_of(&[separator])?;
    let day = cursor.figures(2)?;
    cursor.one_of(b"Tt :")?;
    let (hour, minute, second, millisecond) = cursor.clock()?;
    Some((Civil { year, month, day, hour, minute, second, millisecond }, cursor.zone()?))
}

fn basic(mut cursor: Cursor<'_>) -> Option<(Civil, Zone)> {
    let (year, month, day) = (cursor.figures(4)?, cursor.figures(2)?, cursor.figures(2)?);
    cursor.one_of(b"T")?;
    let (hour, minute, second) = (cursor.figures(2)?, cursor.figures(2)?, cursor.figures(2)?);
    let millisecond = cursor.fraction()?;
    Some((Civil { year, month, day, hour, minute, second, millisecond }, cursor.zone()?))
}
