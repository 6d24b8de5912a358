//! Where units are, and that none is missing.

use std::collections::BTreeMap;

use ron_accounting::{export::MemoryLedger, Accounting};

/// Units by tenant and dimension.
pub(crate) type Units = BTreeMap<(String, String), u128>;

/// Adds units of a tenant's dimension.
pub(crate) fn add(units: &mut Units, tenant: &str, dimension: &str, n: u128) {
    if n > 0 {
        *units.entry((tenant.to_owned(), dimension.to_owned())).or_default() += n;
    }
}

/// Asserts that live, pending and acknowledged units make up what was recorded.
pub(crate) fn assert_recorded(acc: &Accounting, recorded: &Units) {
    let mut sum = Units::new();
    for place in acc.totals() {
        add(&mut sum, &place.tenant, &place.dimension, place.live + place.pending + place.acknowledged);
    }
    assert_eq!(&sum, recorded);
}

/// Asserts this too: the ledger has all that is acknowledged, and nothing that was not sealed. To be called when nothing
/// is sealed or exported.
pub(crate) fn assert_conserved(acc: &Accounting, ledger: &MemoryLedger, recorded: &Units) {
    assert_recorded(acc, recorded);
    for place in acc.totals() {
        let stored = ledger.total(&place.tenant, &place.dimension);
        assert!(stored >= place.acknowledged, "acknowledged and not stored: {place:?}, stored {stored}");
        assert!(stored <= place.acknowledged + place.pending, "stored out of nowhere: {place:?}");
    }
}

/// Asserts that the ledger has exactly what was recorded, and that its chains are what a consumer expects: windows that
/// never step back.
pub(crate) fn assert_delivered(ledger: &MemoryLedger, recorded: &Units) {
    assert_eq!(&ledger.totals(), recorded);
    for pair in ledger.slices().windows(2) {
        if pair[0].stream() == pair[1].stream() {
            assert_eq!(pair[1].seq(), pair[0].seq().next());
            assert!(pair[0].start_ms() <= pair[1].start_ms() && pair[0].end_ms() <= pair[1].end_ms());
        }
    }
}
