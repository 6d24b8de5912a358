//! Bodies that count the data that passes, frame by frame, and change nothing of it.

use std::{
    pin::Pin,
    task::{ready, Context, Poll},
};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};

use crate::{request::RequestTally, response::ResponseTally};

pin_project_lite::pin_project! {
    /// The body of a request. Counts what the service reads of it.
    ///
    /// Frames, trailers, errors, the size hint and the end are those of the wrapped body.
    #[derive(Debug)]
    pub struct RequestBody<B> {
        #[pin]
        inner: B,
        // `None` for a body that is empty: there is nothing to count.
        tally: Option<RequestTally>,
    }
}

impl<B> RequestBody<B> {
    pub(crate) fn new(inner: B, tally: Option<RequestTally>) -> Self {
        Self { inner, tally }
    }

    /// Returns the wrapped body. What goes through it directly is not counted.
    pub fn get_ref(&self) -> &B {
        &self.inner
    }
}

impl<B: Body> Body for RequestBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    #[inline]
    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        let polled = ready!(this.inner.poll_frame(context));
        if let (Some(Ok(frame)), Some(tally)) = (&polled, this.tally) {
            if let Some(bytes) = bytes_of(frame) {
                tally.take_in(bytes);
            }
        }
        Poll::Ready(polled)
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    #[inline]
    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

pin_project_lite::pin_project! {
    /// The body of a response. Counts what is handed to the server, and settles the request when it is dropped.
    ///
    /// Frames, trailers, errors, the size hint and the end are those of the wrapped body.
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        #[pin]
        inner: B,
        tally: ResponseTally,
    }
}

impl<B> ResponseBody<B> {
    pub(crate) fn new(inner: B, tally: ResponseTally) -> Self {
        Self { inner, tally }
    }

    /// Returns the wrapped body. What goes through it directly is not counted.
    pub fn get_ref(&self) -> &B {
        &self.inner
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    #[inline]
    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        let (polled, is_at_end) = this.tally.inside(|| {
            let polled = this.inner.as_mut().poll_frame(context);
            // A server need not ask a body again that says that it is at its end, or that gave its trailers.
            let is_at_end = match &polled {
                Poll::Ready(Some(Ok(frame))) => frame.is_trailers() || this.inner.is_end_stream(),
                Poll::Ready(None) => true,
                _ => false,
            };
            (polled, is_at_end)
        });
        match &polled {
            Poll::Pending => this.tally.wait(),
            Poll::Ready(Some(Err(_))) => this.tally.fail(),
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(bytes) = bytes_of(frame) {
                    this.tally.hand_over(bytes);
                }
            }
            Poll::Ready(None) => {}
        }
        if is_at_end {
            this.tally.complete();
        }
        polled
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    #[inline]
    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Returns how many bytes of data a frame has. `None` for trailers, and for data without a byte.
#[inline]
fn bytes_of<D: Buf>(frame: &Frame<D>) -> Option<u64> {
    let bytes = frame.data_ref()?.remaining();
    (bytes > 0).then_some(bytes as u64)
}
