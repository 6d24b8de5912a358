//! A caller may call ten times a minute and needs to have logged in today.
//!
//! `cargo run -p ron-accounting-events --example limit_by_minute`

use std::sync::Arc;

use chrono::{DateTime, Duration};
use ron_accounting_events::{Error, EventStore, Limiter, TestClock, TimeUnit};

fn limit(store: &EventStore) -> Limiter {
    store.limit().at_least("login", 1, TimeUnit::Days).at_most("call", 10, TimeUnit::Minutes)
}

fn main() -> Result<(), Error> {
    let clock = TestClock::build_for_testing_at(DateTime::UNIX_EPOCH + Duration::hours(12));
    let store = EventStore::builder().with_clock(Arc::new(clock.clone())).build()?;

    assert!(limit(&store).check_and_record("call").is_err(), "nobody has logged in");
    store.record("login");

    let allowed = (0..25).filter(|_| limit(&store).check_and_record("call").is_ok()).count();
    assert_eq!(allowed, 10);

    // A refused caller learns why, and when to come back.
    if let Err(refused) = limit(&store).check_and_record("call") {
        assert_eq!(refused.retry_after, Some(Duration::minutes(1)));
    }
    clock.advance(Duration::minutes(1));

    // Slow work is reserved until it is known whether it counts.
    let call = limit(&store).reserve("call")?;
    let worked = true;
    if worked {
        call.commit();
    } else {
        call.cancel();
    }
    let usage = store.limit().at_most("call", 10, TimeUnit::Minutes).usage("call")?;
    assert_eq!((usage.count, usage.remaining), (1, 9));
    Ok(())
}
