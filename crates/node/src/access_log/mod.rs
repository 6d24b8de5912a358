//! Reading access logs in the common and the combined format, as Apache, nginx and others write them.
//!
//! * [`Lines`]: the lines of a log of any size, in constant memory.
//! * [`Entry`], [`Format`]: the fields of one line.
//! * [`Request`]: the request line, with the escapes of the server's writer undone.
//! * [`LineError`]: the reason why a line cannot be metered.
//!
//! ```
//! use ron_accounting_node::access_log::{Entry, Format, Request};
//!
//! let line = br#"192.0.2.7 - ada [17/May/2015:12:05:03 +0200] "GET /a?b HTTP/1.1" 200 512"#;
//! let entry = Entry::parse(line, Format::Auto)?;
//! assert_eq!((entry.user, entry.time_ms, entry.bytes_sent), (Some("ada"), 1_431_857_103_000, 512));
//! assert_eq!(entry.request, Request::Http { method: "GET", target: "/a?b".into() });
//! # Ok::<(), ron_accounting_node::access_log::LineError>(())
//! ```

mod error;
mod line;
mod lines;
mod request;
mod timestamp;

pub use error::LineError;
pub use line::{Entry, Format};
pub use lines::{Lines, LINE_BYTES_MAX};
pub use request::Request;
