//! Timers: how long a run took, and each of its stages.
//!
//! A guard borrows its timer, so the stages of one timer cannot overlap. So the time that a worker spends in stages never
//! exceeds the elapsed time. For stages that run at the same time, each worker has a timer of its own.

use std::{sync::Arc, time::Duration};

use crate::{InstantClock, MonotonicClock, Stage, StageTimes};

/// Times a run. It starts when it is made.
///
/// ```
/// use ron_accounting_telemetry::{Stage, TelemetryTimer};
/// let mut timer = TelemetryTimer::start();
/// let bytes = timer.time(Stage::Read, || [1, 2, 3]);
/// {
///     let _guard = timer.stage(Stage::Write);
///     // What happens in this scope takes the time of `Write`.
/// }
/// let elapsed = timer.finish();
/// assert!(timer.stage_times().sum() <= elapsed);
/// # let _ = bytes;
/// ```
#[derive(Debug, Clone)]
pub struct TelemetryTimer {
    clock: Arc<dyn MonotonicClock>,
    started_ns: u64,
    finished_ns: Option<u64>,
    stage_times: StageTimes,
    /// Whether this timer timed a stage itself, and not only by merging.
    works: bool,
    merged: u32,
}

impl TelemetryTimer {
    /// Starts a timer with the operating system's clock.
    pub fn start() -> Self {
        Self::start_with(Arc::new(InstantClock::new()))
    }

    /// Starts a timer with another clock.
    pub fn start_with(clock: Arc<dyn MonotonicClock>) -> Self {
        let started_ns = clock.now_ns();
        Self {
            clock,
            started_ns,
            finished_ns: None,
            stage_times: StageTimes::default(),
            works: false,
            merged: 0,
        }
    }

    /// Starts a timer for a worker of this run, with the same clock. [`TelemetryTimer::merge`] adds its times to this one.
    pub fn worker(&self) -> Self {
        Self::start_with(Arc::clone(&self.clock))
    }

    /// Times a stage until the guard is dropped.
    pub fn stage(&mut self, stage: Stage) -> StageGuard<'_> {
        let started_ns = self.clock.now_ns();
        StageGuard { timer: self, stage, started_ns }
    }

    /// Times a stage while `body` runs.
    pub fn time<T>(&mut self, stage: Stage, body: impl FnOnce() -> T) -> T {
        let _guard = self.stage(stage);
        body()
    }

    /// Adds time to a stage that was measured elsewhere.
    pub fn add(&mut self, stage: Stage, duration: Duration) {
        self.works = true;
        self.stage_times.add(stage, duration);
    }

    /// Adds the stage times of a worker of this run, which ran while this timer did.
    pub fn merge(&mut self, worker: &Self) {
        self.stage_times.merge(&worker.stage_times);
        self.merged = self.merged.saturating_add(worker.workers());
    }

    /// Ends the run, and returns how long it took. Only the first call ends it. Later calls return the same.
    pub fn finish(&mut self) -> Duration {
        if self.finished_ns.is_none() {
            self.finished_ns = Some(self.clock.now_ns());
        }
        self.elapsed()
    }

    /// Returns how long the run took, or how long it has been running.
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.elapsed_ns())
    }

    /// Returns the elapsed time in nanoseconds.
    pub fn elapsed_ns(&self) -> u64 {
        let until = self.finished_ns.unwrap_or_else(|| self.clock.now_ns());
        until.saturating_sub(self.started_ns)
    }

    /// Returns whether [`TelemetryTimer::finish`] was called.
    pub const fn is_finished(&self) -> bool {
        self.finished_ns.is_some()
    }

    /// Returns the times of the stages so far, those of merged workers included.
    pub const fn stage_times(&self) -> StageTimes {
        self.stage_times
    }

    /// Returns how many timers timed stages: the merged ones, and this one if it did. At least one.
    pub fn workers(&self) -> u32 {
        self.merged.saturating_add(u32::from(self.works)).max(1)
    }
}

/// Times a stage until it is dropped, see [`TelemetryTimer::stage`].
#[derive(Debug)]
#[must_use = "the stage ends when the guard is dropped"]
pub struct StageGuard<'a> {
    timer: &'a mut TelemetryTimer,
    stage: Stage,
    started_ns: u64,
}

impl Drop for StageGuard<'_> {
    fn drop(&mut self) {
        let ns = self.timer.clock.now_ns().saturating_sub(self.started_ns);
        self.timer.add(self.stage, Duration::from_nanos(ns));
    }
}
