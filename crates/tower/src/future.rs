//! The future of a response.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::Response;
use http_body::Body;

use crate::{body::ResponseBody, response::ResponseTally};

pin_project_lite::pin_project! {
    /// The future of a response that is counted. Dropping it before it is ready settles the request.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        // `None` once the response has it.
        tally: Option<ResponseTally>,
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn new(inner: F, tally: ResponseTally) -> Self {
        Self { inner, tally: Some(tally) }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
{
    type Output = Result<Response<ResponseBody<R>>, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(mut tally) = this.tally.take() else {
            panic!("the future was polled after it was ready");
        };
        match tally.inside(|| this.inner.poll(context)) {
            Poll::Pending => {
                tally.wait();
                *this.tally = Some(tally);
                Poll::Pending
            }
            Poll::Ready(Err(error)) => {
                tally.fail();
                Poll::Ready(Err(error))
            }
            Poll::Ready(Ok(response)) => {
                let (head, body) = response.into_parts();
                tally.begin(head.status, &head.headers, &body);
                Poll::Ready(Ok(Response::from_parts(head, ResponseBody::new(body, tally))))
            }
        }
    }
}
