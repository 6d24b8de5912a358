//! Prints what an access log says, and what was skipped and why:
//! `cargo run --example requests -- access.log [FORMAT [ZONE]]`.

use std::{collections::BTreeMap, env, error::Error, fs::File};

use ron_accounting_access_log::{Decoded, Format, Lines, Parser, Times};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let file = File::open(arguments.next().ok_or("name a log")?)?;
    let format: Format = arguments.next().as_deref().unwrap_or("auto").parse()?;
    let mut times = Times::new();
    if let Some(zone) = arguments.next() {
        times = times.with_zone(&zone)?;
    }

    let mut lines = Lines::new(Decoded::new(file)?);
    let mut parser = Parser::new(&format, lines.sample()?, &times, &[])?;
    println!("format: {}", parser.description());
    let (mut requests, mut bytes) = (0_u64, 0);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    while let Some(line) = lines.next()? {
        match line.and_then(|line| parser.parse(line)) {
            Ok(Some(request)) => {
                requests += 1;
                bytes += request.bytes_sent.unwrap_or(0);
                for remark in request.remarks.iter() {
                    *counts.entry(format!("remark {}", remark.name())).or_default() += 1;
                }
                if requests <= 20 {
                    println!("{request:?}");
                }
            }
            Ok(None) => {}
            Err(skip) => {
                println!("skipped: {skip}");
                *counts.entry(format!("skipped {}", skip.reason().name())).or_default() += 1;
            }
        }
    }
    println!("{requests} requests, {bytes} bytes sent, {counts:?}");
    Ok(())
}
