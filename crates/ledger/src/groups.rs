//! Sums by group, in bounded memory.
//!
//! Each value of a column is kept once and has a number, so that a group is a few numbers. Amounts come in any order, for more groups than
//! there is memory for. A pass over all amounts gives the exact sums of the smallest groups behind a given one, as many as fit. A further
//! pass gives those behind them.
//!
//! # Invariant
//! Every group above `after` and below `ceiling` that came has its sum, with all amounts that came for it: a group is dropped only
//! with all greater ones, and `ceiling` goes down to the least group that was ever dropped.

use std::cmp::Ordering;

use foldhash::{HashMap, HashMapExt};

use crate::Value;

/// The fixed size of a group and its sum in the map, roughly, and that of a number in it.
const GROUP_BYTES: usize = 64;
const NUMBER_BYTES: usize = size_of::<u32>();

/// The most groups and bytes in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) groups_max: usize,
    pub(crate) bytes_max: usize,
}

#[derive(Debug)]
pub(crate) struct Groups {
    columns: Vec<Distinct>,
    sums: HashMap<Box<[u32]>, u128>,
    after: Option<Vec<Value>>,
    ceiling: Option<Vec<Value>>,
    bytes: usize,
    room: Room,
}

/// The values of a column, each with its number.
#[derive(Debug, Default)]
struct Distinct {
    numbers: HashMap<Value, u32>,
    values: Vec<Value>,
}

impl Groups {
    /// Begins a pass for the groups greater than `after`. At least one is kept, whatever its size.
    pub(crate) fn new(columns: usize, after: Option<Vec<Value>>, room: Room) -> Self {
        let columns = (0..columns).map(|_| Distinct::default()).collect();
        Self { columns, sums: HashMap::new(), after, ceiling: None, bytes: 0, room }
    }

    /// Returns the number of a value of a column.
    pub(crate) fn number(&mut self, column: usize, value: Value) -> u32 {
        let Some(distinct) = self.columns.get_mut(column) else { return 0 };
        if let Some(number) = distinct.numbers.get(&value) {
            return *number;
        }
        self.bytes += 2 * value_bytes(&value);
        distinct.add(value)
    }

    /// Adds an amount to the sum of a group, given by the number of each column's value.
    ///
    /// Returns whether the numbers of values are no longer the same, because room was made.
    pub(crate) fn add(&mut self, numbers: &[u32], amount: u128) -> bool {
        if self.is_outside(numbers) {
            // Its values take memory all the same.
            let is_full = self.bytes > self.room.bytes_max;
            if is_full {
                self.keep(self.sums.len());
            }
            return is_full;
        }
        if let Some(sum) = self.sums.get_mut(numbers) {
            *sum = sum.saturating_add(amount);
            return false;
        }
        self.bytes += GROUP_BYTES + numbers.len() * NUMBER_BYTES;
        self.sums.insert(numbers.into(), amount);
        let is_full = self.sums.len() > self.room.groups_max || self.bytes > self.room.bytes_max;
        if is_full {
            self.keep((self.sums.len() / 2).max(1));
        }
        is_full
    }

    fn is_outside(&self, numbers: &[u32]) -> bool {
        let order = |bound: &Vec<Value>| {
            let values = self.columns.iter().zip(numbers).map(|(column, number)| column.value(*number));
            values.cmp(bound.iter())
        };
        self.after.as_ref().is_some_and(|after| order(after) != Ordering::Greater)
            || self.ceiling.as_ref().is_some_and(|ceiling| order(ceiling) != Ordering::Less)
    }

    /// Drops all but the smallest groups, and the values that no group has any more.
    fn keep(&mut self, count: usize) {
        let mut kept = Self::new(self.columns.len(), self.after.take(), self.room);
        kept.ceiling = self.ceiling.take();
        let mut sorted = std::mem::replace(self, kept).into_sorted();
        if let Some((least_dropped, _)) = sorted.get(count) {
            self.ceiling = Some(least_dropped.clone());
        }
        sorted.truncate(count);
        for (values, sum) in sorted {
            let numbers: Vec<u32> =
                values.into_iter().enumerate().map(|(column, value)| self.number(column, value)).collect();
            self.bytes += GROUP_BYTES + numbers.len() * NUMBER_BYTES;
            self.sums.insert(numbers.into(), sum);
        }
    }

    /// Returns whether there are groups behind those that are kept.
    pub(crate) fn has_more(&self) -> bool {
        self.ceiling.is_some()
    }

    /// Returns the groups in order, with their sums.
    pub(crate) fn into_sorted(self) -> Vec<(Vec<Value>, u128)> {
        let ranked: Vec<Ranked> = self.columns.into_iter().map(Distinct::into_ranked).collect();
        let bits: u32 = ranked.iter().map(Ranked::bits).sum();
        let rank = |numbers: &[u32]| -> Vec<u32> {
            ranked.iter().zip(numbers).map(|(column, number)| column.rank(*number)).collect()
        };
        let values = |ranks: &[u32]| -> Vec<Value> {
            ranked.iter().zip(ranks).filter_map(|(column, rank)| column.value(*rank)).collect()
        };
        if bits > u128::BITS {
            let mut sorted: Vec<(Vec<u32>, u128)> =
                self.sums.into_iter().map(|(numbers, sum)| (rank(&numbers), sum)).collect();
            sorted.sort_unstable();
            return sorted.into_iter().map(|(ranks, sum)| (values(&ranks), sum)).collect();
        }
        // Where the ranks fit into one number, groups are compared by it, which is several times as fast.
        let pack = |numbers: &[u32]| {
            ranked.iter().zip(numbers).fold(0_u128, |packed, (column, number)| {
                packed.checked_shl(column.bits()).unwrap_or(0) | u128::from(column.rank(*number))
            })
        };
        let mut sorted: Vec<(u128, u128)> =
            self.sums.into_iter().map(|(numbers, sum)| (pack(&numbers), sum)).collect();
        sorted.sort_unstable();
        let unpack = |mut packed: u128| {
            let mut values: Vec<Value> = Vec::with_capacity(ranked.len());
            for column in ranked.iter().rev() {
                values.extend(column.value(column.lowest(packed)));
                packed = packed.checked_shr(column.bits()).unwrap_or(0);
            }
            values.reverse();
            values
        };
        sorted.into_iter().map(|(packed, sum)| (unpack(packed), sum)).collect()
    }
}

impl Distinct {
    fn add(&mut self, value: Value) -> u32 {
        // There are never as many values as numbers, since memory is bounded.
        let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.values.push(value.clone());
        self.numbers.insert(value, number);
        number
    }

    fn value(&self, number: u32) -> &Value {
        static NONE: Value = Value::Window { start_ms: 0, end_ms: 0 };
        self.values.get(number as usize).unwrap_or(&NONE)
    }

    fn into_ranked(self) -> Ranked {
        let mut sorted: Vec<(Value, usize)> = self.values.into_iter().zip(0..).collect();
        sorted.sort_unstable();
        let mut ranks = vec![0; sorted.len()];
        for (rank, (_, number)) in (0..).zip(&sorted) {
            if let Some(slot) = ranks.get_mut(*number) {
                *slot = rank;
            }
        }
        Ranked { ranks, values: sorted.into_iter().map(|(value, _)| value).collect() }
    }
}

/// The values of a column in order, and the rank of each number.
struct Ranked {
    ranks: Vec<u32>,
    values: Vec<Value>,
}

impl Ranked {
    fn rank(&self, number: u32) -> u32 {
        self.ranks.get(number as usize).copied().unwrap_or(0)
    }

    fn value(&self, rank: u32) -> Option<Value> {
        self.values.get(rank as usize).cloned()
    }

    /// Returns how many bits a rank takes.
    fn bits(&self) -> u32 {
        let last = self.values.len().saturating_sub(1);
        usize::BITS - last.leading_zeros()
    }

    /// Returns the rank in the lowest bits of a packed group.
    #[allow(clippy::cast_possible_truncation)] // It keeps as many bits as a rank takes.
    fn lowest(&self, packed: u128) -> u32 {
        let mask = 1_u128.checked_shl(self.bits()).unwrap_or(0).wrapping_sub(1);
        (packed & mask) as u32
    }
}

fn value_bytes(value: &Value) -> usize {
    let text = match value {
        Value::Text(text) => text.len(),
        _ => 0,
    };
    size_of::<Value>() + NUMBER_BYTES + text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn text(number: u8) -> Value {
        Value::Text(format!("{number}{}", "x".repeat(usize::from(number % 7))).into())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn passes_one_after_the_other_give_the_sums_of_all_groups(
            amounts in prop::collection::vec(((0..12_u8, 0..12_u8), 1..100_u128), 0..100),
            columns in 0..4_usize,
            groups_max in 1..9_usize,
            bytes_max in 0..4000_usize,
        ) {
            let values = |(one, other): (u8, u8)| -> Vec<Value> {
                let window = Value::Window { start_ms: other.into(), end_ms: 100 };
                [text(one), window, text(other)].into_iter().take(columns).collect()
            };
            let mut model: BTreeMap<Vec<Value>, u128> = BTreeMap::new();
            for (group, amount) in &amounts {
                *model.entry(values(*group)).or_default() += amount;
            }
            let mut found: Vec<(Vec<Value>, u128)> = Vec::new();
            loop {
                let after = found.last().map(|(values, _)| values.clone());
                let mut groups = Groups::new(columns, after, Room { groups_max, bytes_max });
                for (group, amount) in &amounts {
                    let numbers: Vec<u32> =
                        values(*group).into_iter().enumerate().map(|(at, value)| groups.number(at, value)).collect();
                    groups.add(&numbers, *amount);
                    prop_assert!(groups.sums.len() <= groups_max);
                    let values: usize = groups.columns.iter().map(|column| column.values.len()).sum();
                    prop_assert!(groups.bytes >= values * 2 * size_of::<Value>(), "all that is kept is counted");
                    let of_one_group = 600;
                    prop_assert!(groups.bytes <= bytes_max + of_one_group || groups.sums.len() <= 1);
                }
                let has_more = groups.has_more();
                let sorted = groups.into_sorted();
                prop_assert!(!has_more || !sorted.is_empty());
                found.extend(sorted);
                if !has_more {
                    break;
                }
            }
            prop_assert_eq!(found, model.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn ranks_that_do_not_fit_into_one_number_are_compared_one_by_one() {
        let columns = 60;
        let mut groups = Groups::new(columns, None, Room { groups_max: 100, bytes_max: 1 << 20 });
        for group in [5_u8, 3, 9, 7] {
            let numbers: Vec<u32> = (0..columns).map(|column| groups.number(column, text(group))).collect();
            groups.add(&numbers, u128::from(group));
            groups.add(&numbers, 1);
        }
        for column in 0..columns {
            for other in 10..20 {
                groups.number(column, text(other));
            }
        }
        let sorted = groups.into_sorted();
        assert_eq!(sorted.iter().map(|(_, sum)| *sum).collect::<Vec<_>>(), [4, 6, 8, 10]);
        assert!(sorted.iter().all(|(values, _)| values.len() == columns));
    }
}
