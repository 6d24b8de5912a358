//! One connection: HTTP/1.1 or 2, its requests, and its end.

use std::{
    convert::Infallible,
    future::Future,
    pin::{pin, Pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{body::Body, response::IntoResponse, Router};
use bytes::Bytes;
use http::{Request, Response, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{sync::watch, time};

use super::{
    guard::check_host,
    refuse::Refuser,
    stream::{Duplex, Farewell, WatchedStream},
    watch::{Verdict, Watch},
};
use crate::{
    counters::{Counters, Refusal},
    ServerLimits,
};

/// How long an HTTP/2 peer may not answer a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(20);
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// Resets that HTTP/2 keeps for a connection before it is closed (RUSTSEC-2024-0003).
const RESETS_PENDING_MAX: usize = 20;
const LOCAL_ERRORS_MAX: usize = 256;
/// How many bytes of a request's body may be on their way to one request, and to all of a connection.
const WINDOW_BYTES: u32 = 256 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;
const SEND_BUFFER_BYTES: usize = 128 << 10;

/// What all connections of a server have in common.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) router: Router,
    pub(crate) limits: ServerLimits,
    pub(crate) counters: Arc<Counters>,
    pub(crate) refuser: Refuser,
    /// Whether hosts are checked. A Unix socket has no name that could be rebound.
    pub(crate) checks_host: bool,
}

/// Serves a connection until its end. `draining` becomes true when it is to end with the requests that it has.
pub(crate) async fn serve<S: Duplex>(stream: S, common: Arc<Common>, mut draining: watch::Receiver<bool>) {
    let watch = Arc::new(Watch::new(&common.limits));
    let farewell = Arc::new(Mutex::new(Farewell::default()));
    let stream =
        WatchedStream::new(stream, Arc::clone(&watch), Arc::clone(&farewell), common.refuser.clone());
    let service = service_fn(|request| answer(Arc::clone(&common), Arc::clone(&watch), request));
    let builder = builder(&common.limits);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut is_draining = false;
    loop {
        let until = match watch.judge() {
            Verdict::Wait(until) => until,
            Verdict::Close => {
                common.counters.refuse(Refusal::Idle);
                connection.as_mut().graceful_shutdown();
                continue;
            }
            Verdict::CutOff { refusal, tell } => {
                common.counters.refuse(refusal);
                *farewell.lock().unwrap_or_else(PoisonError::into_inner) =
                    if tell { Farewell::Tell } else { Farewell::Abrupt };
                return;
            }
        };
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    count(&common.counters, &*error, watch.resets());
                }
                return;
            }
            () = time::sleep_until(until) => {}
            changed = draining.changed(), if !is_draining => {
                is_draining = true;
                let _ = changed;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

fn builder(limits: &ServerLimits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // The watch has the limits. This one covers what it cannot see: a head behind bytes that were read before.
        .header_read_timeout(limits.idle_timeout.saturating_add(limits.header_timeout))
        .max_buf_size(limits.header_bytes_max.max(8 << 10))
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits.streams_max)
        .max_pending_accept_reset_streams(RESETS_PENDING_MAX)
        .max_local_error_reset_streams(LOCAL_ERRORS_MAX)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

fn count(counters: &Counters, error: &(dyn std::error::Error + 'static), resets: usize) {
    let Some(error) = error.downcast_ref::<hyper::Error>() else { return };
    if error.is_parse_too_large() {
        counters.refuse(Refusal::HeaderBytes);
    } else if error.is_timeout() {
        counters.refuse(Refusal::HeaderTime);
    } else if error.is_parse() {
        counters.refuse(Refusal::Protocol);
    } else if resets > 0 && !error.is_incomplete_message() {
        // HTTP/2 ends a connection that resets more than it may.
        counters.refuse(Refusal::Resets);
    }
}

async fn answer(
    common: Arc<Common>,
    watch: Arc<Watch>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Infallible> {
    watch.begin_request(request.version() == Version::HTTP_2);
    let mut open = OpenRequest { watch, is_answered: false };
    let host = if common.checks_host { check_host(&request) } else { Ok(()) };
    let response = match host {
        Ok(()) => {
            let mut router = common.router.clone();
            let Ok(response) = call(&mut router, request.map(Body::new)).await;
            response
        }
        Err(problem) => {
            common.counters.refuse(Refusal::ForeignHost);
            problem.into_response()
        }
    };
    open.is_answered = true;
    Ok(response.map(|body| AnswerBody { answer: open.watch.begin_answer(), body, open }))
}

/// Calls a router, which is always ready.
fn call(
    router: &mut Router,
    request: Request<Body>,
) -> impl Future<Output = Result<Response<Body>, Infallible>> + Send {
    use hyper::service::Service as _;
    hyper_util::service::TowerToHyperService::new(router.clone()).call(request)
}

/// A request until its answer is over.
struct OpenRequest {
    watch: Arc<Watch>,
    is_answered: bool,
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        if !self.is_answered {
            self.watch.count_reset();
        }
        self.watch.end_request();
    }
}

/// The body of an answer, on its way past the watch.
struct AnswerBody {
    answer: u64,
    body: Body,
    open: OpenRequest,
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.open.watch.is_asked(self.answer);
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(Some(Ok(_)))) {
            self.open.watch.has_handed_over(self.answer);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.open.watch.is_asked(self.answer);
    }
}
