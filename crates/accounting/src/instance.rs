//! A running instance: the open window, and what happens to it at a boundary.
//!
//! The order of locks is `sealing`, then `windows`, then the pipeline's own.

use std::{
    sync::{
        atomic::{AtomicU64, Ordering},
        Arc, Mutex, MutexGuard, PoisonError,
    },
    time::{Duration, Instant},
};

use ron_accounting_core::{Engine, EngineStats};
use ron_accounting_window::{Boundaries, History, ManualClock, Snapshot, Span};

use crate::{
    exporting::Export, home_process::HomeProcess, limit_warnings, settings::Parts, steady_clock::SteadyClock,
    turn::Turn, AccError, Readiness, RowHistogram, Stats,
};

/// The longest time between two readings of the clock, so that a clock that was set is noticed.
const TICK_MAX: Duration = Duration::from_secs(1);
/// The shortest time between two readings of the clock, even if it shows the same boundary again and again.
const TICK_MIN: Duration = Duration::from_millis(1);

/// The state that the threads of an instance share with its handles.
pub(crate) struct Instance {
    pub(crate) engine: Engine,
    pub(crate) export: Option<Export>,
    /// Held while a window is closed and sealed, so that windows are sealed in their order. Taken before `windows`, which
    /// is never held while anything waits for a disk or a ledger.
    sealing: Turn,
    windows: Mutex<Windows>,
    clock: SteadyClock,
    /// The clock that ticks by hand set, for an instance whose time they alone tell.
    ticked: Option<Arc<ManualClock>>,
    pub(crate) home: HomeProcess,
    idle_windows: u64,
    budget: Duration,
    over_budget: AtomicU64,
    wal_refused: bool,
    uses_fallbacks: bool,
    #[cfg(feature = "normalize")]
    learner: Option<ron_accounting_normalize::RouteLearner>,
}

struct Windows {
    boundaries: Boundaries,
    history: History,
    snapshot_rows: RowHistogram,
}

impl Windows {
    fn close(&mut self, window: Span) {
        let closed_before = self.history.windows();
        self.history.close(window);
        if self.history.windows() > closed_before {
            if let Some(newest) = self.history.closed().first() {
                self.snapshot_rows.record(newest.entries().len());
            }
        }
    }
}

impl Instance {
    pub(crate) fn new(parts: Parts, export: Option<Export>) -> Self {
        let Parts { settings, engine, timing, .. } = parts;
        let wal_refused = settings.amnesia && settings.wal_dir.is_some();
        if wal_refused {
            tracing::warn!(
                target: "ron-accounting",
                "amnesia: the configured write-ahead log is refused, nothing is written to disk"
            );
        }
        let clock = SteadyClock::new(timing.clock, settings.clock_jump_ms_max);
        let boundaries = Boundaries::new(parts.cadence, clock.now_ms());
        let history = History::new(&engine, settings.history_windows).zeroize(settings.amnesia);
        Self {
            engine,
            export,
            sealing: Turn::default(),
            windows: Mutex::new(Windows { boundaries, history, snapshot_rows: RowHistogram::default() }),
            clock,
            ticked: timing.ticked,
            home: HomeProcess::current(),
            idle_windows: parts.idle_windows,
            budget: Duration::from_millis(settings.export_budget_ms),
            over_budget: AtomicU64::new(0),
            wal_refused,
            uses_fallbacks: parts.uses_fallbacks,
            #[cfg(feature = "normalize")]
            learner: parts.learner,
        }
    }

    /// Closes the open window if its time is over by the clock. Returns how long until there is something to do.
    pub(crate) fn tick_by_clock(&self) -> Duration {
        if let Err(error) = self.tick(self.clock.now_ms()) {
            tracing::warn!(target: "ron-accounting", error = error.with_causes(), "a window waits to be exported");
        }
        let end_ms = self.windows().boundaries.open().end_ms;
        Duration::from_millis(end_ms.saturating_sub(self.clock.now_ms())).clamp(TICK_MIN, TICK_MAX)
    }

    pub(crate) fn tick(&self, now_ms: u64) -> Result<(), AccError> {
        self.check_home()?;
        if let Some(clock) = &self.ticked {
            clock.set(now_ms);
        }
        let sealing = self.sealing.take();
        let mut windows = self.windows();
        let closed = windows.boundaries.advance(now_ms);
        let open = windows.boundaries.open();
        let started = Instant::now();
        if let Some(closed) = closed {
            windows.close(closed);
        }
        drop(windows);
        let mut result = Ok(());
        if let Some(closed) = closed {
            self.engine.maintain(self.idle_windows);
            result = self.export.as_ref().map_or(Ok(()), |export| export.seal(closed));
        }
        // At a boundary too: streams that wait there need a checkpoint, and short windows have no other ticks.
        if let Some(export) = &self.export {
            export.maintain(open);
        }
        drop(sealing);
        if let Some(closed) = closed {
            self.check_budget("sealing", started);
            self.warn_of_limits(closed);
        }
        result
    }

    /// Warns about the limits that were reached in a window.
    pub(crate) fn warn_of_limits(&self, window: Span) {
        limit_warnings::warn_of_engine(&self.engine, window.start_ms);
        if let Some(export) = &self.export {
            export.warn_of_full_queues(window);
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let started = Instant::now();
        let windows = self.windows();
        let snapshot = windows.history.snapshot(windows.boundaries.open());
        drop(windows);
        self.check_budget("snapshot", started);
        snapshot
    }

    pub(crate) fn history(&self) -> Vec<Arc<Snapshot>> {
        self.windows().history.closed()
    }

    /// Calls `work` with the open window, which cannot close meanwhile.
    pub(crate) fn with_open_window<T>(&self, work: impl FnOnce(Span) -> T) -> T {
        let _sealing = self.sealing.take();
        let open = self.windows().boundaries.open();
        work(open)
    }

    /// Like [`Self::with_open_window`], but returns `None` if another thread seals for longer than `patience`.
    #[cfg(feature = "export")]
    pub(crate) fn with_open_window_within<T>(
        &self,
        patience: Duration,
        work: impl FnOnce(Span) -> T,
    ) -> Option<T> {
        let _sealing = self.sealing.take_within(patience)?;
        let open = self.windows().boundaries.open();
        Some(work(open))
    }

    /// Returns an error in a fork of the instance's process.
    pub(crate) fn check_home(&self) -> Result<(), AccError> {
        if self.home.is_forked() {
            return Err(AccError::ForkedProcess { parent: self.home.id() });
        }
        Ok(())
    }

    /// Calls `work` while every lock is held, as if by another thread.
    #[cfg(all(test, feature = "wal"))]
    pub(crate) fn with_all_locks(&self, work: impl FnOnce()) {
        let (_sealing, _windows) = (self.sealing.take(), self.windows());
        match &self.export {
            Some(export) => export.with_lock(work),
            None => work(),
        }
    }

    pub(crate) fn accept_clock(&self) -> bool {
        !self.home.is_forked() && self.clock.accept()
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut stats = Stats {
            engine: EngineStats::default(),
            windows: 0,
            snapshot_rows: RowHistogram::default(),
            over_budget: self.over_budget.load(Ordering::Relaxed),
            wal_refused: self.wal_refused,
            clock_alarm: None,
            clock_alarms: 0,
            is_forked: self.home.is_forked(),
            #[cfg(feature = "normalize")]
            routes: None,
            #[cfg(feature = "export")]
            export: None,
        };
        if !stats.is_forked {
            stats.engine = self.engine.stats();
            #[cfg(feature = "normalize")]
            {
                stats.routes = self.learner.as_ref().map(ron_accounting_normalize::RouteLearner::stats);
            }
            let windows = self.windows();
            stats.windows = windows.history.windows();
            stats.snapshot_rows = windows.snapshot_rows.clone();
            drop(windows);
            (stats.clock_alarm, stats.clock_alarms) = self.clock.alarms();
            #[cfg(feature = "export")]
            {
                stats.export = self.export.as_ref().map(Export::stats);
            }
        }
        stats
    }

    pub(crate) fn readiness(&self, boundary_ticker_ok: bool) -> Readiness {
        let is_forked = self.home.is_forked();
        let readiness = Readiness {
            config_loaded: !self.uses_fallbacks,
            queues_bounded_ok: true,
            exporter_ok: true,
            wal_ok: true,
            boundary_ticker_ok: boundary_ticker_ok && !is_forked,
            clock_ok: is_forked || self.clock.alarms().0.is_none(),
        };
        let export = self.export.as_ref().filter(|_| !is_forked);
        export.map_or(readiness, |export| export.check(readiness))
    }

    fn windows(&self) -> MutexGuard<'_, Windows> {
        // Both fields are valid at every step; a panic elsewhere must not end the rolling of windows.
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_budget(&self, what: &str, started: Instant) {
        let took = started.elapsed();
        if took > self.budget {
            self.over_budget.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(target: "ron-accounting", ?took, budget = ?self.budget, "{what} took longer than its budget");
        }
    }
}
