//! Does each refusal say what happened and what to do?
#![allow(clippy::unwrap_used)]

mod support;

use std::{io::Write, ops::ControlFlow, sync::Arc};

use ron_accounting_export::{memory::MemoryLedger, Exporter};
use ron_accounting_http::{ListenAddress, Refusal, ServeError, Server, Surface};
use ron_accounting_ledger::{Ledger, ReadError, SliceInfo, StoredSlice};
use ron_ledger_wire::{Cid, Digest, Head, Seq, Slice, StreamId};
use support::{chain, patient, sequence, Answer, Running};

fn server() -> Running {
    let ledger = Arc::new(MemoryLedger::new());
    for answer in ledger.put_batch(&chain("acme", "requests", 2, 2)) {
        answer.unwrap();
    }
    Running::start(&Surface::builder().ledger(Arc::clone(&ledger)).exporter(ledger).build(), patient())
}

#[test]
fn what_is_asked_wrongly_is_refused_and_named() {
    let server = server();
    let cid = "b".repeat(59);
    for (path, problem, named) in [
        ("/usage?customer=acme", "unknown-parameter", "customer"),
        ("/usage?limit=5", "unknown-parameter", "limit"),
        ("/healthz?verbose", "unknown-parameter", "verbose"),
        ("/usage?tenant=a&tenant=b", "repeated-parameter", "tenant"),
        ("/usage?by=colour", "invalid-parameter", "colour"),
        ("/usage?by=tenant,tenant", "invalid-parameter", "twice"),
        ("/usage?since=yesterday", "invalid-parameter", "since"),
        ("/usage?since=2015-05-18&until=2015-05-17", "invalid-parameter", "exchange"),
        ("/usage?time-zone=Mars", "invalid-parameter", "Mars"),
        ("/usage?account=7", "invalid-parameter", "namespace:id"),
        ("/usage?account=7:1&route=/a", "invalid-parameter", "leave one out"),
        ("/usage?origin=7", "invalid-parameter", "origin"),
        ("/usage?straddling=middle", "invalid-parameter", "middle"),
        ("/usage?format=xml", "invalid-parameter", "csv"),
        ("/usage?tenant=%ff", "invalid-parameter", "UTF-8"),
        ("/streams?limit=0", "invalid-parameter", "limit"),
        ("/streams?after=nonsense", "invalid-parameter", "after"),
        ("/slices/nonsense", "invalid-parameter", "cid"),
        (&format!("/slices/{cid}"), "invalid-parameter", "cid"),
        (&format!("/slices/{}", Cid::from(Digest::of(b"unknown"))), "unknown-slice", "bafyr4i"),
        ("/dashboard", "unknown-path", "/dashboard"),
        ("/usage/", "unknown-path", "/usage/"),
    ] {
        let answer = server.get(path);
        assert_eq!(answer.problem(), problem, "{path}: {}", answer.text());
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(named), "{path}: {detail}");
        assert!((400..500).contains(&answer.status));
    }
    assert_eq!(server.get_as("/usage", "image/png").problem(), "not-acceptable");
    let answer = server.ask("DELETE", "/usage", &[], b"");
    assert_eq!((answer.problem().as_str(), answer.header("allow")), ("unknown-method", Some("GET,HEAD")));
}

#[test]
fn a_slice_across_a_boundary_is_refused_before_anything_is_sent() {
    let ledger = Arc::new(MemoryLedger::new());
    let mut slice = chain("acme", "requests", 1, 1).remove(0).decode();
    slice.end_ms = slice.start_ms + 2 * 86_400_000;
    assert!(ledger.put_batch(&[slice.encode().unwrap()]).remove(0).is_ok());
    let server = Running::start(&Surface::builder().ledger(ledger).build(), patient());
    let answer = server.get("/usage?by=day");
    assert_eq!((answer.problem().as_str(), answer.status), ("straddling", 422));
    assert_eq!(server.get("/usage?by=day&straddling=start").status, 200);
    assert_eq!(server.export(&[]).problem(), "unknown-path");
}

#[test]
fn what_is_exported_wrongly_is_refused_and_nothing_is_stored() {
    let server = server();
    let slices = chain("umbrella", "requests", 2, 1);
    let body = sequence(&slices);
    let post = |headers: &[(&str, &str)], body: &[u8]| server.ask("POST", "/export", headers, body);
    let typed = ("content-type", "application/cbor-seq");
    for (headers, body, problem) in [
        (vec![], &body[..], "unsupported-media-type"),
        (vec![("content-type", "text/plain")], &body[..], "unsupported-media-type"),
        (vec![("content-type", "application/x-www-form-urlencoded")], &body[..], "unsupported-media-type"),
        (vec![typed, ("content-encoding", "gzip")], &body[..], "unsupported-media-type"),
        (vec![typed, ("origin", "https://evil.example")], &body[..], "foreign-page"),
        (vec![typed, ("origin", "null")], &body[..], "foreign-page"),
        (vec![typed, ("accounting-claim", "nonsense")], &body[..], "malformed-claim"),
        (vec![typed], &body[..body.len() - 1], "malformed-sequence"),
        (vec![typed], b"\xff", "malformed-sequence"),
    ] {
        assert_eq!(post(&headers, body).problem(), problem, "{headers:?}");
    }
    assert_eq!(server.counters.refused(Refusal::ForeignPage), 2);
    assert_eq!(server.get("/usage?tenant=umbrella").text(), "[]\n");
    assert_eq!(server.ask("POST", "/export?claim=1", &[typed], b"").problem(), "unknown-parameter");
}

#[test]
fn a_slice_that_no_ledger_takes_does_not_stop_the_others() {
    let server = server();
    let good = chain("umbrella", "requests", 1, 1);
    let mut body = b"\x82\x01\x02".to_vec();
    body.extend(sequence(&good));
    let fork = Slice { seq: Seq::new(1), ..chain("acme", "requests", 2, 3)[1].decode() };
    body.extend(sequence(&[fork.encode().unwrap()]));
    let answer = server.ask("POST", "/export", &[("content-type", "application/cbor-seq")], &body);
    let slices = answer.json()["slices"].clone();
    assert_eq!((slices[0]["kind"].as_str(), slices[0].get("slice")), (Some("malformed"), None), "{slices}");
    assert_eq!(slices[1]["answer"], "stored");
    assert_eq!(slices[2]["kind"], "fork");
    assert!(slices[2]["stored"].is_string() && slices[2]["offered"].is_string());
}

#[test]
fn a_name_that_was_rebound_to_this_machine_is_refused() {
    let server = server();
    for host in ["evil.example", "evil.example:80", "localhost.evil.example"] {
        let mut stream = server.connect();
        write!(stream, "GET /usage HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
        let answer = Answer::read(&mut stream);
        assert_eq!((answer.problem().as_str(), answer.status), ("foreign-host", 403));
    }
    assert_eq!(server.counters.refused(Refusal::ForeignHost), 3);
}

#[test]
fn every_answer_tells_browsers_to_do_nothing_with_it() {
    let server = server();
    for path in ["/usage", "/healthz", "/nowhere", "/usage?by=x"] {
        let answer = server.get(path);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert!(answer.header("content-security-policy").unwrap().contains("default-src 'none'"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

#[test]
fn without_tokens_no_other_machine_is_answered() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bind = |address: &str| {
        let address: ListenAddress = address.parse().unwrap();
        runtime
            .block_on(Server::bind(&address, Surface::builder().build(), patient()))
            .map(|server| server.address().to_string())
    };
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.7:0"] {
        assert!(matches!(bind(address), Err(ServeError::NotLocal { .. })), "{address}");
    }
    let server = server();
    assert!(matches!(bind(&server.address.to_string()), Err(ServeError::InUse { .. })));
}

#[cfg(unix)]
#[test]
fn a_unix_socket_replaces_that_of_a_dead_process_and_nothing_else() {
    use std::os::unix::{fs::PermissionsExt, net::UnixStream};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.sock");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let bind = |path: &std::path::Path| {
        let address = ListenAddress::Unix(path.to_owned());
        runtime.block_on(Server::bind(&address, Surface::builder().build(), patient()))
    };
    std::fs::write(folder.path().join("notes"), "mine").unwrap();
    assert!(matches!(bind(&folder.path().join("notes")), Err(ServeError::NoSocket { .. })));
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let server = bind(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(bind(&path), Err(ServeError::InUse { .. })));

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = runtime.spawn(server.run(async { drop(stopped.await) }, std::future::pending()));
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: anything\r\nconnection: close\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut bytes).unwrap();
    assert_eq!(Answer::parse(&bytes).unwrap().text(), "ok\n");
    stop.send(()).unwrap();
    runtime.block_on(running).unwrap();
    assert!(!path.exists());
}

/// A ledger whose bytes were changed after they were stored.
struct Forged(MemoryLedger);

impl Ledger for Forged {
    fn heads(&self, after: Option<&StreamId>, limit: usize) -> Result<Vec<Head>, ReadError> {
        Ledger::heads(&self.0, after, limit)
    }

    fn stream_head(&self, stream: &StreamId) -> Result<Option<Head>, ReadError> {
        self.0.stream_head(stream)
    }

    fn slices(&self, stream: &StreamId, from: Seq, limit: usize) -> Result<Vec<SliceInfo>, ReadError> {
        Ledger::slices(&self.0, stream, from, limit)
    }

    fn read_slices(
        &self,
        stream: &StreamId,
        from: Seq,
        visit: &mut dyn FnMut(&StoredSlice<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        self.0.read_slices(stream, from, &mut |slice| visit(&StoredSlice { bytes: b"forged", ..*slice }))
    }
}

#[test]
fn bytes_that_are_not_what_they_are_named_after_are_not_served() {
    let ledger = MemoryLedger::new();
    let slices = chain("acme", "requests", 1, 1);
    assert!(ledger.put_batch(&slices).remove(0).is_ok());
    let server = Running::start(&Surface::builder().ledger(Forged(ledger)).build(), patient());
    for format in ["cbor", "json"] {
        let answer = server.get(&format!("/slices/{}?format={format}", slices[0].cid()));
        assert_eq!((answer.problem().as_str(), answer.status), ("ledger-damaged", 500));
    }
}
