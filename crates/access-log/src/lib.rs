//! x
mod address;
mod container;
mod field;
mod found;
mod lines;
mod request;
mod skip;
mod template;
mod text;
mod time;
pub use address::{canonical_client, parse_address};
pub use container::{Compression, Decoded, Encoding};
pub use field::{FieldName, FieldNameError};
pub use lines::{Line, Lines, LINE_BYTES_MAX};
pub use request::{Request, RequestLine};
pub use skip::{Remark, Remarks, Skip, SkipReason};
pub use time::{Times, TimesError};
