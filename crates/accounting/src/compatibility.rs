//! Checks that this build reads what another version wrote.

use ron_accounting_window::{SnapshotRecord, SNAPSHOT_VERSION};

use crate::AccError;

/// Returns an error for a snapshot of a newer version, whose fields may mean something else.
///
/// ```
/// use ron_accounting::{export::{check_version, SnapshotRecord}, Accounting, AccError};
/// let acc = Accounting::builder().manual().build()?;
/// let mut record = SnapshotRecord::from(&acc.snapshot());
/// assert!(check_version(&record).is_ok());
/// record.version += 1;
/// assert!(matches!(check_version(&record), Err(AccError::SerdeCompat { found: 2, supported: 1 })));
/// # Ok::<(), AccError>(())
/// ```
pub fn check_version(record: &SnapshotRecord) -> Result<(), AccError> {
    if record.version > SNAPSHOT_VERSION {
        return Err(AccError::SerdeCompat { found: record.version, supported: SNAPSHOT_VERSION });
    }
    Ok(())
}
