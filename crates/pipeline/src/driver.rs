//! The driver: threads that bring a pipeline's batches to its ledger.
//!
//! The pipeline is locked only between puts, never during one, so a slow ledger holds up neither sealing nor statistics.
//! No call of the driver makes a put on the caller's thread, so a put that never returns holds up no caller either. During
//! a put, its thread holds the exporter and nothing of the pipeline, which can be closed meanwhile.

mod drain_thread;
mod waiting;

use std::{
    cell::Cell,
    panic::{catch_unwind, AssertUnwindSafe},
    sync::{Arc, Weak},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use ron_accounting_export::{Ack, Batch, BatchId, Exporter, PutError};
use ron_accounting_window::Clock;
use ron_ledger_wire::{Claim, Head, StreamId};

pub use self::waiting::{Closing, TakeOver};
use self::{drain_thread::DrainThread, waiting::Waits};
use crate::{
    exchange::{CrewId, Exchange, MemberId, Next, WAIT_MAX},
    Pipeline,
};

/// For how many streams the ledger is asked at once.
const HEADS_MAX: usize = 512;

/// How long dropping [`ExportThreads`] waits for puts.
const DROP_PATIENCE: Duration = Duration::from_secs(2);

thread_local! {
    static IS_EXPORT_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// Returns whether the caller's thread is one that a [`Driver`] started, as it is inside of `Exporter::put_batch`. Such a thread
/// must not wait for its own end.
pub fn is_export_thread() -> bool {
    IS_EXPORT_THREAD.with(Cell::get)
}

/// A pipeline with its ledger. Without threads ([`Driver::start`]), export happens in [`Driver::drain`].
#[derive(Clone)]
pub struct Driver {
    shared: Arc<Shared>,
}

struct Shared {
    exchange: Exchange<Pipeline>,
    exporter: Option<Arc<dyn Exporter>>,
    clock: Box<dyn Clock>,
    waits: Waits,
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

/// The export threads of a driver. [`ExportThreads::stop`] ends them, as does dropping this, which waits two seconds at most
/// for the puts that they are in.
#[derive(Debug)]
#[must_use = "the threads stop when this is dropped"]
pub struct ExportThreads {
    driver: Driver,
    crew: Option<CrewId>,
    threads: Vec<(MemberId, JoinHandle<()>)>,
}

impl Driver {
    /// Puts a pipeline together with its ledger and the clock for retries and deadlines.
    pub fn new(mut pipeline: Pipeline, exporter: impl Exporter + 'static, clock: impl Clock) -> Self {
        pipeline.expect_ledger();
        Self::with_parts(pipeline, Some(Arc::new(exporter)), Box::new(clock))
    }

    /// Drives a pipeline that has no ledger: its slices wait in the log.
    pub fn without_ledger(pipeline: Pipeline, clock: impl Clock) -> Self {
        Self::with_parts(pipeline, None, Box::new(clock))
    }

    fn with_parts(pipeline: Pipeline, exporter: Option<Arc<dyn Exporter>>, clock: Box<dyn Clock>) -> Self {
        let (exchange, waits) = (Exchange::new(pipeline), Waits::default());
        Self { shared: Arc::new(Shared { exchange, exporter, clock, waits }) }
    }

    /// Starts `count` threads that export until they are stopped.
    pub fn start(&self, count: usize) -> std::io::Result<ExportThreads> {
        let crew = self.shared.exchange.new_crew();
        let mut threads = ExportThreads { driver: self.clone(), crew: Some(crew), threads: Vec::new() };
        for number in 0..count {
            let id = self.shared.exchange.enter(crew);
            let member = Member { shared: Arc::downgrade(&self.shared), id };
            let thread = thread::Builder::new().name(format!("accounting-export-{number}"));
            threads.threads.push((id, thread.spawn(move || member.export())?));
        }
        Ok(threads)
    }

    /// Works with the pipeline, then wakes the export threads.
    pub fn with<T>(&self, work: impl FnOnce(&mut Pipeline) -> T) -> T {
        self.shared.exchange.with(work)
    }

    /// Exports until `is_done`, or until `timeout` has passed, and returns whether it is done. Waits neither for a sync that is
    /// not due yet nor for a delayed export. Export threads may be at work at the same time.
    ///
    /// Puts are made one at a time by a thread that is started for them. One that has not returned in time is left behind, and
    /// its answer still counts.
    pub fn drain(&self, timeout: Duration, is_done: impl Fn(&Pipeline) -> bool) -> bool {
        let start = Instant::now();
        let shared = &self.shared;
        let mut thread = DrainThread::new(shared);
        let is_done = shared.exchange.hand_out(
            thread.member(),
            || timeout.saturating_sub(start.elapsed()),
            |pipeline, is_put_out| {
                if !is_put_out {
                    pipeline.flush(shared.clock.now_ms());
                }
                is_done(pipeline)
            },
            |pipeline| shared.next(pipeline),
            |request| thread.make(request),
        );
        thread.end();
        is_done
    }
}

/// What the ledger is asked to do.
#[derive(Debug)]
enum Request {
    /// To take a batch, under a claim if the pipeline has one.
    Put(Batch, Option<Claim>),
    /// To tell where streams continue.
    Heads(Vec<StreamId>),
}

/// What the ledger answered.
#[derive(Debug)]
enum Response {
    Put(BatchId, Vec<Result<Ack, PutError>>),
    Heads(Vec<(StreamId, Result<Option<Head>, PutError>)>),
}

impl Shared {
    /// The next request, or how long to wait for one.
    fn next(&self, pipeline: &mut Pipeline) -> Next<Request> {
        let now_ms = self.clock.now_ms();
        if self.exporter.is_some() {
            let streams: Vec<_> = std::iter::from_fn(|| pipeline.ask_head()).take(HEADS_MAX).collect();
            if !streams.is_empty() {
                return Next::Job(Request::Heads(streams));
            }
            if let Some(batch) = pipeline.next_batch(now_ms) {
                return Next::Job(Request::Put(batch, pipeline.claim()));
            }
        }
        let due = pipeline.next_due_ms(now_ms).map(|due| Duration::from_millis(due.saturating_sub(now_ms)));
        Next::Wait(due.unwrap_or(WAIT_MAX).clamp(Duration::from_millis(1), WAIT_MAX))
    }

    fn complete(&self, member: MemberId, response: Response) {
        self.exchange.finish(member, |pipeline| {
            let now_ms = self.clock.now_ms();
            match response {
                Response::Put(batch, answers) => pipeline.complete(batch, answers, now_ms),
                Response::Heads(answers) => {
                    for (stream, answer) in answers {
                        pipeline.take_head(&stream, answer, now_ms);
                    }
                }
            }
        });
    }
}

/// A ledger that panics has answered nothing. Its batch must come back all the same.
fn make(exporter: Option<&dyn Exporter>, request: Request) -> Response {
    match request {
        Request::Put(batch, claim) => {
            let put = |exporter: &dyn Exporter| match &claim {
                Some(claim) => exporter.put_claimed(claim, &batch.slices),
                None => exporter.put_batch(&batch.slices),
            };
            let answers = caught(exporter, put);
            Response::Put(batch.id, answers.unwrap_or_default())
        }
        Request::Heads(streams) => {
            let answers = caught(exporter, |exporter| exporter.heads_of(&streams));
            let answers = answers.filter(|answers| answers.len() == streams.len());
            let unanswered = || {
                let error = PutError::unavailable("the ledger did not answer for a head".to_owned());
                vec![Err(error); streams.len()]
            };
            let answers = answers.unwrap_or_else(unanswered);
            Response::Heads(streams.into_iter().zip(answers).collect())
        }
    }
}

fn caught<T>(exporter: Option<&dyn Exporter>, call: impl FnOnce(&dyn Exporter) -> T) -> Option<T> {
    exporter.and_then(|exporter| catch_unwind(AssertUnwindSafe(|| call(exporter))).ok())
}

/// One export thread's membership in its crew.
struct Member {
    shared: Weak<Shared>,
    id: MemberId,
}

impl Member {
    fn export(self) {
        IS_EXPORT_THREAD.with(|is_export_thread| is_export_thread.set(true));
        while let Some(shared) = self.shared.upgrade() {
            let Some(request) = shared.exchange.next(self.id, |pipeline| shared.next(pipeline)) else {
                return;
            };
            let exporter = shared.exporter.clone();
            drop(shared);
            let response = make(exporter.as_deref(), request);
            if let Some(shared) = self.shared.upgrade() {
                shared.complete(self.id, response);
            }
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.exchange.leave(self.id);
        }
    }
}

impl ExportThreads {
    /// Ends the threads, and waits for the puts that they are in, no longer than `patience`. Returns how many threads are
    /// left behind in a put: they end by themselves when it returns, and its answer still counts as long as the pipeline is
    /// there.
    pub fn stop(mut self, patience: Duration) -> usize {
        self.end(patience)
    }

    fn end(&mut self, patience: Duration) -> usize {
        let Some(crew) = self.crew.take() else { return 0 };
        let left_behind = self.driver.shared.exchange.end(crew, patience);
        for (member, thread) in self.threads.drain(..) {
            if !left_behind.contains(&member) {
                // A thread that panicked has nothing left to hand over.
                let _ = thread.join();
            }
        }
        left_behind.len()
    }
}

impl Drop for ExportThreads {
    fn drop(&mut self) {
        self.end(DROP_PATIENCE);
    }
}
