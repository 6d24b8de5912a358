//! A `tower` layer that bills what was really served.
//!
//! [`MeterLayer`] wraps any HTTP service of tower, axum, hyper or tonic. It counts requests, and the bytes of both bodies
//! frame by frame as they pass, under route, method, service, region and the tenant that the host extracts. A client that
//! leaves in the middle of a stream is charged what was handed to it.
//!
//! ```
//! use axum::{routing::get, Router};
//! use http::HeaderName;
//! use ron_accounting::Accounting;
//! use ron_accounting_tower::{header, MeterLayer};
//!
//! let acc = Accounting::builder().manual().build()?;
//! let layer = MeterLayer::new(&acc)
//!     .service("omnigate")
//!     .region("iad")
//!     .tenant(header(HeaderName::from_static("x-tenant")));
//! let app: Router = Router::new().route("/v1/objects/{id}", get(|| async { "an object" })).layer(layer);
//! # Ok::<(), ron_accounting::AccError>(())
//! ```
//!
//! `docs/middleware.md` says what is counted exactly, and in which order layers belong.
//!
//! # Where things are
//! * [`MeterLayer`] has the settings. [`MeterService`], [`ResponseFuture`], [`RequestBody`] and [`ResponseBody`] are what it
//!   makes.
//! * [`header`] and [`extension`]: two sources of the tenant. Closures are sources, too.
//! * [`Usage`]: the handle by which a handler counts other units, and a middleware sets the tenant.
//! * [`Settlement`] and [`RequestOutcome`]: how a request ended.
//!
//! # Crate features
//! * **`axum`** (default): routes are those of axum 0.8's `MatchedPath`, and [`Usage`] is an extractor. Without it,
//!   [`MeterLayer::route`] says what the route is.

mod body;
mod error;
mod exchange;
#[cfg(feature = "axum")]
mod extractor;
mod future;
mod intern;
mod layer;
mod metering;
mod request;
mod response;
mod service;
mod settlement;
mod source;
mod usage;

pub use body::{RequestBody, ResponseBody};
pub use error::MeterError;
#[cfg(feature = "axum")]
pub use extractor::UsageRejection;
pub use future::ResponseFuture;
pub use layer::MeterLayer;
pub use metering::{OTHER_METHOD, UNKNOWN_TENANT, UNMATCHED_ROUTE};
pub use service::MeterService;
pub use settlement::{RequestOutcome, Settlement};
pub use source::{extension, header};
pub use usage::Usage;
