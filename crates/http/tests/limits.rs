//! Does it outlive clients that are slow, greedy or hostile, and serve the others meanwhile?
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::{
        mpsc::{channel, Receiver, Sender},
        Arc, Mutex,
    },
    time::Duration,
};

use ron_accounting_export::{memory::MemoryLedger, Ack, Exporter, PutError};
use ron_accounting_http::{Refusal, Surface, SurfaceBuilder, SurfaceLimits};
use ron_ledger_wire::{Head, SealedSlice, StreamId};
use support::{chain, long_chain, patient, sequence, Answer, Running};

const SHORT: Duration = Duration::from_millis(50);

fn ledger() -> Arc<MemoryLedger> {
    Arc::new(MemoryLedger::new())
}

fn surface(limits: SurfaceLimits) -> Surface {
    let ledger = ledger();
    Surface::builder().ledger(Arc::clone(&ledger)).exporter(ledger).limits(limits).build()
}

/// Starts a request for an export with a body of this length.
fn begin_export(server: &Running, length: usize) -> TcpStream {
    let mut stream = server.connect();
    let head = "POST /export HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/cbor-seq\r\nconnection: close\r\n";
    write!(stream, "{head}content-length: {length}\r\n\r\n").unwrap();
    stream
}

/// Sends a byte at a time until the server ends the connection.
fn dribble(stream: &mut TcpStream, bytes: &[u8]) {
    let mut writer = stream.try_clone().unwrap();
    let bytes = bytes.to_vec();
    // It ends when the server has closed the connection.
    std::thread::spawn(move || {
        for byte in bytes.iter().cycle() {
            if writer.write_all(&[*byte]).is_err() {
                break;
            }
            std::thread::yield_now();
        }
    });
}

#[track_caller]
fn assert_served(server: &Running) {
    assert_eq!(server.get("/healthz").status, 200);
}

/// Waits until a refusal is counted, which may come after its answer.
fn wait_for(server: &Running, refusal: Refusal) {
    while server.counters.refused(refusal) == 0 {
        std::thread::yield_now();
    }
}

#[test]
fn a_silent_connection_is_told_and_closed() {
    let mut limits = patient();
    limits.first_byte_timeout = SHORT;
    let server = Running::start(&surface(SurfaceLimits::default()), limits);
    let mut stream = server.connect();
    let answer = Answer::read(&mut stream);
    assert_eq!((answer.problem().as_str(), answer.status), ("request-too-slow", 408));
    assert_eq!(server.counters.refused(Refusal::FirstByte), 1);
    assert_served(&server);
}

#[test]
fn a_head_that_does_not_end_is_told_and_closed() {
    let mut limits = patient();
    limits.header_timeout = SHORT;
    limits.header_bytes_max = 1 << 30;
    for begin in ["GET /usage HTTP/1.1\r\nhost: localhost\r\nx: ", "G", "PRI * HTTP"] {
        let server = Running::start(&surface(SurfaceLimits::default()), limits.clone());
        let mut stream = server.connect();
        stream.write_all(begin.as_bytes()).unwrap();
        let answer = Answer::read(&mut stream);
        assert_eq!((answer.problem().as_str(), answer.status), ("request-too-slow", 408), "{begin}");
        assert_eq!(server.counters.refused(Refusal::HeaderTime), 1);
        assert_served(&server);
    }
    let server = Running::start(&surface(SurfaceLimits::default()), limits);
    let mut stream = server.connect();
    stream.write_all(b"GET /usage HTTP/1.1\r\nx: ").unwrap();
    dribble(&mut stream, b"a");
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    assert_eq!(server.counters.refused(Refusal::HeaderTime), 1);
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let server = Running::start(&surface(SurfaceLimits::default()), patient());
    let mut stream = server.connect();
    let value = "x".repeat(32 << 10);
    let _ = write!(stream, "GET /usage HTTP/1.1\r\nhost: localhost\r\nx: {value}\r\n\r\n");
    assert_eq!(Answer::read(&mut stream).status, 431);
    wait_for(&server, Refusal::HeaderBytes);
    assert_served(&server);
}

#[test]
fn a_body_that_stops_or_never_ends_is_refused() {
    let mut limits = SurfaceLimits::default();
    limits.body_idle_timeout = SHORT;
    let server = Running::start(&surface(limits), patient());
    let mut stream = begin_export(&server, 1000);
    stream.write_all(b"\x01").unwrap();
    let answer = Answer::read(&mut stream);
    assert_eq!((answer.problem().as_str(), answer.status), ("body-too-slow", 408));
    assert_eq!(server.counters.refused(Refusal::BodyIdle), 1);

    let mut limits = SurfaceLimits::default();
    limits.body_timeout = SHORT;
    limits.body_bytes_max = 1 << 30;
    limits.exports_bytes_max = 1 << 30;
    let server = Running::start(&surface(limits), patient());
    let mut stream = begin_export(&server, 1 << 29);
    dribble(&mut stream, b"\x01");
    let mut head = [0; 12];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 408");
    assert_eq!(server.counters.refused(Refusal::BodyTime), 1);
    assert_served(&server);
}

#[test]
fn a_body_that_is_too_large_is_refused_before_and_while_it_is_read() {
    let mut limits = SurfaceLimits::default();
    limits.body_bytes_max = 1000;
    let server = Running::start(&surface(limits), patient());
    // It is announced: nothing has to be sent.
    let answer = Answer::read(&mut begin_export(&server, 1001));
    assert_eq!((answer.problem().as_str(), answer.status), ("body-too-large", 413));

    let mut stream = server.connect();
    let head = "POST /export HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/cbor-seq\r\nconnection: close\r\n";
    write!(stream, "{head}transfer-encoding: chunked\r\n\r\n").unwrap();
    for _ in 0..2 {
        write!(stream, "1f5\r\n{}\r\n", "\0".repeat(501)).unwrap();
    }
    assert_eq!(Answer::read(&mut stream).problem(), "body-too-large");
    assert_eq!(server.counters.refused(Refusal::BodyBytes), 2);
    assert_served(&server);
}

#[test]
fn an_answer_that_is_not_read_holds_nothing_and_is_cut_off() {
    let ledger = ledger();
    // More than the buffers of the system take.
    let slices = long_chain("acme", "requests", 16, 900, &"x".repeat(1000));
    assert!(ledger.put_batch(&slices).iter().all(Result::is_ok));
    let mut limits = SurfaceLimits::default();
    (limits.questions_max, limits.page_bytes) = (1, 1 << 20);
    limits.question_wait = Duration::from_secs(100);
    let surface = Surface::builder().ledger(Arc::clone(&ledger)).exporter(ledger).limits(limits).build();
    let mut connections = patient();
    connections.answer_idle_timeout = 4 * SHORT;
    let server = Running::start(&surface, connections);
    let mut stream = server.connect();
    write!(stream, "GET /usage?by=route,window HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    // The only handle to the ledger is free for others, while that answer waits.
    assert_eq!(server.get("/usage").status, 200);
    assert_eq!(server.export(&chain("acme", "bytes_in", 1, 1)).status, 200);
    wait_for(&server, Refusal::AnswerIdle);
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(!Answer::parse(&[&first[..], &rest].concat()).unwrap().is_complete);
    assert_served(&server);
}

#[test]
fn an_idle_connection_is_closed() {
    let mut limits = patient();
    limits.idle_timeout = SHORT;
    let server = Running::start(&surface(SurfaceLimits::default()), limits);
    let mut stream = server.connect();
    write!(stream, "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    assert_eq!(Answer::read(&mut stream).text(), "ok\n");
    assert_eq!(server.counters.refused(Refusal::Idle), 1);
}

#[test]
fn connections_beyond_the_limits_are_told_when_to_come_again() {
    for (all, of_peer, refusal) in [(2, 100, Refusal::Connections), (100, 2, Refusal::PeerConnections)] {
        let mut limits = patient();
        (limits.connections_max, limits.peer_connections_max) = (all, of_peer);
        let server = Running::start(&surface(SurfaceLimits::default()), limits);
        let open = [server.connect(), server.connect()];
        let refused = server.get("/healthz");
        assert_eq!((refused.problem().as_str(), refused.status), ("too-many-connections", 503));
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert_eq!(server.counters.refused(refusal), 1);
        drop(open);
        while server.counters.connections() > 0 {
            std::thread::yield_now();
        }
        assert_served(&server);
    }
}

/// An exporter that says when it begins to store, and ends when it is told to.
struct Slow {
    begun: Mutex<Sender<()>>,
    go: Mutex<Receiver<()>>,
}

impl Exporter for Slow {
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        let _ = self.begun.lock().unwrap().send(());
        let _ = self.go.lock().unwrap().recv();
        vec![Ok(Ack::Ok); batch.len()]
    }

    fn head(&self, _: &StreamId) -> Result<Option<Head>, PutError> {
        Ok(None)
    }
}

fn slow(limits: SurfaceLimits) -> (SurfaceBuilder, Receiver<()>, Sender<()>) {
    let ((begin, begun), (go, wait)) = (channel(), channel());
    let exporter = Slow { begun: begin.into(), go: wait.into() };
    (Surface::builder().exporter(exporter).limits(limits), begun, go)
}

#[test]
fn exports_beyond_the_limit_are_told_when_to_come_again() {
    let mut limits = SurfaceLimits::default();
    (limits.exports_max, limits.export_wait) = (1, SHORT);
    let (builder, begun, go) = slow(limits);
    let server = Running::start(&builder.build(), patient());
    let slices = chain("acme", "requests", 1, 1);
    let mut first = begin_export(&server, sequence(&slices).len());
    first.write_all(&sequence(&slices)).unwrap();
    begun.recv().unwrap();
    let refused = server.export(&slices);
    assert_eq!((refused.problem().as_str(), refused.header("retry-after")), ("too-many-exports", Some("1")));
    assert_eq!(server.counters.refused(Refusal::Exports), 1);
    drop(go);
    assert_eq!(Answer::read(&mut first).status, 200);
}

#[test]
fn all_bodies_together_fit_into_their_memory() {
    let mut limits = SurfaceLimits::default();
    limits.exports_bytes_max = 64 << 10;
    (limits.body_timeout, limits.body_idle_timeout) = (Duration::from_secs(100), Duration::from_secs(100));
    let server = Running::start(&surface(limits), patient());
    let mut hoarder = begin_export(&server, 1 << 20);
    hoarder.write_all(&vec![0; 64 << 10]).unwrap();
    // It is not ready while there is no room.
    while server.get("/readyz").json()["missing"][0] != "queues_bounded_ok" {
        std::thread::yield_now();
    }
    let refused = server.export(&chain("acme", "requests", 1, 1));
    assert_eq!((refused.problem().as_str(), refused.header("retry-after")), ("too-many-exports", Some("1")));
    drop(hoarder);
    while server.get("/readyz").status != 200 {
        std::thread::yield_now();
    }
    assert_eq!(server.export(&chain("acme", "requests", 1, 1)).status, 200);
}

#[test]
fn what_is_no_http_is_refused() {
    let server = Running::start(&surface(SurfaceLimits::default()), patient());
    let mut stream = server.connect();
    stream.write_all(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03 hello\r\n\r\n").unwrap();
    assert_eq!(Answer::read(&mut stream).status, 400);
    wait_for(&server, Refusal::Protocol);
    assert_served(&server);
}

#[test]
fn requests_that_are_open_at_the_end_are_answered() {
    let (builder, _begun, go) = slow(SurfaceLimits::default());
    let mut server = Running::start(&builder.build(), patient());
    let body = sequence(&chain("acme", "requests", 1, 1));
    let mut open = begin_export(&server, body.len());
    open.write_all(&body[..1]).unwrap();
    assert_served(&server);
    server.begin_stop();
    // Nobody else is let in any more.
    while TcpStream::connect(server.address).is_ok() {
        std::thread::yield_now();
    }
    open.write_all(&body[1..]).unwrap();
    go.send(()).unwrap();
    let answer = Answer::read(&mut open);
    assert_eq!((answer.status, answer.json()["slices"][0]["answer"].as_str()), (200, Some("stored")));
    assert_eq!(server.end().cut_off, 0);
}

#[test]
fn a_request_that_does_not_end_does_not_keep_the_server() {
    let mut limits = patient();
    limits.drain_timeout = SHORT;
    let mut server = Running::start(&surface(SurfaceLimits::default()), limits);
    let mut open = begin_export(&server, 1000);
    open.write_all(b"\x01").unwrap();
    while server.counters.connections() == 0 {
        std::thread::yield_now();
    }
    assert_served(&server);
    server.begin_stop();
    let counters = Arc::clone(&server.counters);
    assert_eq!(server.end().cut_off, 1);
    assert_eq!(counters.refused(Refusal::Shutdown), 1);
}
