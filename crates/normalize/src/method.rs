//! Methods: a closed list, since a client can send any token as a method.

/// The label of a method that is not on the list.
pub const OTHER_METHOD: &str = "OTHER";

/// The longest name of an added method, in bytes.
pub(crate) const METHOD_BYTES_MAX: usize = 32;

/// IANA's registry of HTTP methods without its reserved `*`. The common ones come first.
const REGISTERED: [&str; 40] = [
    "GET",
    "POST",
    "PUT",
    "DELETE",
    "HEAD",
    "PATCH",
    "OPTIONS",
    "CONNECT",
    "TRACE",
    "QUERY",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "REPORT",
    "SEARCH",
    "MKCALENDAR",
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "LABEL",
    "LINK",
    "MERGE",
    "MKACTIVITY",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "ORDERPATCH",
    "PRI",
    "REBIND",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

/// The methods that are counted under their own name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Methods {
    further: Vec<String>,
}

impl Methods {
    /// Adds a method. Returns `false` if its name is not a token of HTTP.
    pub(crate) fn add(&mut self, name: &str) -> bool {
        let valid = (1..=METHOD_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_token_byte);
        if valid && name != OTHER_METHOD {
            self.further.push(name.to_ascii_uppercase());
        }
        valid
    }

    /// Returns the normalized spelling of a method: upper case, or [`OTHER_METHOD`].
    pub(crate) fn normalized(&self, raw: &str) -> &str {
        let name = raw.trim();
        if name.is_empty() {
            return "";
        }
        let mut known = REGISTERED.into_iter().chain(self.further.iter().map(String::as_str));
        known.find(|method| method.eq_ignore_ascii_case(name)).unwrap_or(OTHER_METHOD)
    }
}

fn is_token_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}
