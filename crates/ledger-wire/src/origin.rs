//! The identity of the process that counted. It keeps two processes from writing one chain.

use std::fmt;
use std::str::FromStr;

use crate::error::ParseError;
use crate::hexadecimal;
use crate::layout::ORIGIN_BYTES;

/// The 16-byte identity of one chain-keeping process.
///
/// It is part of every [`StreamId`](crate::StreamId), for two reasons: several nodes meter the same tenant at once, and a
/// process without a log begins its numbers anew. Its text is 32 lower-case hexadecimal digits.
///
/// ```
/// use ron_ledger_wire::Origin;
/// let origin: Origin = "000102030405060708090a0b0c0d0e0f".parse()?;
/// assert_eq!(origin.as_bytes()[15], 15);
/// assert_eq!(origin.to_string(), "000102030405060708090a0b0c0d0e0f");
/// # Ok::<(), ron_ledger_wire::ParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin([u8; ORIGIN_BYTES]);

impl Origin {
    /// Returns the origin with these bytes. They are opaque: random, or derived from the input that is metered.
    pub const fn from_bytes(bytes: [u8; ORIGIN_BYTES]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes, as they are encoded.
    pub const fn as_bytes(&self) -> &[u8; ORIGIN_BYTES] {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal::write(&self.0, f)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({self})")
    }
}

impl FromStr for Origin {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        hexadecimal::parse(text).map(Self)
    }
}
