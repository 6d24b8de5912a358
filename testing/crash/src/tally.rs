//! What was recorded, and what a ledger may hold of it.

use std::collections::BTreeMap;

use crate::messages::Entry;

/// What one life of the node was told, in order, and what it answered.
#[derive(Debug, Default, Clone)]
pub struct LifeTally {
    /// All that was sent. What is behind `recorded` may have been recorded or not.
    pub sent: Vec<Entry>,
    /// How many of them were recorded for sure.
    pub recorded: u64,
    /// How many of them were durable for sure.
    pub covered: u64,
}

/// The units of one row of a ledger, over all its slices.
pub type Row = (RowName, u128);

/// By what the rows of a ledger are told apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowName {
    /// The tenant.
    pub tenant: String,
    /// The dimension.
    pub dimension: String,
    /// The route; empty for the sum of all routes.
    pub route: String,
}

/// How a ledger compares with the tally, in units: row by row, or where rows are folded, by tenant and dimension.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Recorded for sure.
    pub recorded: u128,
    /// Recorded for sure, and not covered when its process was killed: the bound of what may be missing.
    pub uncovered: u128,
    /// In the ledger.
    pub stored: u128,
    /// Recorded for sure, and not in the ledger, within the bound.
    pub lost_within_bound: u128,
    /// Covered, and not in the ledger.
    pub lost_beyond_bound: u128,
    /// In the ledger, and never sent.
    pub doubled: u128,
    /// Each row or sum that is wrong, in a sentence.
    pub faults: Vec<String>,
}

/// The least and the most that a ledger may hold of something.
#[derive(Debug, Default, Clone, Copy)]
struct Bounds {
    covered: u128,
    recorded: u128,
    sent: u128,
}

impl Bounds {
    fn add(&mut self, position: u64, units: u64, life: &LifeTally) {
        let units = u128::from(units);
        self.sent += units;
        self.recorded += if position <= life.recorded { units } else { 0 };
        self.covered += if position <= life.covered { units } else { 0 };
    }
}

/// Compares a ledger with what was recorded. `rows_keep_names` says that no label set was folded into another row.
///
/// A node records in order, so what it saves of a row is what had been recorded of it up to some moment. A row that no moment
/// of its life explains is a fault, although its sum may be within the bounds.
pub fn judge(lives: &[LifeTally], ledger: &[Row], rows_keep_names: bool) -> Verdict {
    let mut verdict = Verdict { stored: ledger.iter().map(|row| row.1).sum(), ..Verdict::default() };
    let bounds = bounds(lives, |entry| name(entry, ""));
    let stored =
        sums(ledger.iter().map(|(row, units)| (RowName { route: String::new(), ..row.clone() }, *units)));
    for bounds in bounds.values() {
        verdict.recorded += bounds.recorded;
        verdict.uncovered += bounds.recorded - bounds.covered;
    }
    verdict.compare(&bounds, &stored, !rows_keep_names);
    if rows_keep_names {
        let bounds = self::bounds(lives, |entry| name(entry, &entry.route));
        let stored = sums(ledger.iter().cloned());
        verdict.compare(&bounds, &stored, true);
        verdict.find_moments(lives, &stored);
    }
    verdict
}

impl Verdict {
    /// Whether nothing is doubled, and nothing is missing beyond the bound.
    pub fn is_right(&self) -> bool {
        self.faults.is_empty()
    }

    fn compare(
        &mut self,
        bounds: &BTreeMap<RowName, Bounds>,
        stored: &BTreeMap<RowName, u128>,
        counts: bool,
    ) {
        let names: std::collections::BTreeSet<_> = bounds.keys().chain(stored.keys()).collect();
        for name in names {
            let bounds = bounds.get(name).copied().unwrap_or_default();
            let units = stored.get(name).copied().unwrap_or_default();
            let (doubled, missing) =
                (units.saturating_sub(bounds.sent), bounds.covered.saturating_sub(units));
            if counts {
                self.doubled += doubled;
                self.lost_beyond_bound += missing;
                self.lost_within_bound += bounds.recorded.saturating_sub(units.max(bounds.covered));
            }
            let RowName { tenant, dimension, route } = name;
            if doubled > 0 {
                self.faults.push(format!(
                    "{tenant} {dimension} {route}: {units} in the ledger, and only {} were ever sent",
                    bounds.sent
                ));
            }
            if missing > 0 {
                self.faults.push(format!(
                    "{tenant} {dimension} {route}: {units} in the ledger, and {} were durable",
                    bounds.covered
                ));
            }
        }
    }

    /// Each row must be what was recorded of it up to a moment.
    fn find_moments(&mut self, lives: &[LifeTally], stored: &BTreeMap<RowName, u128>) {
        let mut moments: BTreeMap<RowName, Vec<u128>> = BTreeMap::new();
        for entry in lives.iter().flat_map(|life| &life.sent) {
            let sums = moments.entry(name(entry, &entry.route)).or_insert_with(|| vec![0]);
            let last = sums.last().copied().unwrap_or_default();
            sums.push(last + u128::from(entry.units));
        }
        for (row, units) in stored {
            // What is more than everything has its own fault.
            let is_within = |sums: &Vec<u128>| sums.last().is_some_and(|last| units <= last);
            if let Some(sums) = moments.get(row).filter(|sums| is_within(sums)) {
                if sums.binary_search(units).is_err() {
                    self.faults.push(format!(
                        "{} {} {}: {units} in the ledger, which it never was at any moment",
                        row.tenant, row.dimension, row.route
                    ));
                }
            }
        }
    }
}

fn name(entry: &Entry, route: &str) -> RowName {
    RowName { tenant: entry.tenant.clone(), dimension: entry.dimension.clone(), route: route.to_owned() }
}

fn bounds(lives: &[LifeTally], name: impl Fn(&Entry) -> RowName) -> BTreeMap<RowName, Bounds> {
    let mut bounds: BTreeMap<RowName, Bounds> = BTreeMap::new();
    for life in lives {
        for (entry, position) in life.sent.iter().zip(1..) {
            bounds.entry(name(entry)).or_default().add(position, entry.units, life);
        }
    }
    bounds
}

fn sums(rows: impl Iterator<Item = Row>) -> BTreeMap<RowName, u128> {
    let mut sums = BTreeMap::new();
    for (name, units) in rows {
        *sums.entry(name).or_default() += units;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(route: &str, units: u64) -> Entry {
        Entry { tenant: "acme".to_owned(), route: route.to_owned(), dimension: "requests".to_owned(), units }
    }

    fn row(route: &str, units: u128) -> Row {
        (name(&entry(route, 0), route), units)
    }

    /// 1, 10 and 100 units, the first durable, the second recorded, the third perhaps.
    fn life() -> LifeTally {
        LifeTally { sent: [1, 10, 100].map(|units| entry("/a", units)).into(), recorded: 2, covered: 1 }
    }

    #[test]
    fn everything_up_to_a_moment_is_right() {
        for (stored, lost) in [(1, 10), (11, 0), (111, 0)] {
            let verdict = judge(&[life()], &[row("/a", stored)], true);
            assert!(verdict.is_right(), "{stored}: {verdict:?}");
            assert_eq!((verdict.recorded, verdict.uncovered, verdict.lost_within_bound), (11, 10, lost));
        }
    }

    #[test]
    fn what_was_durable_must_be_there() {
        let verdict = judge(&[life(), life()], &[row("/a", 1)], false);
        assert_eq!((verdict.lost_beyond_bound, verdict.lost_within_bound), (1, 20));
        assert!(!verdict.is_right());
        assert!(!judge(&[life()], &[], false).is_right());
    }

    #[test]
    fn more_than_was_sent_is_doubled() {
        let verdict = judge(&[life()], &[row("/a", 112)], true);
        assert_eq!(verdict.doubled, 1);
        assert_eq!(verdict.faults.len(), 2, "as a row and as a sum: {:?}", verdict.faults);
        assert_eq!(judge(&[], &[row("/b", 5)], true).doubled, 5, "a row that nobody recorded");
    }

    #[test]
    fn a_row_that_no_moment_explains_is_wrong_although_its_sum_is_possible() {
        // The second entry twice, the third not.
        let verdict = judge(&[life()], &[row("/a", 21)], true);
        assert_eq!((verdict.doubled, verdict.lost_beyond_bound), (0, 0));
        assert!(verdict.faults[0].contains("at any moment"), "{:?}", verdict.faults);
        assert!(judge(&[life()], &[row("/a", 21)], false).is_right(), "rows that are folded have no moments");
    }

    #[test]
    fn rows_that_lend_to_each_other_are_wrong_although_their_sum_is_right() {
        let mut life = life();
        life.sent.push(entry("/b", 5));
        (life.recorded, life.covered) = (4, 4);
        let verdict = judge(&[life], &[row("/a", 110), row("/b", 6)], true);
        assert_eq!((verdict.doubled, verdict.lost_beyond_bound), (1, 1));
        assert!(!verdict.is_right());
    }
}
