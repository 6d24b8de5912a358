//! Is the description of the answers true?
#![allow(clippy::unwrap_used)]

mod support;

use std::{collections::BTreeSet, sync::Arc};

use jsonschema::Validator;
use ron_accounting_export::{memory::MemoryLedger, Exporter};
use ron_accounting_http::{Surface, OPENAPI};
use ron_ledger_wire::{Row, RowKey, Seq, Slice, StreamId};
use serde_json::{json, Value};
use support::{chain, patient, sequence, Answer, Running, DAY_MS, ORIGIN};

/// The document, and which of its answers were seen.
struct Document {
    document: Value,
    seen: BTreeSet<(String, String, u16)>,
}

impl Document {
    /// Checks that an answer is one that the document describes.
    fn check(&mut self, method: &str, path: &str, answer: &Answer) {
        let status = answer.status.to_string();
        let described = &self.document["paths"][path][method]["responses"][&status];
        assert!(
            described.is_object(),
            "{method} {path} answered {status}, which is not described: {answer:?}"
        );
        self.seen.insert((method.to_owned(), path.to_owned(), answer.status));
        let Some(content_type) = answer.header("content-type") else { return };
        let essence = content_type.split(';').next().unwrap();
        let schema = &described["content"][essence]["schema"];
        assert!(
            schema.is_object(),
            "{method} {path} {status} has the type {essence}, which is not described"
        );
        if essence.ends_with("json") {
            let errors = self.errors(schema, &answer.json());
            assert!(errors.is_empty(), "{method} {path} {status}: {errors:#?}\n{}", answer.text());
        }
        for header in described["headers"].as_object().into_iter().flat_map(|headers| headers.keys()) {
            assert!(answer.header(header).is_some(), "{method} {path} {status} has no {header}");
        }
    }

    fn errors(&self, schema: &Value, value: &Value) -> Vec<String> {
        let mut schema = schema.clone();
        schema["components"] = self.document["components"].clone();
        let validator: Validator = jsonschema::draft202012::new(&schema).unwrap();
        validator.iter_errors(value).map(|error| format!("{} at {}", error, error.instance_path())).collect()
    }
}

fn ledger() -> Arc<MemoryLedger> {
    let ledger = Arc::new(MemoryLedger::new());
    let accounts = Slice {
        stream: StreamId::new(ORIGIN, "umbrella", "cpu"),
        seq: Seq::FIRST,
        start_ms: DAY_MS,
        end_ms: DAY_MS + 3 * 86_400_000,
        previous: None,
        rows: vec![Row { key: RowKey::Account { namespace: 7, id: 12 }, increment: u64::MAX }],
    };
    for answer in
        ledger.put_batch(&[chain("acme", "requests", 3, 2), vec![accounts.encode().unwrap()]].concat())
    {
        answer.unwrap();
    }
    ledger
}

#[test]
fn every_answer_is_described_and_every_description_was_seen() {
    let ledger = ledger();
    let server = Running::start(
        &Surface::builder().ledger(Arc::clone(&ledger)).exporter(Arc::clone(&ledger)).build(),
        patient(),
    );
    let nothing = Running::start(&Surface::builder().build(), patient());
    let mut document = Document { document: serde_json::from_str(OPENAPI).unwrap(), seen: BTreeSet::new() };
    assert_eq!(server.get("/openapi.json").json(), document.document);

    for path in ["/usage", "/usage/evidence"] {
        for parameters in [
            "",
            "?by=",
            "?by=tenant,method,route,service,region,dimension,window",
            "?by=week,month&tenant=acme",
            "?format=csv",
            "?by=x",
        ] {
            document.check("get", path, &server.get(&format!("{path}{parameters}")));
        }
        document.check("get", path, &server.get(&format!("{path}?by=day")));
        document.check("get", path, &server.get_as(path, "image/png"));
        document.check("get", path, &nothing.get(path));
    }
    for path in ["/streams", "/streams?limit=1", "/streams?limit=x"] {
        document.check("get", "/streams", &server.get(path));
    }
    document.check("get", "/streams", &nothing.get("/streams"));
    let evidence = server.get("/usage/evidence").json();
    for slice in evidence.as_array().unwrap() {
        let path = format!("/slices/{}", slice["cid"].as_str().unwrap());
        for accept in ["application/cbor", "application/json", "text/html"] {
            let answer = server.get_as(&path, accept);
            document.check("get", "/slices/{cid}", &answer);
            if let Some(tag) = answer.header("etag") {
                let known = server.ask("GET", &path, &[("if-none-match", tag), ("accept", accept)], b"");
                document.check("get", "/slices/{cid}", &known);
            }
        }
    }
    document.check("get", "/slices/{cid}", &server.get("/slices/x"));
    document.check(
        "get",
        "/slices/{cid}",
        &nothing.get(&format!("/slices/{}", evidence[0]["cid"].as_str().unwrap())),
    );
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
        document.check("get", path, &server.get(path));
    }
    document.check("get", "/metrics", &server.get_as("/metrics", "application/openmetrics-text"));

    let typed = ("content-type", "application/cbor-seq");
    let fork = Slice { seq: Seq::new(1), ..chain("acme", "requests", 2, 3)[1].decode() };
    let gap = chain("acme", "requests", 6, 1);
    let body = [
        b"\x80".to_vec(),
        sequence(&chain("acme", "requests", 1, 2)),
        sequence(&gap[5..]),
        sequence(&chain("new", "requests", 1, 1)),
    ]
    .concat();
    let claim = |holder: &str| format!("origin={ORIGIN}; holder={}", holder.repeat(32));
    for (headers, body) in [
        (vec![typed], body.as_slice()),
        (vec![typed], &sequence(&[fork.encode().unwrap()])),
        (vec![typed], &sequence(&[gap[5].clone(), gap[5].clone()])),
        (vec![typed, ("accounting-claim", &claim("a"))], &sequence(&gap[5..])),
        (vec![typed, ("accounting-claim", &claim("b"))], &sequence(&gap[5..])),
        (vec![typed, ("origin", "https://evil.example")], b""),
        (vec![typed], b"\xff"),
        (vec![], b""),
        (vec![typed], &vec![0; 9 << 20]),
    ] {
        document.check("post", "/export", &server.ask("POST", "/export", &headers, body));
    }
    document.check("post", "/export", &nothing.export(&[]));

    ledger.set_unavailable(true);
    for path in ["/usage", "/usage/evidence", "/streams", "/readyz"] {
        document.check("get", path, &server.get(path));
    }
    let unknown = format!("/slices/{}", evidence[0]["cid"].as_str().unwrap());
    document.check("get", "/slices/{cid}", &server.get(&unknown));
    document.check("post", "/export", &server.export(&gap[..1]));

    // What needs a slow client, many clients or damage is tried elsewhere.
    let elsewhere = [
        ("/export", 408),
        ("/metrics", 503),
        ("/usage", 500),
        ("/usage/evidence", 500),
        ("/streams", 500),
        ("/slices/{cid}", 500),
    ];
    for (path, methods) in document.document["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap() {
            for status in described["responses"].as_object().unwrap().keys() {
                let status: u16 = status.parse().unwrap();
                let is_seen = document.seen.contains(&(method.clone(), path.clone(), status));
                assert!(
                    is_seen || elsewhere.contains(&(path, status)),
                    "no answer {status} of {method} {path} was seen"
                );
            }
        }
    }
}

#[test]
fn every_parameter_that_is_described_is_taken() {
    let server = Running::start(&Surface::builder().ledger(ledger()).build(), patient());
    let document: Value = serde_json::from_str(OPENAPI).unwrap();
    for path in ["/usage", "/usage/evidence", "/streams"] {
        for parameter in document["paths"][path]["get"]["parameters"].as_array().unwrap() {
            let name = parameter["name"].as_str().unwrap();
            let answer = server.get(&format!("{path}?{name}=~"));
            let is_taken = answer.status == 200 || answer.problem() == "invalid-parameter";
            assert!(is_taken, "{path} {name}: {answer:?}");
        }
    }
    assert_eq!(server.get("/usage?cid=x").problem(), "unknown-parameter");
}

#[test]
fn numbers_that_readers_would_round_are_strings() {
    let document = Document { document: serde_json::from_str(OPENAPI).unwrap(), seen: BTreeSet::new() };
    let integer = json!({ "$ref": "#/components/schemas/Integer" });
    let server = Running::start(&Surface::builder().ledger(ledger()).build(), patient());
    let sums = server.get("/usage?tenant=umbrella").json();
    assert_eq!(sums[0]["inc"], u64::MAX.to_string());
    assert!(document.errors(&integer, &json!(u64::MAX.to_string())).is_empty());
    assert!(!document.errors(&integer, &json!(u64::MAX)).is_empty());
    assert!(!document.errors(&integer, &json!("12")).is_empty());
}
