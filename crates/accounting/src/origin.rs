//! Origins of processes without a log.

use std::io;

use ron_ledger_wire::Origin;

/// An origin that no other process has.
pub(crate) fn random_origin() -> io::Result<Origin> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(Origin::from_bytes(bytes))
}
