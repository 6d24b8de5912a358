//! Route templating, label hygiene and personal-data guards: the [`Normalizer`](ron_accounting_core::Normalizer) for HTTP.
//!
//! Raw paths as labels are how a usage report grows without end, and how a client's address ends up in an invoice. This
//! crate turns each raw label into one of a bounded family of spellings before it is counted.
//!
//! * [`RouteNormalizer`]: the normalizer, with what it does to each label. Start here.
//! * [`RouteNormalizerBuilder`]: the host's own templates, limits, further methods.
//! * [`Unmatched`]: what becomes of a path that no template of the host matches.
//! * [`BuildError`]: why a configuration was refused.
//! * [`placeholder`]: the words that stand for what was taken out of a route.
//!
//! What normalization promises: it is idempotent and deterministic, takes time linear in the input, never panics, and
//! its output keeps the configured limits. A label that is normal already is recognised without an allocation beyond
//! the caller's buffer, unless it holds percent escapes.
//!
//! ```
//! use ron_accounting_core::{Label, Normalizer, Verdict};
//! use ron_accounting_normalize::RouteNormalizer;
//!
//! let normalizer = RouteNormalizer::builder().template("/v1/objects/{id}").build()?;
//! let mut route = String::new();
//!
//! let verdict = normalizer.normalize(Label::Route, "/v1/objects/my-holiday.jpg?size=2", &mut route);
//! assert_eq!((verdict, route.as_str()), (Verdict::Changed, "/v1/objects/:id"));
//!
//! route.clear();
//! normalizer.normalize(Label::Route, "//users/4711/../42/invoices/2024-01-31.pdf", &mut route);
//! assert_eq!(route, "/users/:num/invoices/:date.pdf");
//! # Ok::<(), ron_accounting_normalize::BuildError>(())
//! ```

mod builder;
mod character;
mod error;
mod identifier;
mod method;
mod normalizer;
mod path;
mod percent;
mod personal;
pub mod placeholder;
mod segment;
mod target;
mod templates;
mod text;
mod token;

pub use builder::{RouteNormalizerBuilder, Unmatched};
pub use error::BuildError;
pub use method::OTHER_METHOD;
pub use normalizer::RouteNormalizer;
