//! The table of claims: which opening of a log exports under an origin.

use ron_accounting_export::PutError;
use ron_ledger_wire::{judge_claim, Claim, ClaimId, ClaimVerdict, SealedSlice};
use rusqlite::{params, Transaction};

use crate::{error::Fault, stored};

/// Takes the origin over for the claim, or returns why that is refused. A batch without a slice of the origin changes nothing.
///
/// To be called in the transaction that stores the slices.
pub(crate) fn take_over(
    transaction: &Transaction<'_>,
    claim: &Claim,
    batch: &[SealedSlice],
) -> Result<Option<PutError>, Fault> {
    let origin = claim.origin();
    if !batch.iter().any(|slice| slice.stream().origin() == origin) {
        return Ok(None);
    }
    let mut find = transaction.prepare("SELECT holder FROM claims WHERE origin = ?1")?;
    let mut rows = find.query(params![origin.as_bytes()])?;
    let current = match rows.next()? {
        Some(row) => Some(ClaimId::from_bytes(stored::bytes(row, 0, "a claim")?)),
        None => None,
    };
    drop(rows);
    match judge_claim(current, claim) {
        ClaimVerdict::Held => Ok(None),
        ClaimVerdict::Taken => {
            let sql = "INSERT INTO claims (origin, holder) VALUES (?1, ?2)
              ON CONFLICT (origin) DO UPDATE SET holder = excluded.holder";
            let holder = claim.holder();
            transaction.prepare(sql)?.execute(params![origin.as_bytes(), holder.as_bytes()])?;
            Ok(None)
        }
        ClaimVerdict::Refused { current } => Ok(Some(PutError::Claimed { origin, current })),
    }
}
