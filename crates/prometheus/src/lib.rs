//! What Prometheus scrapes of a usage-metering instance: its usage by label set, and how it works itself.
//!
//! ```
//! use ron_accounting::{labels, Accounting};
//! use ron_accounting_prometheus::{Format, Metrics};
//!
//! let acc = Accounting::builder().manual_at(0).build()?;
//! let metrics = Metrics::new(&acc); // before the first recording: it shows what is counted from now on
//! acc.incr_request(&labels().tenant("acme").method("GET").route("/v1/feed").service("omnigate").region("iad"));
//!
//! let format = Format::negotiate("text/plain;version=0.0.4"); // the request's `Accept` header
//! let mut body = Vec::new();
//! metrics.encode(format, &mut body)?; // and `format.content_type()` is the response's `Content-Type`
//! let line = r#"requests_total{tenant="acme",method="GET",route="/v1/feed",service="omnigate",region="iad"} 1"#;
//! assert!(String::from_utf8(body)?.lines().any(|found| found == line));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `docs/metrics.md` lists all metrics. This crate opens no port: a host writes the text where it answers scrapes.
//!
//! # How usage becomes series
//!
//! * **Recording pays nothing.** [`Metrics`] has a reader of its own, which takes the counts when a scrape begins.
//! * **Counters do not go down while a label set lives.** What is taken is added to a total for each label set and dimension
//!   (`totals.rs`). The total of a label set that was evicted moves to its tenant's `~overflow` series, so that a sum over
//!   series does not go down either.
//! * **Series are limited** ([`MetricsBuilder::series_max`]). What has no room for a series of its own is counted in its
//!   tenant's `~overflow` series, and how often that happened is a metric.
//! * **Memory is bounded.** A [`Scrape`] is written in chunks, from totals that it shares with others until they change.
//!   Scrapes at the same time are limited ([`MetricsBuilder::scrapes_max`]).
//!
//! # Crate features
//! * **`export`** (default): the metrics of sealing, log and ledger.

mod accept;
mod builder;
mod error;
mod folded;
mod format;
mod golden;
mod metrics;
mod scrape;
mod series;
mod series_budget;
mod text;
mod totals;

pub use builder::{MetricsBuilder, SCRAPES_MAX_DEFAULT, SERIES_MAX_DEFAULT, SERVICE_DEFAULT};
pub use error::{MetricsError, ScrapeError};
pub use format::{Escaping, Format};
pub use metrics::Metrics;
pub use scrape::Scrape;
