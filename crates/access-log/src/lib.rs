//! x
mod address;
mod skip;
mod text;
mod time;
pub use address::{canonical_client, parse_address};
pub use skip::{Remark, Remarks, Skip, SkipReason};
pub use time::{Times, TimesError};
