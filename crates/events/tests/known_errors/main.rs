//! Faults of other event counters, each with the test that keeps it out of this one.

#![allow(clippy::unwrap_used)] // A failed assertion, wherever it stands.

mod clock;
mod contention;
mod deadlocks;
mod limits;
mod lost_data;
mod merging;
mod robustness;
mod saturation;
#[cfg(feature = "calendar")]
mod weeks;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use ron_accounting_events::{EventStore, EventStoreBuilder, TestClock};

/// A time from RFC 3339.
fn at(time: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(time).unwrap().to_utc()
}

/// A builder with a clock that shows `time`.
fn builder_at(time: &str) -> (EventStoreBuilder, TestClock) {
    // So that days are those of the times which the tests give.
    std::env::set_var("TZ", "UTC");
    let clock = TestClock::build_for_testing_at(at(time));
    (EventStore::builder().with_clock(Arc::new(clock.clone())), clock)
}

fn store_at(time: &str) -> (EventStore, TestClock) {
    let (builder, clock) = builder_at(time);
    (builder.build().unwrap(), clock)
}
