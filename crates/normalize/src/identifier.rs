//! Identifiers that can be recognized by their form: UUIDs, ULIDs, hexadecimal tokens, hardware addresses, names of pods, dates.

/// Returns the length of the UUID at the beginning of `text`, or `None` if there is none.
pub(crate) fn leading_uuid(text: &[u8]) -> Option<usize> {
    const LENGTH: usize = 36;
    let form = text.get(..LENGTH)?.iter().enumerate().all(|(index, &b)| match index {
        8 | 13 | 18 | 23 => b == b'-',
        _ => b.is_ascii_hexdigit(),
    });
    (form && ends_at(text, LENGTH)).then_some(LENGTH)
}

/// Returns whether `text` is a UUID as Windows writes it: `{6fa459ea-ee8a-3ca4-894e-db77e160355e}`.
pub(crate) fn is_uuid_in_braces(text: &[u8]) -> bool {
    let inside = text.strip_prefix(b"{").and_then(|text| text.strip_suffix(b"}"));
    inside.is_some_and(|inside| leading_uuid(inside) == Some(inside.len()))
}

/// Returns whether `text` is a ULID. Its letters must have one case and there must be digits, so that no word is taken for one.
pub(crate) fn is_ulid(text: &[u8]) -> bool {
    text.len() == 26
        && text.first().is_some_and(|b| (b'0'..=b'7').contains(b))
        && text.iter().all(|b| b.is_ascii_alphanumeric() && !b"ILOUilou".contains(b))
        && !(text.iter().any(u8::is_ascii_lowercase) && text.iter().any(u8::is_ascii_uppercase))
        && text.iter().any(u8::is_ascii_alphabetic)
}

/// Returns whether `text` is a hexadecimal token: 8 or more digits with both figures and letters, 6 or 7 if they are in
/// no order that a word and a number have, or 16 or more letters, which is no word. Figures alone are a number.
pub(crate) fn is_hex(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"0x").unwrap_or(text);
    if !text.iter().all(u8::is_ascii_hexdigit) || !text.iter().any(u8::is_ascii_alphabetic) {
        return false;
    }
    // Hashes have one case, but for long ones whose case is a check (addresses of Ethereum).
    if text.len() < 16 && text.iter().any(u8::is_ascii_lowercase) && text.iter().any(u8::is_ascii_uppercase) {
        return false;
    }
    // A word and a number (`decade7`) have one change.
    let changes = text
        .iter()
        .zip(text.iter().skip(1))
        .filter(|(a, b)| a.is_ascii_digit() != b.is_ascii_digit())
        .count();
    match text.len() {
        6 => changes >= 2,
        7 => changes >= 2 || text.first().is_some_and(u8::is_ascii_digit),
        length => length >= if text.iter().any(u8::is_ascii_digit) { 8 } else { 16 },
    }
}

/// Returns whether `text` is a hash with the name of its function, as registries write it: `sha256:4bcff639..`.
pub(crate) fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(function, hash)| {
        matches!(function, "md5" | "sha1" | "sha256" | "sha384" | "sha512" | "blake3")
            && hash.len() >= 32
            && hash.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

/// Returns the length of the hardware address at the beginning of `text`: `00:1a:2b:3c:4d:5e`, also with `-`, with eight groups,
/// or as `001a.2b3c.4d5e`.
pub(crate) fn leading_hardware_address(text: &[u8]) -> Option<usize> {
    let grouped = |groups: usize, digits: usize, separator: u8| {
        let length = groups * (digits + 1) - 1;
        let fits = text.get(..length)?.iter().enumerate().all(|(index, &b)| {
            if index % (digits + 1) == digits {
                b == separator
            } else {
                b.is_ascii_hexdigit()
            }
        });
        // What is longer is something else.
        let goes_on =
            text.get(length) == Some(&separator) && text.get(length + 1).is_some_and(u8::is_ascii_hexdigit);
        (fits && ends_at(text, length) && !goes_on).then_some(length)
    };
    let found = [b':', b'-']
        .iter()
        .find_map(|&separator| grouped(6, 2, separator).or_else(|| grouped(8, 2, separator)));
    // Three dotted groups can be a version, unless they have letters.
    found.or_else(|| {
        grouped(3, 4, b'.').filter(|&length| {
            text.iter().take(length).any(u8::is_ascii_alphabetic)
                && text.iter().take(length).any(u8::is_ascii_digit)
        })
    })
}

/// The alphabet of the random suffixes of Kubernetes, which has no vowels, so that no word comes out.
const POD_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Returns the length of what Kubernetes appends to the name of a pod, if all of `text` is such a suffix: the hash of a replica set
/// or the number of a job, and five random characters; or these five alone, with a figure that is not at the end of a word.
pub(crate) fn pod_suffix(text: &[u8]) -> Option<usize> {
    let is_random = |part: &[u8]| part.iter().all(|b| POD_ALPHABET.contains(b));
    let mut parts = text.split(|&b| b == b'-');
    let found = match (parts.next()?, parts.next(), parts.next()) {
        (controller, Some(random), None) => {
            let is_controller = (8..=10).contains(&controller.len())
                && (is_random(controller) || controller.iter().all(u8::is_ascii_digit));
            is_controller && random.len() == 5 && is_random(random)
        }
        (random, None, None) => {
            let letters = random.iter().take_while(|b| b.is_ascii_alphabetic()).count();
            random.len() == 5
                && is_random(random)
                && random.iter().any(u8::is_ascii_alphabetic)
                && random.iter().skip(letters).any(u8::is_ascii_alphabetic)
        }
        _ => false,
    };
    found.then_some(text.len())
}

/// Returns the length of the date or date-time at the beginning of `text`. It is `2024-01-31`, also with `_` or `.`, and with a
/// time of day in the form of ISO 8601, or `20240131T235959Z`, or with the day first: `31.01.2024`, `31-Jan-2024`. Eight figures
/// alone count as a number, since most of them are.
pub(crate) fn leading_date(text: &[u8]) -> Option<usize> {
    if let Some(length) = day_first(text) {
        return Some(length);
    }
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

const MONTHS: [&[u8; 3]; 12] =
    [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];

/// Returns the length of `31-01-2024`, `01.31.2024` or `31-Jan-2024`.
fn day_first(text: &[u8]) -> Option<usize> {
    let separator = *text.get(2).filter(|b| matches!(b, b'-' | b'_' | b'.'))?;
    let first = number(text, 0, 2)?;
    let middle = text.iter().skip(3).take_while(|b| b.is_ascii_alphanumeric()).count();
    let is_date = match middle {
        2 => {
            let second = number(text, 3, 2)?;
            (1..=31).contains(&first.max(second)) && (1..=12).contains(&first.min(second))
        }
        3 => {
            let name = text.get(3..6)?;
            (1..=31).contains(&first) && MONTHS.iter().any(|month| name.eq_ignore_ascii_case(*month))
        }
        _ => false,
    };
    let year = 3 + middle + 1;
    let end = year + 4;
    let is_year = number(text, year, 4).is_some_and(|year| (1900..2200).contains(&year));
    let is_longer = text.get(end) == Some(&separator) && text.get(end + 1).is_some_and(u8::is_ascii_digit);
    (is_date && is_year && text.get(year - 1) == Some(&separator) && ends_at(text, end) && !is_longer)
        .then_some(end)
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
