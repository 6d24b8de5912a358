//! The ring: the last `N` buckets of anything, in fixed memory.
//!
//! ```text
//!  buckets 98 ..= 102 in a ring of 5; newest = 102
//!
//!  slot       0     1     2     3     4        a bucket is in slot `bucket % 5`
//!  bucket   100   101   102    98    99        103 would take slot 3, and 98 would be retired
//! ```
//!
//! # Why a ring and not a map
//! Usage comes for the newest bucket. A map would need a lookup per access, and a sweep per bucket to remove the old ones. A
//! ring finds a slot by arithmetic.
//!
//! # Invariants
//! 1. The slot `bucket % len` belongs to `bucket`, for the newest `len` buckets.
//! 2. The newest bucket never decreases. A bucket that is older than the ring is refused, and never gets the slot of a newer
//!    one.

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
    /// The index of the newest bucket's slot, so that adding to it needs no division.
    newest_index: usize,
}

impl<T: Default> Ring<T> {
    /// Makes a ring of `len` buckets, at least one. The newest is bucket zero.
    pub fn new(len: usize) -> Self {
        Self { slots: (0..len.max(1)).map(|_| T::default()).collect(), newest: 0, newest_index: 0 }
    }

    /// Makes `bucket` the newest, if it is newer. `retire` is called with the value of each bucket that leaves the ring, oldest
    /// first, and at most once per slot.
    pub fn advance(&mut self, bucket: u64, mut retire: impl FnMut(T)) {
        let len = self.slots.len() as u64;
        let steps = bucket.saturating_sub(self.newest).min(len);
        self.newest = self.newest.max(bucket);
        self.newest_index = self.index(self.newest);
        // The newest `steps` buckets take the slots of those that leave, in the same order.
        for age in (0..steps).rev() {
            let index = self.index(self.newest - age);
            if let Some(slot) = self.slots.get_mut(index) {
                retire(std::mem::take(slot));
            }
        }
    }

    /// Advances to a bucket, and returns its slot for writing. Returns `None` if the bucket is older than the ring.
    pub fn slot_mut(&mut self, bucket: u64) -> Option<&mut T> {
        self.advance(bucket, drop);
        if !self.holds(bucket) {
            return None;
        }
        let index = self.index(bucket);
        self.slots.get_mut(index)
    }

    /// Returns the newest bucket's slot for writing.
    #[inline]
    pub fn newest_mut(&mut self) -> &mut T {
        // A remainder of the length, which is not zero.
        &mut self.slots[self.newest_index]
    }

    /// Returns the values of all buckets, from the newest to the oldest, as many as the ring has slots.
    pub fn recent(&self) -> impl Iterator<Item = &T> {
        let (newer, older) = self.slots.split_at(self.newest_index + 1);
        newer.iter().rev().chain(older.iter().rev())
    }

    /// Returns a bucket's slot, or `None` if the bucket is newer or older than the ring.
    pub fn get(&self, bucket: u64) -> Option<&T> {
        if self.holds(bucket) {
            self.slots.get(self.index(bucket))
        } else {
            None
        }
    }

    /// Returns the buckets with their numbers, from the newest to the oldest, but none before bucket zero.
    pub fn newest_first(&self) -> impl Iterator<Item = (u64, &T)> {
        (0..self.slots.len() as u64).filter_map(|age| {
            let bucket = self.newest.checked_sub(age)?;
            Some((bucket, self.get(bucket)?))
        })
    }

    /// Returns the number of the newest bucket.
    pub const fn newest(&self) -> u64 {
        self.newest
    }

    /// Returns the number of slots.
    pub const fn len(&self) -> usize {
        self.slots.len()
    }

    /// Returns `false`: a ring has at least one slot.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Checks that the index of the newest bucket is that of its slot, for tests to run between their steps.
    pub fn validate(&self) -> Result<(), String> {
        let Self { newest, newest_index, slots } = self;
        if self.index(*newest) != *newest_index || *newest_index >= slots.len() {
            return Err(format!("1: bucket {newest} has slot {newest_index} of {}", slots.len()));
        }
        Ok(())
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
