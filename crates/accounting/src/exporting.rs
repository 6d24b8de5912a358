//! Sealing, log and export of an instance: made from settings, and watched.

use std::{
    collections::BTreeMap,
    io,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use ron_accounting_core::{Engine, Reading};
pub(crate) use ron_accounting_export::with_causes;
use ron_accounting_export::LaneOptions;
pub(crate) use ron_accounting_pipeline::ExportThreads;
use ron_accounting_pipeline::{
    Closing, Driver, LogStats, Pipeline, PipelineOptions, PipelineStats, SyncPolicy,
};
use ron_accounting_window::Span;
use ron_ledger_wire::{ClaimId, Origin};

use crate::{
    conversion::invalid_option,
    limit_warnings::{warn_of_queues, FullQueues},
    origin::random_bytes,
    settings::{unusable, Parts},
    AccError, Readiness, UsageTotals,
};

/// How many batches are on their way to the ledger at once, and how many threads bring them.
const IN_FLIGHT_MAX: usize = 2;

/// Sealing, log and export of one instance.
pub(crate) struct Export {
    pub(crate) driver: Driver,
    /// Whether slices wait for a sync although nothing is wrong.
    has_delayed_sync: bool,
    backlog_max: usize,
    drop_timeout: Duration,
    /// The units that were thrown away up to the last boundary.
    shed: Mutex<u128>,
    in_background: bool,
}

impl Export {
    /// Opens the log and finds out where the ledger is. `None` if neither of them is configured.
    pub(crate) fn new(parts: &Parts) -> Result<Option<Self>, AccError> {
        let Parts { settings, export, .. } = parts;
        if export.exporter.is_none() && !settings.has_log() {
            return Ok(None);
        }
        let random = |operation| random_bytes().map_err(|source| AccError::System { operation, source });
        let origin = match export.origin {
            Some(origin) => origin,
            None => Origin::from_bytes(random("get random numbers for an origin")?),
        };
        let claim_id = if settings.has_log() && !export.is_replay {
            Some(ClaimId::from_bytes(random("get random numbers for a claim")?))
        } else {
            None
        };
        let mut pipeline = pipeline(parts, origin, claim_id)?;
        if let Some(exporter) = export.exporter.as_deref().filter(|_| settings.has_log()) {
            pipeline.check_heads(exporter).map_err(|error| AccError::LedgerAhead { source: error.into() })?;
        }
        let clock = export.clock.clone();
        Ok(Some(Self {
            driver: match export.exporter.clone() {
                Some(exporter) => Driver::new(pipeline, exporter, clock),
                None => Driver::without_ledger(pipeline, clock),
            },
            has_delayed_sync: matches!(export.sync, SyncPolicy::IntervalMs(_)),
            backlog_max: settings.backlog_max,
            drop_timeout: Duration::from_millis(export.drop_timeout_ms),
            shed: Mutex::new(0),
            in_background: export.in_background,
        }))
    }

    /// Whether threads export although the host ticks.
    pub(crate) fn is_in_background(&self) -> bool {
        self.in_background
    }

    pub(crate) fn start(&self) -> io::Result<ExportThreads> {
        self.driver.start(IN_FLIGHT_MAX)
    }

    /// Seals a window that is closed.
    pub(crate) fn seal(&self, window: Span) -> Result<(), AccError> {
        Ok(self.driver.seal(window)?)
    }

    /// Does what is due between boundaries: checkpoints, and streams that wait.
    pub(crate) fn maintain(&self, open: Span) {
        self.driver.maintain(open);
    }

    /// Warns about queues that were full when a window closed.
    pub(crate) fn warn_of_full_queues(&self, window: Span) {
        let (stats, first) = self.driver.with(|pipeline| {
            let stats = pipeline.stats();
            let first = (stats.waiting_streams > 0).then(|| pipeline.first_waiting()).flatten();
            (stats, first)
        });
        let mut shed = self.shed.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *shed, stats.shed);
        drop(shed);
        let full = FullQueues {
            waiting_for_ledger: stats.waiting_streams.saturating_sub(stats.waiting_for_log),
            waiting_for_log: stats.waiting_for_log,
            shed: stats.shed.saturating_sub(before),
            first: first.map(|stream| (stream.tenant().to_owned(), stream.dimension().to_owned())),
        };
        warn_of_queues(&full, window.start_ms);
    }

    /// Begins the end. From now on, waiting for the ledger is bounded.
    pub(crate) fn close(&self) -> Closing {
        self.driver.close(self.drop_timeout)
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
            wal_ok: is_logged && stats.waiting_for_log == 0 && stats.log.as_ref().map_or(true, is_sound),
            ..readiness
        }
    }

    /// Returns how many units of each tenant and dimension are live, pending and acknowledged.
    pub(crate) fn totals(&self, engine: &Engine) -> Vec<UsageTotals> {
        let mut totals: BTreeMap<(String, String), (u128, u128, u128)> = BTreeMap::new();
        self.driver.with(|pipeline| {
            let mut reading = Reading::default();
            pipeline.unsealed(&mut reading);
            for row in reading.rows() {
                for (dimension, value) in
                    engine.dimensions().names().zip(row.values).filter(|(_, value)| **value > 0)
                {
                    let key = (row.key.tenant().to_owned(), dimension.to_owned());
                    totals.entry(key).or_default().0 += u128::from(*value);
                }
            }
            for stream in pipeline.totals() {
                let key = (stream.stream.tenant().to_owned(), stream.stream.dimension().to_owned());
                let (_, pending, acknowledged) = totals.entry(key).or_default();
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

/// Returns whether the log itself is sound. A slow log shows in the slices that are not durable.
fn is_sound(log: &LogStats) -> bool {
    log.corrupt_segments == 0 && log.unreadable_records == 0 && log.trouble.is_none()
}

fn pipeline(parts: &Parts, origin: Origin, claim_id: Option<ClaimId>) -> Result<Pipeline, AccError> {
    let options = options(parts, origin, claim_id);
    #[cfg(feature = "wal")]
    if let Some(directory) = parts.settings.wal_dir.as_ref().filter(|_| parts.settings.has_log()) {
        use ron_accounting_pipeline::PipelineError;
        use ron_accounting_wal::{DirectoryStorage, WalOptions};

        let log = match parts.export.wal_max_bytes {
            Some(bytes) => WalOptions::default().max_bytes(bytes),
            None => WalOptions::default(),
        };
        let failed = |error: PipelineError| {
            invalid_option(&error).unwrap_or_else(|| AccError::of_log(directory.display().to_string(), error))
        };
        let storage = DirectoryStorage::open(directory).map_err(|error| failed(error.into()))?;
        let now_ms = parts.export.clock.now_ms();
        return Pipeline::with_log(&parts.engine, origin, options, storage, log, now_ms).map_err(failed);
    }
    Pipeline::new(&parts.engine, origin, options).map_err(|error| {
        invalid_option(&error).unwrap_or_else(|| unusable("export", error.with_causes(), "usable options"))
    })
}

fn options(parts: &Parts, origin: Origin, claim_id: Option<ClaimId>) -> PipelineOptions {
    let Parts { settings, export, timing, .. } = parts;
    let seed = origin.as_bytes().iter().fold(0_u64, |seed, byte| seed.rotate_left(8) ^ u64::from(*byte));
    let mut lanes =
        LaneOptions::default().pending_max(settings.backlog_max).in_flight_max(IN_FLIGHT_MAX).seed(seed);
    if let Some(slices) = export.batch_max {
        lanes = lanes.batch_max(slices);
    }
    PipelineOptions::default()
        .lanes(lanes)
        .on_full(export.on_full)
        .sync(export.sync)
        .checkpoint_ms(export.checkpoint_ms)
        // A manual instance exports at once: no other process does so at the same moment.
        .jitter_ms(if timing.is_manual { 0 } else { settings.export_jitter_ms })
        .streams_max(export.streams_max)
        .zeroize(settings.amnesia)
        .claim_id(claim_id)
}
