//! Waiting for the ledger: delivering what is sealed, and sealing in rounds while the queues are full.
//!
//! A boundary under [`OnFull::Wait`] waits for the ledger. It makes way for a shutdown ([`Driver::take_over`]) and for the
//! end ([`Driver::close`]), which do its work with a timeout of their own.

use std::{
    collections::HashSet,
    sync::{
        atomic::{AtomicUsize, Ordering},
        OnceLock,
    },
    time::{Duration, Instant},
};

use ron_accounting_window::Span;
use ron_ledger_wire::SealedSlice;

use super::{Driver, ExportThreads};
use crate::{DeliveryError, OnFull, Pipeline};

/// How long a boundary waits for the ledger under [`OnFull::Wait`], each time that the queues are full.
const BOUNDARY_TIMEOUT: Duration = Duration::from_secs(60);

/// A year: longer than anything waits, and short enough to be added to any time.
const CLOSING_TIMEOUT_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What ends the waiting of a boundary early.
#[derive(Debug, Default)]
pub(super) struct Waits {
    /// Set once, when nothing but the end waits any more.
    closes_at: OnceLock<Instant>,
    /// How many shutdowns are at work.
    take_overs: AtomicUsize,
}

/// While this lives, a boundary that waits for the ledger makes way.
#[derive(Debug)]
#[must_use = "boundaries wait again when this is dropped"]
pub struct TakeOver<'a>(&'a Waits);

impl Drop for TakeOver<'_> {
    fn drop(&mut self) {
        self.0.take_overs.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The end of a driver, from [`Driver::close`].
#[derive(Debug, Clone)]
pub struct Closing {
    driver: Driver,
    ends_at: Instant,
}

impl Driver {
    /// Seals a closed window by the policy for full queues. Under [`OnFull::Wait`], exports until everything is sealed, for
    /// at most 60 seconds each time that the queues are full.
    pub fn seal(&self, window: Span) -> Result<(), DeliveryError> {
        if self.with(|pipeline| pipeline.on_full()) == OnFull::Wait {
            return self.seal_rounds(window, || BOUNDARY_TIMEOUT, || self.makes_way());
        }
        self.with(|pipeline| pipeline.seal(window, self.shared.clock.now_ms()));
        Ok(())
    }

    /// Seals what an open window has counted so far, as far as the queues take it, and returns the slices.
    pub fn seal_open(&self, window: Span) -> Vec<SealedSlice> {
        self.with(|pipeline| pipeline.seal_open(window, self.shared.clock.now_ms()))
    }

    /// Does what is due between boundaries, while `open` is the open window: checkpoints, and streams that wait.
    pub fn maintain(&self, open: Span) {
        self.with(|pipeline| pipeline.maintain(open, self.shared.clock.now_ms()));
    }

    /// Seals everything that an open window has counted so far, whatever the policy for full queues. Exports while they are
    /// full, as long as `time_left` says.
    pub fn seal_all(&self, window: Span, time_left: impl Fn() -> Duration) -> Result<(), DeliveryError> {
        self.seal_rounds(window, time_left, || false)
    }

    /// Exports until everything that is sealed is acknowledged. Ends early without a ledger, and when only an operator can get
    /// the rest going again.
    pub fn deliver(&self, timeout: Duration) -> Result<(), DeliveryError> {
        self.deliver_unless(timeout, || false)
    }

    /// Lets boundaries that wait for the ledger make way, until the returned value is dropped.
    pub fn take_over(&self) -> TakeOver<'_> {
        let waits = &self.shared.waits;
        waits.take_overs.fetch_add(1, Ordering::Relaxed);
        let take_over = TakeOver(waits);
        self.wake();
        take_over
    }

    /// Begins the end: from now on no boundary waits, and [`Closing`] waits no longer than `timeout` altogether. Further calls
    /// keep the end that the first one set.
    pub fn close(&self, timeout: Duration) -> Closing {
        let waits = &self.shared.waits;
        let ends_at = *waits.closes_at.get_or_init(|| Instant::now() + timeout.min(CLOSING_TIMEOUT_MAX));
        self.wake();
        Closing { driver: self.clone(), ends_at }
    }

    /// Seals in rounds. Whenever streams wait for room, exports until `time_left` is over, or until `gives_up`.
    ///
    /// Stops when a round seals only streams that an earlier one sealed, so that concurrent recording cannot prolong it.
    fn seal_rounds(
        &self,
        window: Span,
        time_left: impl Fn() -> Duration,
        gives_up: impl Fn() -> bool,
    ) -> Result<(), DeliveryError> {
        let mut streams = HashSet::new();
        let mut delivered = None;
        loop {
            let (slices, waiting) = self.with(|pipeline| {
                let slices = pipeline.seal_open(window, self.shared.clock.now_ms());
                (slices, pipeline.stats().waiting_streams)
            });
            let known = streams.len();
            streams.extend(slices.iter().map(|slice| slice.stream().clone()));
            if waiting == 0 {
                return Ok(());
            }
            match delivered {
                Some(Ok(())) if slices.is_empty() => return Err(DeliveryError::QueuesTooSmall),
                Some(result) if streams.len() == known => return result,
                _ => delivered = Some(self.deliver_unless(time_left(), &gives_up)),
            }
        }
    }

    fn deliver_unless(&self, timeout: Duration, gives_up: impl Fn() -> bool) -> Result<(), DeliveryError> {
        let has_ledger = self.shared.exporter.is_some();
        let is_over =
            |pipeline: &Pipeline| pipeline.is_drained() || pipeline.is_stuck() || !has_ledger || gives_up();
        self.drain(timeout, is_over);
        self.with(|pipeline| {
            if pipeline.is_drained() {
                return Ok(());
            }
            let stats = pipeline.stats();
            let pending = stats.pending;
            Err(match stats.lanes.parked.into_iter().next() {
                Some(lane) => DeliveryError::Parked { pending, stream: lane.stream, source: lane.error },
                None => DeliveryError::Busy { pending, source: pipeline.last_error() },
            })
        })
    }

    fn makes_way(&self) -> bool {
        let waits = &self.shared.waits;
        waits.closes_at.get().is_some() || waits.take_overs.load(Ordering::Relaxed) > 0
    }

    /// Wakes whatever waits, so that it looks at the conditions again.
    fn wake(&self) {
        self.with(|_| ());
    }
}

impl Closing {
    /// Makes the last sealing, whatever the policy for full queues, and delivers. What the ledger does not take outlives the
    /// process in the log, if there is one.
    pub fn finish(&self, open: Span) -> Result<(), DeliveryError> {
        let driver = &self.driver;
        let sealed = driver.seal_all(open, || self.time_left());
        if sealed.is_err() {
            driver.with(|pipeline| pipeline.checkpoint(open, driver.shared.clock.now_ms()));
        }
        let delivered = driver.deliver(self.time_left());
        driver.with(|pipeline| {
            // Slices that found room meanwhile have ended the checkpoint above, which had nothing that was counted after them.
            if sealed.is_err() || pipeline.stats().not_durable > 0 {
                pipeline.checkpoint_last(open, driver.shared.clock.now_ms());
            }
        });
        if driver.shared.exporter.is_some() {
            delivered?;
        }
        sealed
    }

    /// Ends the export threads. Returns how many are left behind in a put that has not returned.
    pub fn stop(&self, threads: ExportThreads) -> usize {
        threads.stop(self.time_left())
    }

    fn time_left(&self) -> Duration {
        self.ends_at.saturating_duration_since(Instant::now())
    }
}
