//! A request, as a line of a log tells of it.

use std::borrow::Cow;

use crate::{
    address::without_port,
    text::{self, Escapes},
    Remarks,
};

/// What a line says, borrowed from it where its bytes are its text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request<'a> {
    /// Address or name of the client, as it was written: personal data. See
    /// [`canonical_client`](crate::canonical_client).
    pub client: Option<Cow<'a, str>>,
    /// The user that the server authenticated, or that a client claimed to be. It may hold spaces.
    pub user: Option<Cow<'a, str>>,
    /// The host that was asked, without its port.
    pub host: Option<Cow<'a, str>>,
    /// When the request was taken in, or answered, in Unix milliseconds.
    pub time_ms: u64,
    /// What was asked for.
    pub line: RequestLine<'a>,
    /// The status of the answer; `None` where the connection ended before one.
    pub status: Option<u16>,
    /// Bytes of the answer; 0 for `-`. `None` where the format has none, or where the number cannot be one.
    pub bytes_sent: Option<u64>,
    /// Bytes of the request, under the same rules.
    pub bytes_received: Option<u64>,
    /// The fields that the parser was asked to keep, in that order. `None` where the line has none or `-`.
    pub kept: Vec<Option<Cow<'a, str>>>,
    /// What is worth counting about the line.
    pub remarks: Remarks,
    /// What follows in the same line and begins another one: parse it as well. Given only where the writer is known to
    /// escape what clients send, so that no client can have written it.
    pub rest: Option<&'a [u8]>,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestLine<'a> {
    /// A method and a target, in whatever version of HTTP.
    Http {
        /// The method as it was sent.
        method: Cow<'a, str>,
        /// The target. A byte that the server escaped (`\x41`, `\"`), or that is not UTF-8, is percent-encoded (`%41`,
        /// `%22`), which says the same and is how a target writes it.
        target: Cow<'a, str>,
    },
    /// Something else: `-` where a connection closed before a request came, or the first bytes of another protocol.
    Malformed,
}

impl<'a> RequestLine<'a> {
    /// Reads the content of the quotation marks.
    pub(crate) fn parse(quoted: &'a [u8], escapes: Escapes) -> Self {
        match split(quoted) {
            Some((method, target)) => {
                Self::Http { method: Cow::Borrowed(method), target: text::target(target, escapes) }
            }
            None => Self::Malformed,
        }
    }

    /// Joins what a format writes in several fields.
    pub(crate) fn of_parts(
        method: Option<&'a [u8]>,
        target: Option<&'a [u8]>,
        query: Option<&'a [u8]>,
        escapes: Escapes,
    ) -> Self {
        let (Some(method), Some(target)) = (method, target) else { return Self::Malformed };
        if !is_token(method) || target.is_empty() {
            return Self::Malformed;
        }
        let method = text::text(method, escapes);
        let path = text::target(target, escapes);
        let target = match query {
            Some(query) if !query.is_empty() && !target.contains(&b'?') => {
                let query = text::target(query.strip_prefix(b"?").unwrap_or(query), escapes);
                Cow::Owned([&path, "?", &query].concat())
            }
            _ => path,
        };
        Self::Http { method, target }
    }

    /// Returns the host within a target that is a whole URL.
    pub(crate) fn host_of_url(&self) -> Option<Cow<'a, str>> {
        let Self::Http { target, .. } = self else { return None };
        if target.starts_with('/') {
            return None;
        }
        let host = |target: &str| {
            // No known scheme has a colon.
            let (scheme, rest) = target.split_at_checked(memchr::memchr(b':', target.as_bytes())?)?;
            let rest = rest.strip_prefix("://")?;
            let known = ["http", "https", "ws", "wss"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
            let end = memchr::memchr3(b'/', b'?', b'#', rest.as_bytes()).unwrap_or(rest.len());
            let authority = rest.get(..end)?;
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            let length = without_port(host.as_bytes()).len();
            let from = host.as_ptr() as usize - target.as_ptr() as usize;
            (known && length > 0).then_some((from, from + length))
        };
        let (from, to) = host(target)?;
        match target {
            Cow::Borrowed(target) => target.get(from..to).map(Cow::Borrowed),
            Cow::Owned(target) => target.get(from..to).map(|host| Cow::Owned(host.to_owned())),
        }
    }
}

fn split(quoted: &[u8]) -> Option<(&str, &[u8])> {
    let space = memchr::memchr(b' ', quoted)?;
    let (method, rest) = (&quoted[..space], &quoted[space + 1..]);
    if !is_token(method) {
        return None;
    }
    // Some clients send spaces within the target, so the version is what follows the last one.
    let target = match memchr::memrchr(b' ', rest) {
        Some(last) if is_version(&rest[last + 1..]) => without_spaces(&rest[..last]),
        // HTTP/0.9 has no version, and some servers leave it out.
        _ if begins_like_target(rest) => without_spaces(rest),
        _ => return None,
    };
    if target.is_empty() {
        return None;
    }
    Some((std::str::from_utf8(method).ok()?, target))
}

/// Returns whether the bytes name a version of HTTP, behind which a server may have written a backslash of the client.
pub(crate) fn is_version(bytes: &[u8]) -> bool {
    matches!(bytes, [b'H', b'T', b'T', b'P', b'/', ..])
}

fn without_spaces(mut bytes: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = bytes {
        bytes = rest;
    }
    bytes
}

fn begins_like_target(rest: &[u8]) -> bool {
    rest.starts_with(b"/") || [&b"http://"[..], b"https://"].iter().any(|scheme| rest.starts_with(scheme))
}

/// Returns whether the bytes are a token (RFC 9110, section 5.6.2).
fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b))
        && !matches!(bytes, [b'-'])
}

#[cfg(test)]
mod tests {
    use super::RequestLine;
    use crate::text::Escapes;

    fn target(quoted: &str) -> Option<String> {
        match RequestLine::parse(quoted.as_bytes(), Escapes::Backslash) {
            RequestLine::Http { target, .. } => Some(target.into_owned()),
            RequestLine::Malformed => None,
        }
    }

    #[test]
    fn a_target_may_hold_spaces_and_lack_a_version() {
        assert_eq!(target("GET /a b c HTTP/1.1").as_deref(), Some("/a b c"));
        assert_eq!(target("GET /index.html").as_deref(), Some("/index.html"));
        assert_eq!(target("DELETE /v1/card/7").as_deref(), Some("/v1/card/7"));
        assert_eq!(target("GET https://shop.example/v1").as_deref(), Some("https://shop.example/v1"));
        assert_eq!(target("OPTIONS * HTTP/1.0").as_deref(), Some("*"));
        assert_eq!(target("GET  /twice  HTTP/2.0").as_deref(), Some("/twice"));
        assert_eq!(target("GET /\" HTTP/1.1").as_deref(), Some("/\""));
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
            assert_eq!(target(quoted), None, "{quoted}");
        }
    }

    #[test]
    fn parts_are_put_together() {
        let parts = |method: &'static str, target: &'static str, query: Option<&'static str>| {
            let bytes = |text: &'static str| text.as_bytes();
            let line = RequestLine::of_parts(
                Some(bytes(method)),
                Some(bytes(target)),
                query.map(bytes),
                Escapes::None,
            );
            match line {
                RequestLine::Http { method, target } => format!("{method} {target}"),
                RequestLine::Malformed => String::new(),
            }
        };
        assert_eq!(parts("GET", "/a", None), "GET /a");
        assert_eq!(parts("GET", "/a", Some("b=1")), "GET /a?b=1");
        assert_eq!(parts("GET", "/a", Some("?b=1")), "GET /a?b=1");
        assert_eq!(parts("G T", "/a", None), "");
        assert_eq!(parts("GET", "", None), "");
    }

    #[test]
    fn a_url_names_its_host() {
        let host = |quoted: &'static str| {
            let line = RequestLine::parse(quoted.as_bytes(), Escapes::None);
            line.host_of_url().map(std::borrow::Cow::into_owned)
        };
        assert_eq!(host("GET http://shop.example:80/a HTTP/1.1").as_deref(), Some("shop.example"));
        assert_eq!(host("GET https://u@[2001:db8::1]:8443 HTTP/1.1").as_deref(), Some("[2001:db8::1]"));
        assert_eq!(host("GET /a?b=http://x/ HTTP/1.1"), None);
        assert_eq!(host("GET http:///a HTTP/1.1"), None);
    }
}
