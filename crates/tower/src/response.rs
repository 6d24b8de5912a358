//! The response's side of a request: it counts the request itself, the bytes that go out, and how it all ends.
//!
//! # Where the end is known
//! A server need not ask a body for its end: HTTP/1.1 stops at the length that it announced, HTTP/2 at a body that says that
//! it is at its end, both at trailers, and neither asks for the body of a response to `HEAD`. So the end is judged when the response is dropped,
//! which happens in every case and once:
//!
//! ```text
//! status 500 to 599, an error, a panic inside              failed
//! end seen, or all announced bytes given, or no body due   complete
//! anything else                                            aborted by client
//! ```

use http::{header::CONTENT_LENGTH, HeaderMap, Method, StatusCode};
use http_body::Body;
use ron_accounting::Dimension;

use crate::{exchange::Account, RequestOutcome};

/// When a response has no body on the wire, whatever its body would give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bodyless {
    /// If its status says so.
    ByStatus,
    /// After `CONNECT`, if the tunnel is there.
    OnSuccess,
    /// After `HEAD`.
    Always,
}

/// Counts one request and its response. Dropping it settles the request.
#[derive(Debug)]
pub(crate) struct ResponseTally {
    account: Account,
    bytes: u64,
    /// How many bytes make the response complete, if that is known.
    expected: Option<u64>,
    /// How the request ends if the tally is dropped now.
    outcome: RequestOutcome,
    is_request_counted: bool,
    bodyless: Bodyless,
}

impl ResponseTally {
    #[inline]
    pub(crate) fn new(account: Account, method: &Method) -> Self {
        let bodyless = match *method {
            Method::HEAD => Bodyless::Always,
            Method::CONNECT => Bodyless::OnSuccess,
            _ => Bodyless::ByStatus,
        };
        Self {
            account,
            bytes: 0,
            expected: None,
            outcome: RequestOutcome::AbortedByClient,
            is_request_counted: false,
            bodyless,
        }
    }

    /// Runs code of the service. If the tally is dropped meanwhile, that code panicked.
    #[inline]
    pub(crate) fn inside<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let outcome = std::mem::replace(&mut self.outcome, RequestOutcome::Failed);
        let result = work();
        self.outcome = outcome;
        result
    }

    /// The service has nothing to hand over now. The request is counted now, so that a long one shows in the window in which
    /// it began.
    #[inline]
    pub(crate) fn wait(&mut self) {
        if !self.is_request_counted {
            self.is_request_counted = true;
            self.account.record(&[(Dimension::REQUESTS, 1)]);
        }
    }

    /// The service returned an error, or its body did.
    pub(crate) fn fail(&mut self) {
        self.outcome = RequestOutcome::Failed;
    }

    /// The response has begun.
    #[inline]
    pub(crate) fn begin(&mut self, status: StatusCode, headers: &HeaderMap, body: &impl Body) {
        if let Account::Shared(exchange) = &self.account {
            exchange.begin_response(status);
        }
        if status.is_server_error() {
            self.fail();
        } else if self.is_bodyless(status) || body.is_end_stream() {
            self.complete();
        } else {
            // A host that announces a length and streams the body has a server that stops there.
            self.expected = body.size_hint().exact().or_else(|| content_length(headers));
            self.complete_if_all_is_given();
        }
    }

    #[inline]
    fn is_bodyless(&self, status: StatusCode) -> bool {
        self.bodyless == Bodyless::Always
            || status == StatusCode::NO_CONTENT
            || status == StatusCode::NOT_MODIFIED
            || status.is_informational()
            || (self.bodyless == Bodyless::OnSuccess && status.is_success())
    }

    /// Bytes were handed to the server.
    #[inline]
    pub(crate) fn hand_over(&mut self, bytes: u64) {
        let out = (Dimension::BYTES_OUT, bytes);
        if self.is_request_counted {
            self.account.record(&[out]);
        } else {
            self.is_request_counted = true;
            self.account.record(&[(Dimension::REQUESTS, 1), out]);
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.complete_if_all_is_given();
    }

    #[inline]
    fn complete_if_all_is_given(&mut self) {
        if self.expected.is_some_and(|expected| self.bytes >= expected) {
            self.complete();
        }
    }

    /// The end of the body was reached.
    #[inline]
    pub(crate) fn complete(&mut self) {
        if self.outcome != RequestOutcome::Failed {
            self.outcome = RequestOutcome::Complete;
        }
    }
}

impl Drop for ResponseTally {
    #[inline]
    fn drop(&mut self) {
        self.wait();
        let outcome = self.outcome;
        if let Some(dimension) = self.account.meter().metering.outcome_dimension(outcome) {
            self.account.record(&[(dimension, 1)]);
        }
        if let Account::Shared(exchange) = &self.account {
            exchange.close_response(outcome);
        }
    }
}

#[cold]
fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}
