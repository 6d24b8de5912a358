//! The number of a slice. It is a type of its own, so that it is not taken for a count of slices or for a time.

use std::fmt;

/// The number of a slice in the chain of its stream, from 0 and without gaps.
///
/// It is a position and not a count. What is counted, such as the slices between two positions, is an integer.
///
/// ```
/// use ron_ledger_wire::Seq;
/// let seq = Seq::FIRST.next().next();
/// assert_eq!((seq, seq.get()), (Seq::new(2), 2));
/// assert_eq!(seq.to_string(), "2");
/// assert_eq!(seq.checked_prev(), Some(Seq::new(1)));
/// assert_eq!(Seq::FIRST.checked_prev(), None);
/// assert_eq!(seq.slices_since(Seq::FIRST), Some(2));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(u64);

impl Seq {
    /// The number of the first slice of each stream, which is 0.
    pub const FIRST: Self = Self(0);

    /// Returns the position with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number, as it is encoded.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Returns whether this is the number of a stream's first slice, the only one without a link.
    pub const fn is_first(self) -> bool {
        self.0 == 0
    }

    /// Returns the number after this one. The largest number, 2^64 - 1, is followed by itself: no ledger takes a slice with
    /// it, see [`Rejection::Exhausted`](crate::Rejection::Exhausted). Use [`Seq::checked_next`] to tell it apart.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Returns the number after this one; `None` after the largest.
    #[must_use]
    pub const fn checked_next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Returns the number before this one; `None` before the first.
    #[must_use]
    pub const fn checked_prev(self) -> Option<Self> {
        match self.0.checked_sub(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Returns how many slices there are from `first` to the one before this; `None` if `first` is behind this one.
    #[must_use]
    pub const fn slices_since(self, first: Self) -> Option<u64> {
        self.0.checked_sub(first.0)
    }
}

impl From<u64> for Seq {
    fn from(number: u64) -> Self {
        Self(number)
    }
}

impl From<Seq> for u64 {
    fn from(seq: Seq) -> Self {
        seq.0
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_follows_the_largest_number() {
        let largest = Seq::new(u64::MAX);
        assert_eq!((largest.next(), largest.checked_next()), (largest, None));
        assert_eq!(Seq::FIRST.checked_next(), Some(Seq::FIRST.next()));
    }

    #[test]
    fn positions_are_ordered_and_apart_by_their_numbers() {
        let (early, late) = (Seq::new(3), Seq::from(5));
        assert!(early < late && !early.is_first() && Seq::default().is_first());
        assert_eq!((late.slices_since(early), early.slices_since(late)), (Some(2), None));
        assert_eq!((early.slices_since(early), u64::from(late)), (Some(0), 5));
        assert_eq!(format!("{late:>3}"), "  5");
    }
}
