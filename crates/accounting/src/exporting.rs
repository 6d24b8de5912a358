//! The way to the ledger: sealing, logging and exporting what an instance counts.

use std::{
    collections::{BTreeMap, HashSet},
    io,
    sync::{
        atomic::{AtomicUsize, Ordering},
        Arc, OnceLock,
    },
    time::{Duration, Instant},
};

use ron_accounting_core::{Dimension, Engine, Reading};
use ron_accounting_export::LaneOptions;
pub(crate) use ron_accounting_pipeline::ExportThreads;
use ron_accounting_pipeline::{Driver, LogStats, Pipeline, PipelineOptions, PipelineStats, SyncPolicy};
use ron_accounting_window::{Clock, Span};
use ron_ledger_wire::{ClaimId, Origin, SealedSlice, StreamId};

use crate::{
    accounting::Recorder, builder::AccountingBuilder, error::Hindrance, origin::random_bytes, AccError,
    Accounting, OnFull, Readiness, UsageTotals,
};

/// How long a tick waits for the ledger under [`OnFull::Wait`], each time that there is no room.
const WAIT_FOR_LEDGER: Duration = Duration::from_secs(60);
/// Batches that are on their way to the ledger at once, and the threads that bring them.
const IN_FLIGHT_MAX: usize = 2;

/// The way to the ledger of one instance.
pub(crate) struct Export {
    driver: Driver,
    /// Without a ledger, slices wait in the log, and nobody waits for them.
    has_ledger: bool,
    on_full: OnFull,
    /// Slices wait for a sync although nothing is wrong.
    has_delayed_sync: bool,
    backlog_max: usize,
    drop_deadline: Duration,
    /// Set when the last handle is gone: when nothing waits for the ledger any more.
    closes_at: OnceLock<Instant>,
    /// Shutdowns that are on their way. A tick that waits for the ledger makes way for them.
    shutdowns: AtomicUsize,
    /// Retries, deadlines and the log have a clock of their own: an import's windows follow the time in its file.
    clock: Arc<dyn Clock>,
}

impl Export {
    /// `None` if neither a ledger nor a log is configured.
    pub(crate) fn new(builder: &AccountingBuilder, engine: &Engine) -> Result<Option<Self>, AccError> {
        let has_log = builder.settings.wal_dir.is_some() && !builder.settings.amnesia;
        let exporter = builder.export.exporter.clone();
        if exporter.is_none() && !has_log {
            return Ok(None);
        }
        let random = |what| random_bytes().map_err(|source| AccError::System { operation: what, source });
        let origin = match builder.export.origin {
            Some(origin) => origin,
            None => Origin::from_bytes(random("get random numbers for an origin")?),
        };
        let claim_id = if has_log && !builder.export.is_replay {
            Some(ClaimId::from_bytes(random("get random numbers for a claim")?))
        } else {
            None
        };
        let mut pipeline = builder.pipeline(engine, origin, claim_id)?;
        if let Some(exporter) = exporter.as_deref().filter(|_| has_log) {
            pipeline.check_heads(exporter).map_err(|error| AccError::LedgerAhead { source: error.into() })?;
        }
        let clock = Arc::clone(&builder.export.clock);
        Ok(Some(Self {
            has_ledger: exporter.is_some(),
            driver: Driver::new(pipeline, exporter, Arc::clone(&clock)),
            on_full: builder.export.on_full,
            has_delayed_sync: matches!(builder.export.sync, SyncPolicy::IntervalMs(_)),
            backlog_max: builder.settings.backlog_max,
            drop_deadline: Duration::from_millis(builder.export.drop_deadline_ms),
            closes_at: OnceLock::new(),
            shutdowns: AtomicUsize::new(0),
            clock,
        }))
    }

    pub(crate) fn start(&self) -> io::Result<ExportThreads> {
        self.driver.start(IN_FLIGHT_MAX)
    }

    /// Seals a window. Under [`OnFull::Wait`], exports until nothing has to wait.
    pub(crate) fn seal(&self, window: Span) -> Result<(), AccError> {
        if self.on_full == OnFull::Wait {
            return self.seal_all(window, || WAIT_FOR_LEDGER, || self.makes_way());
        }
        self.driver.with(|pipeline| pipeline.seal(window, self.clock.now_ms()));
        Ok(())
    }

    fn seal_now(&self, window: Span) -> Vec<SealedSlice> {
        self.driver.with(|pipeline| pipeline.seal_open(window, self.clock.now_ms()))
    }

    /// Seals a window. Whenever streams wait for room, exports for as long as `patience` says, or until `gives_up`.
    ///
    /// Stops when a round seals only streams that an earlier one sealed, so that concurrent recording cannot prolong it.
    fn seal_all(
        &self,
        window: Span,
        patience: impl Fn() -> Duration,
        gives_up: impl Fn() -> bool,
    ) -> Result<(), AccError> {
        let mut streams = HashSet::new();
        let mut drained = None;
        loop {
            let (slices, waiting) = self.driver.with(|pipeline| {
                let slices = pipeline.seal_open(window, self.clock.now_ms());
                (slices, pipeline.stats().waiting_streams)
            });
            let known = streams.len();
            streams.extend(slices.iter().map(|slice| slice.stream().clone()));
            if waiting == 0 {
                return Ok(());
            }
            match drained {
                Some(Ok(())) if slices.is_empty() => {
                    let source = Some(Hindrance::TooManySlices.into());
                    return Err(AccError::ExportBusy { pending: 0, source });
                }
                Some(result) if streams.len() == known => return result,
                _ => drained = Some(self.drain(patience(), &gives_up)),
            }
        }
    }

    pub(crate) fn maintain(&self, open: Span) {
        self.driver.with(|pipeline| pipeline.maintain(open, self.clock.now_ms()));
    }

    /// From now on, waiting for the ledger has an end.
    pub(crate) fn close(&self) {
        self.closes_at.get_or_init(|| Instant::now() + self.drop_deadline);
        // Wakes a tick that waits.
        self.driver.with(|_| ());
    }

    /// Ends the export threads. Returns how many are left behind in a put that has not returned.
    pub(crate) fn stop(&self, threads: ExportThreads) -> usize {
        threads.stop(self.until_closed())
    }

    /// Does the work of a shutdown, for which a tick that waits for the ledger makes way.
    fn taking_over<T>(&self, work: impl FnOnce() -> T) -> T {
        struct Shutdown<'a>(&'a AtomicUsize);
        impl Drop for Shutdown<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.shutdowns.fetch_add(1, Ordering::Relaxed);
        let _shutdown = Shutdown(&self.shutdowns);
        self.driver.with(|_| ());
        work()
    }

    /// Whether a tick has to stop waiting, because a shutdown or the end does its work.
    fn makes_way(&self) -> bool {
        self.closes_at.get().is_some() || self.shutdowns.load(Ordering::Relaxed) > 0
    }

    fn until_closed(&self) -> Duration {
        self.closes_at
            .get()
            .map_or(self.drop_deadline, |closes_at| closes_at.saturating_duration_since(Instant::now()))
    }

    /// The last sealing, whatever the policy for full queues. What the ledger does not take outlives the process in the
    /// log, if there is one.
    pub(crate) fn finish(&self, open: Span) -> Result<(), AccError> {
        self.close();
        let sealed = self.seal_all(open, || self.until_closed(), || false);
        if sealed.is_err() {
            self.driver.with(|pipeline| pipeline.checkpoint(open, self.clock.now_ms()));
        }
        let drained = self.drain(self.until_closed(), || false);
        if self.has_ledger {
            drained?;
        }
        sealed
    }

    /// Exports until everything that is sealed is acknowledged, or until `gives_up`. Ends early when nothing but an operator
    /// gets the rest going again.
    fn drain(&self, deadline: Duration, gives_up: impl Fn() -> bool) -> Result<(), AccError> {
        let is_over = |pipeline: &Pipeline| {
            pipeline.is_drained() || pipeline.is_stuck() || !self.has_ledger || gives_up()
        };
        self.driver.drain(deadline, is_over);
        self.driver.with(|pipeline| {
            if pipeline.is_drained() {
                return Ok(());
            }
            let stats = pipeline.stats();
            let source = match stats.lanes.parked.into_iter().next() {
                Some(lane) => Some(Hindrance::Parked { stream: lane.stream, source: lane.error }.into()),
                None => pipeline.last_error().map(Into::into),
            };
            Err(AccError::ExportBusy { pending: stats.pending, source })
        })
    }

    /// Works while the pipeline is locked.
    #[cfg(all(test, feature = "wal"))]
    pub(crate) fn with_lock(&self, work: impl FnOnce()) {
        self.driver.with(|_| work());
    }

    pub(crate) fn stats(&self) -> PipelineStats {
        self.driver.with(|pipeline| pipeline.stats())
    }

    pub(crate) fn check(&self, readiness: Readiness) -> Readiness {
        let stats = self.stats();
        let is_logged = stats.not_durable == 0 || self.has_delayed_sync;
        Readiness {
            queues_bounded_ok: stats.waiting_streams == stats.waiting_for_log
                && stats.pending < self.backlog_max,
            exporter_ok: !stats.lanes.degraded
                && stats.lanes.parked.is_empty()
                && stats.lanes.stalled.is_empty()
                && stats.refused == 0,
            wal_ok: is_logged && stats.waiting_for_log == 0 && stats.log.as_ref().map_or(true, is_well),
            ..readiness
        }
    }

    /// Where each tenant's units are.
    fn totals(&self, engine: &Engine) -> Vec<UsageTotals> {
        let mut totals: BTreeMap<(String, String), (u128, u128, u128)> = BTreeMap::new();
        self.driver.with(|pipeline| {
            let mut reading = Reading::default();
            pipeline.unsealed(&mut reading);
            for row in reading.rows() {
                for (dimension, value) in
                    engine.dimensions().names().zip(row.values).filter(|(_, value)| **value > 0)
                {
                    let place = (row.key.tenant().to_owned(), dimension.to_owned());
                    totals.entry(place).or_default().0 += u128::from(*value);
                }
            }
            for stream in pipeline.totals() {
                let place = (stream.stream.tenant().to_owned(), stream.stream.dimension().to_owned());
                let (_, pending, acknowledged) = totals.entry(place).or_default();
                *pending += stream.pending;
                *acknowledged += stream.acknowledged;
            }
        });
        let rows = totals.into_iter().map(|((tenant, dimension), (live, pending, acknowledged))| {
            UsageTotals { tenant, dimension, live, pending, acknowledged }
        });
        rows.collect()
    }
}

/// Whether a log is what it should be. What takes long to write shows as slices that are not durable; this is about the log
/// itself.
fn is_well(log: &LogStats) -> bool {
    log.corrupt_segments == 0 && log.unreadable_records == 0 && log.trouble.is_none()
}

/// What is left of a deadline that begins now.
fn countdown(deadline: Duration) -> impl Fn() -> Duration {
    let start = Instant::now();
    move || deadline.saturating_sub(start.elapsed())
}

impl AccountingBuilder {
    fn options(&self, origin: Origin, claim_id: Option<ClaimId>) -> PipelineOptions {
        let seed = origin.as_bytes().iter().fold(0_u64, |seed, byte| seed.rotate_left(8) ^ u64::from(*byte));
        let lanes = LaneOptions::default()
            .pending_max(self.settings.backlog_max)
            .batch_max(self.export.batch_max)
            .in_flight_max(IN_FLIGHT_MAX)
            .seed(seed);
        PipelineOptions::default()
            .lanes(lanes)
            .on_full(self.export.on_full)
            .sync(self.export.sync)
            .checkpoint_ms(self.export.checkpoint_ms)
            // By hand, export follows at once: there is no herd to avoid.
            .jitter_ms(if self.is_manual { 0 } else { self.settings.export_jitter_ms })
            .zeroize(self.settings.amnesia)
            .claim_id(claim_id)
    }

    #[cfg(feature = "wal")]
    fn pipeline(
        &self,
        engine: &Engine,
        origin: Origin,
        claim_id: Option<ClaimId>,
    ) -> Result<Pipeline, AccError> {
        use ron_accounting_pipeline::PipelineError;
        use ron_accounting_wal::{DirectoryStorage, WalOptions};

        let options = self.options(origin, claim_id);
        let Some(directory) = self.settings.wal_dir.as_ref().filter(|_| !self.settings.amnesia) else {
            return Ok(Pipeline::new(engine, origin, options));
        };
        let log = match self.export.wal_max_bytes {
            Some(bytes) => WalOptions::default().max_bytes(bytes),
            None => WalOptions::default(),
        };
        let failed = |error: PipelineError| AccError::of_log(directory.display().to_string(), error);
        let storage = DirectoryStorage::open(directory).map_err(|error| failed(error.into()))?;
        let now_ms = self.export.clock.now_ms();
        Pipeline::with_log(engine, origin, options, storage, log, now_ms).map_err(failed)
    }

    #[cfg(not(feature = "wal"))]
    #[allow(clippy::unnecessary_wraps)] // the same signature in every build
    fn pipeline(
        &self,
        engine: &Engine,
        origin: Origin,
        claim_id: Option<ClaimId>,
    ) -> Result<Pipeline, AccError> {
        Ok(Pipeline::new(engine, origin, self.options(origin, claim_id)))
    }
}

impl Accounting {
    /// Per tenant and dimension, how much is live, on its way to the ledger, and acknowledged. Without a ledger and a log,
    /// nothing is. Of more than 65,536 streams, those that are not in use are summed up in the statistics of the export
    /// (`forgotten`) instead.
    pub fn totals(&self) -> Vec<UsageTotals> {
        self.export().map_or_else(Vec::new, |export| export.totals(&self.instance().engine))
    }

    /// Exports until everything that was sealed is acknowledged, or the deadline passes. Seals nothing new.
    pub fn drain(&self, deadline: Duration) -> Result<(), AccError> {
        self.instance().check_home()?;
        self.export().map_or(Ok(()), |export| export.drain(deadline, || false))
    }

    /// Seals the open window as it is, then drains; with more streams than the queues take, in several rounds. What does not
    /// arrive in time stays in the log, if there is one.
    ///
    /// Returns within the deadline even if a put never returns. Recording goes on working; what is recorded after this is
    /// sealed by a later call, or when the last handle goes.
    pub fn shutdown(&self, deadline: Duration) -> Result<(), AccError> {
        self.instance().check_home()?;
        let Some(export) = self.export() else { return Ok(()) };
        let left = countdown(deadline);
        let sealed = export.taking_over(|| {
            let seal = |open| export.seal_all(open, &left, || false);
            self.instance().with_open_window_within(left(), seal)
        });
        let Some(sealed) = sealed else {
            let source = Some(Hindrance::OtherThread.into());
            return Err(AccError::ExportBusy { pending: export.stats().pending, source });
        };
        sealed?;
        export.drain(left(), || false)
    }

    /// Seals the open window as it is and returns its slices, which are on their way to the ledger as well.
    pub fn seal_now(&self) -> Vec<SealedSlice> {
        let seal = |export: &Export| self.instance().with_open_window(|open| export.seal_now(open));
        self.export().map_or_else(Vec::new, seal)
    }

    /// A recorder of one dimension of a tenant's accounts, for hosts that count by number.
    pub fn recorder(&self, tenant: &str, dimension: Dimension) -> Recorder {
        Recorder::shared(self, &self.instance().engine, tenant, dimension)
    }

    /// The origin of its slices, if it has a way to a ledger.
    pub fn origin(&self) -> Option<Origin> {
        self.export().map(|export| export.driver.with(|pipeline| pipeline.origin()))
    }

    /// Lets a parked stream try again, after an operator has dealt with the cause. `false` if it was not parked.
    pub fn resume(&self, stream: &StreamId) -> bool {
        self.export().is_some_and(|export| export.driver.with(|pipeline| pipeline.resume(stream)))
    }

    /// `None` in a fork as well: log and ledger are the parent's.
    fn export(&self) -> Option<&Export> {
        let instance = self.instance();
        instance.export.as_ref().filter(|_| !instance.home.is_forked())
    }
}
