//! The tenant that a line counts for.

use super::hash_key::HashKey;
use crate::access_log::Entry;

/// The tenant of lines without an authenticated user.
const ANONYMOUS: &str = "anonymous";

/// The rule of `--tenant`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TenantRule {
    /// One tenant for all lines.
    Fixed(String),
    /// The authenticated user.
    User,
    /// A pseudonym of the client's address.
    HostHash,
}

impl std::str::FromStr for TenantRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "user" => Ok(Self::User),
            "host-hash" => Ok(Self::HostHash),
            _ => match text.strip_prefix('=') {
                Some(name) if !name.trim().is_empty() => Ok(Self::Fixed(name.trim().to_owned())),
                _ => Err(format!("write =NAME for one tenant (={text}?), `user` or `host-hash`")),
            },
        }
    }
}

/// A rule of `--tenant` with its name or key.
#[derive(Debug)]
pub(super) enum Tenants {
    Fixed(String),
    User,
    HostHash(HashKey),
}

impl Tenants {
    /// Returns the tenant of a line. Writes a pseudonym to `buffer`.
    pub(super) fn of<'a>(&'a self, entry: &Entry<'a>, buffer: &'a mut String) -> &'a str {
        match self {
            Self::Fixed(name) => name,
            Self::User => entry.user.unwrap_or(ANONYMOUS),
            Self::HostHash(key) => {
                key.write_pseudonym(entry.client, buffer);
                buffer
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TenantRule;

    #[test]
    fn a_name_needs_its_equals_sign() {
        assert_eq!("=acme".parse(), Ok(TenantRule::Fixed("acme".to_owned())));
        assert_eq!("=user".parse(), Ok(TenantRule::Fixed("user".to_owned())));
        assert_eq!("user".parse(), Ok(TenantRule::User));
        assert_eq!("host-hash".parse(), Ok(TenantRule::HostHash));
        for text in ["", "=", "= ", "acme", "User"] {
            assert!(text.parse::<TenantRule>().is_err(), "{text}");
        }
    }
}
