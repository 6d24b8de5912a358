//! The counters that streams share, and that readers read.

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
/// A clone is another handle to the same counts. All methods take `&self` and may be called from any thread. No byte is lost
/// or counted twice. Sums saturate. The memory is 128 bytes times the greatest number of streams that were alive at one time.
/// It does not depend on how much or how long they count.
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
    state: Arc<CountersState>,
}

/// What all handles share.
struct CountersState {
    clock: Box<dyn Clock>,
    attribution: Attribution,
    /// The number of the newest minute, so that reading the clock takes the lock only when a minute is over.
    minute: AtomicU64,
    /// The counts of [`Counters::add_in`] and [`Counters::add_out`].
    direct: Arc<Cells>,
    minutes: Mutex<Minutes>,
}

impl Counters {
    /// Makes counters with the system's clock and [`Attribution::Sampled`].
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Returns a builder of counters with another clock or attribution.
    pub fn builder() -> CountersBuilder {
        CountersBuilder { clock: Box::new(SystemClock), attribution: Attribution::default() }
    }

    /// Counts bytes that were read elsewhere, in the current minute. Reads the clock.
    pub fn add_in(&self, bytes: u64) {
        self.roll();
        self.state.direct.add_in_shared(bytes);
    }

    /// Counts bytes that were written elsewhere, in the current minute. Reads the clock.
    pub fn add_out(&self, bytes: u64) {
        self.roll();
        self.state.direct.add_out_shared(bytes);
    }

    /// Reads the clock, and closes the open minute if it is over.
    ///
    /// The methods that add or read do this by themselves. A program that ticks anyway may call it once a second: then each
    /// stream notices a new minute within a second, see [`Attribution::Sampled`].
    pub fn roll(&self) {
        self.read_clock();
    }

    /// Returns totals and minutes. Allocates nothing. The time it takes is proportional to the number of live streams. No stream
    /// waits for it.
    pub fn snapshot(&self) -> Snapshot {
        self.roll();
        self.minutes().snapshot()
    }

    /// Returns the totals alone.
    pub fn totals(&self) -> Totals {
        self.minutes().totals()
    }

    /// Sets the minutes to zero and keeps the totals. The open minute becomes that of the clock, even if the clock has stepped
    /// back since.
    pub fn reset_minutes(&self) {
        let minute = minute_of(self.state.clock.now_ms());
        let mut minutes = self.minutes();
        minutes.reset(minute);
        self.state.minute.store(minute, Relaxed);
    }

    /// Returns a reader of what is counted from now on. It returns each byte once.
    pub fn progress(&self) -> Progress {
        Progress::new(self.clone())
    }

    /// Returns how often streams over these counters read the clock.
    pub fn attribution(&self) -> Attribution {
        self.state.attribution
    }

    /// Reads the clock, and closes the open minute if it is over. Returns the time in Unix milliseconds.
    pub(crate) fn read_clock(&self) -> u64 {
        let now_ms = self.state.clock.now_ms();
        let minute = minute_of(now_ms);
        if minute > self.state.minute.load(Relaxed) {
            let mut minutes = self.minutes();
            let newest = minutes.advance(minute);
            // This is under the lock, so that minutes are stored in the order in which they open.
            self.state.minute.store(newest, Relaxed);
        }
        now_ms
    }

    /// Returns cells for a stream, and the number to release them with.
    pub(crate) fn acquire(&self) -> (usize, Arc<Cells>) {
        self.minutes().acquire()
    }

    /// Makes the cells of a stream available to others. Their counts stay.
    pub(crate) fn release(&self, slot: usize) {
        self.minutes().release(slot);
    }

    /// Locks the minutes. Nothing under this lock can panic halfway, so the data is valid even if the lock is poisoned.
    fn minutes(&self) -> MutexGuard<'_, Minutes> {
        self.state.minutes.lock().unwrap_or_else(PoisonError::into_inner)
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
            .field("attribution", &self.state.attribution)
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
    /// Sets the clock that decides the minute. By default it is [`SystemClock`]. It is read outside of all locks.
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Box::new(clock), ..self }
    }

    /// Sets how often streams read the clock. By default it is [`Attribution::Sampled`].
    pub fn attribution(self, attribution: Attribution) -> Self {
        Self { attribution, ..self }
    }

    /// Makes the counters. Every combination of settings can be used. Reads the clock.
    pub fn build(self) -> Counters {
        let now_ms = self.clock.now_ms();
        let mut minutes = Minutes::new(now_ms);
        let (_, direct) = minutes.acquire();
        let state = CountersState {
            clock: self.clock,
            attribution: self.attribution,
            minute: AtomicU64::new(minute_of(now_ms)),
            direct,
            minutes: Mutex::new(minutes),
        };
        Counters { state: Arc::new(state) }
    }
}

impl fmt::Debug for CountersBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountersBuilder").field("attribution", &self.attribution).finish_non_exhaustive()
    }
}
