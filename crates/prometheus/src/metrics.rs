//! The handle that a host scrapes.

use std::{
    fmt, io,
    sync::{
        atomic::{AtomicU64, AtomicUsize, Ordering},
        Arc, Mutex, PoisonError,
    },
};

use ron_accounting::{counters::Reader, Accounting};

use crate::{
    builder::MetricsBuilder,
    golden::{self, ScrapeFigures},
    text::{escaped, Text},
    totals::Totals,
    Format, Scrape, ScrapeError,
};

/// The metrics of one [`Accounting`]: its usage by label set, and how it works itself. Clones are handles to the same metrics.
///
/// They show what was counted since they were built: make them before the first recording. What an earlier process counted, and
/// left in the log, is in the ledger and not in these.
///
/// `Metrics` is a handle to the instance: usage is sealed at the end when it is dropped too, or by [`Accounting::shutdown`].
#[derive(Clone)]
pub struct Metrics {
    shared: Arc<Shared>,
}

struct Shared {
    accounting: Accounting,
    /// Escaped for use as a label.
    service: Box<str>,
    start_ms: u64,
    series_max: usize,
    scrapes_max: usize,
    usage: Mutex<Usage>,
    in_flight: AtomicUsize,
    scrapes: AtomicU64,
    refused: AtomicU64,
}

/// What was counted so far, and the reader that knows what is new.
struct Usage {
    reader: Reader,
    totals: Arc<Totals>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics")
            .field("service", &self.shared.service)
            .field("series_max", &self.shared.series_max)
            .field("scrapes_max", &self.shared.scrapes_max)
            .finish_non_exhaustive()
    }
}

impl Metrics {
    /// Makes metrics of an instance with the default settings. They show what is counted from now on.
    #[must_use]
    pub fn new(accounting: &Accounting) -> Self {
        Self::builder(accounting).assemble()
    }

    /// Returns a builder with the default settings.
    pub fn builder(accounting: &Accounting) -> MetricsBuilder {
        MetricsBuilder::new(accounting)
    }

    pub(crate) fn assemble(
        accounting: Accounting,
        service: &str,
        start_ms: u64,
        series_max: usize,
        scrapes_max: usize,
    ) -> Self {
        let totals = Arc::new(Totals::new(accounting.dimensions().count(), series_max));
        let shared = Shared {
            usage: Mutex::new(Usage { reader: accounting.reader(), totals }),
            accounting,
            service: escaped(service).into(),
            start_ms,
            series_max,
            scrapes_max,
            in_flight: AtomicUsize::new(0),
            scrapes: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Takes what was counted, and returns its text as an iterator of chunks. Any number of them may be left unread.
    ///
    /// Refused if [`MetricsBuilder::scrapes_max`] scrapes are not dropped yet.
    pub fn scrape(&self, format: Format) -> Result<Scrape, ScrapeError> {
        let in_flight = InFlight::begin(&self.shared)?;
        let accounting = &self.shared.accounting;
        let stats = accounting.stats();
        // In a fork of the process, another thread may have held the locks for ever.
        let totals = (!stats.is_forked).then(|| self.shared.take());
        let figures = ScrapeFigures {
            start_ms: self.shared.start_ms,
            scrapes: self.shared.scrapes.load(Ordering::Relaxed),
            refused: self.shared.refused.load(Ordering::Relaxed),
            series: totals.as_ref().map_or(0, |totals| totals.series()),
            series_max: self.shared.series_max,
            capped: totals.as_ref().map_or(0, |totals| totals.capped()),
        };
        let mut head = Vec::new();
        let mut text = Text::new(&mut head, format.syntax, &self.shared.service);
        golden::write(&mut text, &stats, accounting.readiness(), &figures);
        Ok(Scrape::new(head, totals, accounting.dimensions().clone(), format.syntax, in_flight))
    }

    /// Writes a scrape, chunk by chunk.
    pub fn encode(&self, format: Format, out: &mut impl io::Write) -> Result<(), ScrapeError> {
        for chunk in self.scrape(format)? {
            out.write_all(&chunk).map_err(|source| ScrapeError::Write { source })?;
        }
        Ok(())
    }
}

impl Shared {
    /// Adds what was counted since the last call, and returns the totals.
    fn take(&self) -> Arc<Totals> {
        // The totals are valid at every step.
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        let Usage { reader, totals } = &mut *usage;
        let mut reading = reader.take();
        // Another scrape that is still being written keeps the totals that it has.
        Arc::make_mut(totals).add(&reading);
        reading.wipe();
        Arc::clone(totals)
    }
}

/// Counts a scrape as being written until it is dropped.
pub(crate) struct InFlight(Arc<Shared>);

impl InFlight {
    fn begin(shared: &Arc<Shared>) -> Result<Self, ScrapeError> {
        let scrapes_max = shared.scrapes_max;
        let one_more = |in_flight| (in_flight < scrapes_max).then_some(in_flight + 1);
        let begun = shared.in_flight.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more);
        if begun.is_err() {
            shared.refused.fetch_add(1, Ordering::Relaxed);
            return Err(ScrapeError::TooMany { scrapes_max });
        }
        shared.scrapes.fetch_add(1, Ordering::Relaxed);
        Ok(Self(Arc::clone(shared)))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}
