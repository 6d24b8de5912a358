//! Usage since the metrics were built, by key and dimension.
//!
//! # Invariants
//! 1. The sum of a dimension over all totals is what the reader has taken of it, up to saturation.
//! 2. A total does not go down while its key is in the table.
//! 3. Each total that is not zero is one series, and counted in the budget.

use std::collections::{HashMap, HashSet};

use ron_accounting::{
    counters::{KeyId, KeyTable, Reading, UsageKey},
    Labels,
};
use zeroize::Zeroize;

use crate::{
    folded::{Fold, FoldedKey, FoldedRows},
    series_budget::SeriesBudget,
};

/// The totals of one moment. Scrapes share them until the next one has something to add.
#[derive(Debug, Clone)]
pub(crate) struct Totals {
    keys: KeyTable,
    dimensions: usize,
    /// By id, then by dimension. Zero for keys that have a folded row.
    cells: Vec<u64>,
    folded: FoldedRows,
    budget: SeriesBudget,
}

impl Totals {
    pub(crate) fn new(dimensions: usize, series_max: usize) -> Self {
        let budget = SeriesBudget::new(series_max);
        Self {
            keys: KeyTable::default(),
            dimensions,
            cells: Vec::new(),
            folded: FoldedRows::new(dimensions),
            budget,
        }
    }

    /// Adds what was counted since the last reading.
    pub(crate) fn add(&mut self, reading: &Reading) {
        let has_changed = !self.keys.is_same(reading.keys());
        if has_changed {
            self.follow(reading.keys());
        }
        for row in reading.rows() {
            let fold = row.key.labels().map_or(Some(Fold::Accounts), |labels| Fold::of(&labels));
            for (dimension, n) in row.values.iter().enumerate().filter(|(_, n)| **n > 0) {
                match (fold, row.id) {
                    (Some(fold), _) => self.fold(fold, row.key.tenant(), dimension, *n),
                    (None, Some(id)) => self.add_to_key(id, row.key, dimension, *n),
                    // The key was evicted, and what it had before is in the overflow row already.
                    (None, None) => self.fold(Fold::Overflow, row.key.tenant(), dimension, *n),
                }
            }
        }
        // At the end, so that a series that ends here does not begin again in the same scrape.
        if has_changed {
            self.forget_tenants();
        }
    }

    /// Returns how many series there are.
    pub(crate) const fn series(&self) -> usize {
        self.budget.used()
    }

    /// Returns how often a count had no room for a series of its own.
    pub(crate) const fn capped(&self) -> u64 {
        self.budget.capped()
    }

    /// Returns the label sets with a total in a dimension, from an id on.
    pub(crate) fn label_sets(
        &self,
        dimension: usize,
        first: usize,
    ) -> impl Iterator<Item = (usize, Labels<'_>, u64)> {
        let rows = self.cells.chunks_exact(self.dimensions).enumerate().skip(first);
        rows.filter_map(move |(index, row)| {
            let total = row.get(dimension).copied().filter(|total| *total > 0)?;
            let labels = self.keys.get(KeyId::new(u32::try_from(index).ok()?))?.labels()?;
            Some((index, labels, total))
        })
    }

    /// Returns the folded rows with a total in a dimension that are behind a position.
    pub(crate) fn folded(
        &self,
        dimension: usize,
        position: Option<&FoldedKey>,
    ) -> impl Iterator<Item = (FoldedKey, u64)> + use<'_> {
        self.folded.after(position).filter_map(move |(fold, tenant, row)| {
            let total = row.get(dimension).copied().filter(|total| *total > 0)?;
            Some(((fold, tenant.clone()), total))
        })
    }

    /// Takes over a table of keys. The totals of keys that are gone go to their tenants' overflow rows.
    fn follow(&mut self, keys: &KeyTable) {
        let before = std::mem::replace(&mut self.keys, keys.clone());
        self.cells.resize(keys.len() * self.dimensions, 0);
        let ids = || before.iter().chain(std::iter::repeat(None)).zip(keys.iter());
        let changed = || ids().enumerate().filter(|(_, (was, is))| !is_kept(*was, *is));
        // The totals of label sets that do not have their id any more.
        let mut moved: HashMap<[&str; 5], Box<[u64]>> = HashMap::new();
        for (index, (was, _)) in changed() {
            let cells = cells_mut(&mut self.cells, index, self.dimensions);
            let labels = was.and_then(UsageKey::labels).filter(|_| cells.iter().any(|total| *total > 0));
            if let Some(labels) = labels {
                moved.insert(labels.values(), Box::from(&*cells));
                cells.fill(0);
            }
        }
        if moved.is_empty() {
            return;
        }
        // Evicted and counted again between two scrapes: no scraper saw the series end.
        for (index, (_, is)) in changed() {
            let back = is.and_then(UsageKey::labels).and_then(|labels| moved.remove(&labels.values()));
            if let Some(mut row) = back {
                cells_mut(&mut self.cells, index, self.dimensions).copy_from_slice(&row);
                row.zeroize();
            }
        }
        for ([tenant, ..], mut row) in moved {
            self.budget.release(row.iter().filter(|total| **total > 0).count());
            for (dimension, n) in row.iter().enumerate().filter(|(_, n)| **n > 0) {
                self.fold(Fold::Overflow, tenant, dimension, *n);
            }
            row.zeroize();
        }
    }

    /// Sees to it that tenants that come and go do not take all the series: the rows of those that went get at most half.
    fn forget_tenants(&mut self) {
        if self.folded.series() > self.budget.max() / 2 {
            let live: HashSet<&str> = self.keys.iter().flatten().map(UsageKey::tenant).collect();
            self.folded.forget_tenants(&live, &mut self.budget);
        }
    }

    fn add_to_key(&mut self, id: KeyId, key: &UsageKey, dimension: usize, n: u64) {
        let total = self.cells.get_mut(id.index() * self.dimensions + dimension);
        debug_assert!(total.is_some(), "the table has {id:?}");
        match total {
            Some(total) if *total > 0 || self.budget.admit() => *total = total.saturating_add(n),
            _ => {
                self.budget.note_capped();
                self.folded.add(Fold::Overflow, key.tenant(), dimension, n, &mut self.budget);
            }
        }
    }

    fn fold(&mut self, fold: Fold, tenant: &str, dimension: usize, n: u64) {
        if !self.folded.add(fold, tenant, dimension, n, &mut self.budget) {
            self.budget.note_capped();
        }
    }
}

/// Returns whether an id has the key that it had, or none as before.
fn is_kept(was: Option<&UsageKey>, is: Option<&UsageKey>) -> bool {
    match (was, is) {
        (Some(was), Some(is)) => was.is_same(is) || was == is,
        (was, is) => was.is_none() && is.is_none(),
    }
}

/// Returns the totals of an id.
fn cells_mut(cells: &mut [u64], index: usize, dimensions: usize) -> &mut [u64] {
    let first = index * dimensions;
    cells.get_mut(first..first + dimensions).unwrap_or_default()
}

impl Drop for Totals {
    fn drop(&mut self) {
        self.cells.zeroize();
    }
}
