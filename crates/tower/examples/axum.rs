//! A server whose usage is counted: routes, tenants, a stream that its client leaves, and tokens of a handler.
//!
//! `cargo run --package ron-accounting-tower --example axum` starts it on a free port, sends some requests, and prints what was
//! counted.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use axum::{
    body::Body,
    extract::Path,
    routing::{get, post},
    Router,
};
use futures_util::stream;
use http::{HeaderName, Request};
use http_body_util::BodyExt;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use ron_accounting::{export::MemoryLedger, Accounting, Dimensions};
use ron_accounting_tower::{header, MeterLayer, Usage};
use tokio::net::{TcpListener, TcpStream};

const TENANT: HeaderName = HeaderName::from_static("x-tenant");

async fn object(Path(id): Path<u64>) -> String {
    format!("object {id}")
}

async fn chat(usage: Usage, prompt: String) -> String {
    usage.add("tokens", prompt.split_whitespace().count() as u64);
    format!("you said: {prompt}")
}

/// Gives a kilobyte as often as the client asks for more.
async fn endless() -> Body {
    Body::from_stream(stream::repeat_with(|| Ok::<_, Infallible>("x".repeat(1024))))
}

/// Sends a request on a connection of its own, reads the response or the first bytes of it, and leaves.
async fn send(server: SocketAddr, request: Request<String>, bytes_max: usize) -> anyhow::Result<()> {
    let stream = TokioIo::new(TcpStream::connect(server).await?);
    let (mut sender, connection) = http1::handshake(stream).await?;
    let connection = tokio::spawn(connection);
    let mut body = sender.send_request(request).await?.into_body();
    let mut bytes = 0;
    while bytes < bytes_max {
        let Some(frame) = body.frame().await else { break };
        bytes += frame?.data_ref().map_or(0, bytes::Bytes::len);
    }
    connection.abort();
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut dimensions = Dimensions::default();
    for name in ["tokens", "requests_aborted"] {
        dimensions.register(name)?;
    }
    let ledger = MemoryLedger::new();
    let acc = Accounting::builder().dimensions(dimensions).exporter(ledger.clone()).build()?;

    let meter = MeterLayer::new(&acc).service("example").tenant(header(TENANT)).hand_out_usage();
    let app = Router::new()
        .route("/v1/objects/{id}", get(object))
        .route("/v1/chat", post(chat))
        .route("/v1/endless", get(endless))
        .layer(meter.count_aborted("requests_aborted")?);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let server = listener.local_addr()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(async move {
        let until_stopped = async {
            let _ = stopped.await;
        };
        axum::serve(listener, app).with_graceful_shutdown(until_stopped).await
    });

    let request = |tenant: &str, method: &str, path: &str| {
        Request::builder().method(method).uri(path).header("host", "localhost").header(TENANT, tenant)
    };
    for id in 0..3 {
        let path = format!("/v1/objects/{id}");
        send(server, request("acme", "GET", &path).body(String::new())?, usize::MAX).await?;
    }
    let prompt = "how many words are this".to_owned();
    send(server, request("acme", "POST", "/v1/chat").body(prompt)?, usize::MAX).await?;
    send(server, request("globex", "GET", "/wp-login.php").body(String::new())?, usize::MAX).await?;
    // This client leaves. It pays for what was handed to the server for it, which is more than it read.
    send(server, request("globex", "GET", "/v1/endless").body(String::new())?, 10_000).await?;

    let _ = stop.send(());
    serving.await??;
    let snapshot = acc.snapshot();
    println!(
        "{:<8} {:<6} {:<18} {:>8} {:>8} {:>9}",
        "tenant", "method", "route", "requests", "bytes in", "bytes out"
    );
    for entry in snapshot.entries() {
        let Some(labels) = entry.labels() else { continue };
        println!(
            "{:<8} {:<6} {:<18} {:>8} {:>8} {:>9}",
            labels.tenant,
            labels.method,
            labels.route,
            entry.requests(),
            entry.bytes_in(),
            entry.bytes_out()
        );
    }

    acc.shutdown(Duration::from_secs(5))?;
    assert_eq!(ledger.total("acme", "requests"), 4);
    assert_eq!(ledger.total("acme", "tokens"), 5);
    assert_eq!(ledger.total("acme", "bytes_in"), 23);
    assert_eq!(ledger.total("acme", "bytes_out"), 3 * 8 + 10 + 23);
    assert_eq!((ledger.total("globex", "requests"), ledger.total("globex", "requests_aborted")), (2, 1));
    assert!(ledger.total("globex", "bytes_out") >= 10_000);
    Ok(())
}
