//! ISO 8601: `2024-07-30T00:06:21.123+09:00`, also with a space or slashes, or as `20240730T000621Z`.

use super::civil::{Civil, Cursor, Zone};

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
