//! Sums of the smallest keys, in bounded memory.
//!
//! Amounts come in any order, more keys than there is memory for. A pass over all amounts gives the exact sums of the smallest keys behind
//! a given one, as many as fit. A further pass gives those behind them.
//!
//! # Invariant
//! Every key above `after` and below `ceiling` that came has its entry, with all amounts that came for it: an entry is dropped only
//! with all greater ones, and `ceiling` goes down to the least key that was ever dropped.

use std::collections::BTreeMap;

/// How many bytes a key takes beside the fixed size of an entry.
pub(crate) trait HeapBytes {
    fn heap_bytes(&self) -> usize;
}

/// The fixed size of an entry of the map, roughly.
const ENTRY_BYTES: usize = 96;

#[derive(Debug)]
pub(crate) struct SmallestSums<K, V> {
    entries: BTreeMap<K, (V, u128)>,
    after: Option<K>,
    ceiling: Option<K>,
    bytes: usize,
    bytes_max: usize,
    entries_max: usize,
}

impl<K: Ord + HeapBytes, V> SmallestSums<K, V> {
    /// Begins a pass for the keys greater than `after`. At least one entry is kept, whatever its size.
    pub(crate) fn new(after: Option<K>, entries_max: usize, bytes_max: usize) -> Self {
        Self { entries: BTreeMap::new(), after, ceiling: None, bytes: 0, bytes_max, entries_max }
    }

    /// Adds an amount to the sum of a key. `value` makes what is kept beside the sum when the key comes first.
    pub(crate) fn add(&mut self, key: K, value: impl FnOnce() -> V, amount: u128) {
        if self.after.as_ref().is_some_and(|after| key <= *after)
            || self.ceiling.as_ref().is_some_and(|ceiling| key >= *ceiling)
        {
            return;
        }
        if let Some((_, sum)) = self.entries.get_mut(&key) {
            *sum = sum.saturating_add(amount);
            return;
        }
        self.bytes += ENTRY_BYTES + key.heap_bytes();
        self.entries.insert(key, (value(), amount));
        while self.entries.len() > 1 && (self.entries.len() > self.entries_max || self.bytes > self.bytes_max)
        {
            if let Some((dropped, _)) = self.entries.pop_last() {
                self.bytes -= ENTRY_BYTES + dropped.heap_bytes();
                self.ceiling = Some(dropped);
            }
        }
    }

    /// Returns the sums in the order of their keys, and whether there are greater keys.
    pub(crate) fn finish(self) -> (BTreeMap<K, (V, u128)>, bool) {
        (self.entries, self.ceiling.is_some())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl HeapBytes for u8 {
        fn heap_bytes(&self) -> usize {
            usize::from(*self)
        }
    }

    proptest! {
        #[test]
        fn passes_one_after_the_other_give_the_sums_of_all_keys(
            amounts in prop::collection::vec((0..40_u8, 1..100_u128), 0..200),
            entries_max in 1..6_usize,
            bytes_max in 0..600_usize,
        ) {
            let mut model: BTreeMap<u8, u128> = BTreeMap::new();
            for (key, amount) in &amounts {
                *model.entry(*key).or_default() += amount;
            }
            let mut found = Vec::new();
            loop {
                let mut sums = SmallestSums::new(found.last().map(|(key, _)| *key), entries_max, bytes_max);
                for (key, amount) in &amounts {
                    sums.add(*key, || (), *amount);
                    prop_assert!(sums.entries.len() <= entries_max);
                }
                let (entries, has_more) = sums.finish();
                prop_assert!(!has_more || !entries.is_empty());
                found.extend(entries.into_iter().map(|(key, ((), sum))| (key, sum)));
                if !has_more {
                    break;
                }
            }
            prop_assert_eq!(found, model.into_iter().collect::<Vec<_>>());
        }
    }
}
