//! Timers. In Rust a guard borrows its timer. In Python the timer records which stage is running, and refuses a second one.

use std::{sync::Arc, time::Duration};

use pyo3::{prelude::*, types::PyType};
use ron_accounting_telemetry::{self as rust, MonotonicClock as _};

use crate::{errors::StageOverlapError, stage::Stage, stage_times::StageTimes};

/// Where the time comes from.
#[derive(Debug)]
enum Source {
    System(Arc<rust::InstantClock>),
    /// A callable, and what it returned last.
    Callable(Py<PyAny>, Arc<rust::ManualClock>),
}

impl Source {
    /// Calls the callable, and keeps the result for the Rust timer.
    fn now_ns(&self, py: Python<'_>) -> PyResult<u64> {
        match self {
            Self::System(clock) => Ok(clock.now_ns()),
            Self::Callable(callable, shown) => {
                let now_ns = callable.call0(py)?.extract(py)?;
                shown.set_ns(now_ns);
                Ok(now_ns)
            }
        }
    }

    fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::System(clock) => Self::System(Arc::clone(clock)),
            Self::Callable(callable, shown) => Self::Callable(callable.clone_ref(py), Arc::clone(shown)),
        }
    }
}

/// Times a run. It starts when it is made. A timer belongs to one thread at a time.
///
/// clock: a callable that returns nanoseconds as time.perf_counter_ns does. By default, the system's monotonic clock is used.
#[pyclass(module = "ron_accounting_telemetry")]
#[derive(Debug)]
pub(crate) struct TelemetryTimer {
    pub(crate) inner: rust::TelemetryTimer,
    source: Source,
    running: Option<(Stage, u64)>,
}

impl TelemetryTimer {
    fn started(py: Python<'_>, source: Source) -> PyResult<Self> {
        source.now_ns(py)?;
        let clock: Arc<dyn rust::MonotonicClock> = match &source {
            Source::System(clock) => clock.clone(),
            Source::Callable(_, shown) => shown.clone(),
        };
        Ok(Self { inner: rust::TelemetryTimer::start_with(clock), source, running: None })
    }

    /// Reads the clock before the Rust timer does.
    pub(crate) fn look(&self, py: Python<'_>) -> PyResult<u64> {
        self.source.now_ns(py)
    }

    fn enter(&mut self, py: Python<'_>, stage: Stage) -> PyResult<()> {
        if let Some((running, _)) = self.running {
            let (new, running) = (rust::Stage::from(stage), rust::Stage::from(running));
            return Err(StageOverlapError::new_err(format!(
                "stage {new} cannot begin while {running} runs; give each worker a timer of its own, see worker()"
            )));
        }
        self.running = Some((stage, self.look(py)?));
        Ok(())
    }

    fn exit(&mut self, py: Python<'_>, stage: Stage) -> PyResult<()> {
        match self.running {
            Some((running, started_ns)) if running == stage => {
                self.running = None;
                let ns = self.look(py)?.saturating_sub(started_ns);
                self.inner.add(stage.into(), Duration::from_nanos(ns));
                Ok(())
            }
            _ => Err(StageOverlapError::new_err(format!(
                "stage {} ended without having begun",
                rust::Stage::from(stage)
            ))),
        }
    }
}

#[pymethods]
impl TelemetryTimer {
    #[new]
    #[pyo3(signature = (clock=None))]
    fn new(py: Python<'_>, clock: Option<Py<PyAny>>) -> PyResult<Self> {
        let source = match clock {
            None => Source::System(Arc::default()),
            Some(callable) => Source::Callable(callable, Arc::default()),
        };
        Self::started(py, source)
    }

    /// Starts a timer for a worker of this run, with the same clock. merge() adds its times to this one.
    fn worker(&self, py: Python<'_>) -> PyResult<Self> {
        Self::started(py, self.source.clone_ref(py))
    }

    /// Returns a context manager that times a stage.
    fn stage(slf: Bound<'_, Self>, stage: Stage) -> StageGuard {
        StageGuard { timer: slf.unbind(), stage }
    }

    /// Adds time to a stage that was measured elsewhere.
    fn add_ns(&mut self, stage: Stage, ns: u64) {
        self.inner.add(stage.into(), Duration::from_nanos(ns));
    }

    /// Adds the stage times of a worker of this run, which ran while this timer did.
    fn merge(slf: &Bound<'_, Self>, worker: &Bound<'_, Self>) -> PyResult<()> {
        let worker = worker.try_borrow()?.inner.clone();
        slf.try_borrow_mut()?.inner.merge(&worker);
        Ok(())
    }

    /// Ends the run, and returns how many nanoseconds it took. Only the first call ends it. Later calls return the same.
    fn finish(&mut self, py: Python<'_>) -> PyResult<u64> {
        if !self.inner.is_finished() {
            self.look(py)?;
            self.inner.finish();
        }
        Ok(self.inner.elapsed_ns())
    }

    /// How long the run took, or how long it has been running.
    #[getter]
    fn elapsed_ns(&self, py: Python<'_>) -> PyResult<u64> {
        if !self.inner.is_finished() {
            self.look(py)?;
        }
        Ok(self.inner.elapsed_ns())
    }

    /// Whether finish() was called.
    #[getter]
    fn is_finished(&self) -> bool {
        self.inner.is_finished()
    }

    /// A copy of the times of the stages so far, those of merged workers included.
    #[getter]
    fn stage_times(&self) -> StageTimes {
        StageTimes(self.inner.stage_times())
    }

    /// How many timers timed stages: the merged ones, and this one if it did. At least one.
    #[getter]
    fn workers(&self) -> u32 {
        self.inner.workers()
    }

    fn __repr__(&self) -> String {
        let (times, workers) = (self.inner.stage_times().sum_ns(), self.inner.workers());
        let state = if self.inner.is_finished() { "finished" } else { "running" };
        format!("<TelemetryTimer {state}, {times} ns in stages, {workers} worker(s)>")
    }
}

/// Times a stage: `with timer.stage(Stage.READ): ...`. An exception ends the stage and is raised again.
#[pyclass(module = "ron_accounting_telemetry")]
#[derive(Debug)]
pub(crate) struct StageGuard {
    timer: Py<TelemetryTimer>,
    stage: Stage,
}

#[pymethods]
impl StageGuard {
    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        let (timer, stage) = {
            let guard = slf.try_borrow()?;
            (guard.timer.clone_ref(slf.py()), guard.stage)
        };
        timer.bind(slf.py()).try_borrow_mut()?.enter(slf.py(), stage)?;
        Ok(slf)
    }

    #[pyo3(signature = (exception_type=None, exception=None, traceback=None))]
    fn __exit__(
        &self,
        py: Python<'_>,
        exception_type: Option<&Bound<'_, PyType>>,
        exception: Option<&Bound<'_, PyAny>>,
        traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        let _ = (exception_type, exception, traceback);
        self.timer.bind(py).try_borrow_mut()?.exit(py, self.stage)?;
        Ok(false)
    }

    fn __repr__(&self) -> String {
        format!("<StageGuard {}>", rust::Stage::from(self.stage))
    }
}
