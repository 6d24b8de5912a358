//! Does it do what it says?
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use ron_accounting::{labels, Accounting};
use ron_accounting_export::{memory::MemoryLedger, Exporter};
use ron_accounting_http::{Surface, SurfaceLimits};
use ron_accounting_ledger::{
    text::{EvidenceAnswer, RowFormat, RowWriter, UsageAnswer},
    Column, Ledger, TimeZone, UsageQuery,
};
use ron_accounting_sqlite::SqliteLedger;
use ron_ledger_wire::{Cid, Digest};
use serde_json::{json, Value};
use support::{chain, patient, Running, DAY_MS, ORIGIN};

fn ledger() -> Arc<MemoryLedger> {
    let ledger = Arc::new(MemoryLedger::new());
    for (tenant, dimension) in [("acme", "requests"), ("acme", "bytes_out"), ("umbrella, inc", "requests")] {
        for answer in ledger.put_batch(&chain(tenant, dimension, 3, 4)) {
            answer.unwrap();
        }
    }
    ledger
}

fn over(ledger: &Arc<MemoryLedger>) -> Surface {
    Surface::builder().ledger(Arc::clone(ledger)).exporter(Arc::clone(ledger)).build()
}

/// What the command `usage` writes.
fn written(ledger: &dyn Ledger, query: &UsageQuery, format: RowFormat, is_evidence: bool) -> String {
    let mut out = Vec::new();
    let (mut usage, mut evidence) = (UsageAnswer::new(query.clone()), EvidenceAnswer::new(query.clone()));
    let names = if is_evidence { evidence.columns() } else { usage.columns() };
    let mut writer = RowWriter::new(format, names);
    let mut show = |cells: Vec<String>, sum| {
        writer.push(&mut out, &cells, sum).unwrap();
        std::ops::ControlFlow::Continue(())
    };
    let is_complete =
        if is_evidence { evidence.resume(ledger, &mut show) } else { usage.resume(ledger, &mut show) };
    assert!(is_complete.unwrap());
    writer.finish(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn usage_and_its_evidence_are_the_answers_of_the_command_to_the_byte() {
    let ledger = ledger();
    let server = Running::start(&over(&ledger), patient());
    let mut by_day = UsageQuery::by([Column::Tenant, Column::Day]);
    by_day.time_zone = "Europe/Berlin".parse::<TimeZone>().unwrap();
    by_day.filter.dimension = Some("requests".to_owned());
    let mut later = UsageQuery::by([Column::Window, Column::Dimension]);
    later.filter.since_ms = Some(DAY_MS + 60_000);
    later.filter.tenant = Some("umbrella, inc".to_owned());
    for (parameters, query) in [
        ("", UsageQuery::by([Column::Tenant, Column::Dimension])),
        ("by=", UsageQuery::default()),
        ("by=tenant,day&time-zone=Europe/Berlin&dimension=requests", by_day),
        ("by=window,dimension&since=2015-05-17T00:01:00Z&tenant=umbrella%2C+inc", later),
        ("by=route,method", UsageQuery::by([Column::Route, Column::Method])),
    ] {
        for (path, is_evidence) in [("/usage", false), ("/usage/evidence", true)] {
            let json = server.get(&format!("{path}?{parameters}"));
            assert_eq!(
                (json.status, json.header("content-type")),
                (200, Some("application/json")),
                "{json:?}"
            );
            assert_eq!(json.text(), written(&ledger, &query, RowFormat::Json, is_evidence));
            let csv = server.get_as(&format!("{path}?{parameters}"), "text/csv");
            assert_eq!(csv.text(), written(&ledger, &query, RowFormat::Csv, is_evidence));
            assert_eq!(server.get(&format!("{path}?{parameters}&format=csv")).body, csv.body);
        }
    }
}

#[test]
fn the_evidence_of_a_figure_adds_up_to_it_and_leads_to_the_bytes() {
    let ledger = ledger();
    let server = Running::start(&over(&ledger), patient());
    let figures = server.get("/usage?by=tenant,dimension,route").json();
    for figure in figures.as_array().unwrap() {
        let asked = format!(
            "/usage/evidence?by=tenant,dimension,route&tenant={}&dimension={}&route={}",
            figure["tenant"].as_str().unwrap().replace(' ', "%20"),
            figure["dimension"].as_str().unwrap(),
            figure["route"].as_str().unwrap()
        );
        let slices = server.get(&asked).json();
        let amounts = slices.as_array().unwrap().iter().map(|slice| slice["inc"].as_u64().unwrap());
        assert_eq!(amounts.sum::<u64>(), figure["inc"].as_u64().unwrap(), "{figure}");
    }
    let evidence = server.get("/usage/evidence?tenant=acme&dimension=requests").json();
    let cid = evidence[1]["cid"].as_str().unwrap();
    let bytes = server.get(&format!("/slices/{cid}"));
    assert_eq!(bytes.header("content-type"), Some("application/cbor"));
    assert_eq!(Cid::from(Digest::of(&bytes.body)).to_string(), cid);
    let view = server.get_as(&format!("/slices/{cid}"), "application/json").json();
    assert_eq!(view, server.get(&format!("/slices/{cid}?format=json")).json());
    assert_eq!((&view["tenant"], &view["seq"], &view["total"]), (&json!("acme"), &json!(1), &json!(14)));
    assert_eq!(view["previous"], evidence[0]["cid"]);
    let row =
        json!({ "method": "GET", "route": "/r/000000", "service": "gateway", "region": "eu", "inc": 2 });
    assert_eq!(view["rows"][0], row);
}

#[test]
fn a_slice_that_the_client_has_is_not_sent_again() {
    let server = Running::start(&over(&ledger()), patient());
    let cid = server.get("/usage/evidence?tenant=acme&dimension=requests").json()[0]["cid"].clone();
    let path = format!("/slices/{}", cid.as_str().unwrap());
    let first = server.get(&path);
    let tag = first.header("etag").unwrap();
    assert!(first.header("cache-control").unwrap().contains("immutable"));
    let again = server.ask("GET", &path, &[("if-none-match", tag)], b"");
    assert_eq!((again.status, again.body.len()), (304, 0));
    let as_json = [("if-none-match", tag), ("accept", "application/json")];
    assert_eq!(server.ask("GET", &path, &as_json, b"").status, 200);
}

#[test]
fn streams_come_page_by_page() {
    let server = Running::start(&over(&ledger()), patient());
    let all = server.get("/streams").json();
    assert_eq!((all["streams"].as_array().unwrap().len(), &all["next"]), (3, &Value::Null));
    assert_eq!(all["streams"][0]["origin"], ORIGIN.to_string());
    assert_eq!(all["streams"][0]["slices"], 3);
    let mut pages = Vec::new();
    let mut next = Some("streams?limit=1".to_owned());
    while let Some(address) = next {
        let page = server.get(&format!("/{address}")).json();
        pages.extend(page["streams"].as_array().unwrap().clone());
        next = page["next"].as_str().map(ToOwned::to_owned);
    }
    assert_eq!(json!(pages), all["streams"]);
}

#[test]
fn an_answer_of_many_pages_is_the_answer_of_one() {
    let ledger = ledger();
    let mut limits = SurfaceLimits::default();
    limits.page_bytes = 1;
    let paged = Surface::builder().ledger(Arc::clone(&ledger)).limits(limits).build();
    let (paged, whole) = (Running::start(&paged, patient()), Running::start(&over(&ledger), patient()));
    for path in
        ["/usage?by=route,window,tenant", "/usage?by=window,route&format=csv", "/usage/evidence?by=route"]
    {
        let (paged, whole) = (paged.get(path), whole.get(path));
        assert!(paged.is_complete && whole.is_complete);
        assert_eq!((paged.header("content-length"), paged.text()), (None, whole.text()));
        assert_eq!(whole.header("content-length"), Some(whole.body.len().to_string().as_str()));
    }
}

#[test]
fn exported_slices_are_answered_one_by_one_and_show_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Arc::new(SqliteLedger::open(folder.path().join("usage.db")).unwrap());
    let surface = Surface::builder().ledger(Arc::clone(&ledger)).exporter(Arc::clone(&ledger)).build();
    let server = Running::start(&surface, patient());
    let slices = chain("acme", "requests", 4, 3);

    let answer = server.export(&slices[..2]).json();
    assert_eq!(answer["slices"].as_array().unwrap().len(), 2);
    for (answer, slice) in answer["slices"].as_array().unwrap().iter().zip(&slices) {
        let name = json!({
            "origin": ORIGIN.to_string(), "tenant": "acme", "dimension": "requests",
            "seq": slice.seq().get(), "cid": slice.cid().to_string(),
        });
        assert_eq!(*answer, json!({ "answer": "stored", "slice": name }));
    }
    assert_eq!(
        server.get("/usage").json(),
        json!([{ "tenant": "acme", "dimension": "requests", "inc": 6 + 9 }])
    );

    // One that is known, one that is missing and what is behind it, and one of another stream.
    let mixed = [&slices[..1], &slices[3..], &chain("umbrella", "requests", 1, 1)].concat();
    let answer = server.export(&mixed).json();
    let answers: Vec<_> =
        answer["slices"].as_array().unwrap().iter().map(|slice| slice["answer"].clone()).collect();
    assert_eq!(answers, ["duplicate", "refused", "stored"]);
    let gap = &answer["slices"][1];
    assert_eq!((&gap["kind"], &gap["expected"], &gap["found"]), (&json!("gap"), &json!(2), &json!(3)));
    assert_eq!(gap["retryable"], false);

    let rest = [&slices[2..3], &slices[2..3]].concat();
    let answer = server.export(&rest).json();
    assert_eq!(
        (&answer["slices"][0]["answer"], &answer["slices"][1]["answer"]),
        (&json!("stored"), &json!("duplicate"))
    );
    assert_eq!(server.export(&[]).json(), json!({ "slices": [] }));
    ron_accounting_ledger::verify(&*ledger, |_| {}).unwrap();
}

#[test]
fn a_claim_tells_two_copies_of_a_log_apart() {
    let ledger = Arc::new(MemoryLedger::new());
    let server = Running::start(&over(&ledger), patient());
    let slices = chain("acme", "requests", 3, 1);
    let export = |claim: &str, slices: &[_]| {
        let headers = [("content-type", "application/cbor-seq"), ("accounting-claim", claim)];
        server.ask("POST", "/export", &headers, &support::sequence(slices)).json()["slices"][0].clone()
    };
    let claim = |holder: u8, ancestors: &str| {
        format!("origin={ORIGIN}; holder={}; ancestors={ancestors}", format!("{holder:02x}").repeat(16))
    };
    assert_eq!(export(&claim(1, ""), &slices[..1])["answer"], "stored");
    let refused = export(&claim(2, ""), &slices[1..2]);
    assert_eq!((&refused["kind"], &refused["holder"]), (&json!("claimed"), &json!("01".repeat(16))));
    assert_eq!(export(&claim(3, &"01".repeat(16)), &slices[1..2])["answer"], "stored");
    assert_eq!(export(&claim(1, ""), &slices[2..3])["kind"], "claimed");
}

#[test]
fn health_readiness_and_metrics_are_those_of_the_instance() {
    let acc = Accounting::builder().manual_at(0).build().unwrap();
    let surface = Surface::builder().accounting(&acc).build();
    acc.incr_request(
        &labels().tenant("acme").method("GET").route("/v1/feed").service("omnigate").region("iad"),
    );
    let server = Running::start(&surface, patient());
    assert_eq!(server.get("/healthz").text(), "ok\n");
    let readyz = server.get("/readyz");
    let ready = json!({
        "ready": true, "config_loaded": true, "queues_bounded_ok": true, "exporter_ok": true, "wal_ok": true,
        "boundary_ticker_ok": true, "clock_ok": true, "ledger_ok": true, "serving_ok": true, "missing": [],
    });
    assert_eq!((readyz.status, readyz.json()), (200, ready));

    let line =
        r#"requests_total{tenant="acme",method="GET",route="/v1/feed",service="omnigate",region="iad"} 1"#;
    let text = server.get("/metrics");
    assert_eq!(text.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(text.text().lines().any(|found| found == line), "{}", text.text());
    assert!(text.text().contains("accounting_http_requests_total{route=\"/readyz\",status=\"2xx\"} 1\n"));
    let open = server.get_as("/metrics", "application/openmetrics-text;version=1.0.0");
    assert!(open.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    assert!(
        open.text().contains("# TYPE accounting_http_refused counter\n") && open.text().ends_with("# EOF\n")
    );

    // What is not served says so, and the process is not ready any more once it is to end.
    assert_eq!(server.get("/usage").problem(), "unknown-path");
    surface.begin_stopping();
    let readyz = server.get("/readyz");
    assert_eq!((readyz.status, readyz.header("retry-after")), (503, Some("1")));
    assert_eq!(readyz.json()["missing"], json!(["serving_ok"]));
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn a_ledger_that_does_not_answer_is_not_ready() {
    let ledger = ledger();
    let server = Running::start(&over(&ledger), patient());
    ledger.set_unavailable(true);
    let readyz = server.get("/readyz");
    assert_eq!((readyz.status, &readyz.json()["missing"]), (503, &json!(["ledger_ok"])));
    assert_eq!(server.get("/usage").problem(), "ledger-unavailable");
    let refused = server.export(&chain("new", "requests", 1, 1));
    assert_eq!(
        (refused.problem().as_str(), refused.header("retry-after")),
        ("ledger-unavailable", Some("1"))
    );
    ledger.set_unavailable(false);
    assert_eq!(server.get("/readyz").status, 200);
}

#[test]
fn a_host_embeds_the_router_below_a_path_of_its_own() {
    let ledger = ledger();
    let router = axum::Router::new().nest("/metering", over(&ledger).router());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(async {
        use http_body_util::BodyExt;
        use hyper::service::Service;
        let request =
            http::Request::get("/metering/streams?limit=2").body(axum::body::Body::empty()).unwrap();
        let service = hyper_util::service::TowerToHyperService::new(router);
        service.call(request).await.unwrap().into_body().collect().await.unwrap().to_bytes()
    });
    let page: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(page["streams"].as_array().unwrap().len(), 2);
    assert!(page["next"].as_str().unwrap().starts_with("streams?limit=2&after="));
}
