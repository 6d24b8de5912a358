//! What every error type keeps: its cause is its source, and no message prints a cause that is printed behind it.
//!
//! A test in the crate that defines an enum names each variant once, with a value:
//!
//! ```
//! use ron_accounting_error_contract::assert_errors;
//!
//! #[derive(Debug)]
//! enum OpenError {
//!     Missing,
//!     Io(std::io::Error),
//! }
//!
//! impl std::fmt::Display for OpenError {
//!     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
//!         f.write_str(match self {
//!             Self::Missing => "no such file: check the path",
//!             Self::Io(_) => "cannot open the file",
//!         })
//!     }
//! }
//!
//! impl std::error::Error for OpenError {
//!     fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
//!         match self {
//!             Self::Missing => None,
//!             Self::Io(source) => Some(source),
//!         }
//!     }
//! }
//!
//! assert_errors!(OpenError {
//!     without_cause: { Missing => OpenError::Missing }
//!     with_cause: { Io => OpenError::Io(std::io::Error::other("disk on fire")) }
//! });
//! ```

mod contract;

pub use contract::{assert_with_cause, assert_without_cause};
