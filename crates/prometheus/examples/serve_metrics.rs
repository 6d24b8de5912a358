//! A node that is scraped: counts what it is told to, exports to a SQLite ledger, and answers `GET /metrics` on loopback.
//!
//! ```text
//! cargo run -p ron-accounting-prometheus --example serve_metrics -- FOLDER
//! ```
//!
//! It prints its address, and then reads commands: `count LABEL_SETS REQUESTS` counts in four threads, `count-accounts ACCOUNTS`
//! counts by number, `seal` brings everything to the ledger. Each is answered with `done`. It ends with its input.

use std::{
    env,
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    thread,
    time::Duration,
};

use anyhow::{bail, ensure, Context};
use ron_accounting::{counters::AccountKey, labels, Accounting, Dimension, Dimensions};
use ron_accounting_prometheus::{Format, Metrics, ScrapeError};
use ron_accounting_sqlite::SqliteLedger;

const THREADS: usize = 4;
/// Few, so that label sets are evicted.
const LABEL_LIMIT: usize = 500;
/// The longest head of a request that is read.
const HEAD_BYTES_MAX: u64 = 16 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> anyhow::Result<()> {
    let folder = env::args().nth(1).context("usage: serve_metrics FOLDER")?;
    let folder = Path::new(&folder);
    let mut dimensions = Dimensions::default();
    let tokens = dimensions.register("tokens")?;
    let acc = Accounting::builder()
        .label_limit(LABEL_LIMIT)
        .dimensions(dimensions)
        .window_ms(1000)
        .wal_dir(folder.join("log"))
        .exporter(SqliteLedger::open(folder.join("usage.db"))?)
        .build()?;
    // Before the first recording: it shows what is counted from now on.
    let metrics = Metrics::new(&acc);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    say(&format!("listening on http://{}/metrics", listener.local_addr()?))?;
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let metrics = metrics.clone();
            thread::spawn(move || {
                if let Err(error) = answer(connection, &metrics) {
                    eprintln!("note: {error:#}");
                }
            });
        }
    });
    for line in io::stdin().lines() {
        let line = line?;
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["count", label_sets, requests] => {
                count(&acc, tokens, label_sets.parse()?, requests.parse()?);
            }
            ["count-accounts", accounts] => {
                let tenant = acc.tenant("by-number");
                for id in 0..accounts.parse()? {
                    acc.record_account(&tenant, AccountKey { ns: 1, id }, Dimension::REQUESTS, 3);
                }
            }
            ["seal"] => acc.shutdown(PATIENCE)?,
            _ => bail!("unknown command {line:?}"),
        }
        say("done")?;
    }
    Ok(())
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

fn count(acc: &Accounting, tokens: Dimension, label_sets: u64, requests: u64) {
    thread::scope(|scope| {
        for thread in (0..).take(THREADS) {
            scope.spawn(move || {
                for request in (thread..requests).step_by(THREADS) {
                    let set = request % label_sets.max(1);
                    let (tenant, route) = (format!("tenant-{}", set % 20), format!("/v1/{}/feed", word(set)));
                    let labels = labels().tenant(&tenant).method("GET").route(&route).service("omnigate");
                    let amounts = [
                        (Dimension::REQUESTS, 1),
                        (Dimension::BYTES_IN, 200 + set),
                        (Dimension::BYTES_OUT, 4096 + request % 1000),
                        (tokens, 1 + set % 7),
                    ];
                    acc.record_each(&labels.region("iad"), &amounts);
                }
            });
        }
    });
}

/// A number as a word: a route of digits would be taken for an id.
fn word(number: u64) -> String {
    number.to_string().bytes().map(|digit| char::from(b'a' + (digit - b'0'))).collect()
}

/// Answers one request and closes the connection.
fn answer(mut connection: TcpStream, metrics: &Metrics) -> anyhow::Result<()> {
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let mut head = BufReader::new(connection.try_clone()?.take(HEAD_BYTES_MAX)).lines();
    let request = head.next().context("no request")??;
    let mut accept = String::new();
    for line in head {
        let line = line?;
        if line.is_empty() {
            break;
        }
        match line.split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("accept") => {
                value.trim().clone_into(&mut accept);
            }
            _ => {}
        }
    }
    ensure!(request.starts_with("GET /metrics"), "refused {request:?}");
    let format = Format::negotiate(&accept);
    match metrics.scrape(format) {
        Ok(scrape) => {
            let content_type = format.content_type();
            write!(
                connection,
                "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nVary: Accept\r\nConnection: close\r\n\r\n"
            )?;
            for chunk in scrape {
                connection.write_all(&chunk)?;
            }
        }
        Err(error @ ScrapeError::TooMany { .. }) => {
            write!(
                connection,
                "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\r\n{error}\n"
            )?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
