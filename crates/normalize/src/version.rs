//! Versions. Those of an API tell resources apart and stay: `/v1` and `/v2`, `/2024-01-01`, `/admin/api/2024-10`. Those of a package or a
//! file are values: `rails-7.0.1.gem`.

use crate::identifier;

/// What stands around a segment. It is the same before and after normalization, or normalization would not be idempotent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Surroundings {
    /// The segment is the first one, or the one before it announces a version.
    pub(crate) may_be_version: bool,
    /// Another segment follows.
    pub(crate) is_followed: bool,
}

/// Returns whether a version of an API often follows this segment.
pub(crate) fn announces_version(segment: &str) -> bool {
    matches!(segment, "api" | "apis" | "rest")
}

/// Returns whether a segment is the version of an API.
///
/// `v1`, `v2beta1` and `v59.0` are so anywhere. Numbers and dates without a `v` are so only at the beginning of a path or behind `api`,
/// and in front of a further segment.
pub(crate) fn is_api_version(segment: &str, surroundings: Surroundings) -> bool {
    let expected = surroundings.may_be_version && surroundings.is_followed;
    match segment.strip_prefix(['v', 'V']) {
        Some(rest) if is_numbered(rest) => true,
        Some(rest) => expected && (is_dated(rest) || is_compact_date(rest) || is_dotted(rest, 3)),
        None => expected && (is_dated(segment) || is_short_number(segment)),
    }
}

/// Returns whether a segment is the version of an API if it is where one is expected.
pub(crate) fn looks_like_api_version(segment: &str) -> bool {
    is_api_version(segment, Surroundings { may_be_version: true, is_followed: true })
}

/// Returns whether a part of a segment is a version with `v`, such as `v1` in `acme.billing.v1.Invoices`.
pub(crate) fn is_version_word(word: &[u8]) -> bool {
    std::str::from_utf8(word).is_ok_and(|word| word.strip_prefix(['v', 'V']).is_some_and(is_numbered))
}

/// Returns whether `text` is `1`, `59.0`, `2beta1`, `1p1beta1`: up to two figures, once or twice, and a stage.
fn is_numbered(text: &str) -> bool {
    let stage = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, stage) = text.split_at(stage);
    is_dotted(number, 2) && (stage.is_empty() || is_stage(stage))
}

/// Returns whether `text` is one to `most` numbers of up to two figures each, with dots between them.
fn is_dotted(text: &str, most: usize) -> bool {
    text.split('.').count() <= most
        && text
            .split('.')
            .all(|part| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
}

/// Returns whether `text` is made of stages with up to two figures each: `beta1`, `p1beta1`, `alpha`.
fn is_stage(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let Some(after) = STAGES.iter().find_map(|stage| rest.strip_prefix(stage)) else { return false };
        let figures = after.bytes().take_while(u8::is_ascii_digit).count();
        if figures > 2 {
            return false;
        }
        rest = after.get(figures..).unwrap_or_default();
    }
    true
}

/// The stages of an API or a package. A longer one comes before its beginning.
const STAGES: [&str; 10] = ["alpha", "beta", "preview", "pre", "rc", "dev", "post", "p", "a", "b"];

/// Returns whether `text` is a date or a month since 2000, also with `-preview` behind it.
fn is_dated(text: &str) -> bool {
    let text = text.strip_suffix("-preview").unwrap_or(text);
    let is_recent = text.starts_with("20");
    let is_month = |text: &str| {
        let (year, month) = text.split_once('-').unwrap_or((text, ""));
        year.len() == 4
            && year.bytes().all(|b| b.is_ascii_digit())
            && month.len() == 2
            && month.parse().is_ok_and(|month| (1..=12).contains(&month))
    };
    is_recent
        && ((text.len() == 10 && identifier::leading_date(text.as_bytes()) == Some(10)) || is_month(text))
}

/// Returns whether `text` is a date or a month since 2000 without separators.
fn is_compact_date(text: &str) -> bool {
    let figures = text.bytes().all(|b| b.is_ascii_digit());
    let within = |range: std::ops::Range<usize>, max: u8| {
        text.get(range).and_then(|part| part.parse().ok()).is_some_and(|n: u8| (1..=max).contains(&n))
    };
    figures
        && text.starts_with("20")
        && within(4..6, 12)
        && (text.len() == 6 || (text.len() == 8 && within(6..8, 31)))
}

/// Returns whether `text` is a number from 1 to 9, or two numbers of up to two figures with a dot.
fn is_short_number(text: &str) -> bool {
    matches!(text.as_bytes(), [b'1'..=b'9']) || (text.contains('.') && is_dotted(text, 2))
}

/// Returns the length of the dotted version at the beginning of `text`, two numbers or more with a stage if there is one: `1.5`,
/// `1.16.2-rc.1`, `7.0.1.beta2`. The extension of a file name is no part of it.
pub(crate) fn leading_version(text: &[u8]) -> Option<usize> {
    let figures = |start: usize| text.iter().skip(start).take_while(|b| b.is_ascii_digit()).count();
    let mut end = figures(0);
    let mut numbers = usize::from(end > 0);
    while numbers > 0 && text.get(end) == Some(&b'.') {
        let length = figures(end + 1);
        // Letters behind the figures: an extension such as `7z`.
        if length == 0
            || text.get(end + 1 + length).is_some_and(u8::is_ascii_alphabetic)
                && stage(text, end + 1 + length).is_none()
        {
            break;
        }
        end += 1 + length;
        numbers += 1;
    }
    if numbers < 2 {
        return None;
    }
    while let Some(further) = stage(text, end) {
        end = further;
    }
    end = build(text, end).unwrap_or(end);
    identifier::ends_at(text, end).then_some(end)
}

/// Returns the end of the build's name at `start`, which ends the text: `+build.5`, `+21af26d3`.
fn build(text: &[u8], start: usize) -> Option<usize> {
    let name = text.get(start..)?.strip_prefix(b"+")?;
    let is_name = name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    (is_name && !name.is_empty()).then_some(text.len())
}

/// Returns the end of the stage at `start`, with the separator before it: `-rc.1`, `.beta2`, `a1`, `-SNAPSHOT`, `+build.5`.
fn stage(text: &[u8], start: usize) -> Option<usize> {
    let separated = matches!(text.get(start), Some(b'-' | b'.' | b'+' | b'_'));
    let word_start = start + usize::from(separated);
    let word = text.get(word_start..)?;
    let length = word.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let name = word.get(..length)?.to_ascii_lowercase();
    let name = std::str::from_utf8(&name).ok()?;
    let is_word = separated
        && matches!(name, "snapshot" | "final" | "release" | "build" | "canary" | "nightly" | "next");
    if !(is_word || STAGES.contains(&name)) {
        return None;
    }
    let mut end = word_start + length;
    let dot = usize::from(matches!(text.get(end), Some(b'.' | b'-')));
    let figures = text.iter().skip(end + dot).take_while(|b| b.is_ascii_digit()).count();
    if figures > 0 {
        end += dot + figures;
    }
    identifier::ends_at(text, end).then_some(end)
}
