//! `serve`: answers questions about a ledger over HTTP, and takes slices for it.

use std::{future::Future, io::Write, ops::RangeInclusive, time::Duration};

use anyhow::Context;
use ron_accounting_http::{ListenAddress, ServeError, Server, ServerLimits, Surface, SurfaceLimits};
use ron_accounting_sqlite::SqliteLedger;
use tokio::{runtime, sync::watch};

use super::ledger::LedgerArgument;
use crate::{
    advice::Advised,
    exit::{Exit, Failure},
    moment,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  ron-accounting serve
  ron-accounting serve --ledger /var/lib/meter/usage.db --listen 127.0.0.1:8080
  ron-accounting serve --listen unix:/run/meter/usage.sock --read-only
  curl 'http://127.0.0.1:8080/usage?by=tenant,day&dimension=requests'";

/// How long a transaction may take to end once nobody waits for it any more. SQLite takes back what does not.
const LAST_TRANSACTION: Duration = Duration::from_secs(5);

/// Serve a ledger over HTTP: usage, evidence, slices, export, readiness and metrics.
///
/// The first line is `listening on` and the address. docs/http.md has an example for each endpoint, and /openapi.json describes all
/// of them.
///
/// There are no tokens yet: everybody who can connect may read everything and export. So only loopback addresses and Unix
/// sockets are listened on, and only requests that name this machine as their host are answered.
///
/// SIGTERM and Ctrl-C end it: /readyz says so first, then no more connections are accepted, and open requests come to their
/// end. A second signal ends it at once. Nothing that was acknowledged is lost in any case.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    ledger: LedgerArgument,
    /// Where to listen: 127.0.0.1:8080, [::1]:8080, localhost:8080 or unix:/path/to/socket; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: ListenAddress,
    /// Take no slices, and never write to the ledger
    #[arg(long)]
    read_only: bool,
    /// How many questions are answered at once, from 1 to 64
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = within(1..=64))]
    questions_max: usize,
    /// How many exports wait for the ledger at once, from 1 to 64
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = within(1..=64))]
    exports_max: usize,
    /// How many bytes the body of an export has at most, from 1048576 to 67108864
    #[arg(long, value_name = "BYTES", default_value_t = 8 << 20, value_parser = within(1 << 20..=64 << 20))]
    body_bytes_max: usize,
    /// How many connections are open at once, from 1 to 65536
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = within(1..=65_536))]
    connections_max: usize,
    /// How many connections of one address are open at once, from 1 to 65536
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = within(1..=65_536))]
    peer_connections_max: usize,
    /// How long connections are still accepted after /readyz began to say no; 0s for not at all
    #[arg(long, value_name = "SPAN", default_value = "3s", value_parser = moment::parse_delay)]
    propagation_delay: u64,
    /// How long open requests may take to come to their end after that
    #[arg(long, value_name = "SPAN", default_value = "20s", value_parser = moment::parse_span)]
    drain_timeout: u64,
}

/// Returns a parser of numbers within a range.
fn within(range: RangeInclusive<usize>) -> impl Fn(&str) -> Result<usize, String> + Clone + Send + Sync {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("write a number from {} to {}", range.start(), range.end()))
    }
}

pub(super) fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<Exit, Failure> {
    let surface = surface(arguments)?;
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(arguments.questions_max + arguments.exports_max + 2)
        .build()
        .context("cannot start the threads of the server")?;
    let ended = runtime.block_on(serve(arguments, surface, out));
    runtime.shutdown_timeout(LAST_TRANSACTION);
    ended
}

fn surface(arguments: &Arguments) -> Result<Surface, Failure> {
    let mut limits = SurfaceLimits::default();
    limits.exports_max = arguments.exports_max;
    limits.body_bytes_max = arguments.body_bytes_max;
    limits.exports_bytes_max = arguments.body_bytes_max.saturating_mul(arguments.exports_max);
    let mut builder = Surface::builder().limits(limits);
    if !arguments.read_only {
        // It makes the ledger if there is none.
        builder = builder.exporter(SqliteLedger::open(&arguments.ledger.ledger)?);
    }
    // One connection answers one question at a time, and a question must not wait for an export.
    for _ in 0..arguments.questions_max {
        builder = builder.ledger_handle(arguments.ledger.open_read_only()?);
    }
    Ok(builder.build())
}

async fn serve(arguments: &Arguments, surface: Surface, out: &mut dyn Write) -> Result<Exit, Failure> {
    let mut limits = ServerLimits::default();
    limits.connections_max = arguments.connections_max;
    limits.peer_connections_max = arguments.peer_connections_max;
    limits.propagation_delay = Duration::from_millis(arguments.propagation_delay);
    limits.drain_timeout = Duration::from_millis(arguments.drain_timeout);
    let (stop, hurry) = signals()?;
    let server = Server::bind(&arguments.listen, surface, limits).await.map_err(refused)?;
    writeln!(out, "listening on {}", server.address())?;
    out.flush()?;
    let ended = server.run(stop, hurry).await;
    if ended.cut_off > 0 {
        eprintln!(
            "note: {} connections were cut off, because they were still busy at the end",
            ended.cut_off
        );
    }
    Ok(Exit::Done)
}

fn refused(error: ServeError) -> Failure {
    match error {
        ServeError::Bind { address, source } => {
            let next = "name an address of this machine and a port above 1023, or the path of a socket in a folder that you may \
                        write to";
            anyhow::Error::new(source)
                .context(Advised::new(format!("cannot listen on {address}"), next))
                .into()
        }
        error => error.into(),
    }
}

/// Returns two events: the first signal that asks for the end, and the second.
fn signals() -> anyhow::Result<(impl Future<Output = ()>, impl Future<Output = ()>)> {
    let (count, counted) = watch::channel(0_u32);
    let mut next = listen_for_signals().context("cannot listen for signals")?;
    tokio::spawn(async move {
        while next.recv().await.is_some() {
            count.send_modify(|count| *count += 1);
        }
    });
    let after = |wanted: u32| {
        let mut counted = counted.clone();
        async move {
            if counted.wait_for(|count| *count >= wanted).await.is_err() {
                // No signal can come any more.
                std::future::pending::<()>().await;
            }
        }
    };
    Ok((after(1), after(2)))
}

/// Returns a channel that has a message for each signal.
fn listen_for_signals() -> std::io::Result<tokio::sync::mpsc::Receiver<()>> {
    let (came, signals) = tokio::sync::mpsc::channel(4);
    #[cfg(unix)]
    {
        use tokio::signal::unix::{signal, SignalKind};
        for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
            let (mut signal, came) = (signal(kind)?, came.clone());
            tokio::spawn(
                async move { while signal.recv().await.is_some() && came.send(()).await.is_ok() {} },
            );
        }
    }
    #[cfg(not(unix))]
    tokio::spawn(
        async move { while tokio::signal::ctrl_c().await.is_ok() && came.send(()).await.is_ok() {} },
    );
    Ok(signals)
}
