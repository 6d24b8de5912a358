//! Totals that are shown by tenant and not by label set: what went to `~overflow`, and usage of accounts.

use std::{
    collections::{BTreeMap, HashSet},
    ops::Bound,
    sync::Arc,
};

use ron_accounting::{normalize::OVERFLOW, Labels};
use zeroize::Zeroize;

use crate::series_budget::SeriesBudget;

/// All labels but the tenant of the series that has the usage of a tenant's accounts. Accounts are numbers without end, which
/// are no labels.
const ACCOUNTS: &str = "~accounts";

/// Which of a tenant's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fold {
    /// Usage past a limit, and of label sets that were evicted.
    Overflow,
    /// Usage of accounts.
    Accounts,
}

impl Fold {
    /// Returns the row that these labels name, if any: a host may record under them, too.
    pub(crate) fn of(labels: &Labels<'_>) -> Option<Self> {
        [Self::Overflow, Self::Accounts].into_iter().find(|fold| fold.labels(labels.tenant) == *labels)
    }

    pub(crate) const fn labels(self, tenant: &str) -> Labels<'_> {
        let word = match self {
            Self::Overflow => OVERFLOW,
            Self::Accounts => ACCOUNTS,
        };
        Labels { tenant, method: word, route: word, service: word, region: word }
    }
}

/// Identifies a row: the position of a scrape that is on its way.
pub(crate) type FoldedKey = (Fold, Arc<str>);

/// Totals by tenant and dimension.
#[derive(Debug, Clone)]
pub(crate) struct FoldedRows {
    dimensions: usize,
    overflow: BTreeMap<Arc<str>, Box<[u64]>>,
    accounts: BTreeMap<Arc<str>, Box<[u64]>>,
}

impl FoldedRows {
    pub(crate) const fn new(dimensions: usize) -> Self {
        Self { dimensions, overflow: BTreeMap::new(), accounts: BTreeMap::new() }
    }

    /// Adds `n`, which is not zero, and returns whether it had room there. What has none is added to the tenant's overflow row, or to
    /// that of the tenant `~overflow`.
    pub(crate) fn add(
        &mut self,
        fold: Fold,
        tenant: &str,
        dimension: usize,
        n: u64,
        budget: &mut SeriesBudget,
    ) -> bool {
        let dimensions = self.dimensions;
        let rows = self.rows_mut(fold);
        if let Some(total) = rows.get_mut(tenant).and_then(|row| row.get_mut(dimension)) {
            if *total > 0 || budget.admit() {
                *total = total.saturating_add(n);
                return true;
            }
        } else if budget.admit() {
            rows.insert(tenant.into(), new_row(dimensions, dimension, n));
            return true;
        }
        if fold == Fold::Accounts {
            self.add(Fold::Overflow, tenant, dimension, n, budget);
        } else {
            self.add_past_limit(dimension, n, budget);
        }
        false
    }

    /// Moves the rows of tenants that have no label set any more to the overflow row of the tenant `~overflow`.
    pub(crate) fn forget_tenants(&mut self, live: &HashSet<&str>, budget: &mut SeriesBudget) {
        let mut forgotten = Vec::new();
        for rows in [&mut self.overflow, &mut self.accounts] {
            rows.retain(|tenant, row| {
                let is_kept = live.contains(&**tenant) || &**tenant == OVERFLOW;
                if !is_kept {
                    forgotten.push(std::mem::take(row));
                }
                is_kept
            });
        }
        for mut row in forgotten {
            budget.release(row.iter().filter(|total| **total > 0).count());
            for (dimension, n) in row.iter().enumerate().filter(|(_, n)| **n > 0) {
                self.add_past_limit(dimension, *n, budget);
            }
            row.zeroize();
        }
    }

    /// Returns how many series the rows are.
    pub(crate) fn series(&self) -> usize {
        let rows = self.overflow.values().chain(self.accounts.values());
        rows.flat_map(|row| row.iter()).filter(|total| **total > 0).count()
    }

    /// Returns the rows behind a position, in order.
    pub(crate) fn after<'a>(
        &'a self,
        position: Option<&FoldedKey>,
    ) -> impl Iterator<Item = (Fold, &'a Arc<str>, &'a [u64])> + use<'a> {
        use Bound::{Excluded, Unbounded};

        let (overflow, accounts) = match position {
            None => (Some(Unbounded), Unbounded),
            Some((Fold::Overflow, tenant)) => (Some(Excluded(&**tenant)), Unbounded),
            Some((Fold::Accounts, tenant)) => (None, Excluded(&**tenant)),
        };
        let overflow = overflow.map(|first| self.overflow.range::<str, _>((first, Unbounded)));
        let accounts = self.accounts.range::<str, _>((accounts, Unbounded));
        let overflow = overflow.into_iter().flatten().map(|(tenant, row)| (Fold::Overflow, tenant, &**row));
        overflow.chain(accounts.map(|(tenant, row)| (Fold::Accounts, tenant, &**row)))
    }

    fn add_past_limit(&mut self, dimension: usize, n: u64, budget: &mut SeriesBudget) {
        if let Some(total) = self.overflow.get_mut(OVERFLOW).and_then(|row| row.get_mut(dimension)) {
            if *total == 0 {
                budget.admit_always();
            }
            *total = total.saturating_add(n);
            return;
        }
        budget.admit_always();
        self.overflow.insert(OVERFLOW.into(), new_row(self.dimensions, dimension, n));
    }

    fn rows_mut(&mut self, fold: Fold) -> &mut BTreeMap<Arc<str>, Box<[u64]>> {
        match fold {
            Fold::Overflow => &mut self.overflow,
            Fold::Accounts => &mut self.accounts,
        }
    }
}

impl Drop for FoldedRows {
    fn drop(&mut self) {
        self.overflow.values_mut().chain(self.accounts.values_mut()).for_each(Zeroize::zeroize);
    }
}

/// Makes a row whose only total is `n`.
fn new_row(dimensions: usize, dimension: usize, n: u64) -> Box<[u64]> {
    let mut row = vec![0; dimensions];
    if let Some(total) = row.get_mut(dimension) {
        *total = n;
    }
    row.into()
}
