//! Answers in pages: memory is one page for each answer, and nothing of the ledger is held while a client reads.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{header, HeaderValue};
use http_body::{Body as HttpBody, Frame, SizeHint};
use ron_accounting_ledger::{Ledger, ReadError};

use crate::{
    counters::{Counters, Refusal},
    problem::Problem,
    readers::Readers,
};

/// How many bytes are handed to a connection at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// An answer that is written page by page.
pub(crate) trait Pages: Send + Unpin + 'static {
    /// Writes until at least `page_bytes` are written or the answer ends. Returns whether it ended.
    fn write_page(
        &mut self,
        ledger: &dyn Ledger,
        page_bytes: usize,
        out: &mut Vec<u8>,
    ) -> Result<bool, ReadError>;
}

/// Returns the answer. An error before the end of the first page is a problem. After that, all that is left is to cut the answer off.
pub(crate) async fn respond<P: Pages>(
    readers: &Arc<Readers>,
    counters: &Arc<Counters>,
    page_bytes: usize,
    content_type: &'static str,
    pages: P,
) -> Result<Response, Problem> {
    let page = next_page(readers, page_bytes, pages).await?;
    let mut body = Chunked { page: page.bytes.into(), rest: None, counters: Arc::clone(counters) };
    if !page.is_last {
        body.rest = Some(Rest::Later { readers: Arc::clone(readers), page_bytes, pages: page.pages });
    }
    let mut response = Body::new(body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    Ok(response)
}

/// Returns a body that is in memory already, in chunks.
pub(crate) fn whole(bytes: Vec<u8>, counters: &Arc<Counters>) -> Body {
    Body::new(Chunked::<Nothing> { page: bytes.into(), rest: None, counters: Arc::clone(counters) })
}

struct Page<P> {
    pages: P,
    bytes: Vec<u8>,
    is_last: bool,
}

async fn next_page<P: Pages>(readers: &Readers, page_bytes: usize, mut pages: P) -> Result<Page<P>, Problem> {
    let page = readers.ask(move |ledger| {
        let mut bytes = Vec::new();
        let is_last = pages.write_page(ledger, page_bytes, &mut bytes)?;
        Ok::<_, ReadError>(Page { pages, bytes, is_last })
    });
    Ok(page.await??)
}

/// The body: a page in chunks, then the next one.
struct Chunked<P> {
    page: Bytes,
    rest: Option<Rest<P>>,
    counters: Arc<Counters>,
}

/// A page on its way, and the readers for the next one.
type Asked<P> = Pin<Box<dyn Future<Output = (Arc<Readers>, Result<Page<P>, Problem>)> + Send>>;

enum Rest<P> {
    Later { readers: Arc<Readers>, page_bytes: usize, pages: P },
    Asked(Asked<P>, usize),
}

impl<P: Pages> HttpBody for Chunked<P> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        loop {
            if !this.page.is_empty() {
                let chunk = this.page.split_to(this.page.len().min(CHUNK_BYTES));
                return Poll::Ready(Some(Ok(Frame::data(chunk))));
            }
            let (mut asked, page_bytes) = match this.rest.take() {
                None => return Poll::Ready(None),
                Some(Rest::Asked(asked, page_bytes)) => (asked, page_bytes),
                Some(Rest::Later { readers, page_bytes, pages }) => {
                    let asked = async move {
                        let page = next_page(&readers, page_bytes, pages).await;
                        (readers, page)
                    };
                    let boxed: Asked<P> = Box::pin(asked);
                    (boxed, page_bytes)
                }
            };
            match asked.as_mut().poll(context) {
                Poll::Pending => {
                    this.rest = Some(Rest::Asked(asked, page_bytes));
                    return Poll::Pending;
                }
                Poll::Ready((readers, Ok(page))) => {
                    this.page = page.bytes.into();
                    if !page.is_last {
                        this.rest = Some(Rest::Later { readers, page_bytes, pages: page.pages });
                    }
                }
                Poll::Ready((_, Err(problem))) => {
                    this.counters.refuse(Refusal::CutOff);
                    let detail = String::from_utf8_lossy(&problem.to_json()).into_owned();
                    return Poll::Ready(Some(Err(io::Error::other(detail))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.page.is_empty() && self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let bytes = self.page.len() as u64;
        if self.rest.is_none() {
            SizeHint::with_exact(bytes)
        } else {
            let mut hint = SizeHint::new();
            hint.set_lower(bytes);
            hint
        }
    }
}

/// The pages of a body that has only one.
enum Nothing {}

impl Pages for Nothing {
    fn write_page(&mut self, _: &dyn Ledger, _: usize, _: &mut Vec<u8>) -> Result<bool, ReadError> {
        match *self {}
    }
}
