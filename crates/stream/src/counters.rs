//! The shared counters: where streams count, and where readers look.

use std::{
    fmt,
    sync::{
        atomic::{AtomicU64, Ordering::Relaxed},
        Arc, Mutex, MutexGuard, PoisonError,
    },
};

use ron_accounting_window::{Clock, SystemClock};

use crate::{
    cells::Cells,
    minutes::{minute_of, Minutes},
    Attribution, Progress, Snapshot, Totals,
};

/// Bytes in and out, in total and for each of the last sixty minutes, shared by streams and readers.
///
/// A clone is another handle to the same counts. All methods take `&self` and may be called from any thread. No count is lost
/// or counted twice; sums saturate. Memory is 128 bytes for each stream that was alive at the same time as the others, and
/// never depends on how much or how long they count.
///
/// ```
/// use std::sync::Arc;
/// use ron_accounting_stream::{Counters, ManualClock};
///
/// let clock = Arc::new(ManualClock::new(0));
/// let counters = Counters::builder().clock(clock.clone()).build();
/// counters.add_in(100);
/// clock.advance(2 * 60_000);
/// counters.add_in(7);
///
/// let snapshot = counters.snapshot();
/// assert_eq!(snapshot.total_in, 107);
/// assert_eq!(snapshot.per_min_in[..3], [7, 0, 100]);
/// ```
#[derive(Clone)]
pub struct Counters {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Box<dyn Clock>,
    attribution: Attribution,
    /// The newest minute that anyone has seen, so that a look at the clock takes the lock only when a minute is over.
    minute: AtomicU64,
    /// Counts from [`Counters::add_in`] and [`Counters::add_out`].
    direct: Arc<Cells>,
    minutes: Mutex<Minutes>,
}

impl Counters {
    /// Makes counters with the system's clock and [`Attribution::Sampled`].
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Returns a builder, to choose a clock or an attribution.
    pub fn builder() -> CountersBuilder {
        CountersBuilder { clock: Box::new(SystemClock), attribution: Attribution::default() }
    }

    /// Counts bytes that were read elsewhere, in the minute of now. Reads the clock.
    pub fn add_in(&self, bytes: u64) {
        self.roll();
        self.shared.direct.add_in_shared(bytes);
    }

    /// Counts bytes that were written elsewhere, in the minute of now. Reads the clock.
    pub fn add_out(&self, bytes: u64) {
        self.roll();
        self.shared.direct.add_out_shared(bytes);
    }

    /// Looks at the clock: closes the open minute, if it is over.
    ///
    /// Everything that reads or adds does this by itself. A program that ticks anyway may call it once a second, so that no
    /// stream is later than that in noticing a new minute, see [`Attribution::Sampled`].
    pub fn roll(&self) {
        self.look();
    }

    /// Totals and minutes. Allocates nothing; takes time in proportion to the number of live streams, none of which waits.
    pub fn snapshot(&self) -> Snapshot {
        self.roll();
        self.minutes().snapshot()
    }

    /// The totals alone.
    pub fn totals(&self) -> Totals {
        self.minutes().totals()
    }

    /// Forgets the minutes and keeps the totals. The open minute becomes that of the clock, even if the clock has stepped
    /// back since.
    pub fn reset_minutes(&self) {
        let minute = minute_of(self.shared.clock.now_ms());
        let mut minutes = self.minutes();
        minutes.reset(minute);
        self.shared.minute.store(minute, Relaxed);
    }

    /// A reader that hands out what is counted from now on, each byte once.
    pub fn progress(&self) -> Progress {
        Progress::new(self.clone())
    }

    /// How streams over these counters look at the clock.
    pub fn attribution(&self) -> Attribution {
        self.shared.attribution
    }

    /// Reads the clock, and closes the open minute if it is over. Answers the time.
    pub(crate) fn look(&self) -> u64 {
        let now_ms = self.shared.clock.now_ms();
        let minute = minute_of(now_ms);
        if minute > self.shared.minute.load(Relaxed) {
            let mut minutes = self.minutes();
            let newest = minutes.advance(minute);
            // Under the lock, so that it is stored in the order in which minutes open.
            self.shared.minute.store(newest, Relaxed);
        }
        now_ms
    }

    pub(crate) fn acquire(&self) -> (usize, Arc<Cells>) {
        self.minutes().acquire()
    }

    pub(crate) fn release(&self, slot: usize) {
        self.minutes().release(slot);
    }

    /// Nothing that runs under this lock can panic halfway, so that a poisoned lock protects sound data.
    fn minutes(&self) -> MutexGuard<'_, Minutes> {
        self.shared.minutes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = self.totals();
        f.debug_struct("Counters")
            .field("attribution", &self.shared.attribution)
            .field("bytes_in", &totals.bytes_in)
            .field("bytes_out", &totals.bytes_out)
            .finish_non_exhaustive()
    }
}

/// Settings of [`Counters`].
#[must_use]
pub struct CountersBuilder {
    clock: Box<dyn Clock>,
    attribution: Attribution,
}

impl CountersBuilder {
    /// Sets the clock that tells the minute; default the system's. It is read outside of all locks.
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Box::new(clock), ..self }
    }

    /// Sets when streams read the clock; default [`Attribution::Sampled`].
    pub fn attribution(self, attribution: Attribution) -> Self {
        Self { attribution, ..self }
    }

    /// Builds the counters. Every combination of settings is usable. Reads the clock.
    pub fn build(self) -> Counters {
        let now_ms = self.clock.now_ms();
        let mut minutes = Minutes::new(now_ms);
        let (_, direct) = minutes.acquire();
        let shared = Shared {
            clock: self.clock,
            attribution: self.attribution,
            minute: AtomicU64::new(minute_of(now_ms)),
            direct,
            minutes: Mutex::new(minutes),
        };
        Counters { shared: Arc::new(shared) }
    }
}

impl fmt::Debug for CountersBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountersBuilder").field("attribution", &self.attribution).finish_non_exhaustive()
    }
}
