//! The rotating ring: the last `N` buckets of anything, in fixed memory.
//!
//! # Why a ring and not a map
//! Usage comes for the newest bucket. A map would pay a lookup per access and a sweep per bucket to keep what a ring
//! keeps by arithmetic.
//!
//! # Invariants
//! 1. Slot `bucket % len` belongs to `bucket`, for the newest `len` buckets.
//! 2. The newest bucket never decreases. A bucket older than the ring is refused, never mapped onto a younger slot.

/// A ring of buckets, numbered by a [`Cadence`](crate::Cadence). A bucket that was never touched is `T::default()`.
///
/// ```
/// use ron_accounting_window::Ring;
/// let mut minutes: Ring<u64> = Ring::new(60);
/// if let Some(count) = minutes.slot_mut(100) {
///     *count += 5;
/// }
/// minutes.advance(102, drop);
/// assert_eq!(minutes.newest_first().take(3).collect::<Vec<_>>(), [(102, &0), (101, &0), (100, &5)]);
/// ```
#[derive(Debug, Clone)]
pub struct Ring<T> {
    slots: Box<[T]>,
    newest: u64,
    /// The newest bucket's slot, so that what is added now needs no division.
    newest_index: usize,
}

impl<T: Default> Ring<T> {
    /// A ring of `len` buckets (at least one), the newest of which is bucket zero.
    pub fn new(len: usize) -> Self {
        Self { slots: (0..len.max(1)).map(|_| T::default()).collect(), newest: 0, newest_index: 0 }
    }

    /// Makes `bucket` the newest, if it is newer. The buckets that fall out of the ring are handed to `retire`, oldest
    /// first, at most as many as the ring has slots.
    pub fn advance(&mut self, bucket: u64, mut retire: impl FnMut(T)) {
        let len = self.slots.len() as u64;
        let steps = bucket.saturating_sub(self.newest).min(len);
        self.newest = self.newest.max(bucket);
        self.newest_index = self.index(self.newest);
        // The newest `steps` buckets take over the slots of those that fall out, in the same order.
        for age in (0..steps).rev() {
            let index = self.index(self.newest - age);
            if let Some(slot) = self.slots.get_mut(index) {
                retire(std::mem::take(slot));
            }
        }
    }

    /// A bucket's slot for writing, after advancing to it; `None` if the bucket is older than the ring.
    pub fn slot_mut(&mut self, bucket: u64) -> Option<&mut T> {
        self.advance(bucket, drop);
        if !self.holds(bucket) {
            return None;
        }
        let index = self.index(bucket);
        self.slots.get_mut(index)
    }

    /// The newest bucket's slot for writing.
    #[inline]
    pub fn newest_mut(&mut self) -> &mut T {
        // A remainder of the length, which is not zero.
        &mut self.slots[self.newest_index]
    }

    /// The buckets without their numbers, from the newest to the oldest, as many as the ring holds.
    pub fn recent(&self) -> impl Iterator<Item = &T> {
        let (newer, older) = self.slots.split_at(self.newest_index + 1);
        newer.iter().rev().chain(older.iter().rev())
    }

    /// A bucket's slot; `None` if the bucket is newer or older than the ring.
    pub fn get(&self, bucket: u64) -> Option<&T> {
        if self.holds(bucket) {
            self.slots.get(self.index(bucket))
        } else {
            None
        }
    }

    /// The buckets with their numbers, from the newest to the oldest, not past bucket zero.
    pub fn newest_first(&self) -> impl Iterator<Item = (u64, &T)> {
        (0..self.slots.len() as u64).filter_map(|age| {
            let bucket = self.newest.checked_sub(age)?;
            Some((bucket, self.get(bucket)?))
        })
    }

    /// The number of the newest bucket.
    pub const fn newest(&self) -> u64 {
        self.newest
    }

    /// How many buckets the ring holds.
    pub const fn len(&self) -> usize {
        self.slots.len()
    }

    /// Never: a ring has at least one bucket.
    pub const fn is_empty(&self) -> bool {
        false
    }

    fn holds(&self, bucket: u64) -> bool {
        self.newest.checked_sub(bucket).is_some_and(|age| age < self.slots.len() as u64)
    }

    fn index(&self, bucket: u64) -> usize {
        // Less than `len`, which is a `usize`.
        #[allow(clippy::cast_possible_truncation)]
        let index = (bucket % self.slots.len() as u64) as usize;
        index
    }
}
