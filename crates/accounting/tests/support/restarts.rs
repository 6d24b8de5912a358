//! Instances on a log, one after the other.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ron_accounting::{
    export::MemoryLedger, labels, window::ManualClock, Accounting, AccountingBuilder, Dimension,
};
use tempfile::TempDir;

use crate::conserved::{add, Units};

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Each tenant, and how many units it counts where the first counts one.
pub(crate) const TENANTS: [(&str, u64); 3] = [("a", 1), ("b", 100), ("c", 10_000)];

pub(crate) fn log_of(folder: &TempDir) -> PathBuf {
    folder.path().join("log")
}

pub(crate) fn by_hand(log: &Path) -> AccountingBuilder {
    Accounting::builder().manual().clock(Arc::new(ManualClock::new(0))).wal_dir(log)
}

pub(crate) fn with_ledger(log: &Path, ledger: &MemoryLedger) -> AccountingBuilder {
    by_hand(log).exporter(Arc::new(ledger.clone()))
}

/// Counts for each tenant and notes it.
pub(crate) fn record(acc: &Accounting, n: u64, recorded: &mut Units) {
    for (tenant, factor) in TENANTS {
        acc.record(&labels().tenant(tenant).route("/v1/feed"), Dimension::REQUESTS, n * factor);
    }
    note(n, recorded);
}

/// Notes what [`record`] counted, in another process perhaps.
pub(crate) fn note(n: u64, recorded: &mut Units) {
    for (tenant, factor) in TENANTS {
        add(recorded, tenant, "requests", (n * factor).into());
    }
}
