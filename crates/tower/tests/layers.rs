//! The layer together with others: what `docs/middleware.md` says of their order.
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

mod support;

use std::time::Duration;

use axum::{
    body::Body,
    extract::Request,
    http::{header::ACCEPT_ENCODING, StatusCode},
    middleware::{from_fn, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
    BoxError, Router,
};
use ron_accounting_tower::{MeterLayer, Usage};
use support::{accounting, layer, rows, total, totals, Totals, TENANT};
use tower::{ServiceBuilder, ServiceExt};
use tower_http::{
    catch_panic::CatchPanicLayer, compression::CompressionLayer, map_request_body::MapRequestBodyLayer,
};

const TEXT_BYTES: usize = 100_000;

async fn text() -> String {
    "x".repeat(TEXT_BYTES)
}

async fn panicking() -> &'static str {
    assert!(std::hint::black_box(false), "the handler panics");
    "never"
}

fn request(path: &str) -> Request {
    Request::builder()
        .uri(path)
        .header(TENANT, "acme")
        .header(ACCEPT_ENCODING, "gzip")
        .body(Body::empty())
        .unwrap()
}

async fn fetch(app: Router, path: &str) -> (StatusCode, u64) {
    let response = app.oneshot(request(path)).await.unwrap();
    let status = response.status();
    (status, axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap().len() as u64)
}

#[tokio::test]
async fn compression_inside_counts_what_is_sent_and_outside_what_the_handler_wrote() {
    let acc = accounting();
    let inside = Router::new().route("/", get(text)).layer(CompressionLayer::new()).layer(layer(&acc));
    let (_, received) = fetch(inside, "/").await;
    assert!(received < TEXT_BYTES as u64 / 10);
    assert_eq!(totals(&acc), Totals { requests: 1, bytes_out: received, ..Totals::default() });

    let acc = accounting();
    let outside = Router::new().route("/", get(text)).layer(layer(&acc)).layer(CompressionLayer::new());
    let (_, received) = fetch(outside, "/").await;
    assert!(received < TEXT_BYTES as u64 / 10);
    assert_eq!(totals(&acc), Totals { requests: 1, bytes_out: TEXT_BYTES as u64, ..Totals::default() });
}

#[tokio::test]
async fn a_panicking_handler_fails_whether_the_panic_is_caught_inside_or_outside() {
    let acc = accounting();
    let inside = Router::new().route("/", get(panicking)).layer(CatchPanicLayer::new()).layer(layer(&acc));
    let (status, received) = fetch(inside, "/").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    // The answer to the client is a response as any, and its bytes count.
    assert_eq!(totals(&acc), Totals { requests: 1, bytes_out: received, failed: 1, ..Totals::default() });

    let acc = accounting();
    let outside = Router::new().route("/", get(panicking)).layer(layer(&acc)).layer(CatchPanicLayer::new());
    let (status, received) = fetch(outside, "/").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(received > 0);
    assert_eq!(totals(&acc), Totals { requests: 1, failed: 1, ..Totals::default() });
}

#[tokio::test(start_paused = true)]
async fn a_timeout_inside_is_an_answer_and_outside_looks_like_a_client_that_left() {
    let timeout = || {
        ServiceBuilder::new()
            .layer(axum::error_handling::HandleErrorLayer::new(|_: BoxError| async {
                StatusCode::SERVICE_UNAVAILABLE
            }))
            .timeout(Duration::from_secs(1))
    };
    let slow = || Router::new().route("/", get(std::future::pending::<&'static str>));

    let acc = accounting();
    assert_eq!(fetch(slow().layer(timeout()).layer(layer(&acc)), "/").await.0, 503);
    assert_eq!(totals(&acc), Totals { requests: 1, failed: 1, ..Totals::default() });

    let acc = accounting();
    assert_eq!(fetch(slow().layer(layer(&acc)).layer(timeout()), "/").await.0, 503);
    assert_eq!(totals(&acc), Totals { requests: 1, aborted: 1, ..Totals::default() });
}

/// Authenticates: it knows the tenant of a request, and refuses one without a key.
async fn authenticate(usage: Usage, request: Request, next: Next) -> Response {
    let Some(key) = request.headers().get("authorization") else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    if key != "Bearer acme-key" || usage.set_tenant("acme").is_err() {
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}

async fn chat(usage: Usage, prompt: String) -> String {
    usage.add("tokens", prompt.len() as u64 * 2);
    prompt
}

#[tokio::test]
async fn authentication_inside_sets_the_tenant_and_handlers_count_units() {
    let acc = accounting();
    let app = Router::new()
        .route("/chat", post(chat))
        .layer(from_fn(authenticate))
        .layer(MeterLayer::new(&acc).hand_out_usage());
    let post = |key: Option<&str>| {
        let request = Request::builder().method("POST").uri("/chat");
        let request = match key {
            Some(key) => request.header("authorization", key),
            None => request,
        };
        request.body(Body::from("twelve bytes")).unwrap()
    };
    for key in [Some("Bearer acme-key"), Some("Bearer guess"), None] {
        let response = app.clone().oneshot(post(key)).await.unwrap();
        axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    }
    assert_eq!(
        rows(&acc),
        [("acme POST /chat  ".to_owned(), [1, 12, 12]), ("~unknown POST /chat  ".to_owned(), [2, 0, 0])]
    );
    assert_eq!(total(&acc, "tokens"), 24);
}

#[tokio::test]
async fn a_handler_that_wants_a_handle_that_nobody_handed_out_says_so() {
    let acc = accounting();
    let app = Router::new().route("/chat", post(chat)).layer(MeterLayer::new(&acc));
    let request = Request::builder().method("POST").uri("/chat").body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let text = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert!(std::str::from_utf8(&text).unwrap().contains("hand_out_usage()"));
}

#[tokio::test]
async fn a_service_builder_needs_axums_body_back_before_axums_own_middlewares() {
    let acc = accounting();
    let layers = ServiceBuilder::new()
        .layer(layer(&acc))
        .layer(MapRequestBodyLayer::new(Body::new))
        .layer(from_fn(|request: Request, next: Next| next.run(request)));
    let app = Router::new().route("/", get(text)).layer(layers);
    fetch(app, "/").await;
    assert_eq!(totals(&acc).bytes_out, TEXT_BYTES as u64);
}

#[tokio::test]
async fn a_layer_around_the_whole_router_does_not_see_routes() {
    let acc = accounting();
    let app = tower::Layer::layer(&layer(&acc), Router::new().route("/", get(text)));
    let response = app.oneshot(request("/")).await.unwrap();
    axum::body::to_bytes(Body::new(response.into_body()), usize::MAX).await.unwrap();
    assert_eq!(rows(&acc)[0].0, "acme GET /~unmatched omnigate iad");
}
