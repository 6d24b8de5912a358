//! The entrances: all cases on fresh ledgers, and what must survive a restart.

use ron_accounting_export::Exporter;

use crate::{
    cases::{self, CASES},
    probe::Probe,
};

/// Runs each case on a ledger of its own. `fresh` opens an empty one each time it is called.
pub fn check(fresh: impl Fn() -> Box<dyn Exporter>) {
    for (name, case) in CASES {
        case(&Probe::new(name, fresh()));
    }
}

/// Checks that a ledger which is closed and opened again goes on where it was.
///
/// `place` makes a place for an empty ledger, say a temporary directory; `open` opens the ledger that is there. A
/// ledger is dropped before its place is opened again.
pub fn check_reopening<P>(place: impl Fn() -> P, open: impl Fn(&P) -> Box<dyn Exporter>) {
    let place = place();
    cases::reopening::state_survives_reopening(|name| Probe::new(name, open(&place)));
}

/// The names of the cases that [`check`] runs, in its order.
pub fn case_names() -> impl Iterator<Item = &'static str> {
    CASES.iter().map(|(name, _)| *name)
}
