//! Thousands of requests that end at random are charged what a counter on the wire saw. `cargo run --release --example aborts`
//! runs a million.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failed `unwrap` is a failed assertion.

mod support;
#[path = "support/aborts.rs"]
mod wire;

#[test]
fn what_is_counted_is_what_was_handed_over_and_each_request_is_settled_once() {
    // Bodies and handlers panic on purpose.
    std::panic::set_hook(Box::new(|_| {}));
    let report = wire::run(20_000, 1);
    let _ = std::panic::take_hook();
    let report = report.unwrap();
    assert_eq!(report.ledger, report.wire);
    assert_eq!(report.settled, report.with_hook);
    assert_eq!(report.wire.len(), 20, "each tenant has usage of each kind: {report:?}");
}
