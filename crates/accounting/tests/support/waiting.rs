//! Waiting for another thread, without guessing how long it takes.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Lets other threads run until something is so. Only a test that would fail ever sees the limit.
pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < limit, "still not so: {what}");
        thread::yield_now();
    }
}
