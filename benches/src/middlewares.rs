//! HTTP services that are counted by a middleware, in-process: no socket, no runtime, and no time but the middleware's.
//!
//! All of a router's contestants get the same requests and answer them with the same handlers.

use std::{
    convert::Infallible,
    future::Future,
    pin::{pin, Pin},
    task::{Context, Poll},
};

use axum::{
    body::Body as AxumBody,
    extract::{MatchedPath, State},
    middleware::{from_fn_with_state, Next},
    response::Response,
    routing::get,
    Router,
};
use axum_prometheus::PrometheusMetricLayerBuilder;
use bytes::Bytes;
use futures_util::task::noop_waker_ref;
use http::{header::CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body::Body;
use ron_accounting::{labels, Accounting, Dimension};
use ron_accounting_tower::{header, MeterLayer};
use tower::Service;

use crate::contestants::metrics_recorder;

/// The header that names the tenant.
pub const TENANT: HeaderName = HeaderName::from_static("x-tenant");

/// What each handler answers with.
pub const ANSWER: &[u8] = &[b'x'; 1024];

/// The routes of the router.
const ROUTES: [&str; 8] = [
    "/v1/objects/{id}",
    "/v1/objects/{id}/parts",
    "/v1/feed",
    "/v1/users/{id}",
    "/v1/search",
    "/v2/chat",
    "/v2/models",
    "/healthz",
];
const TENANTS: usize = 128;

/// A request that is made anew for each call.
#[derive(Debug, Clone)]
pub struct Template {
    uri: Uri,
    tenant: HeaderValue,
}

impl Template {
    /// Requests for each route by each tenant.
    pub fn all() -> Vec<Self> {
        let paths = ROUTES.map(|route| route.replace("{id}", "4711"));
        (0..TENANTS)
            .flat_map(|tenant| paths.iter().map(move |path| (tenant, path)))
            .map(|(tenant, path)| Self {
                uri: path.parse().expect("it is a path"),
                tenant: HeaderValue::from_str(&format!("tenant-{tenant:04}")).expect("it is ASCII"),
            })
            .collect()
    }

    /// Makes the request.
    #[inline]
    pub fn request<B>(&self, body: B) -> Request<B> {
        let mut request = Request::new(body);
        *request.method_mut() = Method::GET;
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().insert(TENANT, self.tenant.clone());
        request
    }
}

/// Serves a request and reads its response to the end, as a server does. Returns how many bytes it had.
#[inline]
pub fn serve<S, B, R>(service: &mut S, request: Request<B>) -> usize
where
    S: Service<Request<B>, Response = http::Response<R>>,
    R: Body<Data = Bytes>,
{
    let mut context = Context::from_waker(noop_waker_ref());
    let mut future = pin!(service.call(request));
    let Ok(response) = wait(&mut context, |context| future.as_mut().poll(context)) else { return 0 };
    let mut body = pin!(response.into_body());
    let mut bytes = 0;
    while !body.is_end_stream() {
        match wait(&mut context, |context| body.as_mut().poll_frame(context)) {
            Some(Ok(frame)) => bytes += frame.data_ref().map_or(0, Bytes::len),
            _ => break,
        }
    }
    bytes
}

fn wait<T>(context: &mut Context<'_>, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    loop {
        if let Poll::Ready(result) = poll(context) {
            return result;
        }
    }
}

/// A future that is not ready at once, as those of most handlers.
#[derive(Debug, Default)]
pub struct Once {
    was_polled: bool,
}

impl Future for Once {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.was_polled, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

/// A router without a middleware.
pub fn bare() -> Router {
    ROUTES.iter().fold(Router::new(), |router, route| router.route(route, get(|| async { ANSWER })))
}

/// Our layer.
pub fn ours(accounting: &Accounting) -> Router {
    bare().layer(MeterLayer::new(accounting).service("omnigate").region("iad").tenant(header(TENANT)))
}

/// What one writes by hand: bytes are those that both sides announce.
pub fn by_hand(accounting: &Accounting) -> Router {
    bare().layer(from_fn_with_state(accounting.clone(), count_by_hand))
}

async fn count_by_hand(
    State(accounting): State<Accounting>,
    request: Request<AxumBody>,
    next: Next,
) -> Response {
    let headers = request.headers();
    let tenant = text(headers, &TENANT).unwrap_or("unknown").to_owned();
    let bytes_in = text(headers, &CONTENT_LENGTH).and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let response = next.run(request).await;
    let set = labels()
        .tenant(&tenant)
        .method(method.as_str())
        .route(route.as_ref().map_or("unmatched", MatchedPath::as_str))
        .service("omnigate")
        .region("iad");
    let bytes_out = response.body().size_hint().exact().unwrap_or(0);
    accounting.record_each(
        &set,
        &[(Dimension::REQUESTS, 1), (Dimension::BYTES_IN, bytes_in), (Dimension::BYTES_OUT, bytes_out)],
    );
    response
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `axum-prometheus` with sizes of responses. It has no tenants.
pub fn axum_prometheus() -> Router {
    let (layer, _) = PrometheusMetricLayerBuilder::new()
        .enable_response_body_size(true)
        .with_metrics_from_fn(|| metrics_recorder().clone())
        .build_pair();
    bare().layer(layer)
}

/// The answer of the plain service.
pub type Answer = http::Response<http_body_util::Full<Bytes>>;

/// Answers at once.
pub fn answer() -> Result<Answer, Infallible> {
    Ok(http::Response::new(http_body_util::Full::new(Bytes::from_static(ANSWER))))
}

#[cfg(test)]
mod tests;
