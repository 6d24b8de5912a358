//! The argument that every command on a ledger has.

use std::path::PathBuf;

use ron_accounting_sqlite::{LedgerError, SqliteLedger};

#[derive(Debug, clap::Args)]
pub(super) struct LedgerArgument {
    /// The ledger, a SQLite file
    #[arg(long, value_name = "FILE", default_value = "usage.db")]
    pub(super) ledger: PathBuf,
}

impl LedgerArgument {
    pub(super) fn open_read_only(&self) -> Result<SqliteLedger, LedgerError> {
        SqliteLedger::open_read_only(&self.ledger)
    }
}
