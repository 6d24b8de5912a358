//! What a line costs, by format: `cargo bench -p ron-accounting-access-log`.
//!
//! The lines are made up from a seed, differ from each other, and are read from memory.

#![allow(missing_docs)] // The macros of criterion write functions.

use std::{fmt::Write, hint::black_box};

use criterion::{criterion_group, criterion_main, Criterion, Throughput};
use ron_accounting_access_log::{Format, Lines, Parser, Times};

const LINES: u64 = 10_000;

/// A log of which each line is what `line` makes of a random number.
fn log(line: fn(u64, &mut String)) -> String {
    let mut random = 42_u64;
    let mut log = String::new();
    for _ in 0..LINES {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        line(random, &mut log);
        log.push('\n');
    }
    log
}

fn combined(random: u64, log: &mut String) {
    let (a, b, c) = (random & 0xff, random >> 8 & 0xff, random >> 16 & 0xfffff);
    let result = write!(
        log,
        "198.51.{a}.{b} - - [17/May/2015:10:{:02}:{:02} +0000] \"GET /articles/{c}/comments?page={a} HTTP/1.1\" 200 {c} \
         \"https://shop.example/search?q={b}\" \"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)\"",
        a % 60,
        b % 60,
    );
    black_box(result).unwrap_or_default();
}

fn json(random: u64, log: &mut String) {
    let (a, b, c) = (random & 0xff, random >> 8 & 0xff, random >> 16 & 0xfffff);
    let result = write!(
        log,
        "{{\"level\":\"info\",\"ts\":14318571{:02}.{a},\"logger\":\"http.log.access\",\"msg\":\"handled request\",\
         \"request\":{{\"remote_ip\":\"198.51.{a}.{b}\",\"remote_port\":\"41342\",\"client_ip\":\"198.51.{a}.{b}\",\
         \"proto\":\"HTTP/2.0\",\"method\":\"GET\",\"host\":\"shop.example\",\"uri\":\"/articles/{c}/comments?page={a}\",\
         \"headers\":{{\"User-Agent\":[\"curl/7.82.0\"],\"Accept\":[\"*/*\"]}},\"tls\":{{\"resumed\":false,\"version\":772}}}},\
         \"bytes_read\":0,\"user_id\":\"\",\"duration\":0.0009,\"size\":{c},\"status\":200,\
         \"resp_headers\":{{\"Server\":[\"Caddy\"],\"Content-Type\":[\"text/html\"]}}}}",
        a % 100,
    );
    black_box(result).unwrap_or_default();
}

fn w3c(random: u64, log: &mut String) {
    if log.is_empty() {
        log.push_str("#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-bytes\n");
    }
    let (a, b, c) = (random & 0xff, random >> 8 & 0xff, random >> 16 & 0xfffff);
    let result = write!(
        log,
        "2015-05-17 10:{:02}:{:02} 10.0.0.1 GET /articles/{c}/comments page={a} 443 - 198.51.{a}.{b} Mozilla/5.0+(X11;+Linux) 200 {c}",
        a % 60,
        b % 60,
    );
    black_box(result).unwrap_or_default();
}

fn haproxy(random: u64, log: &mut String) {
    let (a, b, c) = (random & 0xff, random >> 8 & 0xff, random >> 16 & 0xfffff);
    let result = write!(
        log,
        "198.51.{a}.{b}:33317 [17/May/2015:10:{:02}:{:02}.655] http-in static/srv1 10/0/30/69/109 200 {c} - - ---- \
         1/1/1/1/0 0/0 {{shop.example}} {{}} \"GET /articles/{c}/comments HTTP/1.1\"",
        a % 60,
        b % 60,
    );
    black_box(result).unwrap_or_default();
}

/// Quotation marks that nothing escapes, so that each line is searched for its best reading.
fn raw_quotes(random: u64, log: &mut String) {
    combined(random, log);
    if let Some(at) = log.rfind("?page=") {
        log.insert(at, '"');
    }
}

fn lines(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lines");
    group.throughput(Throughput::Elements(LINES));
    for (name, format, log) in [
        ("combined", "auto", log(combined)),
        ("raw_quotes", "combined", log(raw_quotes)),
        ("caddy", "auto", log(json)),
        ("w3c", "auto", log(w3c)),
        ("haproxy", "auto", log(haproxy)),
    ] {
        let format: Format = format.parse().unwrap_or_default();
        let times = Times::new().with_zone("UTC").unwrap_or_default();
        let Ok(parser) = Parser::new(&format, log.as_bytes(), &times, &[]) else { continue };
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut parser = parser.clone();
                let mut lines = Lines::new(log.as_bytes());
                let (mut requests, mut bytes) = (0_u64, 0);
                while let Ok(Some(line)) = lines.next() {
                    if let Ok(Some(request)) = line.and_then(|line| parser.parse(line)) {
                        requests += 1;
                        bytes += request.bytes_sent.unwrap_or(0);
                    }
                }
                assert!(requests >= LINES, "{name}: {requests}");
                black_box(bytes)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, lines);
criterion_main!(benches);
