//! Decides whether a clean segment is a word, or a value that would make a new row for each request.
//!
//! Words stay, and so do file names, versions, years and small numbers in them: there is a limited number of them. Values become
//! placeholders, either the segment as a whole (`42`, a UUID) or a part of it (`article-12345.html` becomes
//! `article-:num.html`).
//!
//! # Why steps
//! When a value is replaced, the rest may look like a value itself. So a segment is rewritten until a further step would change
//! nothing. This makes normalization idempotent, whatever the heuristics are. The few segments that still change after the last
//! step count as tokens.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::{identifier, personal, placeholder, token};

/// How often a segment is rewritten before it counts as a token.
const STEPS_MAX: usize = 6;
/// The longest segment that is not free text, decoded, in bytes.
const TEXT_BYTES_MAX: usize = 80;
/// Runs of fewer figures stay if they are among letters.
const FIGURES_MIN: usize = 4;
/// Four figures that can be one of these years stay, too: there are only a hundred.
const YEARS: std::ops::Range<u32> = 1970..2070;

/// Returns the template of a clean segment. It is borrowed if the segment is a template already.
pub(crate) fn template(segment: &str) -> Cow<'_, str> {
    let mut current = Cow::Borrowed(segment);
    for _ in 0..STEPS_MAX {
        match step(&current) {
            None => return current,
            Some(next) => current = next,
        }
    }
    Cow::Borrowed(placeholder::TOKEN)
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
    } else if personal::is_address(text) {
        Some(placeholder::ADDRESS.into())
    } else if is_all(identifier::leading_uuid(bytes)) {
        Some(placeholder::UUID.into())
    } else if is_all(identifier::leading_date(bytes)) {
        Some(placeholder::DATE.into())
    } else {
        None
    }
}

/// Returns the template of figures and the punctuation of numbers, maybe with the extension of a file name: `42`, `1.5`,
/// `555-1234`, `7.html`.
fn numeric(text: &str) -> Option<Cow<'static, str>> {
    if identifier::leading_date(text.as_bytes()).is_some() {
        return None;
    }
    let number =
        text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit() || "+-_.,:() ".contains(c)).len();
    let (number, rest) = text.split_at(number);
    if !number.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    if rest.is_empty() {
        return Some(placeholder::NUMBER.into());
    }
    let is_extension = |part: &str| {
        (1..=5).contains(&part.len())
            && part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let extensions =
        number.ends_with('.') && rest.split('.').take(3).count() < 3 && rest.split('.').all(is_extension);
    extensions.then(|| format!("{}.{rest}", placeholder::NUMBER).into())
}

/// Replaces values among words. Escapes separate parts, as punctuation does.
fn parts(segment: &str) -> Option<Cow<'static, str>> {
    let bytes = segment.as_bytes();
    let mut rewriting = Rewriting { segment, copied: 0, text: String::new() };
    let (mut start, mut run_end) = (0, 0);
    while let Some(rest @ [first, ..]) = bytes.get(start..) {
        let run = if start < run_end {
            &[]
        } else {
            prefix(rest, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        let part = prefix(rest, u8::is_ascii_alphanumeric);
        run_end = run_end.max(start + run.len());
        if let Some((length, name)) = leading_value(rest, run, part) {
            rewriting.replace(start, length, name);
            start += length;
        } else if part.is_empty() {
            start += if *first == b'%' { 3 } else { 1 };
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
    } else if let Some(length) = identifier::leading_date(rest) {
        Some((length, placeholder::DATE))
    } else if let Some(length) = personal::leading_ipv4(rest) {
        Some((length, placeholder::ADDRESS))
    } else if identifier::is_ulid(part) {
        Some((part.len(), placeholder::ULID))
    } else if identifier::is_hex(part) {
        Some((part.len(), placeholder::HEX))
    } else if token::is_random(run) {
        Some((run.len(), placeholder::TOKEN))
    } else if token::is_random(part) {
        Some((part.len(), placeholder::TOKEN))
    } else {
        None
    }
}

/// Replaces long numbers in `part`, which begins at `start`.
fn numbers(part: &[u8], start: usize, rewriting: &mut Rewriting<'_>) {
    let mut offset = 0;
    while let Some(rest @ [_, ..]) = part.get(offset..) {
        let figures = prefix(rest, u8::is_ascii_digit);
        if figures.len() >= FIGURES_MIN && !is_year(figures) {
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

fn is_year(figures: &[u8]) -> bool {
    let year =
        figures.iter().fold(0_u32, |year, b| year.saturating_mul(10).saturating_add(u32::from(b - b'0')));
    figures.len() == 4 && YEARS.contains(&year)
}

/// Returns the placeholder for prose and for characters that no URL has, such as quotes, angle brackets and braces.
fn free_text(text: &str) -> Option<Cow<'static, str>> {
    let foreign = text.contains(['"', '<', '>', '^', '`', '{', '|', '}']);
    (foreign || text.len() > TEXT_BYTES_MAX).then_some(placeholder::TEXT.into())
}
