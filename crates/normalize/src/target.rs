//! Request targets: the four forms of RFC 9112, section 3.2, and which part of each is the route.

/// The part of a raw route that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    /// `*`, the server as a whole.
    Asterisk,
    /// `host:port`, the target of `CONNECT`.
    Authority,
    /// A path, without query and fragment. Its leading slash may be missing.
    Path(&'a str),
}

impl<'a> Target<'a> {
    /// Finds the form of a raw route, which has no whitespace around it. Anything that has none of the other forms is a path.
    pub(crate) fn of(raw: &'a str) -> Self {
        let target = raw.split(['?', '#']).next().unwrap_or(raw);
        if target == "*" {
            return Self::Asterisk;
        }
        if target.starts_with('/') {
            return Self::Path(target);
        }
        if let Some(rest) = after_scheme(target) {
            return Self::Path(rest.find('/').map_or("", |start| &rest[start..]));
        }
        if is_authority(target) {
            return Self::Authority;
        }
        Self::Path(target)
    }
}

/// Returns what follows `scheme://`, or `None` if there is no scheme.
fn after_scheme(target: &str) -> Option<&str> {
    let (scheme, rest) = target.split_once("://")?;
    let valid = scheme.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    valid.then_some(rest)
}

fn is_authority(target: &str) -> bool {
    target.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty()
            && (1..=5).contains(&port.len())
            && port.bytes().all(|b| b.is_ascii_digit())
            && host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'[' | b']' | b':'))
    })
}
