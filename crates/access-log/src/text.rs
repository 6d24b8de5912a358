//! Bytes of a field as text: escapes are undone, and no two values become one.

use std::borrow::Cow;

/// How the writer of a log escapes what clients send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// `\"`, `\\`, `\xHH`: Apache and nginx.
    Backslash,
    /// `#HH`: `HAProxy`.
    Hash,
    /// Those of JSON, in text that is no JSON otherwise: nginx with `escape=json`.
    Json,
    /// None, or they are undone already.
    None,
}

/// Returns the value as text. Bytes that are not UTF-8 are kept as `\xHH`, and a backslash that begins such a
/// sequence in the value itself becomes `\x5C`, so that different bytes stay different.
pub(crate) fn text(raw: &[u8], escapes: Escapes) -> Cow<'_, str> {
    match unescape(raw, escapes) {
        Cow::Borrowed(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !has_lookalike(bytes) => Cow::Borrowed(text),
            _ => Cow::Owned(lossless(bytes)),
        },
        Cow::Owned(bytes) => match String::from_utf8(bytes) {
            Ok(text) if !has_lookalike(text.as_bytes()) => Cow::Owned(text),
            Ok(text) => Cow::Owned(lossless(text.as_bytes())),
            Err(error) => Cow::Owned(lossless(error.as_bytes())),
        },
    }
}

/// Undoes the escapes that stand for a byte. Of the backslash forms these are `\xHH`, `\\` and `\"`: in others the
/// backslash may be the value's own, as in `DOMAIN\bob`.
fn unescape(raw: &[u8], escapes: Escapes) -> Cow<'_, [u8]> {
    let sign = match escapes {
        Escapes::Backslash => b'\\',
        Escapes::Hash => b'#',
        Escapes::Json => return crate::json::unescaped(raw),
        Escapes::None => return Cow::Borrowed(raw),
    };
    let Some(first) = memchr::memchr(sign, raw) else { return Cow::Borrowed(raw) };
    let mut out = raw[..first].to_vec();
    let mut rest = &raw[first..];
    while let Some((&b, tail)) = rest.split_first() {
        let (byte, used) = match (b == sign, escapes, tail) {
            (true, Escapes::Backslash, [b'x', high, low, ..]) => {
                hexadecimal(*high, *low).map_or((b, 0), |b| (b, 3))
            }
            (true, Escapes::Backslash, [escaped @ (b'\\' | b'"'), ..]) => (*escaped, 1),
            (true, Escapes::Hash, [high, low, ..]) => hexadecimal(*high, *low).map_or((b, 0), |b| (b, 2)),
            _ => (b, 0),
        };
        out.push(byte);
        rest = tail.get(used..).unwrap_or_default();
    }
    Cow::Owned(out)
}

pub(crate) fn hexadecimal(high: u8, low: u8) -> Option<u8> {
    let figure = |b: u8| char::from(b).to_digit(16).and_then(|figure| u8::try_from(figure).ok());
    Some(figure(high)? * 16 + figure(low)?)
}

/// Returns whether the value has what is written for a byte that is not UTF-8.
fn has_lookalike(bytes: &[u8]) -> bool {
    memchr::memchr(b'\\', bytes).is_some() && bytes.windows(4).any(is_lookalike)
}

fn is_lookalike(window: &[u8]) -> bool {
    matches!(window, [b'\\', b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

fn lossless(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 12);
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid();
        for (at, character) in valid.char_indices() {
            if character == '\\' && is_lookalike(valid.as_bytes().get(at..).unwrap_or_default()) {
                out.push_str("\\x5C");
            } else {
                out.push(character);
            }
        }
        for b in chunk.invalid() {
            push_hexadecimal(&mut out, "\\x", *b);
        }
    }
    out
}

/// Returns a target: what was escaped, and what is not UTF-8, is percent-encoded, which says the same and is how a
/// target writes it.
pub(crate) fn target(raw: &[u8], escapes: Escapes) -> Cow<'_, str> {
    let sign = match escapes {
        Escapes::Backslash => Some(b'\\'),
        Escapes::Hash => Some(b'#'),
        Escapes::None => None,
        Escapes::Json => match crate::json::unescaped(raw) {
            Cow::Borrowed(_) => None,
            Cow::Owned(bytes) => return Cow::Owned(percent_encoded(&bytes)),
        },
    };
    if !sign.is_some_and(|sign| memchr::memchr(sign, raw).is_some()) {
        return std::str::from_utf8(raw).map_or_else(|_| Cow::Owned(percent_encoded(raw)), Cow::Borrowed);
    }
    let mut out = String::with_capacity(raw.len() + 16);
    let mut rest = raw;
    let mut plain = 0;
    while let Some(b) = rest.get(plain) {
        let tail = rest.get(plain + 1..).unwrap_or_default();
        let byte_and_used = match (escapes, b, tail) {
            (Escapes::Backslash, b'\\', _) => Some(backslash_escape(tail)),
            (Escapes::Hash, b'#', [high, low, ..]) => {
                hexadecimal(*high, *low).map(|byte| ([byte, *high, *low], 2))
            }
            _ => None,
        };
        let Some(([byte, high, low], used)) = byte_and_used else {
            plain += 1;
            continue;
        };
        out.push_str(&percent_encoded(rest.get(..plain).unwrap_or_default()));
        if high == 0 {
            push_hexadecimal(&mut out, "%", byte);
        } else {
            // The figures as they were written.
            out.extend(['%', char::from(high), char::from(low)]);
        }
        rest = tail.get(used..).unwrap_or_default();
        plain = 0;
    }
    out.push_str(&percent_encoded(rest));
    Cow::Owned(out)
}

/// Returns the byte behind a backslash, its figures if it has some, and how many bytes the escape takes.
fn backslash_escape(tail: &[u8]) -> ([u8; 3], usize) {
    let byte = match tail {
        [b'x', high, low, ..] if hexadecimal(*high, *low).is_some() => return ([0, *high, *low], 3),
        [b'"', ..] => b'"',
        [b'\\', ..] => b'\\',
        [b'b', ..] => 0x08,
        [b't', ..] => b'\t',
        [b'n', ..] => b'\n',
        [b'v', ..] => 0x0b,
        [b'f', ..] => 0x0c,
        [b'r', ..] => b'\r',
        // A backslash that escapes nothing is itself.
        _ => return ([b'\\', 0, 0], 0),
    };
    ([byte, 0, 0], 1)
}

fn percent_encoded(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for b in chunk.invalid() {
            push_hexadecimal(&mut out, "%", *b);
        }
    }
    out
}

fn push_hexadecimal(out: &mut String, prefix: &str, byte: u8) {
    const FIGURES: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    out.push_str(prefix);
    out.push(FIGURES[usize::from(byte >> 4)]);
    out.push(FIGURES[usize::from(byte & 0xf)]);
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::{target, text, Escapes};

    fn undone(raw: &[u8]) -> String {
        text(raw, Escapes::Backslash).into_owned()
    }

    #[test]
    fn escapes_are_undone_and_foreign_bytes_kept_apart() {
        assert_eq!(undone(br"M\xc3\xbcller"), "Müller");
        assert_eq!(undone(br#"a\"b\\c"#), r#"a"b\c"#);
        assert_eq!(undone(br"DOMAIN\bob"), r"DOMAIN\bob");
        assert_eq!(undone(b"M\xfcller"), r"M\xFCller");
        assert_eq!(undone(br"M\xfcller"), r"M\xFCller");
        assert_eq!(undone(br"M\\xfcller"), r"M\x5Cxfcller");
        assert_eq!(undone(br"a\"), r"a\");
        assert_eq!(undone(br"a\x4"), r"a\x4");
        assert_eq!(text(br"a\\b", Escapes::None), r"a\\b");
        assert_eq!(text(b"a#22b#2", Escapes::Hash), "a\"b#2");
        assert_eq!(text(br"M\xFC", Escapes::None), r"M\x5CxFC");
    }

    #[test]
    fn plain_values_are_borrowed() {
        assert!(matches!(text(b"ada", Escapes::Backslash), Cow::Borrowed("ada")));
        assert!(matches!(target("/é".as_bytes(), Escapes::Backslash), Cow::Borrowed("/é")));
    }

    #[test]
    fn in_a_target_escapes_become_percent_encoding() {
        let encoded = |raw: &[u8]| target(raw, Escapes::Backslash).into_owned();
        assert_eq!(encoded(br#"/a\"b\x41\\c\n\tz\q\x4"#), "/a%22b%41%5Cc%0A%09z%5Cq%5Cx4");
        assert_eq!(encoded(br"/\xD0\xbf"), "/%D0%bf");
        assert_eq!(encoded(br"/end\"), "/end%5C");
        assert_eq!(encoded("/\\xé".as_bytes()), "/%5Cxé");
        assert_eq!(encoded(b"/caf\xe9"), "/caf%E9");
        assert_eq!(encoded(b"/caf\xe9\\\""), "/caf%E9%22");
        assert_eq!(target(b"/a#22#zz", Escapes::Hash), "/a%22#zz");
        assert_eq!(target(b"/\xff", Escapes::None), "/%FF");
    }
}
