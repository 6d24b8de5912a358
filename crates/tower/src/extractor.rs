//! Axum gets a handler's [`Usage`] for it.

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{request::Parts, StatusCode};

use crate::Usage;

/// The request has no [`Usage`]: the layer does not hand it out, or is not around this route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request has no `Usage`; put a `MeterLayer` with `hand_out_usage()` around this route")]
pub struct UsageRejection;

impl IntoResponse for UsageRejection {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.to_string()).into_response()
    }
}

impl<S: Sync> FromRequestParts<S> for Usage {
    type Rejection = UsageRejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        parts.extensions.get::<Self>().cloned().ok_or(UsageRejection)
    }
}
