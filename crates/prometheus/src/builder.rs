//! Settings of the metrics.

use std::{fmt, ops::RangeInclusive};

use ron_accounting::{
    window::{Clock, SystemClock},
    Accounting,
};

use crate::{Metrics, MetricsError};

/// The default of [`MetricsBuilder::series_max`].
pub const SERIES_MAX_DEFAULT: usize = 100_000;
/// The default of [`MetricsBuilder::scrapes_max`].
pub const SCRAPES_MAX_DEFAULT: usize = 8;
/// The default of [`MetricsBuilder::service`].
pub const SERVICE_DEFAULT: &str = "ron-accounting";

const SERIES_MAX: RangeInclusive<usize> = 1..=100_000_000;
const SCRAPES_MAX: RangeInclusive<usize> = 1..=1024;

/// Builds [`Metrics`].
#[must_use]
pub struct MetricsBuilder {
    accounting: Accounting,
    service: String,
    series_max: usize,
    scrapes_max: usize,
    clock: Box<dyn Clock>,
}

impl fmt::Debug for MetricsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsBuilder")
            .field("service", &self.service)
            .field("series_max", &self.series_max)
            .field("scrapes_max", &self.scrapes_max)
            .finish_non_exhaustive()
    }
}

impl MetricsBuilder {
    pub(crate) fn new(accounting: &Accounting) -> Self {
        Self {
            accounting: accounting.clone(),
            service: SERVICE_DEFAULT.to_owned(),
            series_max: SERIES_MAX_DEFAULT,
            scrapes_max: SCRAPES_MAX_DEFAULT,
            clock: Box::new(SystemClock),
        }
    }

    /// Sets the value of the label `service` of the metrics about the instance itself; any text. Default [`SERVICE_DEFAULT`].
    ///
    /// The service of a usage series is the one that its usage was recorded under.
    pub fn service(mut self, service: &str) -> Self {
        service.clone_into(&mut self.service);
        self
    }

    /// Sets how many series of usage a scrape has at most, from 1 to 100,000,000. Default [`SERIES_MAX_DEFAULT`]. A label set has
    /// one for each dimension that was counted under it.
    ///
    /// A label set beyond the limit is counted in its tenant's `~overflow` series. If that has no room either, it is in the
    /// `~overflow` series of the tenant `~overflow`, which is there beyond the limit, once for each dimension.
    pub fn series_max(mut self, series: usize) -> Self {
        self.series_max = series;
        self
    }

    /// Sets how many scrapes may be written at once, from 1 to 1024. Further ones are refused with
    /// [`ScrapeError::TooMany`](crate::ScrapeError::TooMany). Default [`SCRAPES_MAX_DEFAULT`].
    ///
    /// A scrape that is slower than the next one keeps the totals that it began with: 8 bytes per label set and dimension.
    pub fn scrapes_max(mut self, scrapes: usize) -> Self {
        self.scrapes_max = scrapes;
        self
    }

    /// Sets the clock that tells the time of the start. Default: the system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Builds the metrics. They show what is counted from now on. Refuses a limit that is outside its range.
    pub fn build(self) -> Result<Metrics, MetricsError> {
        check("series_max", self.series_max, &SERIES_MAX)?;
        check("scrapes_max", self.scrapes_max, &SCRAPES_MAX)?;
        Ok(self.assemble())
    }

    /// Builds the metrics from settings that are in range.
    pub(crate) fn assemble(self) -> Metrics {
        let start_ms = self.clock.now_ms();
        let Self { accounting, service, series_max, scrapes_max, .. } = self;
        Metrics::assemble(accounting, &service, start_ms, series_max, scrapes_max)
    }
}

fn check(option: &'static str, value: usize, range: &RangeInclusive<usize>) -> Result<(), MetricsError> {
    if range.contains(&value) {
        return Ok(());
    }
    let [value, min, max] = [value, *range.start(), *range.end()].map(|number| number as u64);
    Err(MetricsError::InvalidOption { option, value, min, max })
}
