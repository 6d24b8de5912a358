//! Normalizes the labels of HTTP requests: the [`Normalizer`](ron_accounting_core::Normalizer) that turns paths into routes.
//!
//! With raw paths as labels, a usage report grows without end, and a client's address may end up in an invoice. This crate
//! turns each raw label into one of a bounded number of spellings before it is counted.
//!
//! * [`RouteNormalizer`] is the normalizer. Its documentation says what it does to each label. Start there.
//! * [`RouteNormalizerBuilder`] sets the host's own templates, limits and further methods.
//! * [`RouteList`] reads these templates from a file: plain lines, or OpenAPI 3 with the feature `openapi`.
//! * [`Unmatched`] is what a path becomes that no template of the host matches.
//! * [`RouteLearner`] finds the parameters that a single path does not show, by the values of all paths.
//! * [`PersonalData`] is what a tenant, service or region must not contain.
//! * [`BuildError`] is a setting that was refused.
//! * [`placeholder`] has the words that replace values in a route.
//!
//! Normalization is idempotent and deterministic, takes time linear in the input, never panics, and its output keeps the
//! configured limits. With a learner, a route also depends on the paths before it; [`RouteLearner`] says how. For a label that is normalized already, nothing is allocated beyond the caller's buffer, unless it has
//! percent escapes.
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

mod asset;
mod builder;
mod character;
mod error;
mod identifier;
mod learner;
mod method;
mod normalizer;
mod path;
mod percent;
mod personal;
pub mod placeholder;
mod route_list;
mod segment;
mod target;
mod templates;
mod text;
mod token;
mod trie;
mod version;
mod word;

pub use builder::{RouteNormalizerBuilder, Unmatched};
pub use error::BuildError;
pub use learner::{LearnedPosition, LearnerStats, RouteLearner, RouteLearnerBuilder};
pub use method::OTHER_METHOD;
pub use normalizer::RouteNormalizer;
pub use personal::PersonalData;
pub use route_list::{RouteList, RouteListError};
