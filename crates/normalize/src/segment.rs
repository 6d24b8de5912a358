//! Decides whether a clean segment is a word, or a value that would make a new row for each request.
//!
//! Words stay, and so do file names, versions of an API, and words that have a figure in their name (`oauth2`). Values become
//! placeholders, either the segment as a whole (`42`, a UUID) or a part of it (`article-12345.html` becomes
//! `article-:num.html`). A number in a word is a value whatever its length: `seg9.ts` and `seg1000.ts` are one family.
//!
//! # Why steps
//! When a value is replaced, the rest may look like a value itself. So a segment is rewritten until a further step would change
//! nothing. This makes normalization idempotent, whatever the heuristics are. The few segments that still change after the last
//! step count as tokens.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::version::Surroundings;
use crate::{asset, identifier, personal, placeholder, token, version, word};

/// How often a segment is rewritten before it counts as a token.
const STEPS_MAX: usize = 6;
/// The longest segment that is not free text, decoded, in bytes.
const TEXT_BYTES_MAX: usize = 80;
/// The longest tag in front of a token.
const TAG_BYTES_MAX: usize = 16;
/// The shortest token behind a tag. Shorter ones keep theirs, since they can be a part of a name.
const TAGGED_BYTES_MIN: usize = 12;

/// Returns the template of a clean segment. It is borrowed if the segment is a template already.
pub(crate) fn template(segment: &str, surroundings: Surroundings) -> Cow<'_, str> {
    if is_plain_word(segment) {
        return Cow::Borrowed(segment);
    }
    if segment.bytes().all(|b| b.is_ascii_digit()) && !version::is_api_version(segment, surroundings) {
        return Cow::Borrowed(placeholder::NUMBER);
    }
    let mut current = Cow::Borrowed(segment);
    for _ in 0..STEPS_MAX {
        if version::is_api_version(&current, surroundings) {
            return current;
        }
        match step(&current) {
            None => return current,
            Some(next) => current = next,
        }
    }
    Cow::Borrowed(placeholder::TOKEN)
}

/// Returns whether no step can change a segment, which is so for most of them: small letters and a little punctuation, and shorter
/// than any hash or suffix of letters.
fn is_plain_word(segment: &str) -> bool {
    segment.len() < 16 && segment.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'-' | b'_' | b'.'))
}

/// Rewrites a segment once. Returns `None` if nothing changes.
fn step(segment: &str) -> Option<Cow<'static, str>> {
    if placeholder::is_placeholder(segment) {
        return None;
    }
    let text = percent_decode_str(segment).decode_utf8_lossy();
    whole(&text).or_else(|| numeric(&text)).or_else(|| parts(segment)).or_else(|| free_text(&text))
}

/// Returns the placeholder for a segment that is one value as a whole.
fn whole(text: &str) -> Option<Cow<'static, str>> {
    let bytes = text.as_bytes();
    let is_all = |length: Option<usize>| length == Some(bytes.len());
    if personal::holds_email(text) {
        Some(placeholder::EMAIL.into())
    } else if is_all(identifier::leading_hardware_address(bytes)) {
        Some(placeholder::HARDWARE_ADDRESS.into())
    } else if personal::is_address(text) {
        Some(placeholder::ADDRESS.into())
    } else if is_all(identifier::leading_uuid(bytes)) || identifier::is_uuid_in_braces(bytes) {
        Some(placeholder::UUID.into())
    } else if is_all(identifier::leading_date(bytes)) {
        Some(placeholder::DATE.into())
    } else if identifier::is_digest(text) {
        Some(placeholder::HEX.into())
    } else {
        tagged(text).map(Cow::from)
    }
}

/// Returns the placeholder of a token with the kind of its object in front, as one: `cus_NffrFeUfNV2Hib`, `cs_test_a11YYufWQzNY63zpQ6QS`.
fn tagged(text: &str) -> Option<&'static str> {
    let (tag, token) = text.rsplit_once('_')?;
    let is_tag = tag.len() <= TAG_BYTES_MAX
        && tag.split('_').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()));
    let is_whole = token.len() >= TAGGED_BYTES_MIN && token.bytes().all(|b| b.is_ascii_alphanumeric());
    if !(is_tag && is_whole) {
        None
    } else if identifier::is_ulid(token.as_bytes()) {
        Some(placeholder::ULID)
    } else if identifier::is_hex(token.as_bytes()) {
        Some(placeholder::HEX)
    } else {
        token::is_random(token.as_bytes()).then_some(placeholder::TOKEN)
    }
}

/// Returns the template of figures and the punctuation of numbers, maybe with the extension of a file name: `42`, `1.5`,
/// `555-1234`, `7.html`. Three numbers with dots are a version.
fn numeric(text: &str) -> Option<Cow<'static, str>> {
    if identifier::leading_date(text.as_bytes()).is_some() {
        return None;
    }
    let number =
        text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit() || "+-_.,:() ".contains(c)).len();
    let (number, rest) = text.split_at(number);
    // The check digit of an ISBN of ten can be an X.
    if matches!(rest, "X" | "x") && number.bytes().filter(u8::is_ascii_digit).count() == 9 {
        return Some(placeholder::NUMBER.into());
    }
    if !number.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    let dotted = number.trim_end_matches('.');
    let is_version = dotted.bytes().filter(|&b| b == b'.').count() >= 2
        && version::leading_version(dotted.as_bytes()) == Some(dotted.len());
    let name = if is_version { placeholder::VERSION } else { placeholder::NUMBER };
    if rest.is_empty() {
        return Some(name.into());
    }
    let is_extension = |part: &str| {
        (1..=5).contains(&part.len())
            && part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let extensions =
        number.ends_with('.') && rest.split('.').take(3).count() < 3 && rest.split('.').all(is_extension);
    let is_stage = version::leading_version(text.as_bytes()).is_some_and(|length| length > dotted.len());
    (extensions && !is_stage).then(|| format!("{name}.{rest}").into())
}

/// Replaces values among words. Escapes separate parts, as punctuation does.
fn parts(segment: &str) -> Option<Cow<'static, str>> {
    let bytes = segment.as_bytes();
    let mut rewriting = Rewriting { segment, copied: 0, text: String::new() };
    let hash = asset::find_hash(segment);
    let (mut start, mut run_end) = (0, 0);
    while let Some(rest @ [first, ..]) = bytes.get(start..) {
        let run = if start < run_end {
            &[]
        } else {
            prefix(rest, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        let part = prefix(rest, u8::is_ascii_alphanumeric);
        run_end = run_end.max(start + run.len());
        let behind_hyphen = start.checked_sub(1).is_some_and(|before| bytes.get(before) == Some(&b'-'));
        if let Some((_, length)) = hash.filter(|(hash, _)| *hash == start) {
            rewriting.replace(start, length, placeholder::TOKEN);
            start += length;
        } else if let Some(length) = identifier::pod_suffix(rest).filter(|_| behind_hyphen) {
            rewriting.replace(start, length, placeholder::POD);
            start += length;
        } else if let Some((length, name)) = leading_value(rest, run, part) {
            rewriting.replace(start, length, name);
            start += length;
        } else if let Some((sign, length, name)) = leading_number(bytes, start) {
            rewriting.replace(start - sign, sign + length, name);
            start += length;
        } else if part.is_empty() {
            start += if *first == b'%' { 3 } else { 1 };
        } else if let Some(length) = word::leading_processor(rest) {
            start += length;
        } else {
            numbers(part, start, &mut rewriting);
            start += part.len();
        }
    }
    rewriting.finish()
}

/// Returns the length and the placeholder of the value at the beginning of `rest`. `run` are the characters of base 64 there,
/// `part` the letters and figures.
fn leading_value(rest: &[u8], run: &[u8], part: &[u8]) -> Option<(usize, &'static str)> {
    if let Some(length) = identifier::leading_uuid(rest) {
        Some((length, placeholder::UUID))
    } else if let Some(length) = identifier::leading_hardware_address(rest) {
        Some((length, placeholder::HARDWARE_ADDRESS))
    } else if let Some(length) = identifier::leading_date(rest) {
        Some((length, placeholder::DATE))
    } else if identifier::is_ulid(part) {
        Some((part.len(), placeholder::ULID))
    } else if identifier::is_hex(part) {
        Some((part.len(), placeholder::HEX))
    } else if run.len() > part.len() && token::is_random(run) {
        Some((run.len() + padding(rest, run.len()), placeholder::TOKEN))
    } else if token::is_random(part) && !is_name(part) {
        Some((part.len() + padding(rest, part.len()), placeholder::TOKEN))
    } else {
        None
    }
}

/// Returns the length of the equals signs that pad a token of base 64, which ends the segment. They may be escaped.
fn padding(rest: &[u8], end: usize) -> usize {
    match rest.get(end..).unwrap_or_default() {
        behind @ (b"=" | b"==" | b"%3D" | b"%3D%3D") => behind.len(),
        _ => 0,
    }
}

/// Returns whether a word with figures is no value.
fn is_name(part: &[u8]) -> bool {
    word::is_name(part) || version::is_version_word(part)
}

/// Returns the number with dots at `start`, or one with a sign: how long the sign is, how long the rest, and the placeholder.
fn leading_number(bytes: &[u8], start: usize) -> Option<(usize, usize, &'static str)> {
    let (before, rest) = bytes.split_at_checked(start)?;
    if let [b'v' | b'V', number @ ..] = rest {
        return version::leading_version(number).map(|length| (0, 1 + length, placeholder::VERSION));
    }
    let (sign, outside) = match before {
        [outside @ .., b'-' | b'+'] => (1, outside),
        _ => (0, before),
    };
    // `lat=52.5` and `lat=-4` are one: what follows an equals sign or a comma is a measure and no version.
    let is_measure = |before: &[u8]| matches!(before, [b'@'] | [.., b'=' | b',' | b'(' | b':' | b'~']);
    let version = version::leading_version(rest);
    if is_measure(outside) || is_measure(before) {
        let sign = if is_measure(before) { 0 } else { sign };
        let length = version.unwrap_or_else(|| prefix(rest, u8::is_ascii_digit).len());
        let is_number = length > 0 && identifier::ends_at(rest, length);
        return is_number.then_some((sign, length, placeholder::NUMBER));
    }
    if let Some(length) =
        personal::leading_ipv4(rest).filter(|&length| personal::is_address_in_name(before, rest, length))
    {
        return Some((0, length, placeholder::ADDRESS));
    }
    version.map(|length| (0, length, placeholder::VERSION))
}

/// Replaces all numbers in `part`, which begins at `start`, unless the part is a name with figures in it.
fn numbers(part: &[u8], start: usize, rewriting: &mut Rewriting<'_>) {
    if is_name(part) {
        return;
    }
    let mut offset = 0;
    while let Some(rest @ [_, ..]) = part.get(offset..) {
        let figures = prefix(rest, u8::is_ascii_digit);
        if !figures.is_empty() {
            rewriting.replace(start + offset, figures.len(), placeholder::NUMBER);
        }
        offset += figures.len().max(1);
    }
}

/// A segment in which values are replaced from left to right. Nothing is copied before the first value.
struct Rewriting<'a> {
    segment: &'a str,
    copied: usize,
    text: String,
}

impl Rewriting<'_> {
    fn replace(&mut self, start: usize, length: usize, name: &str) {
        self.text.push_str(self.segment.get(self.copied..start).unwrap_or_default());
        self.text.push_str(name);
        self.copied = start + length;
    }

    fn finish(mut self) -> Option<Cow<'static, str>> {
        if self.text.is_empty() {
            return None;
        }
        self.text.push_str(self.segment.get(self.copied..).unwrap_or_default());
        Some(self.text.into())
    }
}

fn prefix(bytes: &[u8], belongs: impl Fn(&u8) -> bool) -> &[u8] {
    let length = bytes.iter().take_while(|b| belongs(b)).count();
    bytes.get(..length).unwrap_or_default()
}

/// Returns the placeholder for prose and for characters that no URL has, such as quotes, angle brackets and braces.
fn free_text(text: &str) -> Option<Cow<'static, str>> {
    let foreign = text.contains(['"', '<', '>', '^', '`', '{', '|', '}']);
    (foreign || text.len() > TEXT_BYTES_MAX).then_some(placeholder::TEXT.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_taken_for_plain_is_what_no_step_changes(segment in "[a-z._-]{1,18}|[0-9]{1,22}|[bcdfgx2-9-]{6,16}") {
            if is_plain_word(&segment) {
                prop_assert_eq!(step(&segment), None);
            } else if segment.bytes().all(|b| b.is_ascii_digit()) {
                prop_assert_eq!(step(&segment), Some(Cow::Borrowed(placeholder::NUMBER)));
            }
        }
    }
}
