//! Where a server listens.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

/// Where a server listens: `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`, or `unix:/run/usage.sock`. Port 0 is any that is free.
///
/// ```
/// use ron_accounting_http::ListenAddress;
/// let address: ListenAddress = "localhost:8080".parse()?;
/// assert_eq!(address.to_string(), "http://127.0.0.1:8080");
/// assert!(address.is_local());
/// # Ok::<(), ron_accounting_http::UnknownAddress>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListenAddress {
    /// An address and a port of TCP.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl ListenAddress {
    /// Returns whether only programs on this machine can connect.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

/// Writes `http://127.0.0.1:8080` or `unix:/run/usage.sock`.
impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for ListenAddress {
    type Err = UnknownAddress;

    fn from_str(text: &str) -> Result<Self, UnknownAddress> {
        if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Ok(Self::Unix(path.into()));
        }
        let numeric = match text.strip_prefix("localhost:") {
            Some(port) => format!("127.0.0.1:{port}"),
            None => text.to_owned(),
        };
        numeric.parse().map(Self::Tcp).map_err(|_| UnknownAddress(text.to_owned()))
    }
}

/// The error for a text that is no [`ListenAddress`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no address `{}`: write an address and a port, such as 127.0.0.1:8080, [::1]:8080 or localhost:8080, or unix:/path/to/socket",
    _0.escape_debug()
)]
pub struct UnknownAddress(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_this_machine_are_local() {
        for (text, is_local) in [
            ("127.0.0.1:0", true),
            ("127.8.9.10:80", true),
            ("[::1]:80", true),
            ("[::ffff:127.0.0.1]:80", true),
            ("unix:/run/usage.sock", true),
            ("0.0.0.0:80", false),
            ("[::]:80", false),
            ("192.0.2.7:80", false),
        ] {
            assert_eq!(text.parse::<ListenAddress>().unwrap().is_local(), is_local, "{text}");
        }
        for text in ["", "unix:", "127.0.0.1", "8080", "example.org:80", "localhost:http"] {
            assert!(text.parse::<ListenAddress>().is_err(), "{text}");
        }
    }
}
