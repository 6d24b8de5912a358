//! Under which labels requests are counted.
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

mod support;

use std::borrow::Cow;

use axum::{
    body::Body,
    routing::{any, get as get_route, post},
    Router,
};
use http::{Method, Request, Response};
use ron_accounting::Accounting;
use ron_accounting_tower::{extension, header, MeterLayer, OTHER_METHOD, UNKNOWN_TENANT, UNMATCHED_ROUTE};
use support::{accounting, answering, layer, read, ready, rows, Script, TENANT};
use tower::{Service, ServiceExt};

/// Sends requests through a router, and reads what comes back.
async fn send(app: &Router, requests: impl IntoIterator<Item = Request<Body>>) {
    for request in requests {
        let response = app.clone().oneshot(request).await.unwrap();
        axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    }
}

fn request(method: &str, path: &str, tenant: Option<&str>) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    match tenant {
        Some(tenant) => request.header(TENANT, tenant),
        None => request,
    }
    .body(Body::from("12345"))
    .unwrap()
}

fn expect(rows: &[(String, [u64; 3])], expected: &[(&str, [u64; 3])]) {
    let expected: Vec<_> = expected.iter().map(|(labels, counts)| ((*labels).to_owned(), *counts)).collect();
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn routes_are_the_templates_of_the_router_and_what_matches_none_is_one_route() {
    let acc = accounting();
    let app = Router::new()
        .route("/v1/objects/{id}", get_route(|| async { "object" }).post(|body: String| async { body }))
        .nest("/admin", Router::new().route("/files/{*path}", any(|| async { "any" })))
        .layer(layer(&acc));
    send(
        &app,
        [
            request("GET", "/v1/objects/1?page=2", Some("acme")),
            request("GET", "/v1/objects/ada@example.com", Some("acme")),
            request("POST", "/v1/objects/3", Some("acme")),
            request("PROPFIND", "/admin/files/a/b/c", Some("acme")),
            request("GET", "/wp-login.php", Some("acme")),
            request("GET", "/.env", Some("acme")),
            request("GET", "/v1/objects/4", None),
        ],
    )
    .await;
    expect(
        &rows(&acc),
        &[
            ("acme GET /v1/objects/:id omnigate iad", [2, 0, 12]),
            ("acme GET /~unmatched omnigate iad", [2, 0, 0]),
            ("acme OTHER /admin/files/*path omnigate iad", [1, 0, 3]),
            ("acme POST /v1/objects/:id omnigate iad", [1, 5, 5]),
            ("~unknown GET /v1/objects/:id omnigate iad", [1, 0, 6]),
        ],
    );
}

#[test]
fn the_normalizers_agree_on_what_is_reserved() {
    use ron_accounting::{
        labels,
        normalize::{CharacterNormalizer, Normalizer, RouteNormalizer},
    };

    fn counted(normalizer: impl Normalizer) -> String {
        let acc = Accounting::builder().manual().normalizer(normalizer).build().unwrap();
        acc.incr_request(&labels().tenant(UNKNOWN_TENANT).method(OTHER_METHOD).route(UNMATCHED_ROUTE));
        rows(&acc)[0].0.clone()
    }
    assert_eq!(counted(RouteNormalizer::default()), counted(CharacterNormalizer));
}

#[tokio::test]
async fn clients_that_invent_methods_and_paths_make_no_label_sets() {
    let acc = accounting();
    let app = Router::new().route("/", post(|| async {})).layer(layer(&acc));
    send(&app, (0..500).map(|n| request(&format!("M{n}"), &format!("/{n}"), Some("acme")))).await;
    expect(&rows(&acc), &[("acme OTHER /~unmatched omnigate iad", [500, 0, 0])]);
}

#[derive(Clone)]
struct Organization(&'static str);

impl AsRef<str> for Organization {
    fn as_ref(&self) -> &str {
        self.0
    }
}

#[test]
fn tenants_come_from_headers_extensions_and_closures() {
    let serve = |layer: MeterLayer, value: &[u8]| {
        let mut service = answering(&layer, |_| Response::new(Script::default()));
        let mut request =
            Request::builder().uri("/?key=k-7").header(TENANT, value).body(Script::default()).unwrap();
        request.extensions_mut().insert(Organization("umbrella"));
        read(&mut ready(service.call(request)).unwrap().into_body());
    };
    let tenants = |acc: &Accounting| -> Vec<String> {
        acc.snapshot().entries().map(|entry| entry.tenant().to_owned()).collect()
    };

    let acc = accounting();
    serve(MeterLayer::new(&acc).tenant(header(TENANT)), b"acme");
    assert_eq!(tenants(&acc), ["acme"]);
    let acc = accounting();
    serve(MeterLayer::new(&acc).tenant(header(TENANT)), "größe".as_bytes());
    assert_eq!(tenants(&acc), ["größe"]);
    let acc = accounting();
    serve(MeterLayer::new(&acc).tenant(header(TENANT)), b"\xff\xfe");
    assert_eq!(tenants(&acc), ["~invalid"]);
    let acc = accounting();
    serve(MeterLayer::new(&acc).tenant(extension::<Organization>()), b"acme");
    assert_eq!(tenants(&acc), ["umbrella"]);
    let acc = accounting();
    let layer = MeterLayer::new(&acc)
        .tenant(|head| Some(Cow::Owned(head.uri.query()?.strip_prefix("key=")?.to_uppercase())));
    serve(layer, b"acme");
    assert_eq!(tenants(&acc), ["K-7"]);
    let acc = accounting();
    serve(MeterLayer::new(&acc), b"acme");
    assert_eq!(tenants(&acc), [UNKNOWN_TENANT]);
}

#[test]
fn more_routes_and_tenants_than_the_layer_remembers_are_counted_all_the_same() {
    const ROUTES: u64 = 3000;
    const TENANTS: u64 = 12_000;
    let acc = Accounting::builder()
        .manual()
        .label_limit(100_000)
        .tenant_limit(100_000)
        .normalizer(ron_accounting::normalize::CharacterNormalizer)
        .build()
        .unwrap();
    let layer =
        MeterLayer::new(&acc).tenant(header(TENANT)).route(|head| Some(Cow::Borrowed(head.uri.path())));
    let mut service = answering(&layer, |_| Response::new(Script::default()));
    for round in 0..2 {
        for number in 0..TENANTS {
            let request = Request::builder()
                .method(Method::GET)
                .uri(format!("/{}", number % ROUTES))
                .header(TENANT, format!("t-{number}"))
                .body(Script::new([support::Step::Data(1)]))
                .unwrap();
            read(&mut ready(service.call(request)).unwrap().into_body());
        }
        let snapshot = acc.snapshot();
        assert_eq!(snapshot.entries().len() as u64, TENANTS);
        assert!(snapshot.entries().all(|entry| entry.requests() == round + 1));
    }
}
