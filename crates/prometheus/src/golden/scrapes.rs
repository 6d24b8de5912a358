//! The scrapes themselves.

use super::spans::seconds;
use crate::text::Text;

/// What a scrape says about scrapes.
pub(crate) struct ScrapeFigures {
    pub(crate) start_ms: u64,
    pub(crate) scrapes: u64,
    pub(crate) refused: u64,
    pub(crate) series: usize,
    pub(crate) series_max: usize,
    pub(crate) capped: u64,
}

pub(super) fn write(text: &mut Text<'_>, figures: &ScrapeFigures) {
    text.gauge(
        "accounting_start_time_seconds",
        "When these metrics began to count usage, in seconds since 1970.",
        seconds(figures.start_ms),
    );
    text.gauge("accounting_series", "Series of usage in this scrape.", figures.series);
    text.gauge(
        "accounting_series_max",
        "The most series of usage that a scrape can have, but for the overflow series of last resort.",
        figures.series_max,
    );
    text.counter(
        "accounting_capped_series_total",
        "Counts that had no room for a series of their own at a scrape, and were added to an overflow series.",
        figures.capped,
    );
    text.counter("accounting_scrapes_total", "Scrapes that began, this one included.", figures.scrapes);
    text.counter(
        "accounting_scrapes_refused_total",
        "Scrapes that were refused, since too many were being written.",
        figures.refused,
    );
}
