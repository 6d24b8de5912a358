//! The functions that a sink calls: all cases on empty ledgers, and what must survive a restart.

use ron_accounting_export::Exporter;

use crate::{
    cases::{self, CASES},
    probe::Probe,
};

/// Runs each case on a ledger of its own. `fresh` opens an empty ledger at each call.
pub fn check(fresh: impl Fn() -> Box<dyn Exporter>) {
    for (name, case) in CASES {
        case(&Probe::new(name, fresh()));
    }
}

/// Checks that a ledger that is closed and opened again continues with its former state.
///
/// `storage` makes storage for an empty ledger, for example a temporary directory. `open` opens the ledger in it. A ledger is
/// dropped before its storage is opened again.
pub fn check_reopening<S>(storage: impl Fn() -> S, open: impl Fn(&S) -> Box<dyn Exporter>) {
    let storage = storage();
    cases::reopening::state_survives_reopening(|name| Probe::new(name, open(&storage)));
}

/// Returns the names of the cases that [`check`] runs, in its order.
pub fn case_names() -> impl Iterator<Item = &'static str> {
    CASES.iter().map(|(name, _)| *name)
}
