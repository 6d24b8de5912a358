//! Progress: what was counted since the last time, for another counter that must get each byte once.

use crate::{Counters, Totals};

/// Returns the bytes that were counted since the last [`Progress::take`].
///
/// Readers are independent: what one takes is still there for the others. The counters know nothing of their readers.
///
/// ```
/// use ron_accounting_stream::{Counters, Totals};
/// let counters = Counters::new();
/// let mut progress = counters.progress();
/// counters.add_in(5);
/// assert_eq!(progress.take(), Totals { bytes_in: 5, bytes_out: 0 });
/// assert_eq!(progress.take(), Totals::default());
/// ```
#[derive(Debug)]
pub struct Progress {
    counters: Counters,
    taken: Totals,
}

impl Progress {
    pub(crate) fn new(counters: Counters) -> Self {
        let taken = counters.totals();
        Self { counters, taken }
    }

    /// Returns what was counted since the last call, or since this reader was made.
    #[must_use = "what was taken is not returned again"]
    pub fn take(&mut self) -> Totals {
        let now = self.counters.totals();
        let gained = now.saturating_sub(self.taken);
        self.taken = now;
        gained
    }
}
