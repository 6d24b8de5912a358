//! A running instance: the open window, the threads that roll it, and what becomes of it at a boundary.

use std::{
    sync::{
        atomic::{AtomicU64, Ordering},
        Arc, Mutex, MutexGuard, PoisonError,
    },
    thread,
    time::{Duration, Instant},
};

use ron_accounting_core::Engine;
use ron_accounting_window::{Boundaries, Clock, FixedCadence, History, Snapshot, Span};

use crate::{
    builder::AccountingBuilder,
    exporting::{Export, ExportThreads},
    ticker::Ticker,
    AccError, Accounting, Readiness, Stats,
};

/// The ticker looks at the clock at least this often, so that a clock that was set is noticed.
const TICK_MAX: Duration = Duration::from_secs(1);
/// And not more often than this, even if the clock stands still at a boundary.
const TICK_MIN: Duration = Duration::from_millis(1);

/// What the threads share with the handles.
pub(crate) struct Instance {
    pub(crate) engine: Engine,
    pub(crate) export: Option<Export>,
    /// Held while a window is closed and sealed, so that windows are sealed in their order. Taken before `windows`, which
    /// is never held while anything waits for a disk or a ledger.
    sealing: Mutex<()>,
    windows: Mutex<Windows>,
    clock: Arc<dyn Clock>,
    idle_windows: u64,
    budget: Duration,
    over_budget: AtomicU64,
    wal_refused: bool,
    uses_fallbacks: bool,
}

struct Windows {
    boundaries: Boundaries,
    history: History,
}

/// The threads of an instance. They live as long as the last handle, and end with a last sealing.
pub(crate) struct Threads {
    ticker: Option<Ticker>,
    export: Option<ExportThreads>,
    /// Nobody expects a ticker.
    is_manual: bool,
    instance: Arc<Instance>,
}

/// Starts what was composed. The first part that fails is an error.
pub(crate) fn start(builder: &AccountingBuilder, engine: Engine) -> Result<Accounting, AccError> {
    let export = Export::new(builder, &engine)?;
    let instance = Arc::new(Instance::new(builder, builder.cadence()?, engine, export));
    let threads = if builder.is_manual { Threads::none(&instance, true) } else { Threads::start(&instance)? };
    Ok(Accounting::new(instance, threads))
}

/// Starts what was composed, without the parts that fail.
pub(crate) fn start_degraded(mut builder: AccountingBuilder, engine: Engine) -> Accounting {
    let warn = |error: &AccError, what: &str| {
        tracing::warn!(target: "ron-accounting", %error, "{what}");
    };
    let export = Export::new(&builder, &engine).unwrap_or_else(|error| {
        warn(&error, "neither log nor ledger is used: counts stay in memory");
        builder.uses_fallbacks = true;
        None
    });
    let cadence = builder.cadence().unwrap_or_else(|error| {
        warn(&error, "the default window is used");
        builder.uses_fallbacks = true;
        FixedCadence::default()
    });
    let instance = Arc::new(Instance::new(&builder, cadence, engine, export));
    let threads = Threads::start(&instance).unwrap_or_else(|error| {
        warn(&error, "windows don't roll by themselves: call tick()");
        Threads::none(&instance, false)
    });
    Accounting::new(instance, threads)
}

impl Instance {
    fn new(
        builder: &AccountingBuilder,
        cadence: FixedCadence,
        engine: Engine,
        export: Option<Export>,
    ) -> Self {
        let settings = &builder.settings;
        let wal_refused = settings.amnesia && settings.wal_dir.is_some();
        if wal_refused {
            tracing::warn!(
                target: "ron-accounting",
                "amnesia: the configured write-ahead log is refused, nothing is written to disk"
            );
        }
        let boundaries = Boundaries::new(cadence, builder.clock.now_ms());
        let history = History::new(&engine, settings.slices, settings.amnesia);
        Self {
            engine,
            export,
            sealing: Mutex::new(()),
            windows: Mutex::new(Windows { boundaries, history }),
            clock: Arc::clone(&builder.clock),
            idle_windows: builder.idle_windows,
            budget: Duration::from_millis(settings.export_budget_ms),
            over_budget: AtomicU64::new(0),
            wal_refused,
            uses_fallbacks: builder.uses_fallbacks,
        }
    }

    pub(crate) fn tick(&self, now_ms: u64) -> Result<(), AccError> {
        let sealing = self.sealing();
        let mut windows = self.windows();
        let closed = windows.boundaries.advance(now_ms);
        let open = windows.boundaries.open();
        let started = Instant::now();
        if let Some(closed) = closed {
            windows.history.close(closed);
        }
        drop(windows);
        let mut result = Ok(());
        if let Some(closed) = closed {
            self.engine.maintain(self.idle_windows);
            result = self.export.as_ref().map_or(Ok(()), |export| export.seal(closed));
        }
        // At a boundary too: what waits for room there needs a checkpoint, and short windows have no other ticks.
        if let Some(export) = &self.export {
            export.maintain(open);
        }
        drop(sealing);
        if closed.is_some() {
            self.check_budget("sealing", started);
        }
        result
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

    /// Works with the open window while it cannot close.
    pub(crate) fn with_open_window<T>(&self, work: impl FnOnce(Span) -> T) -> T {
        let _sealing = self.sealing();
        let open = self.windows().boundaries.open();
        work(open)
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            engine: self.engine.stats(),
            windows: self.windows().history.windows(),
            over_budget: self.over_budget.load(Ordering::Relaxed),
            wal_refused: self.wal_refused,
            #[cfg(feature = "export")]
            export: self.export.as_ref().map(Export::stats),
        }
    }

    pub(crate) fn readiness(&self, boundary_ticker_ok: bool) -> Readiness {
        let readiness = Readiness {
            config_loaded: !self.uses_fallbacks,
            queues_bounded_ok: true,
            exporter_ok: true,
            wal_ok: true,
            boundary_ticker_ok,
        };
        self.export.as_ref().map_or(readiness, |export| export.check(readiness))
    }

    fn sealing(&self) -> MutexGuard<'_, ()> {
        self.sealing.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// How long until there is something to do.
    fn until_next_tick(&self) -> Duration {
        let end_ms = self.windows().boundaries.open().end_ms;
        Duration::from_millis(end_ms.saturating_sub(self.clock.now_ms())).clamp(TICK_MIN, TICK_MAX)
    }
}

impl Threads {
    fn none(instance: &Arc<Instance>, is_manual: bool) -> Self {
        Self { ticker: None, export: None, is_manual, instance: Arc::clone(instance) }
    }

    fn start(instance: &Arc<Instance>) -> Result<Self, AccError> {
        let system = |source| AccError::System { operation: "start a thread", source };
        let export = instance.export.as_ref().map(Export::start).transpose().map_err(system)?;
        let ticking = Arc::clone(instance);
        let tick = move || {
            if let Err(error) = ticking.tick(ticking.clock.now_ms()) {
                tracing::warn!(target: "ron-accounting", %error, "a window waits to be exported");
            }
            ticking.until_next_tick()
        };
        let ticker = Some(Ticker::start(tick).map_err(system)?);
        Ok(Self { ticker, export, is_manual: false, instance: Arc::clone(instance) })
    }

    /// Whether windows are rolled by whoever is to roll them.
    pub(crate) fn are_ticking(&self) -> bool {
        self.is_manual || self.ticker.as_ref().is_some_and(Ticker::is_alive)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        let (ticker, export) = (self.ticker.take(), self.export.take());
        let last = Last { ticker, _export: export, instance: Arc::clone(&self.instance) };
        // An exporter may hold the last handle, and a thread cannot wait for its own end.
        let is_own = thread::current().name().is_some_and(|name| name.starts_with("accounting-"));
        if !is_own {
            last.end();
        } else if let Err(error) =
            thread::Builder::new().name("accounting-end".to_owned()).spawn(|| last.end())
        {
            tracing::warn!(target: "ron-accounting", %error, "ended without a last sealing");
        }
    }
}

/// What is left to end when the last handle is gone.
struct Last {
    ticker: Option<Ticker>,
    /// Ends last.
    _export: Option<ExportThreads>,
    instance: Arc<Instance>,
}

impl Last {
    fn end(mut self) {
        let Some(export) = &self.instance.export else { return };
        export.close();
        // No window may close behind the last one.
        self.ticker = None;
        if let Err(error) = self.instance.with_open_window(|open| export.finish(open)) {
            tracing::warn!(target: "ron-accounting", %error, "dropped before the ledger had everything");
        }
    }
}
