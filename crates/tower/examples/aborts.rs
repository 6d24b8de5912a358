//! Runs any number of requests that end at random, and compares what the ledger has with a counter on the wire.
//!
//! `cargo run --release --package ron-accounting-tower --example aborts -- 1000000`
#![allow(clippy::unwrap_used, clippy::expect_used)] // What cannot be set up has no result.

#[path = "../tests/support/mod.rs"]
mod support;
#[path = "../tests/support/aborts.rs"]
mod wire;

use std::time::Instant;

fn main() -> anyhow::Result<()> {
    let requests: u64 = std::env::args().nth(1).map_or(Ok(100_000), |count| count.parse())?;
    // Bodies and handlers panic on purpose.
    std::panic::set_hook(Box::new(|_| {}));
    let started = Instant::now();
    let report = wire::run(requests, 7);
    let _ = std::panic::take_hook();
    let report = report?;
    println!("{requests} requests in {:.1} s", started.elapsed().as_secs_f64());
    println!("{:<10} {:<18} {:>14} {:>14}", "tenant", "dimension", "on the wire", "in the ledger");
    for ((tenant, dimension), sum) in &report.wire {
        let counted = report.ledger.get(&(*tenant, *dimension)).copied().unwrap_or(0);
        println!("{tenant:<10} {dimension:<18} {sum:>14} {counted:>14}");
    }
    println!("settled {} of {} requests with a hook", report.settled, report.with_hook);
    anyhow::ensure!(report.ledger == report.wire, "the sums differ");
    anyhow::ensure!(report.settled == report.with_hook, "requests were not settled, or settled twice");
    println!("equal: yes");
    Ok(())
}
