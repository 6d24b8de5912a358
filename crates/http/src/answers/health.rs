//! `GET /healthz`, `GET /readyz` and `GET /metrics`: what looks after the process.

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{header, HeaderMap, HeaderValue, StatusCode, Uri};
use http_body_util::BodyExt;
use ron_accounting_prometheus::{Format, ScrapeError};
use serde::Serialize;

use crate::{
    counters::Refusal,
    parameters::Parameters,
    problem::{Problem, ProblemKind},
    surface::Surface,
};

/// The process answers, which is all that this says.
pub(crate) async fn healthz(uri: Uri) -> Result<Response, Problem> {
    Parameters::parse(&uri)?.finish(&[])?;
    let mut response = "ok\n".into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Ok(response)
}

/// Which parts work. The first five are the keys that every node reports.
#[derive(Debug, Clone, Serialize)]
#[allow(clippy::struct_excessive_bools)] // a list of checks, not a state
pub(crate) struct Readyz {
    ready: bool,
    config_loaded: bool,
    queues_bounded_ok: bool,
    exporter_ok: bool,
    wal_ok: bool,
    boundary_ticker_ok: bool,
    clock_ok: bool,
    /// Whether the ledger behind this surface answers.
    ledger_ok: bool,
    /// False from the moment at which the server begins to end.
    serving_ok: bool,
    missing: Vec<&'static str>,
}

pub(crate) async fn readyz(State(surface): State<Surface>, uri: Uri) -> Result<Response, Problem> {
    Parameters::parse(&uri)?.finish(&[])?;
    let readiness = readiness(&surface).await;
    let mut response = surface.json(&readiness)?;
    if !readiness.ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(1));
    }
    Ok(response)
}

async fn readiness(surface: &Surface) -> Readyz {
    let counted = surface.accounting().map(ron_accounting::Accounting::readiness);
    let works = |part: fn(&ron_accounting::Readiness) -> bool| counted.as_ref().is_none_or(part);
    let mut readyz = Readyz {
        ready: true,
        config_loaded: works(|parts| parts.config_loaded),
        queues_bounded_ok: works(|parts| parts.queues_bounded_ok) && surface.has_room_for_exports(),
        exporter_ok: works(|parts| parts.exporter_ok),
        wal_ok: works(|parts| parts.wal_ok),
        boundary_ticker_ok: works(|parts| parts.boundary_ticker_ok),
        clock_ok: works(|parts| parts.clock_ok),
        ledger_ok: surface.does_ledger_answer().await,
        serving_ok: !surface.is_stopping(),
        missing: Vec::new(),
    };
    let checks = [
        ("config_loaded", readyz.config_loaded),
        ("queues_bounded_ok", readyz.queues_bounded_ok),
        ("exporter_ok", readyz.exporter_ok),
        ("wal_ok", readyz.wal_ok),
        ("boundary_ticker_ok", readyz.boundary_ticker_ok),
        ("clock_ok", readyz.clock_ok),
        ("ledger_ok", readyz.ledger_ok),
        ("serving_ok", readyz.serving_ok),
    ];
    readyz.missing = checks.into_iter().filter(|(_, is_ok)| !is_ok).map(|(name, _)| name).collect();
    readyz.ready = readyz.missing.is_empty();
    readyz
}

pub(crate) async fn metrics(
    State(surface): State<Surface>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Parameters::parse(&uri)?.finish(&[])?;
    let accept: Vec<&str> =
        headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let format = Format::negotiate(&accept.join(","));
    let own = surface.counters().text(format);
    let body = match surface.metrics() {
        None if format.is_open_metrics() => Body::from(own + "# EOF\n"),
        None => Body::from(own),
        Some(metrics) => {
            let scrape = metrics.scrape(format).map_err(|error| {
                surface.counters().refuse(Refusal::Scrapes);
                let kind = match error {
                    ScrapeError::TooMany { .. } => ProblemKind::TooManyScrapes,
                    _ => ProblemKind::Internal,
                };
                Problem::new(kind, error.to_string())
            })?;
            // Own metrics come first, since OpenMetrics ends with a mark.
            Body::new(Chunks { own: Some(own.into_bytes()), scrape }.map_err(axum::Error::new))
        }
    };
    let mut response = body.into_response();
    if let Ok(value) = HeaderValue::from_str(&format.content_type()) {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    Ok(response)
}

/// A scrape as a body: a chunk is made when the connection has room for it.
struct Chunks {
    own: Option<Vec<u8>>,
    scrape: ron_accounting_prometheus::Scrape,
}

impl http_body::Body for Chunks {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let chunk = this.own.take().or_else(|| this.scrape.next());
        std::task::Poll::Ready(chunk.map(|chunk| Ok(http_body::Frame::data(chunk.into()))))
    }
}
