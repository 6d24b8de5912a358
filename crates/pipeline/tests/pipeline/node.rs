//! A metering node in miniature: an engine, a pipeline and a ledger, with a clock that moves on command.

use std::collections::BTreeMap;

use ron_accounting_core::{labels, Dimension, Engine, Reading};
use ron_accounting_export::{Exporter, LaneOptions};
use ron_accounting_pipeline::{Pipeline, PipelineOptions};
use ron_accounting_window::Span;
use ron_ledger_wire::{Origin, StreamId};
#[cfg(feature = "wal")]
use {
    ron_accounting_pipeline::PipelineError,
    ron_accounting_wal::{fault::MemoryStorage, WalOptions},
};

use crate::witness::Witness;

pub(crate) const ORIGIN: Origin = Origin::from_bytes([7; 16]);
const WINDOW_MS: u64 = 60_000;
/// Far more rounds than any backlog here takes.
const ROUNDS_MAX: usize = 60_000;

/// Units by tenant and dimension.
pub(crate) type Totals = BTreeMap<(String, String), u128>;

pub(crate) struct Node {
    pub(crate) engine: Engine,
    pub(crate) pipeline: Pipeline,
    pub(crate) ledger: Witness,
    pub(crate) now_ms: u64,
    /// What was recorded over all lives of the node.
    pub(crate) recorded: Totals,
    /// What this life began with, and what was recorded since.
    entrusted: Totals,
    /// The options of the next life.
    pub(crate) options: PipelineOptions,
    label_limit: usize,
    #[cfg(feature = "wal")]
    log: WalOptions,
}

/// Options without delays, so that nothing happens but what a test asks for.
pub(crate) fn options() -> PipelineOptions {
    PipelineOptions::default().checkpoint_ms(0).lanes(lanes())
}

pub(crate) fn lanes() -> LaneOptions {
    LaneOptions::default().backoff_ms(1, 10)
}

pub(crate) fn stream(tenant: &str) -> StreamId {
    StreamId::new(ORIGIN, tenant, "requests")
}

/// Segments as small as they can be: a few slices fill one.
#[cfg(feature = "wal")]
pub(crate) fn small_log() -> WalOptions {
    WalOptions::default().segment_bytes(8 << 10).max_bytes(4 << 20)
}

pub(crate) fn add(totals: &mut Totals, tenant: &str, dimension: &str, n: u128) {
    if n > 0 {
        *totals.entry((tenant.to_owned(), dimension.to_owned())).or_default() += n;
    }
}

impl Node {
    /// A node without a log.
    pub(crate) fn in_memory(options: PipelineOptions) -> Self {
        let engine = Engine::builder().tenant_limit(100_000).build().unwrap();
        let pipeline = Pipeline::new(&engine, ORIGIN, options.clone()).unwrap();
        Self::assemble(engine, pipeline, options)
    }

    /// A node with a log on `disk`, each of whose exports is checked to be durable.
    #[cfg(feature = "wal")]
    pub(crate) fn on(disk: &MemoryStorage, options: PipelineOptions) -> Self {
        Self::with_log(disk, options, small_log(), 2048)
    }

    #[cfg(feature = "wal")]
    pub(crate) fn with_log(
        disk: &MemoryStorage,
        options: PipelineOptions,
        log: WalOptions,
        label_limit: usize,
    ) -> Self {
        let engine = Engine::builder().label_limit(label_limit).tenant_limit(100_000).build().unwrap();
        let now_ms = WINDOW_MS;
        let pipeline =
            Pipeline::with_log(&engine, ORIGIN, options.clone(), disk.clone(), log.clone(), now_ms).unwrap();
        let mut node = Self::assemble(engine, pipeline, options);
        node.ledger.watch(Some(disk.clone()));
        (node.log, node.label_limit) = (log, label_limit);
        node
    }

    fn assemble(engine: Engine, pipeline: Pipeline, options: PipelineOptions) -> Self {
        Self {
            engine,
            pipeline,
            ledger: Witness::default(),
            now_ms: WINDOW_MS,
            recorded: Totals::new(),
            entrusted: Totals::new(),
            options,
            label_limit: 2048,
            #[cfg(feature = "wal")]
            log: WalOptions::default(),
        }
    }

    /// The process dies, and another one starts over what is on `disk`, with the same ledger.
    #[cfg(feature = "wal")]
    pub(crate) fn restart(&mut self, disk: &MemoryStorage) {
        self.try_restart(disk).unwrap();
    }

    #[cfg(feature = "wal")]
    pub(crate) fn try_restart(&mut self, disk: &MemoryStorage) -> Result<(), PipelineError> {
        let engine = Engine::builder().label_limit(self.label_limit).build().unwrap();
        let (options, log) = (self.options.clone(), self.log.clone());
        self.pipeline = Pipeline::with_log(
            &engine,
            Origin::from_bytes([9; 16]),
            options,
            disk.clone(),
            log,
            self.now_ms,
        )?;
        self.engine = engine;
        self.ledger.watch(Some(disk.clone()));
        self.entrusted = self.pending();
        Ok(())
    }

    /// Requests of a tenant.
    pub(crate) fn record(&mut self, tenant: &str, n: u64) {
        self.record_row(tenant, "/", Dimension::REQUESTS, n);
    }

    pub(crate) fn record_row(&mut self, tenant: &str, route: &str, dimension: Dimension, n: u64) {
        self.engine.record(&labels().tenant(tenant).method("GET").route(route), dimension, n);
        let name = self.engine.dimensions().name(dimension).unwrap();
        add(&mut self.recorded, tenant, name, n.into());
        add(&mut self.entrusted, tenant, name, n.into());
    }

    pub(crate) fn window(&self) -> Span {
        let start_ms = self.now_ms / WINDOW_MS * WINDOW_MS;
        Span { start_ms, end_ms: start_ms + WINDOW_MS }
    }

    /// Time goes on to the end of the window, which is sealed.
    pub(crate) fn boundary(&mut self) {
        let window = self.window();
        self.now_ms = window.end_ms;
        self.pipeline.seal(window, self.now_ms);
    }

    pub(crate) fn maintain(&mut self) {
        self.pipeline.maintain(self.window(), self.now_ms);
    }

    pub(crate) fn checkpoint(&mut self) {
        self.pipeline.checkpoint(self.window(), self.now_ms);
    }

    /// Offers what is due now, once.
    pub(crate) fn export(&mut self) {
        while self.put() {}
    }

    /// One batch, there and back. `false` if none is due.
    pub(crate) fn put(&mut self) -> bool {
        let Some(batch) = self.pipeline.next_batch(self.now_ms) else { return false };
        let answers = match self.pipeline.claim() {
            Some(claim) => self.ledger.put_claimed(&claim, &batch.slices),
            None => self.ledger.put_batch(&batch.slices),
        };
        self.pipeline.complete(batch.id, answers, self.now_ms);
        true
    }

    /// Tells the pipeline the heads that it asks for.
    pub(crate) fn answer_heads(&mut self) {
        while let Some(stream) = self.pipeline.ask_head() {
            let head = self.ledger.head(&stream);
            self.pipeline.take_head(&stream, head, self.now_ms);
        }
    }

    /// A batch arrives at the ledger, and nobody is left to hear the answer.
    pub(crate) fn put_and_die(&mut self) {
        if let Some(batch) = self.pipeline.next_batch(self.now_ms) {
            self.ledger.put_batch(&batch.slices);
        }
    }

    /// Lets time pass until all that was sealed is acknowledged. Fails if that never happens.
    pub(crate) fn drain(&mut self) {
        for _ in 0..ROUNDS_MAX {
            self.maintain();
            self.answer_heads();
            self.export();
            if self.pipeline.is_drained() {
                return;
            }
            self.now_ms += 20;
        }
        panic!("the pipeline does not drain: {:#?}", self.pipeline.stats());
    }

    /// All that was counted reaches the ledger. Fails if that never happens.
    pub(crate) fn settle(&mut self) {
        for _ in 0..ROUNDS_MAX {
            self.boundary();
            self.drain();
            if self.live().is_empty() {
                return;
            }
        }
        panic!("counts stay live: {:?}", self.live());
    }

    /// What is not sealed.
    pub(crate) fn live(&self) -> Totals {
        let mut reading = Reading::default();
        self.pipeline.unsealed(&mut reading);
        let mut live = Totals::new();
        for row in reading.rows() {
            for (dimension, value) in self.engine.dimensions().names().zip(row.values) {
                add(&mut live, row.key.tenant(), dimension, (*value).into());
            }
        }
        live
    }

    /// Units of streams that are not remembered one by one.
    pub(crate) fn forgotten(&self) -> u128 {
        self.pipeline.stats().forgotten.iter().map(|forgotten| forgotten.acknowledged).sum()
    }

    /// P1 over all streams together, those that were forgotten included.
    pub(crate) fn assert_sum_conserved(&self) {
        let on_the_way =
            self.pipeline.totals().iter().map(|total| total.pending + total.acknowledged).sum::<u128>();
        let known = self.live().values().sum::<u128>() + on_the_way;
        assert_eq!(known + self.forgotten(), self.entrusted.values().sum::<u128>());
    }

    /// What is sealed and not acknowledged.
    pub(crate) fn pending(&self) -> Totals {
        let mut pending = Totals::new();
        for total in self.pipeline.totals() {
            add(&mut pending, total.stream.tenant(), total.stream.dimension(), total.pending);
        }
        pending
    }

    /// P1: what was entrusted to this life is live, pending or acknowledged.
    pub(crate) fn assert_conserved(&self) {
        let mut all = self.live();
        for total in self.pipeline.totals() {
            let stream = &total.stream;
            add(&mut all, stream.tenant(), stream.dimension(), total.pending + total.acknowledged);
        }
        assert_eq!(all, self.entrusted, "live, pending and acknowledged are not what was recorded");
    }

    /// The ledger has all that was ever recorded, once.
    pub(crate) fn assert_complete(&self) {
        assert_eq!(self.ledger.memory.totals(), self.recorded);
    }

    #[cfg(feature = "wal")]
    pub(crate) fn log_stats(&self) -> ron_accounting_pipeline::LogStats {
        self.pipeline.stats().log.unwrap()
    }
}
