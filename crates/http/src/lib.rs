//! The HTTP surface of usage metering: ingest, queries, evidence, scrape and readiness.
//!
//! * [`Surface`], [`SurfaceBuilder`]: what is served, over a [`Ledger`](ron_accounting_ledger::Ledger), an
//!   [`Accounting`](ron_accounting::Accounting), or both. [`Surface::router`] is a router that a host embeds.
//! * [`Server`], [`ServerLimits`]: a server for it, over TCP or a Unix socket, that outlives slow, greedy and hostile clients.
//! * [`ListenAddress`]: where it listens. [`ServeError`]: why it does not.
//! * [`Counters`], [`Refusal`]: what was refused, and how often.
//! * [`ProblemKind`]: every error that is answered. [`OPENAPI`]: the description of all answers.
//!
//! `docs/http.md` has an example for each endpoint. Nothing is served until it is asked for.
//!
//! ```
//! use std::sync::Arc;
//! use ron_accounting_export::memory::MemoryLedger;
//! use ron_accounting_http::Surface;
//!
//! let ledger = Arc::new(MemoryLedger::new());
//! let surface = Surface::builder().ledger(Arc::clone(&ledger)).exporter(ledger).build();
//! let router: axum::Router = surface.router();
//! // A host merges it into its own: `app.nest("/metering", router)`.
//! # drop(router);
//! ```
//!
//! # How a question is answered
//!
//! * A question runs on a thread that may block, and a limited number run at once (`readers.rs`).
//! * An answer comes in pages (`paged.rs`). While a client reads a page, nothing of the ledger is held for it.
//!
//! # How the server defends itself
//!
//! * Each connection has a watch (`server/watch.rs`) that knows since when the server waits for the client, and for what.
//! * Whoever is over a limit is refused, and the refusal is counted (`counters.rs`).

mod answers;
mod claim;
mod counters;
mod negotiation;
mod paged;
mod parameters;
mod problem;
mod puts;
mod question;
mod readers;
mod sequence;
mod server;
mod surface;

pub use counters::{Counters, Refusal};
pub use problem::ProblemKind;
pub use server::{Ended, ListenAddress, ServeError, Server, ServerLimits, UnknownAddress};
pub use surface::{Surface, SurfaceBuilder, SurfaceLimits};

/// The OpenAPI 3.1 document of all endpoints, in JSON. It is served at `/openapi.json`.
pub const OPENAPI: &str = include_str!("../openapi.json");
