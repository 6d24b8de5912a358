//! The tenant that a line counts for.

use std::{borrow::Cow, str::FromStr};

use ron_accounting_access_log::{canonical_client, FieldName, Request};

use super::hash_key::HashKey;

/// The tenant of lines that do not have what the rule asks for.
const ANONYMOUS: &str = "anonymous";

/// The value of `--tenant`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TenantRule {
    /// One tenant for all lines.
    Fixed(String),
    /// The authenticated user.
    User,
    /// A pseudonym of the authenticated user.
    UserHash,
    /// A pseudonym of the client's address.
    HostHash,
    /// The host that was asked.
    Vhost,
    /// A header or another field that the format has.
    Field(FieldName),
}

impl FromStr for TenantRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "user" => Ok(Self::User),
            "user-hash" => Ok(Self::UserHash),
            "host-hash" => Ok(Self::HostHash),
            "vhost" => Ok(Self::Vhost),
            _ => match (text.strip_prefix('='), text.parse()) {
                (Some(name), _) if !name.trim().is_empty() => Ok(Self::Fixed(name.trim().to_owned())),
                (None, Ok(name)) => Ok(Self::Field(name)),
                _ => Err(format!(
                    "write =NAME for one tenant (={text}?), `user`, `user-hash`, `host-hash`, `vhost`, `header:NAME` or `field:NAME`"
                )),
            },
        }
    }
}

impl TenantRule {
    /// Returns, in words, what the rule needs of a line besides user and fields.
    pub(super) fn need(&self) -> Option<&'static str> {
        match self {
            Self::HostHash => Some("client"),
            Self::Vhost => Some("host"),
            _ => None,
        }
    }

    /// Returns whether a request has what [`Self::need`] names.
    pub(super) fn is_met_by(&self, request: &Request<'_>) -> bool {
        match self {
            Self::HostHash => request.client.is_some(),
            Self::Vhost => request.host.is_some(),
            _ => true,
        }
    }

    /// Returns whether the rule asks for the user.
    pub(super) fn needs_user(&self) -> bool {
        matches!(self, Self::User | Self::UserHash)
    }

    /// Returns the field that the parser has to keep.
    pub(super) fn field(&self) -> Option<FieldName> {
        match self {
            Self::Field(name) => Some(name.clone()),
            _ => None,
        }
    }
}

/// A rule with all that it needs.
#[derive(Debug)]
pub(super) enum Tenants {
    Fixed(String),
    User,
    UserHash(HashKey),
    HostHash(HashKey),
    Vhost,
    Field(FieldName),
}

impl Tenants {
    /// Returns the tenant of a line. `buffer` receives what is not in the line as it is counted.
    pub(super) fn of<'a>(&'a self, request: &'a Request<'_>, buffer: &'a mut String) -> &'a str {
        match self {
            Self::Fixed(name) => name,
            Self::User => request.user.as_deref().map_or(ANONYMOUS, |user| apart(user, buffer)),
            Self::UserHash(key) => match &request.user {
                Some(user) => {
                    key.write_pseudonym_of_user(user, buffer);
                    buffer
                }
                None => ANONYMOUS,
            },
            Self::HostHash(key) => match &request.client {
                Some(client) => {
                    key.write_pseudonym(&canonical_client(client), buffer);
                    buffer
                }
                None => ANONYMOUS,
            },
            Self::Vhost => match &request.host {
                // A client may have written it.
                Some(host) => match canonical_client(host) {
                    Cow::Borrowed(host) => apart(host, buffer),
                    Cow::Owned(host) => {
                        let mut name = String::new();
                        buffer.clear();
                        buffer.push_str(apart(&host, &mut name));
                        buffer
                    }
                },
                None => ANONYMOUS,
            },
            Self::Field(_) => {
                let value = request.kept.first().and_then(|value| value.as_deref());
                value.map_or(ANONYMOUS, |value| apart(value, buffer))
            }
        }
    }
}

/// Keeps a name apart from the words that the program itself counts under (`anonymous`, and what begins with `~`), and from the
/// same name without the white space around it: what would be taken for another is percent-encoded, and with it each percent sign.
fn apart<'a>(name: &'a str, buffer: &'a mut String) -> &'a str {
    let bytes = name.as_bytes();
    let is_escape = |window: &[u8]| window[0] == b'%' && window[1..].iter().all(u8::is_ascii_hexdigit);
    let is_plain = name != ANONYMOUS
        && !name.starts_with('~')
        && name.trim().len() == name.len()
        && !(bytes.contains(&b'%') && bytes.windows(3).any(is_escape));
    if is_plain {
        return name;
    }
    buffer.clear();
    let content = name.len() - name.trim_start().len()..name.trim_end().len();
    for (at, character) in name.char_indices() {
        let is_first_of_reserved = at == 0 && (name == ANONYMOUS || character == '~');
        if is_first_of_reserved || character == '%' || !content.contains(&at) {
            for b in character.encode_utf8(&mut [0; 4]).bytes() {
                buffer.push('%');
                buffer.extend(
                    [b >> 4, b & 0xf].map(|figure| char::from(b"0123456789ABCDEF"[usize::from(figure)])),
                );
            }
        } else {
            buffer.push(character);
        }
    }
    buffer
}

#[cfg(test)]
mod tests {
    use super::{apart, TenantRule};

    #[test]
    fn names_that_look_like_reserved_words_stay_apart() {
        for (name, tenant) in [
            ("ada", "ada"),
            ("anonymous", "%61nonymous"),
            ("Anonymous", "Anonymous"),
            ("~overflow", "%7Eoverflow"),
            (" ada", "%20ada"),
            ("ada ", "ada%20"),
            (" ", "%20"),
            ("100%", "100%"),
            ("%7Eoverflow", "%257Eoverflow"),
            ("%61nonymous", "%2561nonymous"),
        ] {
            assert_eq!(apart(name, &mut String::new()), tenant);
        }
    }

    #[test]
    fn a_name_needs_its_equals_sign() {
        assert_eq!("=acme".parse(), Ok(TenantRule::Fixed("acme".to_owned())));
        assert_eq!("=user".parse(), Ok(TenantRule::Fixed("user".to_owned())));
        assert_eq!("user".parse(), Ok(TenantRule::User));
        assert_eq!("host-hash".parse(), Ok(TenantRule::HostHash));
        assert_eq!("user-hash".parse(), Ok(TenantRule::UserHash));
        assert_eq!("vhost".parse(), Ok(TenantRule::Vhost));
        assert!(matches!("header:X-Tenant".parse(), Ok(TenantRule::Field(_))));
        for text in ["", "=", "= ", "acme", "User", "header:", "x:y"] {
            assert!(text.parse::<TenantRule>().is_err(), "{text}");
        }
    }
}
