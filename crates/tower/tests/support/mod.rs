//! Bodies that do what a test says, and what was counted.
#![allow(dead_code, unreachable_pub)] // Each test uses a part of it.

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::Future,
    pin::{pin, Pin},
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::task::noop_waker_ref;
use http::{HeaderMap, HeaderName, Request, Response};
use http_body::{Body, Frame, SizeHint};
use ron_accounting::{Accounting, Dimension, Dimensions};
use ron_accounting_tower::MeterLayer;
use tower::Layer;
use tower_service::Service;

pub const TENANT: HeaderName = HeaderName::from_static("x-tenant");

/// What all bodies are cut from, so that they allocate nothing.
static TEXT: [u8; 64 * 1024] = [b'x'; 64 * 1024];

/// What a body does when it is asked for a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// At most 64 KiB.
    Data(usize),
    Trailers,
    /// Not ready, and ready when it is asked again.
    Wait,
    /// Not ready for ever.
    Stall,
    Error,
    Panic,
}

/// A body that goes through steps.
#[derive(Debug, Default)]
pub struct Script {
    steps: VecDeque<Step>,
    /// Says its exact length, as a body of one piece does.
    is_sized: bool,
    /// Says that it is at its end when there are no more steps.
    says_end: bool,
    /// Kept to see when the body is dropped.
    pub token: Option<Arc<()>>,
}

#[derive(Debug, thiserror::Error)]
#[error("the body broke off")]
pub struct BrokenBody;

impl Script {
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect(), ..Self::default() }
    }

    pub fn sized(mut self) -> Self {
        self.is_sized = true;
        self
    }

    pub fn says_end(mut self) -> Self {
        self.says_end = true;
        self
    }

    pub fn bytes(&self) -> u64 {
        self.steps.iter().map(|step| if let Step::Data(bytes) = step { *bytes as u64 } else { 0 }).sum()
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = BrokenBody;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        match self.steps.front().copied() {
            None => return Poll::Ready(None),
            Some(Step::Stall) => return Poll::Pending,
            Some(_) => {}
        }
        Poll::Ready(Some(Ok(match self.steps.pop_front() {
            Some(Step::Data(bytes)) => Frame::data(Bytes::from_static(&TEXT[..bytes])),
            Some(Step::Trailers) => {
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
                Frame::trailers(trailers)
            }
            Some(Step::Wait) => {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Step::Error) => return Poll::Ready(Some(Err(BrokenBody))),
            _ => panic!("the script says so"),
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.says_end && self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_sized {
            SizeHint::with_exact(self.bytes())
        } else {
            SizeHint::default()
        }
    }
}

/// An instance without threads that also counts aborted and failed requests, and tokens.
pub fn accounting() -> Accounting {
    let mut dimensions = Dimensions::default();
    for name in ["requests_aborted", "requests_failed", "tokens"] {
        dimensions.register(name).unwrap();
    }
    Accounting::builder().manual().dimensions(dimensions).build().unwrap()
}

/// A layer that counts everything, with the tenant from a header.
pub fn layer(acc: &Accounting) -> MeterLayer {
    let layer =
        MeterLayer::new(acc).service("omnigate").region("iad").tenant(ron_accounting_tower::header(TENANT));
    layer.count_aborted("requests_aborted").unwrap().count_failed("requests_failed").unwrap()
}

/// What an instance has counted in all.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    pub requests: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub aborted: u64,
    pub failed: u64,
}

pub fn totals(acc: &Accounting) -> Totals {
    let snapshot = acc.snapshot();
    let of = |name| acc.dimension(name).map_or(0, |dimension| snapshot.total(dimension));
    let [requests, bytes_in, bytes_out, aborted, failed] =
        ["requests", "bytes_in", "bytes_out", "requests_aborted", "requests_failed"].map(of);
    Totals { requests, bytes_in, bytes_out, aborted, failed }
}

/// The rows of an instance: labels, and requests, bytes in and bytes out.
pub fn rows(acc: &Accounting) -> Vec<(String, [u64; 3])> {
    let snapshot = acc.snapshot();
    let rows = snapshot.entries().map(|entry| {
        let labels = entry.labels().unwrap();
        (labels.values().join(" "), [entry.requests(), entry.bytes_in(), entry.bytes_out()])
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort();
    rows
}

pub fn total(acc: &Accounting, name: &str) -> u64 {
    let dimension: Dimension = acc.dimension(name).unwrap();
    acc.snapshot().total(dimension)
}

pub fn get(body: Script) -> Request<Script> {
    Request::builder().uri("/").header(TENANT, "acme").body(body).unwrap()
}

/// A service whose future is ready at once.
pub fn answering<B>(
    layer: &MeterLayer,
    mut answer: impl FnMut(Request<ron_accounting_tower::RequestBody<Script>>) -> Response<B> + Clone,
) -> impl Service<
    Request<Script>,
    Response = Response<ron_accounting_tower::ResponseBody<B>>,
    Error = Infallible,
    Future: Send,
> + Clone
where
    B: Body + Send,
{
    layer.layer(tower::service_fn(move |request| std::future::ready(Ok::<_, Infallible>(answer(request)))))
}

/// Polls once.
pub fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(noop_waker_ref()))
}

/// Polls a future that is ready at once.
pub fn ready<F: Future>(future: F) -> F::Output {
    match poll(pin!(future)) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future is not ready"),
    }
}

/// What a body gives when it is asked for a frame.
pub type Polled<B> = Poll<Option<Result<Frame<<B as Body>::Data>, <B as Body>::Error>>>;

/// Asks a body for a frame once.
pub fn frame<B: Body + Unpin>(body: &mut B) -> Polled<B> {
    Pin::new(body).poll_frame(&mut Context::from_waker(noop_waker_ref()))
}

/// Reads a body to its end, or to an error, and returns how many bytes of data it had.
pub fn read<B: Body + Unpin>(body: &mut B) -> u64 {
    let mut bytes = 0;
    loop {
        match frame(body) {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(frame))) => {
                bytes += frame.data_ref().map_or(0, |data| bytes::Buf::remaining(data) as u64);
            }
            Poll::Ready(_) => return bytes,
        }
    }
}
