//! Identifiers that can be recognized by their form: UUIDs, ULIDs, hexadecimal tokens, dates.

/// Returns the length of the UUID at the beginning of `text`, or `None` if there is none.
pub(crate) fn leading_uuid(text: &[u8]) -> Option<usize> {
    const LENGTH: usize = 36;
    let form = text.get(..LENGTH)?.iter().enumerate().all(|(index, &b)| match index {
        8 | 13 | 18 | 23 => b == b'-',
        _ => b.is_ascii_hexdigit(),
    });
    (form && ends_at(text, LENGTH)).then_some(LENGTH)
}

/// Returns whether `text` is a ULID. Its letters must have one case and there must be digits, so that no word is taken for one.
pub(crate) fn is_ulid(text: &[u8]) -> bool {
    text.len() == 26
        && text.first().is_some_and(|b| (b'0'..=b'7').contains(b))
        && text.iter().all(|b| b.is_ascii_alphanumeric() && !b"ILOUilou".contains(b))
        && !(text.iter().any(u8::is_ascii_lowercase) && text.iter().any(u8::is_ascii_uppercase))
        && text.iter().any(u8::is_ascii_alphabetic)
}

/// Returns whether `text` is a hexadecimal token: 8 or more digits with both figures and letters, or 16 or more letters, which
/// is no word. Figures alone are a number.
pub(crate) fn is_hex(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"0x").unwrap_or(text);
    let letters = text.iter().any(u8::is_ascii_alphabetic);
    let figures = text.iter().any(u8::is_ascii_digit);
    text.iter().all(u8::is_ascii_hexdigit) && letters && text.len() >= if figures { 8 } else { 16 }
}

/// Returns the length of the date or date-time at the beginning of `text`. It is `2024-01-31`, also with `_` or `.`, and with a
/// time of day in the form of ISO 8601, or `20240131T235959Z`. Eight figures alone count as a number, since most of them are.
pub(crate) fn leading_date(text: &[u8]) -> Option<usize> {
    let separator = *text.get(4)?;
    let separated = matches!(separator, b'-' | b'_' | b'.');
    let (month, day, length) = if separated { (5, 8, 10) } else { (4, 6, 8) };
    let form = number(text, 0, 4).is_some_and(|year| (1000..3000).contains(&year))
        && number(text, month, 2).is_some_and(|month| (1..=12).contains(&month))
        && number(text, day, 2).is_some_and(|day| (1..=31).contains(&day))
        && (!separated || text.get(7) == Some(&separator));
    if !form {
        return None;
    }
    let time = time_of_day(text, length);
    if let Some(end) = time.filter(|&end| ends_at(text, end)) {
        return Some(end);
    }
    (separated && ends_at(text, length)).then_some(length)
}

/// Returns the end of the time at `start`: `T12:34`, followed by seconds, fraction and zone if there are any.
fn time_of_day(text: &[u8], start: usize) -> Option<usize> {
    if !matches!(text.get(start)?, b'T' | b't' | b' ' | b'_') {
        return None;
    }
    let mut end = start + 1;
    number(text, end, 2).filter(|&hour| hour < 25)?;
    end = two_figures(text, end + 2)?;
    end = two_figures(text, end).unwrap_or(end);
    if matches!(text.get(end), Some(b'.' | b',')) {
        let figures = text.iter().skip(end + 1).take_while(|b| b.is_ascii_digit()).count();
        end += if figures == 0 { 0 } else { figures + 1 };
    }
    match text.get(end) {
        Some(b'Z' | b'z') => Some(end + 1),
        Some(b'+' | b'-') if number(text, end + 1, 2).is_some() => {
            Some(two_figures(text, end + 3).unwrap_or(end + 3))
        }
        _ => Some(end),
    }
}

/// Returns the end of two figures at `start`, which may follow a separator.
fn two_figures(text: &[u8], start: usize) -> Option<usize> {
    let start = start + usize::from(matches!(text.get(start)?, b':' | b'-' | b'.'));
    number(text, start, 2).filter(|&n| n < 61).map(|_| start + 2)
}

fn number(text: &[u8], start: usize, length: usize) -> Option<u32> {
    text.get(start..start.checked_add(length)?)?
        .iter()
        .try_fold(0, |number, b| b.is_ascii_digit().then(|| number * 10 + u32::from(b - b'0')))
}

/// Returns whether no letter or figure follows at `end`.
pub(crate) fn ends_at(text: &[u8], end: usize) -> bool {
    !text.get(end).is_some_and(u8::is_ascii_alphanumeric)
}
