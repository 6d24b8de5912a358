//! Which log this is beside its origin: the claims of its openings, and whether it has dropped heads.

use ron_accounting_wal::{Storage, WalError};

use super::{
    index::Item,
    records::{self, kind, IdentityRecord},
    Limit, Log,
};

impl<S: Storage + Send> Log<S>
where
    S::File: Send,
{
    /// Writes the identity if the log does not have all of it.
    pub(super) fn write_identity(&mut self, now_ms: u64) -> Result<(), WalError> {
        let is_said = self.identity_at.is_some()
            && self.claims_written == self.identity.claims.len()
            && !self.lacks_confirmed;
        if is_said || self.identity.claims.is_empty() {
            return Ok(());
        }
        match self.put_identity(Limit::Reserved, now_ms) {
            // On a full disk the log goes on under the id of its last opening.
            Err(WalError::Full { .. } | WalError::DiskFull { .. }) => Ok(()),
            put => put,
        }
    }

    /// Writes the identity. The record before it stays until its segment goes.
    pub(super) fn put_identity(&mut self, limit: Limit, now_ms: u64) -> Result<(), WalError> {
        self.identity.version = records::PAYLOAD_VERSION;
        let body = records::encode(&self.identity);
        let position = self.write(limit, (kind::IDENTITY, &body), Item::Identity, now_ms)?;
        self.identity_at = Some(position);
        self.claims_written = self.identity.claims.len();
        self.lacks_confirmed = false;
        Ok(())
    }
}

impl IdentityRecord {
    /// The length of its body in the log.
    pub(super) fn stored_bytes(&self) -> u64 {
        records::encode(self).len() as u64
    }

    /// Adds the claim of a new opening, and drops the oldest ones beyond `claims_max`, but not the one that the ledger has
    /// taken: it is refused without that. Returns how many were dropped.
    pub(super) fn add_claim(&mut self, claim: [u8; 16], claims_max: usize) -> usize {
        self.claims.push(claim);
        let surplus = self.claims.len().saturating_sub(claims_max);
        let mut left = surplus;
        let confirmed = self.confirmed;
        self.claims.retain(|known| {
            let is_dropped = left > 0 && Some(*known) != confirmed;
            left -= usize::from(is_dropped);
            !is_dropped
        });
        surplus
    }
}
