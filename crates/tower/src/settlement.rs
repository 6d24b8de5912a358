//! How a request ended, and what it came to.

use http::StatusCode;
use ron_accounting::Labels;

/// How a request ended, as its server saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestOutcome {
    /// The whole response was handed to the server.
    Complete,
    /// The response, or the future that makes it, was dropped before its end. Mostly the client is gone. A timeout outside of
    /// the layer looks the same.
    AbortedByClient,
    /// The service returned an error, panicked, answered with a status from 500 to 599, or its response body broke off with an
    /// error. This comes before an abort.
    Failed,
}

impl RequestOutcome {
    /// Returns the outcome in lower case, for logs and labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::AbortedByClient => "aborted by client",
            Self::Failed => "failed",
        }
    }
}

impl std::fmt::Display for RequestOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What one request came to. [`MeterLayer::on_settled`](crate::MeterLayer::on_settled) passes it on, once per request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settlement<'a> {
    /// The labels as the layer has them. The engine normalizes them before it counts.
    pub labels: Labels<'a>,
    /// The status of the response. `None` if there was no response.
    pub status: Option<StatusCode>,
    /// Bytes of the request body that the service read.
    pub bytes_in: u64,
    /// Bytes of the response body that were handed to the server.
    pub bytes_out: u64,
    /// How it ended.
    pub outcome: RequestOutcome,
}
