//! What was recorded, what was read, and how to compare the two.
#![allow(dead_code)] // Each file of tests uses some of it.
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

use std::collections::BTreeMap;

use ron_accounting_core::{labels, Dimension, Engine, Labels, Outcome, Reading, UsageKey};

/// Counts by name and dimension; zeros are left out.
pub(crate) type Totals = BTreeMap<(String, usize), u64>;

/// Adds `n` to a total.
pub(crate) fn add(totals: &mut Totals, name: &str, dimension: Dimension, n: u64) {
    if n > 0 {
        *totals.entry((name.to_owned(), dimension.index())).or_default() += n;
    }
}

/// The counts of a reading by tenant and dimension.
pub(crate) fn by_tenant(reading: &Reading) -> Totals {
    sum(reading, |key| key.tenant().to_owned())
}

/// The counts of a reading by a name of the caller's choice.
pub(crate) fn sum(reading: &Reading, name: impl Fn(&UsageKey) -> String) -> Totals {
    let mut totals = Totals::new();
    for row in reading.rows() {
        assert!(row.values.iter().any(|&value| value > 0), "an empty row of {:?}", row.key);
        for (index, &value) in row.values.iter().enumerate().filter(|(_, &value)| value > 0) {
            *totals.entry((name(row.key), index)).or_default() += value;
        }
    }
    totals
}

/// What a reading holds of one label set, by dimension; zeros if it has no row.
pub(crate) fn values(reading: &Reading, wanted: &Labels<'_>) -> Vec<u64> {
    let mut rows = reading.rows().filter(|row| row.key.labels().as_ref() == Some(wanted));
    let values = rows.next().map_or(vec![0; 4], |row| row.values.to_vec());
    assert!(rows.next().is_none(), "two rows of one key");
    values
}

pub(crate) fn engine(label_limit: usize) -> Engine {
    Engine::builder().label_limit(label_limit).tenant_limit(4).build().unwrap()
}

pub(crate) fn route(route: &str) -> Labels<'_> {
    labels().tenant("t").route(route)
}

pub(crate) fn record(engine: &Engine, routes: &[&str]) {
    for name in routes {
        assert_eq!(engine.try_record(&route(name), Dimension::REQUESTS, 1), Outcome::Counted, "{name}");
    }
}

/// The counts of a reading by route.
pub(crate) fn by_route(reading: &Reading) -> Totals {
    sum(reading, |key| key.labels().map_or_else(String::new, |labels| labels.route.to_owned()))
}

pub(crate) fn requests(counts: &[(&str, u64)]) -> Totals {
    let mut totals = Totals::new();
    for (name, n) in counts {
        add(&mut totals, name, Dimension::REQUESTS, *n);
    }
    totals
}
