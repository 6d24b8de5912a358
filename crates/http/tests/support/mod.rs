//! A server on a free port, and a client that sees every byte.
#![allow(dead_code)] // each file of tests uses a part

use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use ron_accounting_http::{Counters, Ended, ListenAddress, Server, ServerLimits, Surface};
use ron_ledger_wire::{Origin, Row, RowKey, SealedSlice, Seq, Slice, StreamId};
use tokio::sync::oneshot;

pub(crate) const ORIGIN: Origin = Origin::from_bytes([7; 16]);
/// A Sunday in May 2015, at midnight of UTC.
pub(crate) const DAY_MS: u64 = 1_431_820_800_000;
/// A test that waits this long for an answer has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// Limits that are never reached.
pub(crate) fn patient() -> ServerLimits {
    let mut limits = ServerLimits::default();
    for limit in [
        &mut limits.first_byte_timeout,
        &mut limits.header_timeout,
        &mut limits.answer_idle_timeout,
        &mut limits.idle_timeout,
        &mut limits.drain_timeout,
    ] {
        *limit = PATIENCE;
    }
    limits.propagation_delay = Duration::ZERO;
    limits
}

/// A server that runs in threads of its own.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) counters: Arc<Counters>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Ended>>,
}

impl Running {
    pub(crate) fn start(surface: &Surface, limits: ServerLimits) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (found, address) = std::sync::mpsc::channel();
        let (surface, counters) = (surface.clone(), Arc::clone(surface.counters()));
        let thread = thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                let listen: ListenAddress = "127.0.0.1:0".parse().unwrap();
                let server = Server::bind(&listen, surface, limits).await.unwrap();
                let ListenAddress::Tcp(address) = server.address() else { unreachable!() };
                found.send(*address).unwrap();
                let stop = async {
                    let _ = stopped.await;
                };
                server.run(stop, std::future::pending()).await
            })
        });
        Self { address: address.recv().unwrap(), counters, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    pub(crate) fn get_as(&self, path: &str, accept: &str) -> Answer {
        self.ask("GET", path, &[("accept", accept)], b"")
    }

    pub(crate) fn export(&self, slices: &[SealedSlice]) -> Answer {
        self.ask("POST", "/export", &[("content-type", "application/cbor-seq")], &sequence(slices))
    }

    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut stream = self.connect();
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
        head.extend(headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")));
        write!(head, "content-length: {}\r\n\r\n", body.len()).unwrap();
        // A server that refuses may not read the rest.
        let _ = stream.write_all(&[head.as_bytes(), body].concat());
        Answer::read(&mut stream)
    }

    /// Tells the server to end.
    pub(crate) fn begin_stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }

    pub(crate) fn end(mut self) -> Ended {
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap()
    }
}

/// An answer of HTTP/1.1.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body came to its end.
    pub(crate) is_complete: bool,
}

impl Answer {
    /// Reads until the connection ends.
    pub(crate) fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        // A reset after the answer is an end as well.
        let _ = stream.read_to_end(&mut bytes);
        Self::parse(&bytes).unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(&bytes)))
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let header =
            |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        let headers = lines.filter_map(header).collect();
        let mut answer = Self { status, headers, body: bytes[end + 4..].to_vec(), is_complete: false };
        if answer.header("transfer-encoding").is_some() {
            answer.unchunk();
        } else {
            let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
            answer.is_complete = answer.body.len() == length;
        }
        Some(answer)
    }

    fn unchunk(&mut self) {
        let mut rest = std::mem::take(&mut self.body);
        while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
            let length = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
            if length == 0 {
                self.is_complete = true;
                return;
            }
            let begin = line + 2;
            let end = (begin + length).min(rest.len());
            self.body.extend_from_slice(&rest[begin..end]);
            rest.drain(..(end + 2).min(rest.len()));
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns the last part of the type of a problem.
    #[track_caller]
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{problem}");
        for member in ["type", "title", "detail"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
        problem["type"].as_str().unwrap().rsplit('#').next().unwrap().to_owned()
    }
}

pub(crate) fn sequence(slices: &[SealedSlice]) -> Vec<u8> {
    slices.iter().flat_map(|slice| slice.bytes().to_vec()).collect()
}

/// The first slices of a stream, a minute each, with one row for each of the routes.
pub(crate) fn chain(tenant: &str, dimension: &str, slices: u64, routes: u64) -> Vec<SealedSlice> {
    long_chain(tenant, dimension, slices, routes, "")
}

/// The same, with routes that end alike.
pub(crate) fn long_chain(
    tenant: &str,
    dimension: &str,
    slices: u64,
    routes: u64,
    end: &str,
) -> Vec<SealedSlice> {
    let stream = StreamId::new(ORIGIN, tenant, dimension);
    let mut chain: Vec<SealedSlice> = Vec::new();
    for number in 0..slices {
        let start_ms = DAY_MS + number * 60_000;
        let row = |route: u64| Row {
            key: RowKey::labels("GET", format!("/r/{route:06}{end}").as_str(), "gateway", "eu"),
            increment: 1 + number + route,
        };
        let slice = Slice {
            stream: stream.clone(),
            seq: Seq::new(number),
            start_ms,
            end_ms: start_ms + 60_000,
            previous: chain.last().map(SealedSlice::digest),
            rows: (0..routes).map(row).collect(),
        };
        chain.push(slice.encode().unwrap());
    }
    chain
}
