//! One million series in bounded memory: the text is never there as a whole.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::io;

use ron_accounting::{normalize::CharacterNormalizer, Accounting, Dimension};
use ron_accounting_prometheus::{Format, Metrics};
use support::feed;

const LABEL_SETS: usize = 334_000;
const SERIES: usize = 3 * LABEL_SETS;

/// Counts what is written, and keeps none of it.
#[derive(Default)]
struct Counting {
    bytes: usize,
    lines: usize,
    longest_write: usize,
}

impl io::Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len();
        self.longest_write = self.longest_write.max(bytes.len());
        self.lines += bytes.split(|byte| *byte == b'\n').count() - 1;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_million_series_take_no_more_memory_than_their_totals() {
    let acc = Accounting::builder()
        .manual_at(0)
        .label_limit(LABEL_SETS)
        .normalizer(CharacterNormalizer)
        .build()
        .unwrap();
    let metrics = Metrics::builder(&acc).series_max(SERIES).build().unwrap();
    for n in 0..LABEL_SETS {
        let (tenant, route) = (format!("tenant-{}", n % 100), format!("/v1/objects/of/some/length/{n}"));
        let amounts = [(Dimension::REQUESTS, 1), (Dimension::BYTES_IN, 512), (Dimension::BYTES_OUT, 4096)];
        acc.record_each(&feed(&tenant, &route), &amounts);
    }
    // The first scrape makes the table of keys and the totals, the second needs neither.
    let mut out = Counting::default();
    let first = allocation_counter::measure(|| metrics.encode(Format::OPEN_METRICS, &mut out).unwrap());
    assert!((SERIES..SERIES + 1000).contains(&out.lines), "{} lines", out.lines);
    let second = allocation_counter::measure(|| metrics.encode(Format::TEXT, &mut out).unwrap());
    let (text, cells) = (out.bytes / 2, LABEL_SETS * 4 * 8);
    println!(
        "{SERIES} series, {text} bytes of text; at most {} bytes were allocated by the first scrape, {} by the second",
        first.bytes_max, second.bytes_max
    );
    assert!(text > 100 << 20, "{text} bytes of text");
    assert!(out.longest_write < 80 * 1024, "a chunk of {} bytes", out.longest_write);
    // The reading and the totals; and of the first, a table of pointers, and twice the totals while they grow.
    assert!(second.bytes_max < cells as u64 + (1 << 20), "{}", second.bytes_max);
    assert!(first.bytes_max < 5 * cells as u64, "{}", first.bytes_max);
}
