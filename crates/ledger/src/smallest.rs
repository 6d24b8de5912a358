//! The smallest keys behind a given one, as many as are asked for, of amounts that come in any order.

use std::collections::BTreeMap;

/// What is kept of a key, and the sum of its amounts.
#[derive(Debug)]
pub(crate) struct SmallestSums<K, V> {
    entries: BTreeMap<K, (V, u128)>,
    after: Option<K>,
    limit: usize,
}

impl<K: Ord, V> SmallestSums<K, V> {
    /// Begins with no key. All keys that are kept are greater than `after`.
    pub(crate) fn new(after: Option<K>, limit: usize) -> Self {
        Self { entries: BTreeMap::new(), after, limit }
    }

    /// Adds an amount to the sum of a key. `value` makes what is kept beside the sum when the key comes first.
    ///
    /// A key that is dropped is greater than all that are kept, and stays so.
    pub(crate) fn add(&mut self, key: K, value: impl FnOnce() -> V, amount: u128) {
        let is_full = self.entries.len() >= self.limit;
        let is_behind = || self.entries.last_key_value().map_or(true, |(last, _)| key > *last);
        if self.after.as_ref().is_some_and(|after| key <= *after) || (is_full && is_behind()) {
            return;
        }
        let (_, sum) = self.entries.entry(key).or_insert_with(|| (value(), 0));
        *sum = sum.saturating_add(amount);
        if self.entries.len() > self.limit {
            self.entries.pop_last();
        }
    }

    /// Returns the keys in order.
    pub(crate) fn into_sorted(self) -> BTreeMap<K, (V, u128)> {
        self.entries
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pages_one_after_the_other_give_the_sums_of_all_keys(
            amounts in prop::collection::vec((0..40_u8, 1..100_u128), 0..200),
            limit in 1..6_usize,
        ) {
            let mut model: BTreeMap<u8, u128> = BTreeMap::new();
            for (key, amount) in &amounts {
                *model.entry(*key).or_default() += amount;
            }
            let mut found: Vec<(u8, u128)> = Vec::new();
            loop {
                let mut sums = SmallestSums::new(found.last().map(|(key, _)| *key), limit);
                for (key, amount) in &amounts {
                    sums.add(*key, || (), *amount);
                }
                let page = sums.into_sorted();
                let is_last = page.len() < limit;
                found.extend(page.into_iter().map(|(key, ((), sum))| (key, sum)));
                if is_last {
                    break;
                }
            }
            prop_assert_eq!(found, model.into_iter().collect::<Vec<_>>());
        }
    }
}
