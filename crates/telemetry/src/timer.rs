//! How long a run took, and each of its stages.
//!
//! A guard borrows its timer, so that the stages of one timer cannot overlap: what a worker spends in stages never exceeds the
//! time that passed. Stages that run at the same time belong to workers, each with a timer of its own.

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
    /// Whether this timer timed a stage by itself.
    works: bool,
    merged: u32,
}

impl TelemetryTimer {
    /// Starts with the operating system's clock.
    pub fn start() -> Self {
        Self::start_with(Arc::new(InstantClock::new()))
    }

    /// Starts with another clock.
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

    /// A timer for a worker of this run, with the same clock. It starts now; [`TelemetryTimer::merge`] brings it back.
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

    /// Adds the stage times of a worker of this run, who ran while this timer did.
    pub fn merge(&mut self, worker: &Self) {
        self.stage_times.merge(&worker.stage_times);
        self.merged = self.merged.saturating_add(worker.workers());
    }

    /// Ends the run. The first call decides when that was; each answers how long the run took.
    pub fn finish(&mut self) -> Duration {
        if self.finished_ns.is_none() {
            self.finished_ns = Some(self.clock.now_ns());
        }
        self.elapsed()
    }

    /// How long the run took, or takes so far.
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.elapsed_ns())
    }

    /// The same in nanoseconds.
    pub fn elapsed_ns(&self) -> u64 {
        let until = self.finished_ns.unwrap_or_else(|| self.clock.now_ns());
        until.saturating_sub(self.started_ns)
    }

    /// Whether [`TelemetryTimer::finish`] was called.
    pub const fn is_finished(&self) -> bool {
        self.finished_ns.is_some()
    }

    /// The times of the stages so far, those of merged workers included.
    pub const fn stage_times(&self) -> StageTimes {
        self.stage_times
    }

    /// How many timers timed stages: the merged ones, and this one if it did; at least one.
    pub fn workers(&self) -> u32 {
        self.merged.saturating_add(u32::from(self.works)).max(1)
    }
}

/// Times a scope, see [`TelemetryTimer::stage`].
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
