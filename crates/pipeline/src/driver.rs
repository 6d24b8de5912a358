//! The driver: threads that bring a pipeline's batches to its ledger.
//!
//! The pipeline is locked only between puts, never during one, so a slow ledger holds up neither sealing nor statistics.

use std::{
    panic::{catch_unwind, AssertUnwindSafe},
    sync::{
        atomic::{AtomicBool, Ordering},
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use ron_accounting_export::Exporter;
use ron_accounting_window::Clock;

use crate::Pipeline;

/// An export thread wakes at least this often, whatever the clock that it is given does.
const WAIT_MAX: Duration = Duration::from_millis(250);

/// A pipeline with its ledger. Without threads ([`Driver::start`]), export happens in [`Driver::drain`].
#[derive(Clone)]
pub struct Driver {
    shared: Arc<Shared>,
}

struct Shared {
    pipeline: Mutex<Pipeline>,
    wake: Condvar,
    exporter: Option<Arc<dyn Exporter>>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

/// The export threads of a driver. They are stopped and joined on drop, each after the put it is in.
#[derive(Debug)]
#[must_use = "the threads stop when this is dropped"]
pub struct ExportThreads {
    driver: Driver,
    is_stopping: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Driver {
    /// Puts a pipeline together with its ledger and the clock for retries and deadlines. Without a ledger, slices wait in
    /// the log.
    pub fn new(pipeline: Pipeline, exporter: Option<Arc<dyn Exporter>>, clock: Arc<dyn Clock>) -> Self {
        let pipeline = Mutex::new(pipeline);
        Self { shared: Arc::new(Shared { pipeline, wake: Condvar::new(), exporter, clock }) }
    }

    /// Starts `count` threads that export until they are dropped.
    pub fn start(&self, count: usize) -> std::io::Result<ExportThreads> {
        let is_stopping = Arc::new(AtomicBool::new(false));
        let mut threads = ExportThreads {
            driver: self.clone(),
            is_stopping: Arc::clone(&is_stopping),
            threads: Vec::new(),
        };
        for number in 0..count {
            let (driver, is_stopping) = (self.clone(), Arc::clone(&is_stopping));
            let name = format!("accounting-export-{number}");
            threads
                .threads
                .push(thread::Builder::new().name(name).spawn(move || driver.export_until(&is_stopping))?);
        }
        Ok(threads)
    }

    /// Works with the pipeline, then wakes the export threads.
    pub fn with<T>(&self, work: impl FnOnce(&mut Pipeline) -> T) -> T {
        let result = work(&mut self.lock());
        self.shared.wake.notify_all();
        result
    }

    /// Exports on this thread until `is_done`, or until `deadline` from now has passed; tells whether it is done. Waits
    /// neither for a sync that is not due yet nor for a delayed export. Works beside export threads as well.
    pub fn drain(&self, deadline: Duration, is_done: impl Fn(&Pipeline) -> bool) -> bool {
        let start = Instant::now();
        let mut pipeline = self.lock();
        loop {
            pipeline.flush(self.shared.clock.now_ms());
            if is_done(&pipeline) {
                return true;
            }
            let left = deadline.saturating_sub(start.elapsed());
            if left.is_zero() {
                return false;
            }
            pipeline = self.step(pipeline, left);
        }
    }

    fn export_until(&self, is_stopping: &AtomicBool) {
        let mut pipeline = self.lock();
        while !is_stopping.load(Ordering::Relaxed) {
            pipeline = self.step(pipeline, WAIT_MAX);
        }
    }

    /// One put, or a wait until something may have changed.
    fn step<'a>(
        &'a self,
        mut pipeline: MutexGuard<'a, Pipeline>,
        wait_max: Duration,
    ) -> MutexGuard<'a, Pipeline> {
        let shared = &self.shared;
        let now_ms = shared.clock.now_ms();
        if let Some(exporter) = &shared.exporter {
            if let Some(batch) = pipeline.next_batch(now_ms) {
                drop(pipeline);
                // A ledger that panics has answered nothing. Its batch must come back all the same.
                let answers = catch_unwind(AssertUnwindSafe(|| exporter.put_batch(&batch.slices)));
                let mut pipeline = self.lock();
                pipeline.complete(batch.id, shared.clock.now_ms(), answers.unwrap_or_default());
                shared.wake.notify_all();
                return pipeline;
            }
        }
        let due = pipeline.next_due_ms(now_ms).map(|due| Duration::from_millis(due.saturating_sub(now_ms)));
        let wait = due.unwrap_or(WAIT_MAX).clamp(Duration::from_millis(1), WAIT_MAX).min(wait_max);
        shared.wake.wait_timeout(pipeline, wait).unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, Pipeline> {
        // A panic while the lock is held is a fault of ours; what was sealed is still worth exporting.
        self.shared.pipeline.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ExportThreads {
    fn drop(&mut self) {
        {
            // Under the lock, so that no thread looks at the flag and then sleeps through the call.
            let _pipeline = self.driver.lock();
            self.is_stopping.store(true, Ordering::Relaxed);
        }
        self.driver.shared.wake.notify_all();
        for thread in self.threads.drain(..) {
            // A thread that panicked has nothing left to hand over.
            let _ = thread.join();
        }
    }
}
