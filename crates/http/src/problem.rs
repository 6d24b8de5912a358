//! Errors as answers: `application/problem+json` (RFC 9457).

use axum::response::{IntoResponse, Response};
use http::{header, HeaderValue, StatusCode};
use ron_accounting_ledger::ReadError;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Where the documentation describes each kind.
const TYPES: &str = "https://github.com/rustyonions/ron-accounting/blob/main/docs/http.md#";

macro_rules! problem_kinds {
    ($($(#[$doc:meta])* $name:ident => $status:ident, $slug:literal, $title:literal;)*) => {
        /// The kinds of errors that are answered. `docs/http.md` has a section for each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ProblemKind {
            $($(#[$doc])* $name,)*
        }

        impl ProblemKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns the name, which is the last part of the type.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $slug,)* }
            }

            /// Returns the status of the answer.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// Returns what happened, in general.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

problem_kinds! {
    /// A parameter that the endpoint does not have.
    UnknownParameter => BAD_REQUEST, "unknown-parameter", "The endpoint has no such parameter";
    /// A parameter that was given twice.
    RepeatedParameter => BAD_REQUEST, "repeated-parameter", "A parameter was given twice";
    /// A value that the parameter does not take.
    InvalidParameter => BAD_REQUEST, "invalid-parameter", "A parameter has a value that it does not take";
    /// No endpoint has this path.
    UnknownPath => NOT_FOUND, "unknown-path", "There is no such endpoint";
    /// The ledger has no slice of this name.
    UnknownSlice => NOT_FOUND, "unknown-slice", "The ledger has no such slice";
    /// The endpoint has no such method.
    UnknownMethod => METHOD_NOT_ALLOWED, "unknown-method", "The endpoint does not take this method";
    /// The client accepts none of the formats.
    NotAcceptable => NOT_ACCEPTABLE, "not-acceptable", "The answer has none of the accepted formats";
    /// A body of another type.
    UnsupportedMediaType => UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The body has another type than the endpoint takes";
    /// A request that a page of another site made.
    ForeignPage => FORBIDDEN, "foreign-page", "A page of a browser may not change anything here";
    /// A request for another host.
    ForeignHost => FORBIDDEN, "foreign-host", "This server does not answer for that host";
    /// A body that is larger than the limit.
    BodyTooLarge => PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large";
    /// A body that did not come in time.
    BodyTooSlow => REQUEST_TIMEOUT, "body-too-slow", "The body did not come in time";
    /// A body that was cut off.
    BodyUnreadable => BAD_REQUEST, "body-unreadable", "The body could not be read to its end";
    /// A body that is no sequence of CBOR items.
    MalformedSequence => BAD_REQUEST, "malformed-sequence", "The body is no sequence of slices";
    /// A claim that cannot be read.
    MalformedClaim => BAD_REQUEST, "malformed-claim", "The claim cannot be read";
    /// A slice that would have to be divided.
    Straddling => UNPROCESSABLE_ENTITY, "straddling", "A slice goes across the end of a period";
    /// A time that no calendar knows.
    BeyondCalendar => UNPROCESSABLE_ENTITY, "beyond-calendar", "A time lies outside of the calendar";
    /// As many questions are being answered as may be.
    TooManyQuestions => SERVICE_UNAVAILABLE, "too-many-questions", "Too many questions at once";
    /// As many exports are being taken as may be.
    TooManyExports => SERVICE_UNAVAILABLE, "too-many-exports", "Too many exports at once";
    /// As many scrapes are being written as may be.
    TooManyScrapes => SERVICE_UNAVAILABLE, "too-many-scrapes", "Too many scrapes at once";
    /// As many connections are open as may be.
    TooManyConnections => SERVICE_UNAVAILABLE, "too-many-connections", "Too many connections at once";
    /// The ledger cannot be reached.
    LedgerUnavailable => SERVICE_UNAVAILABLE, "ledger-unavailable", "The ledger cannot be reached now";
    /// The ledger holds what no ledger writes.
    LedgerDamaged => INTERNAL_SERVER_ERROR, "ledger-damaged", "The ledger is damaged";
    /// The ledger refused the question.
    LedgerRefused => INTERNAL_SERVER_ERROR, "ledger-refused", "The ledger refused the question";
    /// A request that did not come in time.
    RequestTooSlow => REQUEST_TIMEOUT, "request-too-slow", "The request did not come in time";
    /// A failure of the server.
    Internal => INTERNAL_SERVER_ERROR, "internal", "The server failed";
}

/// An error as an answer.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    kind: ProblemKind,
    detail: String,
    retry_after_s: Option<u64>,
}

impl Problem {
    /// Returns a problem. The detail says what happened to which value, and what to do.
    pub(crate) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        // What may pass by itself says when.
        let is_busy = kind.status() == StatusCode::SERVICE_UNAVAILABLE;
        Self { kind, detail: detail.into(), retry_after_s: is_busy.then_some(1) }
    }

    /// Returns a problem with a parameter.
    pub(crate) fn invalid(name: &str, why: impl std::fmt::Display) -> Self {
        Self::new(ProblemKind::InvalidParameter, format!("`{name}`: {why}"))
    }

    pub(crate) fn kind(&self) -> ProblemKind {
        self.kind
    }

    pub(crate) fn retry_after_s(&self) -> Option<u64> {
        self.retry_after_s
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        // It has no key that is no string, and no value that fails.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(4))?;
        object.serialize_entry("type", &format_args!("{TYPES}{}", self.kind.name()))?;
        object.serialize_entry("title", self.kind.title())?;
        object.serialize_entry("status", &self.kind.status().as_u16())?;
        object.serialize_entry("detail", &self.detail)?;
        object.end()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.kind.status(), self.to_json()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        let kind = match &error {
            ReadError::Unavailable { .. } | ReadError::Busy => ProblemKind::LedgerUnavailable,
            ReadError::Damaged { .. } => ProblemKind::LedgerDamaged,
            ReadError::Straddles { .. } => ProblemKind::Straddling,
            ReadError::BeyondCalendar(_) => ProblemKind::BeyondCalendar,
            _ => ProblemKind::LedgerRefused,
        };
        Self::new(kind, error.with_causes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_section_in_the_documentation() {
        let document = include_str!("../../../docs/http.md");
        for kind in ProblemKind::ALL {
            let line = format!("| <a id=\"{0}\"></a>`{0}` | {1} |", kind.name(), kind.status().as_u16());
            assert!(document.contains(&line), "docs/http.md has no line that begins with {line}");
        }
    }
}
