//! Random ids: of a process without a log, and of each opening of a log.

use std::io;

/// Returns sixteen random bytes. No other process gets the same.
pub(crate) fn random_bytes() -> io::Result<[u8; 16]> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
