//! Access logs of web servers, proxies and clouds into requests that can be metered.
//!
//! ```text
//!  bytes of a log --- Decoded --- Lines --- Parser --- Request, or Skip
//!                     gzip, zstd,   one at    by the format   what a line says,
//!                     UTF-16, BOM   a time    that was given  or why it says nothing
//!                                             or detected     that can be metered
//! ```
//!
//! * [`Decoded`] unpacks a log, told by its content: [`Compression`], [`Encoding`].
//! * [`Lines`] gives each [`Line`] in bounded memory.
//! * [`Format`] is what a log is written in: a name ([`FORMAT_NAMES`]), a text in the notation of Apache or nginx, or
//!   keys of JSON. [`Times`] is what its times need besides.
//! * [`Parser`] reads the lines of one log. It tells the format by the first lines if none is given, and refuses
//!   where it would have to guess who pays ([`FormatError`]).
//! * [`Request`] borrows from the line; [`RequestLine`] is what was asked for. [`FieldName`] names what else to keep.
//! * [`Skip`] is why a line is no request, [`Remark`] what is worth counting about one that is.
//! * [`canonical_client`] gives each client one spelling.
//!
//! Lines are damaged, and clients are hostile. What counts and dates a request is taken where it is certain, and a
//! line where it is not is skipped by its reason. A line that says for certain that there was a request, and not whose, counts
//! without client and user. Nothing that a client sends (target, referrer,
//! agent, name) hides its own request, makes another pay, or lowers the number of bytes. `docs/access-logs.md` lists
//! the formats, and what becomes of which damage.
//!
//! ```
//! use ron_accounting_access_log::{Decoded, Format, Lines, Parser, RequestLine, Times};
//!
//! let log: &[u8] = b"192.0.2.7 - ada [17/May/2015:12:05:03 +0200] \"GET /a?b HTTP/1.1\" 200 512\n";
//! let mut lines = Lines::new(Decoded::new(log)?);
//! let mut parser = Parser::new(&Format::auto(), lines.sample()?, &Times::new(), &[])?;
//! assert_eq!(parser.description(), "common");
//! while let Some(line) = lines.next()? {
//!     match line.and_then(|line| parser.parse(line)) {
//!         Ok(Some(request)) => {
//!             assert_eq!(request.user.as_deref(), Some("ada"));
//!             assert_eq!((request.time_ms, request.bytes_sent), (1_431_857_103_000, Some(512)));
//!             assert_eq!(request.line, RequestLine::Http { method: "GET".into(), target: "/a?b".into() });
//!         }
//!         Ok(None) => {} // Names of columns, or a piece of a line.
//!         Err(skip) => println!("line {}: {skip}", lines.number()),
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod container;
mod detect;
mod field;
mod format;
mod found;
mod json;
mod lines;
mod near;
mod notation;
mod parser;
mod prefix;
mod request;
mod skip;
mod template;
mod text;
mod time;

pub use address::{canonical_client, parse_address};
pub use container::{Compression, Decoded, Encoding};
pub use field::{FieldName, FieldNameError};
pub use format::{Format, FormatError, FORMAT_NAMES};
pub use lines::{Line, Lines, LINE_BYTES_MAX};
pub use parser::Parser;
pub use request::{Request, RequestLine};
pub use skip::{Remark, Remarks, Skip, SkipReason};
pub use time::{Times, TimesError};
