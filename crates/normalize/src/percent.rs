//! Normalizes the percent-encoding of one segment of a path, and recognizes what is not text.
//!
//! According to RFC 3986, section 6.2.2, escapes of unreserved characters are decoded, and the hexadecimal digits of all other
//! escapes become upper case. Characters that a path must not have are escaped. So a normalized segment is ASCII.

use percent_encoding::percent_decode_str;

use crate::{character, placeholder};

/// What a raw segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SegmentKind {
    /// Nothing, after its parameters were removed.
    Empty,
    /// `.`: this level.
    Current,
    /// `..`: the level above.
    Parent,
    /// Text, which was written in its normalized form.
    Text,
    /// Something that is not text, or not a single segment. This placeholder replaces it.
    Placeholder(&'static str),
}

/// Appends the normalized form of `raw` to `out` if it is text.
pub(crate) fn normalize(raw: &str, out: &mut String) -> SegmentKind {
    // Most segments are plain. These have no parameters to be searched for.
    let plain = raw.bytes().all(is_literal);
    let raw = if plain { raw } else { without_parameters(raw) };
    match raw {
        "" => return SegmentKind::Empty,
        "." => return SegmentKind::Current,
        ".." => return SegmentKind::Parent,
        _ if plain || raw.bytes().all(is_literal) => {
            out.push_str(raw);
            return SegmentKind::Text;
        }
        _ => {}
    }
    if !escapes_are_well_formed(raw) {
        return SegmentKind::Placeholder(placeholder::INVALID);
    }
    let Ok(text) = percent_decode_str(raw).decode_utf8() else {
        return SegmentKind::Placeholder(placeholder::INVALID);
    };
    match &*text {
        "." => return SegmentKind::Current,
        ".." => return SegmentKind::Parent,
        // A second layer of encoding hides what is in it, for example a dot segment or a name.
        _ if holds_escape(&text) || text.chars().any(character::is_forbidden) => {
            return SegmentKind::Placeholder(placeholder::INVALID);
        }
        _ if text.contains(['/', '\\']) => return SegmentKind::Placeholder(placeholder::PATH),
        _ => {}
    }
    encode(raw, out);
    SegmentKind::Text
}

/// Cuts off the parameters of a segment (`;jsessionid=...`), which name no resource.
fn without_parameters(raw: &str) -> &str {
    let bytes = raw.as_bytes();
    let escaped = bytes.windows(3).position(|w| w.eq_ignore_ascii_case(b"%3b"));
    let literal = bytes.iter().position(|&b| b == b';');
    let end = escaped.into_iter().chain(literal).min();
    end.map_or(raw, |end| &raw[..end])
}

fn encode(raw: &str, out: &mut String) {
    let mut rest = raw;
    while let Some(c) = rest.chars().next() {
        if let Some(byte) = leading_escape(rest) {
            if is_unreserved(byte) {
                out.push(char::from(byte));
            } else {
                escape(byte, out);
            }
            rest = &rest[3..];
        } else if let Some((parameter, after)) = leading_parameter(rest) {
            // Some frameworks write `{name}` in the route that they matched.
            out.push_str(if parameter.starts_with('*') { "" } else { ":" });
            out.push_str(parameter);
            rest = after;
        } else {
            if is_literal_char(c) {
                out.push(c);
            } else {
                c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| escape(byte, out));
            }
            rest = &rest[c.len_utf8()..];
        }
    }
}

/// Returns the inside of `{name}` or `{*name}` at the beginning of `text`, and what follows.
pub(crate) fn leading_parameter(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix('{')?;
    // The search is bounded, so that many opening braces don't make it quadratic.
    let length = rest.bytes().take(placeholder::NAME_BYTES_MAX + 2).position(|b| b == b'}')?;
    let (inside, after) = (&rest[..length], &rest[length + 1..]);
    placeholder::is_name(inside.strip_prefix('*').unwrap_or(inside)).then_some((inside, after))
}

fn escape(byte: u8, out: &mut String) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    out.push('%');
    out.extend(DIGITS.get(usize::from(byte >> 4)));
    out.extend(DIGITS.get(usize::from(byte & 15)));
}

/// Returns the byte of an escape at the beginning of `text`.
fn leading_escape(text: &str) -> Option<u8> {
    let [b'%', high, low, ..] = text.as_bytes() else { return None };
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    Some(digit(*high)? << 4 | digit(*low)?)
}

fn holds_escape(text: &str) -> bool {
    text.match_indices('%').any(|(start, _)| leading_escape(&text[start..]).is_some())
}

fn escapes_are_well_formed(text: &str) -> bool {
    text.match_indices('%').all(|(start, _)| leading_escape(&text[start..]).is_some())
}

const fn is_unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~')
}

/// Returns whether a segment may have a byte unescaped. It may have a semicolon, which was cut off before.
fn is_literal(b: u8) -> bool {
    const LITERAL: [bool; 256] = {
        let mut table = [false; 256];
        let mut b = 0_u8;
        while b < 128 {
            let punctuation = matches!(
                b,
                b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@'
            );
            table[b as usize] = is_unreserved(b) || punctuation;
            b += 1;
        }
        table
    };
    LITERAL[usize::from(b)]
}

fn is_literal_char(c: char) -> bool {
    u8::try_from(c).is_ok_and(is_literal)
}
