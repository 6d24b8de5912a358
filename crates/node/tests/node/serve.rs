//! Serving: every question over HTTP has the answer of the command line, slices come in, and a signal ends it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use ron_ledger_wire::{Cid, Digest, Origin, Row, RowKey, SealedSlice, Seq, Slice, StreamId};
use serde_json::{json, Value};

use crate::{binary::Folder, sample_log::SampleLog};

/// A test that waits this long for an answer has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// The program while it serves. It is killed with the test, if it has not ended.
struct Serving {
    child: Child,
    out: BufReader<ChildStdout>,
    address: String,
}

impl Serving {
    fn start(folder: &Folder, arguments: &[&str]) -> Self {
        let all = [&["serve", "--listen", "127.0.0.1:0"], arguments].concat();
        let mut child = folder
            .command(&all)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let address = line
            .trim_end()
            .strip_prefix("listening on http://")
            .unwrap_or_else(|| panic!("{line:?}"))
            .to_owned();
        Self { child, out, address }
    }

    fn ask(&self, head: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        let host = &self.address;
        write!(stream, "{head}\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n")
            .unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let status = std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
        (status, answer.split_off(end + 4))
    }

    fn get(&self, path: &str) -> (u16, Vec<u8>) {
        self.ask(&format!("GET {path} HTTP/1.1"), b"")
    }

    /// Asks for something that is there.
    fn text(&self, path: &str) -> String {
        let (status, body) = self.get(path);
        let text = String::from_utf8(body).unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        text
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.text(path)).unwrap()
    }

    fn export(&self, slices: &[SealedSlice]) -> Value {
        let body: Vec<u8> = slices.iter().flat_map(|slice| slice.bytes().to_vec()).collect();
        let (status, answer) = self.ask("POST /export HTTP/1.1\r\ncontent-type: application/cbor-seq", &body);
        assert_eq!(status, 200);
        serde_json::from_slice(&answer).unwrap()
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([format!("-{name}"), pid]).status().unwrap().success());
    }

    /// Waits for the end, and returns the exit code and what it said.
    fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        let mut said = String::new();
        self.out.read_to_string(&mut said).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (code, said)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

fn slices(tenant: &str, count: u64) -> Vec<SealedSlice> {
    let mut chain: Vec<SealedSlice> = Vec::new();
    for number in 0..count {
        let start_ms = 1_431_820_800_000 + number * 60_000;
        let slice = Slice {
            stream: StreamId::new(Origin::from_bytes([9; 16]), tenant, "requests"),
            seq: Seq::new(number),
            start_ms,
            end_ms: start_ms + 60_000,
            previous: chain.last().map(SealedSlice::digest),
            rows: vec![Row { key: RowKey::labels("GET", "/v1/feed", "gateway", "eu"), increment: 1 << 53 }],
        };
        chain.push(slice.encode().unwrap());
    }
    chain
}

#[test]
fn every_answer_is_that_of_the_command_line_until_a_signal_ends_it() {
    let folder = Folder::new();
    folder.write("access.log", SampleLog::new(300).text);
    folder.done(&["import", "--tenant", "user", "access.log"]);
    let serving = Serving::start(&folder, &["--propagation-delay", "0s"]);

    for (parameters, arguments) in [
        ("", vec![]),
        ("by=tenant,route,window", vec!["--by", "tenant,route,window"]),
        (
            "by=day,dimension&time-zone=Asia/Kolkata",
            vec!["--by", "day,dimension", "--time-zone", "Asia/Kolkata"],
        ),
        ("tenant=ada&since=2015-05-17", vec!["--tenant", "ada", "--since", "2015-05-17"]),
    ] {
        for format in ["json", "csv"] {
            let command = [&["usage", "--format", format], &arguments[..]].concat();
            assert_eq!(serving.text(&format!("/usage?format={format}&{parameters}")), folder.done(&command));
            let command = [&command[..], &["--evidence"]].concat();
            assert_eq!(
                serving.text(&format!("/usage/evidence?format={format}&{parameters}")),
                folder.done(&command)
            );
        }
    }
    let streams = serving.json("/streams");
    assert!(streams["streams"].as_array().unwrap().len() > 2 && streams["next"].is_null());
    let cid = serving.json("/usage/evidence")[0]["cid"].as_str().unwrap().to_owned();
    let (_, bytes) = serving.get(&format!("/slices/{cid}"));
    assert_eq!(Cid::from(Digest::of(&bytes)).to_string(), cid);
    assert_eq!(serving.text("/healthz"), "ok\n");
    assert_eq!(serving.json("/readyz")["ready"], true);
    assert!(serving
        .text("/metrics")
        .contains("accounting_http_requests_total{route=\"/streams\",status=\"2xx\"} 1\n"));
    assert_eq!(serving.json("/openapi.json")["openapi"], "3.1.0");
    assert_eq!(serving.get("/nowhere").0, 404);

    serving.signal("TERM");
    assert_eq!(serving.end(), (Some(0), String::new()));
}

#[test]
fn what_is_exported_over_http_is_in_every_answer_and_verifies() {
    let folder = Folder::new();
    let serving = Serving::start(&folder, &["--propagation-delay", "0s"]);
    let slices = slices("acme", 3);
    for (slice, answer) in slices.iter().zip(serving.export(&slices)["slices"].as_array().unwrap()) {
        assert_eq!(
            (&answer["answer"], &answer["slice"]["cid"]),
            (&json!("stored"), &json!(slice.cid().to_string()))
        );
    }
    assert_eq!(serving.export(&slices)["slices"][2]["answer"], "duplicate");
    let sums = json!([{ "tenant": "acme", "dimension": "requests", "inc": (3_u64 << 53).to_string() }]);
    assert_eq!(serving.json("/usage"), sums);
    assert_eq!(serving.text("/usage"), folder.done(&["usage", "--format", "json"]));
    assert!(folder.done(&["verify"]).ends_with("verified: yes\n"));
    serving.signal("INT");
    assert_eq!(serving.end().0, Some(0));
    assert_eq!(folder.json(&["usage", "--format", "json"]), sums);
}

#[test]
fn before_it_ends_it_says_that_it_will_and_still_answers() {
    let folder = Folder::new();
    let serving = Serving::start(&folder, &["--propagation-delay", "1h"]);
    assert_eq!(serving.get("/readyz").0, 200);
    serving.signal("TERM");
    let (status, readyz) = loop {
        let (status, readyz) = serving.get("/readyz");
        if status != 200 {
            break (status, serde_json::from_slice::<Value>(&readyz).unwrap());
        }
    };
    assert_eq!((status, &readyz["missing"]), (503, &json!(["serving_ok"])));
    assert_eq!(serving.export(&slices("acme", 1))["slices"][0]["answer"], "stored");
    assert_eq!(serving.get("/usage").0, 200);
    // A second signal does not wait.
    serving.signal("TERM");
    assert_eq!(serving.end().0, Some(0));
}

#[test]
fn a_server_that_only_reads_takes_no_slices_and_makes_no_ledger() {
    let folder = Folder::new();
    let refused = folder.run(&["serve", "--read-only", "--listen", "127.0.0.1:0"]);
    assert_eq!((refused.code, folder.names()), (Some(2), Vec::<String>::new()), "{refused:?}");
    folder.write("access.log", SampleLog::new(10).text);
    folder.done(&["import", "access.log"]);
    let serving = Serving::start(&folder, &["--read-only"]);
    let (status, _) = serving.ask("POST /export HTTP/1.1\r\ncontent-type: application/cbor-seq", b"");
    assert_eq!((status, serving.get("/usage").0), (404, 200));
    serving.signal("TERM");
    serving.signal("TERM");
    assert_eq!(serving.end().0, Some(0));
}

#[test]
fn an_address_that_others_can_reach_is_refused_and_so_is_one_that_is_taken() {
    let folder = Folder::new();
    let serving = Serving::start(&folder, &[]);
    for (address, said) in [
        ("0.0.0.0:0", "loopback"),
        ("192.0.2.7:80", "loopback"),
        ("example.org:80", "127.0.0.1:8080"),
        (serving.address.as_str(), "another process listens"),
        ("unix:usage.db", "no socket"),
        ("unix:/nowhere/at/all.sock", "next: name an address"),
    ] {
        let refused = folder.run(&["serve", "--listen", address]);
        assert_eq!(refused.code, Some(2), "{address}: {refused:?}");
        assert!(refused.err.contains(said), "{address}: {}", refused.err);
        assert_eq!(refused.out, "");
    }
}
