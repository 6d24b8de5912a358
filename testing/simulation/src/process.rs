//! One life of a process. Every call to the product stands in this file.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    thread,
    time::Duration,
};

use ron_accounting_core::{
    labels, AccountKey, Dimension, Dimensions, Engine, Meter, Outcome, Overflow, Reading,
};
use ron_accounting_export::{Batch, BatchId, LaneOptions, PutError};
use ron_accounting_pipeline::{
    inspect_storage, Driver, LogInspection, OnFull, Pipeline, PipelineError, PipelineOptions, SyncPolicy,
};
use ron_accounting_wal::WalOptions;
use ron_accounting_window::Span;
use ron_ledger_wire::{Claim, ClaimId, Head, Origin, Rejection, SealedSlice, Seq, StreamId};

use crate::{
    disk::{Disk, Image, Volume},
    door::{Door, Drained},
    ledger::{Answers, Ledger},
    report::Failure,
    setup::{Setup, Syncing},
    steps::{Answer, Key, Recording},
    totals::{Place, Totals},
};

/// A drain that takes longer than this does not end.
const PATIENCE: Duration = Duration::from_secs(60);

/// The answer for slices behind a refused one of their stream.
pub(crate) fn not_reached() -> PutError {
    PutError::NotReached
}

/// How a process is doing.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // independent facts
pub(crate) struct Facts {
    pub(crate) pending: usize,
    pub(crate) not_durable: usize,
    pub(crate) checkpoints: u64,
    pub(crate) shed: u128,
    pub(crate) refused: usize,
    /// Slices of streams that are parked, or that fail while others are taken.
    pub(crate) set_aside: usize,
    /// How many streams fail while others are taken.
    pub(crate) stalled: usize,
    /// Streams that wait for an operator, and whether a fork, a gap or another copy of the log is the cause.
    pub(crate) parked: Vec<(StreamId, bool)>,
    /// Slices that were sent again at the start.
    pub(crate) resent: u64,
    /// Streams of which the ledger has less than it acknowledged, and the log not all that is missing.
    pub(crate) behind: Vec<StreamId>,
    /// Whether the log tells of damage or of a torn end.
    pub(crate) tells_damage: bool,
    pub(crate) last_error: Option<String>,
    /// Whether a stream has lost the end of its chain, so that an operator has to decide.
    pub(crate) is_unsealable: bool,
    pub(crate) is_drained: bool,
    /// Whether all that is left waits for an operator.
    pub(crate) is_stuck: bool,
    /// Streams whose counts had no room in the last checkpoint, as the log tells.
    pub(crate) uncovered_streams: usize,
    /// Streams that had no room at the last sealing.
    pub(crate) waiting_streams: usize,
}

/// A process: an engine and a pipeline over it.
#[derive(Debug)]
pub(crate) struct Process {
    engine: Engine,
    driver: Driver,
    door: Arc<Door>,
    dimensions: Vec<Dimension>,
    meters: BTreeMap<u8, (usize, Meter)>,
    reading: Reading,
    /// The batches that are out.
    out: BTreeMap<BatchId, Vec<SealedSlice>>,
    /// Up to where streams are acknowledged, as this process was told.
    acknowledged: BTreeMap<StreamId, Seq>,
    /// Streams whose heads the ledger was asked for and has not told.
    asked: BTreeSet<StreamId>,
}

impl Process {
    /// Starts a process over a disk, or in memory alone. `life` gives a fresh log its origin, and this opening the id that no
    /// other opening of the world has.
    pub(crate) fn start(
        setup: &Setup,
        volume: Volume,
        life: u64,
        now_ms: u64,
    ) -> Result<Self, PipelineError> {
        let mut dimensions = Dimensions::default();
        for index in 0..setup.registered {
            // A name that is refused is missed at the first recording.
            let _ = dimensions.register(&Setup::registered_name(index));
        }
        #[allow(clippy::expect_used)] // Every setup is within the limits.
        let engine = Engine::builder()
            .label_limit(setup.label_limit)
            .tenant_limit(setup.tenant_limit)
            .zeroize_retired(setup.zeroize)
            .hash_seed(setup.hash_seed)
            .dimensions(dimensions)
            .build()
            .expect("the limits of a setup are in range");
        let mut origin = [0x51; 16];
        origin[8..].copy_from_slice(&life.to_be_bytes());
        let origin = Origin::from_bytes(origin);
        let pipeline = match setup.log {
            None => Pipeline::new(&engine, origin, options(setup, life))?,
            Some(log) => {
                let log = WalOptions::default()
                    .segment_bytes(log.segment_bytes)
                    .max_bytes(log.max_bytes)
                    .max_entries(log.max_entries);
                Pipeline::with_log(&engine, origin, options(setup, life), volume, log, now_ms)?
            }
        };
        let dimensions = engine.dimensions().iter().collect();
        let door = Arc::new(Door::default());
        let driver = Driver::new(pipeline, Arc::clone(&door), Arc::clone(&door));
        Ok(Self {
            engine,
            driver,
            door,
            dimensions,
            meters: BTreeMap::new(),
            reading: Reading::default(),
            out: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            asked: BTreeSet::new(),
        })
    }

    /// Counts on this thread, or on one that ends before this returns. Returns where it was counted; nothing if it was not.
    pub(crate) fn record(&self, setup: &Setup, recording: &Recording, is_elsewhere: bool) -> Option<Place> {
        let (engine, dimension) = (&self.engine, self.dimensions.get(recording.dimension).copied()?);
        let outcome = if is_elsewhere {
            thread::scope(|scope| scope.spawn(|| count(engine, setup, recording, dimension)).join())
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        } else {
            count(engine, setup, recording, dimension)
        };
        let tenant = match recording.key {
            Key::Route(_) => recording.tenant,
            // An account's tenant is admitted before, so that its limit does not show in the outcome.
            Key::Account(_) => setup.tenant(engine.tenant(&setup.tenant_name(recording.tenant)).name()),
        };
        place(setup, outcome, tenant, recording.dimension)
    }

    pub(crate) fn hold_meter(&mut self, setup: &Setup, slot: u8, tenant: usize, key: Key) {
        let name = setup.tenant_name(tenant);
        let ((meter, outcome), tenant) = match key {
            Key::Route(route) => {
                let route = setup.route_name(route);
                (self.engine.meter(&labels().tenant(&name).method("GET").route(&route)), tenant)
            }
            Key::Account(account) => {
                let admitted = self.engine.tenant(&name);
                let meter = self.engine.account_meter(&admitted, account_key(account));
                (meter, setup.tenant(admitted.name()))
            }
        };
        if let Some((tenant, _)) = place(setup, outcome, tenant, 0) {
            self.meters.insert(slot, (tenant, meter));
        }
    }

    pub(crate) fn use_meter(&self, setup: &Setup, slot: u8, dimension: usize, n: u64) -> Option<Place> {
        let (tenant, meter) = self.meters.get(&slot)?;
        let outcome = meter.try_record(self.dimensions.get(dimension).copied()?, n);
        place(setup, outcome, *tenant, dimension)
    }

    pub(crate) fn drop_meter(&mut self, slot: u8) {
        self.meters.remove(&slot);
    }

    pub(crate) fn maintain_engine(&self, idle_calls_max: u64) {
        self.engine.maintain(idle_calls_max);
    }

    pub(crate) fn seal(&mut self, window: Span, now_ms: u64) -> Vec<SealedSlice> {
        self.driver.with(|pipeline| pipeline.seal(window, now_ms))
    }

    pub(crate) fn maintain(&mut self, window: Span, now_ms: u64) {
        self.driver.with(|pipeline| pipeline.maintain(window, now_ms));
    }

    pub(crate) fn checkpoint(&mut self, window: Span, now_ms: u64) {
        self.driver.with(|pipeline| pipeline.checkpoint(window, now_ms));
    }

    pub(crate) fn checkpoint_last(&mut self, window: Span, now_ms: u64) {
        self.driver.with(|pipeline| pipeline.checkpoint_last(window, now_ms));
    }

    pub(crate) fn flush(&mut self, now_ms: u64) {
        self.driver.with(|pipeline| pipeline.flush(now_ms));
    }

    pub(crate) fn next_batch(&mut self, now_ms: u64) -> Option<Batch> {
        let batch = self.driver.with(|pipeline| pipeline.next_batch(now_ms))?;
        self.out.insert(batch.id, batch.slices.clone());
        Some(batch)
    }

    pub(crate) fn complete(&mut self, id: BatchId, now_ms: u64, answers: Answers) {
        let slices = self.out.remove(&id).unwrap_or_default();
        if slices.len() == answers.len() {
            for (slice, _) in slices.iter().zip(&answers).filter(|(_, answer)| answer.is_ok()) {
                self.acknowledged.insert(slice.stream().clone(), slice.seq().next());
            }
        }
        self.driver.with(|pipeline| pipeline.complete(id, answers, now_ms));
    }

    /// Up to where streams are acknowledged, as this process was told.
    pub(crate) fn acknowledged(&self) -> &BTreeMap<StreamId, Seq> {
        &self.acknowledged
    }

    pub(crate) fn check_heads(&mut self, ledger: &Ledger) -> Result<(), PipelineError> {
        self.driver.with(|pipeline| pipeline.check_heads(ledger))
    }

    /// The claim under which the next batch is offered.
    pub(crate) fn claim(&self) -> Option<Claim> {
        self.driver.with(|pipeline| pipeline.claim())
    }

    /// A stream whose head the ledger is to be asked for.
    pub(crate) fn ask_head(&mut self) -> Option<StreamId> {
        let stream = self.driver.with(Pipeline::ask_head)?;
        self.asked.insert(stream.clone());
        Some(stream)
    }

    pub(crate) fn take_head(
        &mut self,
        stream: &StreamId,
        answer: Result<Option<Head>, PutError>,
        now_ms: u64,
    ) {
        self.asked.remove(stream);
        self.driver.with(|pipeline| pipeline.take_head(stream, answer, now_ms));
    }

    /// Checks the product's own invariants.
    pub(crate) fn validate(&self) -> Result<(), Failure> {
        let (valid, stats) = self.driver.with(|pipeline| (pipeline.validate(), pipeline.stats()));
        let valid = valid.and_then(|()| {
            let (export, order) = (&stats.lanes.export, &stats.lanes.order);
            let is_sorted = [export, order].iter().all(|latencies| {
                let quantiles = [0.5, 0.99].map(|share| latencies.quantile_ms(share));
                quantiles.is_sorted() && quantiles.iter().all(|ms| *ms <= Some(latencies.max_ms()))
            });
            let is_counted = export.count() == stats.acknowledged;
            (is_sorted && is_counted).then_some(()).ok_or_else(|| format!("{export:?} and {order:?}"))
        });
        valid.map_err(|detail| Failure::new("invariant", detail))
    }

    /// Lets the driver export until nothing is due, on the thread that it has for puts while this one waits: with threads that
    /// step by themselves, a seed would not give the same bytes twice. The ledger answers as it is told, then stores. Time passes
    /// as far as retries need it.
    pub(crate) fn drain(
        &mut self,
        ledger: &Ledger,
        answers: &[Answer],
        now_ms: u64,
    ) -> Result<Drained, Failure> {
        let failed = |detail: &str| Failure::new("drain", detail.to_owned());
        let in_flight = self.driver.with(|pipeline| pipeline.stats().lanes.in_flight);
        self.door.open(ledger, answers, now_ms, in_flight + self.asked.len());
        if !self.driver.drain(PATIENCE, |pipeline| self.door.is_over(pipeline)) {
            return Err(failed("it does not end"));
        }
        let drained = self.door.close();
        self.acknowledged.extend(drained.acknowledged.clone());
        if drained.is_elsewhere {
            return Err(failed("a put was made on the caller's thread"));
        }
        Ok(drained)
    }

    pub(crate) fn resume(&mut self, stream: &StreamId) {
        self.driver.with(|pipeline| pipeline.resume(stream));
    }

    pub(crate) fn facts(&self) -> Facts {
        let (stats, is_drained, is_stuck) =
            self.driver.with(|pipeline| (pipeline.stats(), pipeline.is_drained(), pipeline.is_stuck()));
        let log = stats.log.as_ref();
        let parked = stats.lanes.parked.iter().map(|lane| {
            let is_evidence = match &lane.error {
                PutError::Rejected { source } => {
                    matches!(source.error().downcast_ref(), Some(Rejection::BrokenLink { .. }))
                }
                error => {
                    matches!(
                        error,
                        PutError::Conflict { .. } | PutError::Gap { .. } | PutError::Claimed { .. }
                    )
                }
            };
            (lane.stream.clone(), is_evidence)
        });
        Facts {
            pending: stats.pending,
            not_durable: stats.not_durable,
            checkpoints: stats.checkpoints,
            shed: stats.shed,
            refused: stats.refused,
            parked: parked.collect(),
            set_aside: stats.lanes.set_aside,
            stalled: stats.lanes.stalled.len(),
            resent: stats.resent,
            behind: stats.behind,
            tells_damage: log
                .is_some_and(|log| log.corrupt_segments + log.unreadable_records + log.torn_tails > 0),
            is_unsealable: stats
                .last_error
                .as_ref()
                .is_some_and(|error| error.contains("could not be sealed")),
            last_error: stats.last_error,
            is_drained,
            is_stuck,
            uncovered_streams: log.map_or(0, |log| log.uncovered_streams),
            waiting_streams: stats.waiting_streams,
        }
    }

    /// Units that are not sealed.
    pub(crate) fn live(&mut self, setup: &Setup) -> Totals {
        self.driver.with(|pipeline| pipeline.unsealed(&mut self.reading));
        let mut live = setup.totals();
        for row in self.reading.rows() {
            let tenant = setup.tenant(row.key.tenant());
            for (dimension, value) in row.values.iter().enumerate() {
                live.add((tenant, dimension), (*value).into());
            }
        }
        live
    }

    /// Units that are sealed and not acknowledged, and units that were acknowledged in this life.
    pub(crate) fn exported(&self, setup: &Setup) -> (Totals, Totals) {
        let (mut pending, mut acknowledged) = (setup.totals(), setup.totals());
        for total in self.driver.with(|pipeline| pipeline.totals()) {
            let place = setup.place(&total.stream);
            pending.add(place, total.pending);
            acknowledged.add(place, total.acknowledged);
        }
        (pending, acknowledged)
    }
}

/// What stands in a log, as an operator sees it.
pub(crate) fn inspect(image: Image) -> Result<LogInspection, PipelineError> {
    inspect_storage(&Disk::holding(image).volume())
}

fn count(engine: &Engine, setup: &Setup, recording: &Recording, dimension: Dimension) -> Outcome {
    let Recording { tenant, key, n, .. } = *recording;
    let tenant = setup.tenant_name(tenant);
    match key {
        Key::Route(route) => {
            let route = setup.route_name(route);
            engine.try_record(&labels().tenant(&tenant).method("GET").route(&route), dimension, n)
        }
        Key::Account(account) => {
            engine.try_record_account(&engine.tenant(&tenant), account_key(account), dimension, n)
        }
    }
}

fn account_key(account: u64) -> AccountKey {
    AccountKey { ns: 1, id: account.into() }
}

/// Where a recording was counted.
fn place(setup: &Setup, outcome: Outcome, tenant: usize, dimension: usize) -> Option<Place> {
    match outcome {
        Outcome::Overflowed(Overflow::Tenants) => Some((setup.tenants, dimension)),
        Outcome::Lost | Outcome::UnknownDimension(_) => None,
        _ => Some((tenant, dimension)),
    }
}

fn options(setup: &Setup, life: u64) -> PipelineOptions {
    let mut claim = [0; 16];
    claim[..8].copy_from_slice(&setup.hash_seed.to_be_bytes());
    claim[8..].copy_from_slice(&life.to_be_bytes());
    let lanes = LaneOptions::default()
        .pending_max(setup.pending_max)
        .batch_max(setup.batch_max)
        .in_flight_max(setup.in_flight_max)
        .timeout_ms(setup.deadline_ms)
        .backoff_ms(1, 10)
        .seed(setup.hash_seed);
    PipelineOptions::default()
        .lanes(lanes)
        .on_full(if setup.sheds { OnFull::Shed } else { OnFull::Stretch })
        .sync(match setup.syncing {
            Syncing::OnSeal => SyncPolicy::OnSeal,
            Syncing::Interval(ms) => SyncPolicy::IntervalMs(ms),
            Syncing::Never => SyncPolicy::Never,
        })
        .checkpoint_ms(setup.checkpoint_ms)
        .jitter_ms(setup.jitter_ms)
        .zeroize(setup.zeroize)
        .claim_id(Some(ClaimId::from_bytes(claim)))
}
