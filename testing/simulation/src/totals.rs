//! Units by tenant and dimension.

use std::fmt;

/// A tenant's number, then a dimension's.
pub type Place = (usize, usize);

/// So many places are shown.
const SHOWN_MAX: usize = 20;

/// Units by tenant and dimension, for a fixed number of either.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    dimensions: usize,
    values: Vec<u128>,
}

impl Totals {
    /// Nothing yet.
    pub fn new(tenants: usize, dimensions: usize) -> Self {
        Self { dimensions, values: vec![0; tenants * dimensions] }
    }

    /// Adds to a place.
    pub fn add(&mut self, (tenant, dimension): Place, n: u128) {
        if let Some(value) = self.values.get_mut(tenant * self.dimensions + dimension) {
            *value += n;
        }
    }

    /// Returns what is at a place.
    pub fn get(&self, (tenant, dimension): Place) -> u128 {
        self.values.get(tenant * self.dimensions + dimension).copied().unwrap_or_default()
    }

    /// Adds all of other totals.
    pub fn add_all(&mut self, other: &Self) {
        self.values.iter_mut().zip(&other.values).for_each(|(value, other)| *value += other);
    }

    /// Takes away as much as there is of other totals.
    pub fn take_all(&mut self, other: &Self) {
        self.values
            .iter_mut()
            .zip(&other.values)
            .for_each(|(value, other)| *value = value.saturating_sub(*other));
    }

    /// Raises each value to another one, if that is higher.
    pub fn raise(&mut self, other: &Self) {
        self.values.iter_mut().zip(&other.values).for_each(|(value, other)| *value = (*value).max(*other));
    }

    /// Lowers each value to another one, if that is lower.
    pub fn lower(&mut self, other: &Self) {
        self.values.iter_mut().zip(&other.values).for_each(|(value, other)| *value = (*value).min(*other));
    }

    /// Sets all to zero.
    pub fn clear(&mut self) {
        self.values.fill(0);
    }

    /// Returns all together.
    pub fn sum(&self) -> u128 {
        self.values.iter().sum()
    }

    /// Returns the first place at which this is more than `other`, with both values.
    pub fn first_above(&self, other: &Self) -> Option<(Place, u128, u128)> {
        let mut values = self.values.iter().zip(&other.values).enumerate();
        let (index, (value, other)) = values.find(|(_, (value, other))| value > other)?;
        Some(((index / self.dimensions, index % self.dimensions), *value, *other))
    }

    /// Returns the first place at which this is something else than `other`, with both values.
    pub fn first_difference(&self, other: &Self) -> Option<(Place, u128, u128)> {
        self.first_above(other).or_else(|| {
            let (place, other, value) = other.first_above(self)?;
            Some((place, value, other))
        })
    }

    /// Returns whether all are zero.
    pub fn is_empty(&self) -> bool {
        self.values.iter().all(|value| *value == 0)
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let some = self.values.iter().enumerate().filter(|(_, value)| **value > 0);
        let count = some.clone().count();
        for (index, value) in some.take(SHOWN_MAX) {
            write!(f, "{separator}t{}/d{}: {value}", index / self.dimensions, index % self.dimensions)?;
            separator = ", ";
        }
        match count.checked_sub(SHOWN_MAX) {
            Some(more) if more > 0 => write!(f, " and {more} more"),
            _ => Ok(()),
        }
    }
}
