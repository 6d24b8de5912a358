//! Errors of building metrics and of scraping them.

use std::io;

/// Why metrics could not be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// A setting is outside its range.
    #[error("{option} is {value}, and must be from {min} to {max}")]
    InvalidOption {
        /// The setting.
        option: &'static str,
        /// The refused value.
        value: u64,
        /// The lowest allowed value.
        min: u64,
        /// The highest allowed value.
        max: u64,
    },
}

/// Why a scrape was not written, or not to its end. What was counted is in the next scrape all the same.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScrapeError {
    /// As many scrapes are being written as there may be. An HTTP server answers with status 503.
    #[error("{scrapes_max} scrapes are being written already; scrape less often, or raise scrapes_max")]
    TooMany {
        /// How many there may be at once.
        scrapes_max: usize,
    },
    /// The scraper went away, or the text could not be written for another reason.
    #[error("the scrape could not be written to its end")]
    Write {
        /// The reason.
        source: io::Error,
    },
}

#[cfg(test)]
mod tests {
    use ron_accounting_error_contract::assert_errors;

    use super::*;

    #[test]
    fn every_error_leaves_its_cause_to_its_source() {
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert_errors!(MetricsError {
            without_cause: {
                InvalidOption => MetricsError::InvalidOption { option: "series_max", value: 0, min: 1, max: 2 },
            }
            with_cause: {}
        });
        assert_errors!(ScrapeError {
            without_cause: {
                TooMany => ScrapeError::TooMany { scrapes_max: 8 },
            }
            with_cause: {
                Write => ScrapeError::Write { source: gone() },
            }
        });
    }
}
