//! Questions to a ledger, which block: each runs on a thread that may, and a limited number run at once.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ron_accounting_ledger::Ledger;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task, time,
};

use crate::{
    counters::{Counters, Refusal},
    problem::{Problem, ProblemKind},
};

/// Handles to one ledger. Each answers one question at a time.
pub(crate) struct Readers {
    free: Arc<Mutex<Vec<Arc<dyn Ledger>>>>,
    permits: Arc<Semaphore>,
    wait: Duration,
    counters: Arc<Counters>,
}

impl Readers {
    pub(crate) fn new(handles: Vec<Arc<dyn Ledger>>, wait: Duration, counters: Arc<Counters>) -> Self {
        let permits = Arc::new(Semaphore::new(handles.len()));
        Self { free: Arc::new(Mutex::new(handles)), permits, wait, counters }
    }

    /// Asks a question as soon as a handle is free. Refused if that takes too long.
    ///
    /// A question that has begun runs to its end, even if nobody waits for the answer any more.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Ledger) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let permit = time::timeout(self.wait, Arc::clone(&self.permits).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            self.counters.refuse(Refusal::Questions);
            return Err(Problem::new(
                ProblemKind::TooManyQuestions,
                "every handle to the ledger was answering other questions: ask again later",
            ));
        };
        self.run(permit, question).await
    }

    /// Asks a question if a handle is free now; `None` if not.
    pub(crate) async fn try_ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Ledger) -> T + Send + 'static,
    ) -> Option<Result<T, Problem>> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        Some(self.run(permit, question).await)
    }

    async fn run<T: Send + 'static>(
        &self,
        permit: OwnedSemaphorePermit,
        question: impl FnOnce(&dyn Ledger) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let free = Arc::clone(&self.free);
        let asked = task::spawn_blocking(move || {
            let lent = Lent::take(free, permit)?;
            lent.ledger.as_deref().map(question)
        });
        asked.await.ok().flatten().ok_or_else(|| {
            Problem::new(
                ProblemKind::Internal,
                "the question ended without an answer: see the server's output",
            )
        })
    }
}

/// A handle that is in use. It is given back before the permit is, even by a question that panics.
struct Lent {
    ledger: Option<Arc<dyn Ledger>>,
    free: Arc<Mutex<Vec<Arc<dyn Ledger>>>>,
    _permit: OwnedSemaphorePermit,
}

impl Lent {
    fn take(free: Arc<Mutex<Vec<Arc<dyn Ledger>>>>, permit: OwnedSemaphorePermit) -> Option<Self> {
        let ledger = free.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        Some(Self { ledger: Some(ledger), free, _permit: permit })
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(ledger) = self.ledger.take() {
            self.free.lock().unwrap_or_else(PoisonError::into_inner).push(ledger);
        }
    }
}
