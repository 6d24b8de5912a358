//! Do the export threads do their work, and end?

use std::{
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc, Arc, Barrier, Mutex,
    },
    thread,
    time::Duration,
};

use ron_accounting_core::{labels, Dimension, Engine};
use ron_accounting_export::{memory::MemoryLedger, Ack, Exporter, PutError};
use ron_accounting_pipeline::{is_export_thread, Driver, Pipeline, PipelineOptions};
use ron_accounting_window::{Clock, ManualClock, Span, SystemClock};
use ron_ledger_wire::{Head, SealedSlice, StreamId};

use crate::node::{lanes, options, ORIGIN};

/// Longer than any of this takes.
const LONG: Duration = Duration::from_secs(20);

struct Rig {
    engine: Engine,
    driver: Driver,
    window: u64,
}

impl Rig {
    fn new(options: PipelineOptions, exporter: Option<Arc<dyn Exporter>>) -> Self {
        Self::with_clock(options, exporter, Arc::new(SystemClock))
    }

    fn with_clock(
        options: PipelineOptions,
        exporter: Option<Arc<dyn Exporter>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let engine = Engine::default();
        let pipeline = Pipeline::new(&engine, ORIGIN, options).unwrap();
        let driver = match exporter {
            Some(exporter) => Driver::new(pipeline, exporter, clock),
            None => Driver::without_ledger(pipeline, clock),
        };
        Self { engine, driver, window: 0 }
    }

    fn seal(&mut self, tenants: usize) {
        for tenant in 0..tenants {
            self.engine.record(&labels().tenant(&tenant.to_string()), Dimension::REQUESTS, 1);
        }
        let window = Span { start_ms: self.window * 60_000, end_ms: (self.window + 1) * 60_000 };
        self.window += 1;
        self.driver.with(|pipeline| pipeline.seal(window, window.end_ms));
    }
}

/// A ledger in front of which something happens.
struct Before<F>(MemoryLedger, F);

impl<F: Fn() + Send + Sync> Exporter for Before<F> {
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        (self.1)();
        self.0.put_batch(batch)
    }

    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError> {
        self.0.head(stream)
    }
}

#[test]
fn threads_export_until_they_are_dropped() {
    let ledger = MemoryLedger::new();
    let mut rig = Rig::new(options(), Some(Arc::new(ledger.clone())));
    let threads = rig.driver.start(2).unwrap();
    for _ in 0..5 {
        rig.seal(10);
    }
    assert!(rig.driver.drain(LONG, Pipeline::is_drained));
    assert_eq!(ledger.slices().len(), 50);
    drop(threads);

    rig.seal(10);
    assert_eq!(ledger.slices().len(), 50, "nobody is left to export");
    assert_eq!(rig.driver.with(|pipeline| pipeline.pending()), 10);
}

#[test]
fn threads_can_be_started_again() {
    let (tell, puts) = mpsc::channel();
    let exporter = Before(MemoryLedger::new(), move || tell.send(()).unwrap());
    let mut rig = Rig::new(options(), Some(Arc::new(exporter)));
    let other = rig.driver.start(1).unwrap();
    drop(rig.driver.start(1).unwrap());
    rig.seal(1);
    puts.recv_timeout(LONG).expect("the other threads go on");
    drop(other);
    let _threads = rig.driver.start(1).unwrap();
    rig.seal(1);
    puts.recv_timeout(LONG).expect("new threads work");
}

#[test]
fn draining_needs_no_threads() {
    let ledger = MemoryLedger::new();
    let mut rig = Rig::new(options(), Some(Arc::new(ledger.clone())));
    rig.seal(3);
    assert!(rig.driver.drain(Duration::MAX, Pipeline::is_drained));
    assert_eq!(ledger.slices().len(), 3);
}

#[test]
fn draining_ends_at_its_deadline() {
    let ledger = MemoryLedger::new();
    ledger.set_unavailable(true);
    let mut rig = Rig::new(options(), Some(Arc::new(ledger.clone())));
    rig.seal(3);
    assert!(!rig.driver.drain(Duration::from_millis(30), Pipeline::is_drained));
    assert!(ledger.puts() > 0);
    assert_eq!(rig.driver.with(|pipeline| pipeline.pending()), 3);

    let without_ledger = Rig::new(options(), None);
    assert!(!without_ledger.driver.drain(Duration::from_millis(5), |_| false));
    assert!(without_ledger.driver.drain(Duration::ZERO, Pipeline::is_drained));
}

#[test]
fn draining_does_not_wait_for_jitter() {
    let ledger = MemoryLedger::new();
    let clock = Arc::new(ManualClock::new(60_000));
    let options = options().jitter_ms(3_600_000);
    let mut rig = Rig::with_clock(options, Some(Arc::new(ledger.clone())), clock);
    rig.seal(3);
    assert!(rig.driver.drain(Duration::from_millis(500), Pipeline::is_drained));
}

#[test]
fn a_ledger_that_comes_back_gets_everything_once() {
    let ledger = MemoryLedger::new();
    ledger.set_unavailable(true);
    let back = ledger.clone();
    let puts = AtomicUsize::new(0);
    let exporter = Before(ledger.clone(), move || {
        if puts.fetch_add(1, Ordering::Relaxed) == 5 {
            back.set_unavailable(false);
            back.lose_acknowledgements(2);
        }
    });
    let mut rig = Rig::new(options(), Some(Arc::new(exporter)));
    let _threads = rig.driver.start(2).unwrap();
    rig.seal(4);
    rig.seal(4);
    assert!(rig.driver.drain(LONG, Pipeline::is_drained));
    assert_eq!(ledger.totals().into_values().collect::<Vec<_>>(), [2, 2, 2, 2]);
    assert_eq!(rig.driver.with(|pipeline| pipeline.stats().duplicates), 2);
}

#[test]
fn a_ledger_that_panics_is_tried_again() {
    let ledger = MemoryLedger::new();
    let (tell, puts) = mpsc::channel();
    let count = AtomicUsize::new(0);
    let exporter = Before(ledger.clone(), move || {
        tell.send(thread::current().name().unwrap_or_default().to_owned()).unwrap();
        assert!(count.fetch_add(1, Ordering::Relaxed) >= 3, "this put dies");
    });
    let mut rig = Rig::new(options().lanes(lanes().in_flight_max(1)), Some(Arc::new(exporter)));
    let _threads = rig.driver.start(1).unwrap();
    rig.seal(2);
    for _ in 0..4 {
        assert_eq!(puts.recv_timeout(LONG).unwrap(), "accounting-export-0", "the thread lives on");
    }
    assert!(rig.driver.drain(LONG, Pipeline::is_drained));
    assert_eq!(ledger.slices().len(), 2);
    assert!(rig.driver.with(|pipeline| pipeline.stats().last_error).unwrap().contains("0 answers"));
}

#[test]
fn a_put_in_progress_holds_up_neither_sealing_nor_statistics() {
    let ledger = MemoryLedger::new();
    let (inside, done) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (enter, leave) = (Arc::clone(&inside), Arc::clone(&done));
    let first = AtomicUsize::new(0);
    let exporter = Before(ledger.clone(), move || {
        if first.fetch_add(1, Ordering::Relaxed) == 0 {
            enter.wait();
            leave.wait();
        }
    });
    let mut rig = Rig::new(options().lanes(lanes().in_flight_max(1)), Some(Arc::new(exporter)));
    let threads = rig.driver.start(1).unwrap();
    rig.seal(1);
    inside.wait();
    rig.seal(1);
    assert_eq!(rig.driver.with(|pipeline| pipeline.stats().pending), 2);
    done.wait();
    // Stopping lets the put come to its end.
    drop(threads);
    assert!(!ledger.slices().is_empty());
    assert!(rig.driver.drain(LONG, Pipeline::is_drained));
    assert_eq!(ledger.slices().len(), 2);
}

/// A ledger whose first put returns when it is told to.
fn stuck(ledger: &MemoryLedger) -> (Arc<dyn Exporter>, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (enter, entered) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let released = Mutex::new(Some(released));
    let exporter = Before(ledger.clone(), move || {
        let first = released.lock().unwrap().take();
        if let Some(released) = first {
            enter.send(()).unwrap();
            let _: Result<(), _> = released.recv();
        }
    });
    (Arc::new(exporter), entered, release)
}

#[test]
fn draining_ends_at_its_deadline_although_a_put_never_returns() {
    let ledger = MemoryLedger::new();
    let (exporter, entered, release) = stuck(&ledger);
    let mut rig = Rig::new(options(), Some(exporter));
    rig.seal(3);
    assert!(!rig.driver.drain(Duration::from_millis(5), Pipeline::is_drained));
    entered.recv().unwrap();
    rig.seal(3);
    assert_eq!(rig.driver.with(|pipeline| pipeline.pending()), 6, "sealing goes on");
    drop(release);
    assert!(rig.driver.drain(LONG, Pipeline::is_drained), "the late answer counts");
    assert_eq!((ledger.slices().len(), rig.driver.with(|pipeline| pipeline.stats().duplicates)), (6, 0));
}

#[test]
fn a_thread_in_a_put_that_never_returns_is_left_behind() {
    let ledger = MemoryLedger::new();
    let (exporter, entered, release) = stuck(&ledger);
    let mut rig = Rig::new(options(), Some(exporter));
    let threads = rig.driver.start(2).unwrap();
    rig.seal(1);
    entered.recv().unwrap();
    assert_eq!(threads.stop(Duration::ZERO), 1);
    drop(release);
    assert!(rig.driver.drain(LONG, Pipeline::is_drained), "its answer counts");
    assert_eq!((ledger.slices().len(), rig.driver.with(|pipeline| pipeline.stats().duplicates)), (1, 0));
}

#[test]
fn a_put_that_never_returns_keeps_no_pipeline_open() {
    let (clock, ledger) = (Arc::new(ManualClock::new(0)), MemoryLedger::new());
    let (exporter, entered, release) = stuck(&ledger);
    let weak = Arc::downgrade(&exporter);
    let mut rig = Rig::with_clock(options(), Some(exporter), clock.clone());
    let threads = rig.driver.start(1).unwrap();
    rig.seal(1);
    entered.recv().unwrap();
    assert_eq!(threads.stop(Duration::ZERO), 1);
    drop(rig);
    assert_eq!(Arc::strong_count(&clock), 1, "pipeline and driver are gone");
    drop(release);
    while weak.strong_count() > 0 {
        thread::yield_now();
    }
}

#[test]
fn a_put_knows_that_it_is_on_an_export_thread() {
    let (tell, puts) = mpsc::channel();
    let exporter = Before(MemoryLedger::new(), move || tell.send(is_export_thread()).unwrap());
    let mut rig = Rig::new(options(), Some(Arc::new(exporter)));
    rig.seal(1);
    assert!(rig.driver.drain(LONG, Pipeline::is_drained));
    assert!(puts.recv().unwrap(), "while draining");
    let _threads = rig.driver.start(1).unwrap();
    rig.seal(1);
    assert!(puts.recv_timeout(LONG).unwrap());
    assert!(!is_export_thread());
}
