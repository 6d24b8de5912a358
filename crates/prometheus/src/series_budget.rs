//! How many series of usage there are, and may be.

/// Counts series against their limit.
#[derive(Debug, Clone)]
pub(crate) struct SeriesBudget {
    used: usize,
    max: usize,
    capped: u64,
}

impl SeriesBudget {
    pub(crate) const fn new(max: usize) -> Self {
        Self { used: 0, max, capped: 0 }
    }

    /// Returns how many series there are.
    pub(crate) const fn used(&self) -> usize {
        self.used
    }

    /// Returns how many there may be.
    pub(crate) const fn max(&self) -> usize {
        self.max
    }

    /// Returns how often a count had no room for a series of its own.
    pub(crate) const fn capped(&self) -> u64 {
        self.capped
    }

    /// Admits one more series, if there is room.
    pub(crate) fn admit(&mut self) -> bool {
        let has_room = self.used < self.max;
        self.used += usize::from(has_room);
        has_room
    }

    /// Notes that a count had no room for a series of its own.
    pub(crate) fn note_capped(&mut self) {
        self.capped = self.capped.saturating_add(1);
    }

    /// Admits one more series, beyond the limit if need be.
    pub(crate) fn admit_always(&mut self) {
        self.used += 1;
    }

    /// Gives the room of series back.
    pub(crate) fn release(&mut self, series: usize) {
        debug_assert!(series <= self.used, "{series} of {} series are gone", self.used);
        self.used = self.used.saturating_sub(series);
    }
}
