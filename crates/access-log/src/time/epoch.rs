//! Time since 1970 as a number.

use super::civil::Cursor;

/// Returns Unix milliseconds. The number of figures tells the unit: up to eleven are seconds, up to fourteen
/// milliseconds, up to seventeen microseconds, up to nineteen nanoseconds.
pub(super) fn any(bytes: &[u8]) -> Option<i64> {
    let mut cursor = Cursor::new(bytes);
    let figures = cursor.take_while(|b| b.is_ascii_digit());
    let whole: i64 = std::str::from_utf8(figures).ok()?.parse().ok()?;
    match (figures.len(), cursor.rest()) {
        (12..=14, b"") => Some(whole),
        (15..=17, b"") => Some(whole / 1000),
        (18..=19, b"") => Some(whole / 1_000_000),
        (1..=11, b"") => Some(whole * 1000),
        (_, [b'.', fraction @ ..]) if !fraction.is_empty() && fraction.iter().all(u8::is_ascii_digit) => {
            let fraction = fraction.iter().chain(b"00").take(3);
            let thousandths = fraction.fold(0, |sum, b| sum * 10 + i64::from(b - b'0'));
            match figures.len() {
                1..=11 => Some(whole * 1000 + thousandths),
                12..=14 => Some(whole),
                _ => None,
            }
        }
        _ => scientific(bytes),
    }
}

/// Reads seconds as `1.722265581e9`.
fn scientific(bytes: &[u8]) -> Option<i64> {
    if bytes.len() > 40 || memchr::memchr2(b'e', b'E', bytes).is_none() {
        return None;
    }
    let seconds: f64 = std::str::from_utf8(bytes).ok()?.parse().ok()?;
    #[allow(clippy::cast_possible_truncation)] // Within 2^53.
    (0.0..1e11).contains(&seconds).then(|| (seconds * 1000.0).round() as i64)
}
