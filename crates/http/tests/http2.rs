//! Does HTTP/2 answer, and outlive what only HTTP/2 can do?
#![allow(clippy::unwrap_used)]

mod support;

use std::{sync::Arc, time::Duration};

use http_body_util::{BodyExt, Empty};
use hyper::{client::conn::http2, Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use ron_accounting_export::{memory::MemoryLedger, Exporter};
use ron_accounting_http::{Refusal, Surface, SurfaceLimits};
use support::{long_chain, patient, Running};
use tokio::{net::TcpStream, runtime::Runtime};

type Sender = http2::SendRequest<Empty<bytes::Bytes>>;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Connects with windows of this size, or those of the library.
async fn connect(server: &Running, window: Option<u32>) -> Sender {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window).initial_connection_window_size(window);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn get(server: &Running, path: &str) -> Request<Empty<bytes::Bytes>> {
    Request::get(format!("http://{}{path}", server.address)).body(Empty::new()).unwrap()
}

fn surface() -> Surface {
    let ledger = Arc::new(MemoryLedger::new());
    let slices = long_chain("acme", "requests", 16, 900, &"x".repeat(1000));
    assert!(ledger.put_batch(&slices).iter().all(Result::is_ok));
    let mut limits = SurfaceLimits::default();
    limits.question_wait = Duration::from_secs(100);
    Surface::builder().ledger(ledger).limits(limits).build()
}

#[test]
fn requests_of_one_connection_are_answered_side_by_side() {
    let server = Running::start(&surface(), patient());
    runtime().block_on(async {
        let mut sender = connect(&server, None).await;
        let asked: Vec<_> = (0..20).map(|_| sender.send_request(get(&server, "/usage"))).collect();
        for answer in asked {
            let answer = answer.await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            assert!(body.starts_with(b"[\n{\"tenant\":\"acme\""));
        }
        let foreign = Request::get("http://evil.example/usage").body(Empty::new()).unwrap();
        assert_eq!(sender.send_request(foreign).await.unwrap().status(), StatusCode::FORBIDDEN);
    });
}

#[test]
fn an_answer_without_a_window_is_cut_off() {
    let mut limits = patient();
    limits.answer_idle_timeout = Duration::from_millis(200);
    let server = Running::start(&surface(), limits);
    runtime().block_on(async {
        let mut sender = connect(&server, Some(1000)).await;
        let answer = sender.send_request(get(&server, "/usage?by=route")).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        // Nothing of the body is read until the server has had enough.
        while server.counters.refused(Refusal::AnswerIdle) == 0 {
            tokio::task::yield_now().await;
        }
        assert!(answer.into_body().collect().await.is_err());
    });
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn a_flood_of_requests_that_are_given_up_ends_the_connection() {
    let mut limits = patient();
    limits.resets_max = 50;
    let server = Running::start(&surface(), limits);
    runtime().block_on(async {
        let mut sender = connect(&server, None).await;
        while server.counters.refused(Refusal::Resets) == 0 {
            if sender.ready().await.is_err() {
                sender = connect(&server, None).await;
            }
            let asked = tokio::spawn(sender.send_request(get(&server, "/usage?by=route")));
            tokio::task::yield_now().await;
            asked.abort();
        }
    });
    assert_eq!(server.get("/healthz").status, 200);
}
