//! Meters a service for a few minutes, exports to a ledger, and writes a bill per tenant from what the ledger has.
//!
//! `tick` tells the time, so that the program ends at once. Leave `manual_at()` and `tick()` out, and windows close by the
//! system's clock.

use std::time::Duration;

use ron_accounting::{export::MemoryLedger, labels, AccError, Accounting, Dimension, Dimensions};

const MINUTE_MS: u64 = 60_000;

/// The price of a unit, in millionths of a cent.
const PRICES: [(&str, u128); 3] = [("requests", 20), ("bytes_out", 1), ("tokens", 300)];

fn main() -> Result<(), AccError> {
    let mut dimensions = Dimensions::default();
    let tokens = dimensions.register("tokens")?;
    let ledger = MemoryLedger::new();
    let acc = Accounting::builder().dimensions(dimensions).exporter(ledger.clone()).manual_at(0).build()?;

    // The hottest path uses a meter: a handle for one label set, which saves the look-up per request.
    let chat = acc.meter(&labels().tenant("acme").method("POST").route("/v1/chat").service("llm"));
    for minute in 1..=3 {
        for _ in 0..1000 {
            chat.incr_request();
            chat.record(tokens, 250);
            chat.add_bytes_out(900);
        }
        // Other paths pass labels. A raw path is fine: it becomes `/v1/objects/:num`.
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

    // The bill is exact to the unit.
    assert_eq!(ledger.total("acme", "requests"), 3000);
    assert_eq!(ledger.total("acme", "tokens"), 750_000);
    assert_eq!(ledger.total("globex", "bytes_out"), 30 << 20);
    assert_eq!(cents, 225 + 2 + 31);
    // Thirty paths were one label set.
    let routes: Vec<_> = acc.history().iter().map(|window| window.entries().len()).collect();
    assert_eq!(routes, [2, 2, 2]);
    Ok(())
}
