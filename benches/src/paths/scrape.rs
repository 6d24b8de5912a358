//! A scrape of many series, beside writing the same text from a table that has its lines ready.

use std::io;

use ron_accounting_prometheus::{Format, Metrics};

use crate::{
    contestants::{Contestant, Ours, PrometheusClient, Scraped},
    figures::{PathFigures, Target},
    label_sets::LabelSets,
    race::{race, time_of, Effort, Entrant, Kind},
};

const AMOUNTS: [u64; 3] = [1, 512, 4096];
const LABEL_SETS: usize = 33_334;
const SERIES: usize = LABEL_SETS * AMOUNTS.len();
const CHUNK_BYTES: usize = 64 * 1024;
const FLOOR: &str = "lines from a ready table";

pub(super) fn measure(effort: Effort) -> Vec<PathFigures> {
    let sets = LabelSets::with_count(LABEL_SETS);
    let labels = sets.labels();
    let line_up = || {
        let ours = Ours::new(&labels);
        let metrics = Metrics::builder(&ours.accounting).series_max(SERIES).build().expect("in range");
        for labels in &labels {
            ours.record_each(labels, AMOUNTS);
        }
        // The other libraries take ten times as long; the path `snapshot` has them.
        let peer = PrometheusClient::new(&labels);
        for labels in &labels {
            peer.record_each(labels, AMOUNTS);
        }
        let lines = lines_of(&metrics);
        assert!(lines.len() >= SERIES, "{} lines for {SERIES} series", lines.len());
        vec![
            Entrant::prepared(Ours::NAME, Kind::Ours, move || {
                time_of(|| metrics.encode(Format::TEXT, &mut Discarding)).0
            }),
            Entrant::new(FLOOR, Kind::Floor, move || write_lines(&lines, &mut Discarding)),
            Entrant::prepared(PrometheusClient::NAME, PrometheusClient::KIND, move || {
                time_of(|| peer.scrape()).0
            }),
        ]
    };
    let standings = race(effort, line_up);
    let mut path = PathFigures::new(
        "scrape",
        "100,002 series, of 33,334 label sets with 3 counters: the text of one scrape, divided by its series",
    );
    for (name, kind, ns) in standings.medians_with_kinds() {
        path.figure(name, kind, ns / SERIES as f64, "ns");
    }
    path.ratio("ours / floor", standings.ratio(Ours::NAME, FLOOR), Some(Target::AtMost(4.0)));
    let peer = PrometheusClient::NAME;
    path.ratio(format!("ours / {peer}"), standings.ratio(Ours::NAME, peer), Some(Target::AtMost(0.5)));
    vec![path]
}

/// Takes chunks as a socket would, and does nothing with them.
struct Discarding;

impl io::Write for Discarding {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(std::hint::black_box(bytes).len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Each line of usage, without its number, and the number.
fn lines_of(metrics: &Metrics) -> Vec<(Box<str>, u64)> {
    let mut text = Vec::new();
    metrics.encode(Format::TEXT, &mut text).expect("a vector takes everything");
    let text = String::from_utf8(text).expect("UTF-8");
    let usage = text.lines().filter(|line| line.contains("{tenant=\""));
    let parts = usage.map(|line| {
        let (series, number) = line.split_at(line.rfind(' ').expect("a value") + 1);
        (series.into(), number.parse().expect("a whole number"))
    });
    parts.collect()
}

fn write_lines(lines: &[(Box<str>, u64)], out: &mut impl io::Write) {
    let mut chunk = Vec::with_capacity(CHUNK_BYTES + 1024);
    for (series, number) in lines {
        chunk.extend_from_slice(series.as_bytes());
        chunk.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
        chunk.push(b'\n');
        if chunk.len() >= CHUNK_BYTES {
            out.write_all(&chunk).expect("nothing refuses it");
            chunk.clear();
        }
    }
    out.write_all(&chunk).expect("nothing refuses it");
}
