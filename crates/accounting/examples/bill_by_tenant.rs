//! Meters a service for a few minutes, exports to a ledger, and writes a bill per tenant from what the ledger has.
//!
//! Time is a clock that is set by hand, so that the program ends at once; leave `clock()` and `manual()` out and windows
//! roll by themselves.

use std::{sync::Arc, time::Duration};

use ron_accounting::{export::MemoryLedger, labels, window::ManualClock, AccError, Accounting, Dimension};

const MINUTE_MS: u64 = 60_000;

/// What a unit costs, in millionths of a cent.
const PRICES: [(&str, u128); 3] = [("requests", 20), ("bytes_out", 1), ("tokens", 300)];

fn main() -> Result<(), AccError> {
    let ledger = MemoryLedger::new();
    let acc = Accounting::builder()
        .dimension("tokens")
        .exporter(Arc::new(ledger.clone()))
        .clock(Arc::new(ManualClock::new(0)))
        .manual()
        .build()?;
    let Some(tokens) = acc.dimension("tokens") else { unreachable!("it is registered above") };

    // The hottest path gets a meter: one handle per label set, no look-up per request.
    let chat = acc.meter(&labels().tenant("acme").method("POST").route("/v1/chat").service("llm"));
    for minute in 1..=3 {
        for _ in 0..1000 {
            chat.incr_request();
            chat.record(tokens, 250);
            chat.add_bytes_out(900);
        }
        // Others give labels. A raw path is fine: it becomes `/v1/objects/:num`.
        for object in 0..10 {
            let path = format!("/v1/objects/{object}?size=2");
            let download = labels().tenant("globex").method("GET").route(&path).service("objects");
            acc.record_each(&download, &[(Dimension::REQUESTS, 1), (Dimension::BYTES_OUT, 1 << 20)]);
        }
        acc.tick(minute * MINUTE_MS)?;
    }
    acc.shutdown(Duration::from_secs(5))?;

    println!("{:<8} {:<10} {:>12} {:>14}", "tenant", "unit", "amount", "cents");
    let mut cents = 0;
    for ((tenant, unit), amount) in ledger.totals() {
        let price = PRICES.iter().find(|(name, _)| *name == unit).map_or(0, |(_, price)| *price);
        cents += amount * price / 1_000_000;
        println!("{tenant:<8} {unit:<10} {amount:>12} {:>14}", amount * price / 1_000_000);
    }

    // What is billed is what was counted, to the unit.
    assert_eq!(ledger.total("acme", "requests"), 3000);
    assert_eq!(ledger.total("acme", "tokens"), 750_000);
    assert_eq!(ledger.total("globex", "bytes_out"), 30 << 20);
    assert_eq!(cents, 225 + 2 + 31);
    // Thirty paths were one label set.
    let routes: Vec<_> = acc.history().iter().map(|window| window.entries().len()).collect();
    assert_eq!(routes, [2, 2, 2]);
    Ok(())
}
