//! Real connections: HTTP/1.1 and HTTP/2, clients that leave, streams, and what comes after an upgrade.
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

mod support;

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{header, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use ron_accounting::Accounting;
use ron_accounting_stream::{Counters, CountingStream};
use ron_accounting_tower::{MeterLayer, RequestBody, RequestOutcome, Usage};
use support::{
    accounting, layer, total, totals, Script,
    Step::{self, Data, Stall, Trailers, Wait},
    Totals, TENANT,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tower::Layer;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

/// A client's end of a connection to a service that is counted, and what settles there.
struct Connection {
    protocol: Protocol,
    address: std::net::SocketAddr,
    settled: mpsc::UnboundedReceiver<(RequestOutcome, u64, u64)>,
}

impl Connection {
    /// Starts a server. It answers by the path of a request.
    async fn new(acc: &Accounting, protocol: Protocol) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (settle, settled) = mpsc::unbounded_channel();
        let layer = layer(acc).hand_out_usage().on_settled(move |it| {
            let _ = settle.send((it.outcome, it.bytes_in, it.bytes_out));
        });
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let service = TowerToHyperService::new(layer.layer(tower::service_fn(answer)));
                tokio::spawn(async move {
                    let builder = auto::Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { protocol, address, settled }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        let stream = TokioIo::new(TcpStream::connect(self.address).await.unwrap());
        match self.protocol {
            Protocol::Http1 => {
                let (mut sender, connection) = http1::handshake(stream).await.unwrap();
                tokio::spawn(connection.with_upgrades());
                sender.send_request(request).await.unwrap()
            }
            Protocol::Http2 => {
                let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
                tokio::spawn(connection);
                sender.send_request(request).await.unwrap()
            }
        }
    }

    fn request(method: Method, path: &str, body: &'static str) -> Request<Full<Bytes>> {
        Request::builder()
            .method(method)
            .uri(format!("http://localhost{path}"))
            .header(TENANT, "acme")
            .body(Full::from(body))
            .unwrap()
    }

    /// Sends a request and reads the response to its end. Returns how many bytes it had, and how the request settled.
    async fn exchange(&mut self, method: Method, path: &str) -> (u64, (RequestOutcome, u64, u64)) {
        let response = self.send(Self::request(method, path, "hello")).await;
        let bytes = response.into_body().collect().await.unwrap().to_bytes().len() as u64;
        (bytes, self.settled.recv().await.unwrap())
    }
}

async fn answer(request: Request<RequestBody<Incoming>>) -> Result<Response<Script>, Infallible> {
    let path = request.uri().path().to_owned();
    let script = |steps: &[Step]| Script::new(steps.iter().copied());
    let response = match &*path {
        "/upgrade" => return Ok(upgrade(request)),
        "/sized" => Response::new(script(&[Data(1000)]).sized()),
        "/chunked" => Response::new(script(&[Data(1000), Wait, Data(500)])),
        "/trailers" => Response::new(script(&[Data(1000), Trailers])),
        "/empty" => Response::builder().status(StatusCode::NO_CONTENT).body(Script::default()).unwrap(),
        "/unchanged" => {
            Response::builder().status(StatusCode::NOT_MODIFIED).body(script(&[Data(1000)])).unwrap()
        }
        "/events" => Response::builder()
            .header(header::CONTENT_TYPE, "text/event-stream")
            .body(script(&[Data(100), Wait, Data(100), Stall]))
            .unwrap(),
        _ => {
            let read = request.into_body().collect().await.map_or(0, |body| body.to_bytes().len());
            Response::new(script(&[Data(read)]))
        }
    };
    Ok(response)
}

/// Echoes what comes over the upgraded connection, and counts it by the handle.
fn upgrade(mut request: Request<RequestBody<Incoming>>) -> Response<Script> {
    let usage = request.extensions().get::<Usage>().unwrap().clone();
    let upgrading = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let counters = Counters::new();
        let mut progress = counters.progress();
        let mut stream = CountingStream::new(TokioIo::new(upgrading.await.unwrap()), counters);
        let mut buffer = [0; 64];
        loop {
            let read = stream.read(&mut buffer).await.unwrap();
            stream.write_all(&buffer[..read]).await.unwrap();
            let moved = progress.take();
            usage.add("bytes_in", moved.bytes_in);
            usage.add("bytes_out", moved.bytes_out);
            if read == 0 {
                break;
            }
        }
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "echo")
        .body(Script::default())
        .unwrap()
}

const COMPLETE: RequestOutcome = RequestOutcome::Complete;

#[tokio::test]
async fn both_protocols_count_the_same() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let acc = accounting();
        let mut connection = Connection::new(&acc, protocol).await;
        let expected = [
            (Method::GET, "/sized", 1000, (COMPLETE, 0, 1000)),
            (Method::GET, "/chunked", 1500, (COMPLETE, 0, 1500)),
            (Method::GET, "/trailers", 1000, (COMPLETE, 0, 1000)),
            (Method::GET, "/empty", 0, (COMPLETE, 0, 0)),
            (Method::POST, "/echo", 5, (COMPLETE, 5, 5)),
        ];
        for (method, path, received, settled) in expected {
            assert_eq!(connection.exchange(method, path).await, (received, settled), "{protocol:?} {path}");
        }
        assert_eq!(totals(&acc), Totals { requests: 5, bytes_in: 5, bytes_out: 3505, ..Totals::default() });
    }
}

#[tokio::test]
async fn a_body_that_may_not_be_sent_counts_where_the_server_sends_it_nevertheless() {
    // hyper leaves it out of HTTP/1.1, and sends it over HTTP/2.
    for (protocol, bytes) in [(Protocol::Http1, 0), (Protocol::Http2, 1000)] {
        let acc = accounting();
        let mut connection = Connection::new(&acc, protocol).await;
        let settled = (COMPLETE, 0, bytes);
        assert_eq!(connection.exchange(Method::GET, "/unchanged").await, (bytes, settled));
    }
    let acc = accounting();
    let mut connection = Connection::new(&acc, Protocol::Http1).await;
    assert_eq!(connection.exchange(Method::HEAD, "/sized").await, (0, (COMPLETE, 0, 0)));
}

#[tokio::test]
async fn a_client_that_leaves_a_stream_is_charged_what_was_sent_and_the_stream_is_aborted() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let acc = accounting();
        let mut connection = Connection::new(&acc, protocol).await;
        let response = connection.send(Connection::request(Method::GET, "/events", "")).await;
        let mut body = response.into_body();
        let mut received = 0;
        while received < 200 {
            received += body.frame().await.unwrap().unwrap().into_data().unwrap().len();
        }
        assert_eq!(totals(&acc), Totals { requests: 1, bytes_out: 200, ..Totals::default() });
        drop(body);
        let settled = connection.settled.recv().await.unwrap();
        assert_eq!(settled, (RequestOutcome::AbortedByClient, 0, 200), "{protocol:?}");
        assert_eq!(totals(&acc), Totals { requests: 1, bytes_out: 200, aborted: 1, ..Totals::default() });
    }
}

#[tokio::test]
async fn a_client_that_leaves_its_upload_is_charged_what_the_handler_read() {
    let acc = accounting();
    let mut connection = Connection::new(&acc, Protocol::Http1).await;
    let mut stream = TcpStream::connect(connection.address).await.unwrap();
    let head = "POST /echo HTTP/1.1\r\nhost: localhost\r\nx-tenant: acme\r\ncontent-length: 1000\r\n\r\n";
    stream.write_all(format!("{head}only a part").as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    // The handler answers the broken upload with an empty body, or is dropped, as the server sees fit.
    let (_, bytes_in, _) = connection.settled.recv().await.unwrap();
    assert_eq!((bytes_in, totals(&acc).bytes_in, totals(&acc).requests), (11, 11, 1));
}

#[tokio::test]
async fn bytes_after_an_upgrade_are_outside_of_the_bodies_and_the_handle_counts_them() {
    let acc = accounting();
    let mut connection = Connection::new(&acc, Protocol::Http1).await;
    let request = Request::builder()
        .uri("/upgrade")
        .header(TENANT, "acme")
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "echo")
        .body(Full::default())
        .unwrap();
    let mut response = connection.send(request).await;
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    let mut stream = TokioIo::new(hyper::upgrade::on(&mut response).await.unwrap());
    stream.write_all(b"hello, echo").await.unwrap();
    let mut echoed = [0; 11];
    stream.read_exact(&mut echoed).await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(stream.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    assert_eq!(connection.settled.recv().await.unwrap(), (COMPLETE, 0, 0));
    assert_eq!((total(&acc, "bytes_in"), total(&acc, "bytes_out")), (11, 11));
}

#[tokio::test]
async fn random_clients_are_charged_what_the_server_was_handed() {
    // The counter right outside of the layer: it is what hyper asks for frames.
    let acc = accounting();
    let handed = Arc::new(Mutex::new(0_u64));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let meter = MeterLayer::new(&acc).layer(tower::service_fn(|_: Request<RequestBody<Incoming>>| async {
        let steps = (0..40).flat_map(|_| [Data(10_000), Wait]);
        Ok::<_, Infallible>(Response::new(Script::new(steps)))
    }));
    let (end, mut ended) = mpsc::unbounded_channel();
    let counter = Arc::clone(&handed);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (meter, counter, end) = (meter.clone(), Arc::clone(&counter), end.clone());
            let service = service_fn(move |request| {
                let (mut meter, counter) = (meter.clone(), Arc::clone(&counter));
                async move {
                    let response = tower::Service::call(&mut meter, request).await?;
                    Ok::<_, Infallible>(response.map(|body| {
                        body.map_frame(move |frame| {
                            *counter.lock().unwrap() += frame.data_ref().map_or(0, |data| data.len() as u64);
                            frame
                        })
                    }))
                }
            });
            tokio::spawn(async move {
                let builder = auto::Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                let _ = end.send(());
            });
        }
    });
    for client in 0..60_usize {
        let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let (mut sender, connection) = http1::handshake(stream).await.unwrap();
        let driver = tokio::spawn(connection);
        let mut body = sender.send_request(Request::new(Empty::<Bytes>::new())).await.unwrap().into_body();
        for _ in 0..client {
            if body.frame().await.is_none() {
                break;
            }
        }
        drop((body, sender));
        driver.abort();
    }
    for _ in 0..60 {
        ended.recv().await.unwrap();
    }
    assert_eq!(totals(&acc).requests, 60);
    assert_eq!(totals(&acc).bytes_out, *handed.lock().unwrap());
}
