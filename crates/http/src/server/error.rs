//! Why a server does not listen.

use std::io;

use crate::ListenAddress;

/// Why a server does not listen. Nothing was served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Others than programs on this machine could connect, and nobody could be told apart from anybody.
    #[error(
        "without tokens, {address} would answer everybody who can reach it; listen on loopback (127.0.0.1, [::1]) or a Unix socket, \
         and put a proxy that checks who asks in front of it"
    )]
    NotLocal {
        /// The address.
        address: ListenAddress,
    },
    /// Another process listens there.
    #[error("another process listens on {address}; stop it, or choose another address")]
    InUse {
        /// The address.
        address: ListenAddress,
    },
    /// The path of a Unix socket is a file of another kind.
    #[error("{address} is there already and is no socket; choose another path")]
    NoSocket {
        /// The address.
        address: ListenAddress,
    },
    /// The system refused for another reason.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: ListenAddress,
        /// The reason.
        source: io::Error,
    },
}

#[cfg(test)]
mod tests {
    use ron_accounting_error_contract::{assert_errors, assert_without_cause};

    use super::*;

    #[test]
    fn every_error_leaves_its_cause_to_its_source() {
        let address = || ListenAddress::Unix("/run/usage.sock".into());
        assert_errors!(ServeError {
            without_cause: {
                NotLocal => ServeError::NotLocal { address: address() },
                InUse => ServeError::InUse { address: address() },
                NoSocket => ServeError::NoSocket { address: address() },
            }
            with_cause: {
                Bind => ServeError::Bind { address: address(), source: io::ErrorKind::PermissionDenied.into() },
            }
        });
        assert_without_cause(&"".parse::<ListenAddress>().unwrap_err());
    }
}
