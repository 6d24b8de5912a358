//! Event counters over many time scales, in fixed memory per event: how often did this happen in the last week?
//!
//! * [`EventStore`] counts events by name. [`EventStoreBuilder`] sets what it tracks. An [`EventId`] can be a name.
//! * [`Query`] and [`RangeQuery`] read one event. [`MultiQuery`], [`RatioQuery`] and [`DeltaQuery`] read several together.
//! * [`Limiter`] records only what its constraints allow: counts per [`TimeWindow`], cooldowns, prerequisites, and a
//!   [`Schedule`]. A [`Reservation`] counts against the limits until the event is recorded or cancelled. [`LimitExceeded`] names
//!   the constraint that refused an event, and how long to wait.
//! * [`storage`] keeps counters over restarts: in memory, in files, in SQLite. [`formatter`] says in which format.
//! * [`SingleEventCounter`] is one event's counts: what is exported, merged and stored.
//! * [`TimeUnit`] is the span of a bucket. [`Clock`] is a source of the time: [`SystemClock`], or [`TestClock`] in tests.
//!
//! Names and types are those of an established crate, so that its users can switch. Where they differ from those of the
//! other crates of this workspace (`with_clock`, `TestClock`), this is why.
//!
//! ```
//! use ron_accounting_events::{EventStore, TimeUnit};
//!
//! let store = EventStore::new();
//! store.record("app_launch");
//! assert_eq!(store.query("app_launch").last_days(7).sum(), Some(1));
//!
//! let limit = || store.limit().at_most("api_call", 1, TimeUnit::Hours);
//! assert!(limit().check_and_record("api_call").is_ok());
//! assert!(limit().check_and_record("api_call").is_err());
//! ```
//!
//! # Crate features
//! * **`calendar`** (default): days, weeks, months and years follow the calendar of the system's time zone. Without it
//!   they have one length each, counted from January 1st in UTC.
//! * **`storage-fs`** (default): a file per event. **`storage-sqlite`**: an SQLite database. Needs Rust 1.89.
//! * **`serde-bincode`** (default) and **`serde-json`**: formats for storages. **`serde`**: counters are serializable.
//! * **`tokio`**: `EventStoreBuilder::auto_persist` stores events in the background.

// Events are named by value, so that callers can pass strings, references and types of their own.
#![allow(clippy::needless_pass_by_value)]

mod clock;
mod counter;
mod error;
pub mod formatter;
mod limit;
#[cfg(all(test, loom))]
mod models;
mod query;
pub mod storage;
mod store;
mod sync;
mod time;

pub use clock::{Clock, SystemClock, TestClock};
pub use counter::SingleEventCounter;
pub use error::{Error, LimitExceeded, Result};
pub use formatter::Formatter;
pub use limit::{Constraint, LimitUsage, Limiter, Reservation, Schedule};
pub use query::{
    Buckets, DeltaQuery, DeltaRangeQuery, MultiQuery, MultiRangeQuery, Query, RangeQuery, RatioQuery,
};
pub use storage::Storage;
pub use store::{EventId, EventStore, EventStoreBuilder};
pub use time::unit::{TimeUnit, TimeWindow};
