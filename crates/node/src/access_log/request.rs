//! The request line, which a client wrote and a server quoted.

use std::borrow::Cow;

/// A request line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request<'a> {
    /// A method and a target, of any version of HTTP.
    Http {
        /// The method as it was sent.
        method: &'a str,
        /// The target. A byte that the server escaped (`\x41`, `\"`) is percent-encoded (`%41`, `%22`), which means the
        /// same in a target.
        target: Cow<'a, str>,
    },
    /// Something else: `-` for a connection that closed before a request came, or the first bytes of another protocol.
    Malformed,
}

impl<'a> Request<'a> {
    /// Parses the content of the quotation marks.
    pub(super) fn parse(quoted: &'a str) -> Self {
        Self::http(quoted).unwrap_or(Self::Malformed)
    }

    fn http(quoted: &'a str) -> Option<Self> {
        let (method, rest) = quoted.split_once(' ')?;
        if method.is_empty() || !method.bytes().all(is_token_byte) {
            return None;
        }
        // Some clients send spaces within the target, so the version is what follows the last one.
        let target = match rest.rsplit_once(' ') {
            Some((target, version)) if version.starts_with("HTTP/") => target.trim_matches(' '),
            // HTTP/0.9 has no version. Anything else without one is no request.
            _ if method == "GET" && rest.starts_with('/') => rest,
            _ => return None,
        };
        (!target.is_empty()).then(|| Self::Http { method, target: percent_encode_escapes(target) })
    }
}

/// Returns whether a byte may be in a token: RFC 9110, section 5.6.2.
fn is_token_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

fn percent_encode_escapes(target: &str) -> Cow<'_, str> {
    let Some((plain, escaped)) = target.split_once('\\') else { return Cow::Borrowed(target) };
    let mut encoded = String::with_capacity(target.len() + 16);
    encoded.push_str(plain);
    for part in escaped_parts(escaped) {
        match part {
            Part::Text(text) => encoded.push_str(text),
            Part::Hexadecimal(digits) => {
                encoded.push('%');
                encoded.push_str(digits);
            }
            Part::Encoded(triplet) => encoded.push_str(triplet),
        }
    }
    Cow::Owned(encoded)
}

enum Part<'a> {
    Text(&'a str),
    Hexadecimal(&'a str),
    Encoded(&'static str),
}

/// Splits text that begins just after a backslash into its parts.
fn escaped_parts(mut text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut behind_backslash = true;
    std::iter::from_fn(move || {
        if std::mem::take(&mut behind_backslash) {
            let (part, rest) = unescape(text);
            text = rest;
            return Some(part);
        }
        if text.is_empty() {
            return None;
        }
        match text.split_once('\\') {
            Some((before, rest)) => {
                behind_backslash = true;
                text = rest;
                Some(Part::Text(before))
            }
            None => Some(Part::Text(std::mem::take(&mut text))),
        }
    })
}

/// Returns the first escape, whose backslash is removed, and the rest.
fn unescape(text: &str) -> (Part<'_>, &str) {
    if let Some((digits, rest)) = text.strip_prefix('x').and_then(|text| text.split_at_checked(2)) {
        if digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return (Part::Hexadecimal(digits), rest);
        }
    }
    let triplet = match text.bytes().next() {
        Some(b'"') => "%22",
        Some(b'\\') => "%5C",
        Some(b'b') => "%08",
        Some(b't') => "%09",
        Some(b'n') => "%0A",
        Some(b'v') => "%0B",
        Some(b'f') => "%0C",
        Some(b'r') => "%0D",
        // A backslash that escapes nothing is itself.
        _ => return (Part::Encoded("%5C"), text),
    };
    (Part::Encoded(triplet), text.get(1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::Request;

    fn target(quoted: &str) -> Option<String> {
        match Request::parse(quoted) {
            Request::Http { target, .. } => Some(target.into_owned()),
            Request::Malformed => None,
        }
    }

    #[test]
    fn a_target_may_hold_spaces_and_lack_a_version() {
        assert_eq!(target("GET /a b c HTTP/1.1").as_deref(), Some("/a b c"));
        assert_eq!(target("GET /index.html").as_deref(), Some("/index.html"));
        assert_eq!(target("OPTIONS * HTTP/1.0").as_deref(), Some("*"));
        assert_eq!(target("GET  /twice  HTTP/2.0").as_deref(), Some("/twice"));
    }

    #[test]
    fn escapes_become_percent_encoding() {
        let written = r#"GET /a\"b\x41\\c\n\tz\q\x4 HTTP/1.1"#;
        assert_eq!(target(written).as_deref(), Some("/a%22b%41%5Cc%0A%09z%5Cq%5Cx4"));
        assert_eq!(target("GET /\\xD0\\xbf HTTP/1.1").as_deref(), Some("/%D0%bf"));
        assert_eq!(target("GET /end\\ HTTP/1.1").as_deref(), Some("/end%5C"));
        assert_eq!(target("GET /\\xé HTTP/1.1").as_deref(), Some("/%5Cxé"));
    }

    #[test]
    fn what_is_no_request_is_malformed() {
        for quoted in [
            "-",
            "",
            "GET",
            "quit",
            "\\x16\\x03\\x01 / HTTP/1.1",
            "EHLO example.org",
            "GET  HTTP/1.1",
            " / HTTP/1.1",
        ] {
            assert_eq!(Request::parse(quoted), Request::Malformed, "{quoted}");
        }
    }
}
