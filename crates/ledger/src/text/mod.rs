//! Questions and answers as text: times and accounts as people write them, sums and evidence as JSON and CSV.
//!
//! Every surface shows answers through this module, so that the same question has the same answer everywhere, to the byte.
//!
//! * [`parse_time`], [`format_time`], [`parse_account`]: what people write, and how times are shown.
//! * [`UsageAnswer`], [`EvidenceAnswer`]: an answer as rows of text, in parts of any size.
//! * [`RowWriter`], [`RowFormat`], [`JsonInteger`]: rows as JSON and CSV.
//! * [`visible`], [`is_hostile`]: text from elsewhere, made safe to show.

mod account;
mod answer;
mod csv;
mod escape;
mod moment;
mod rows;

pub use account::{parse_account, UnknownAccount};
pub use answer::{EvidenceAnswer, UsageAnswer};
pub use escape::{is_hostile, visible};
pub use moment::{format_time, parse_time, UnknownTime};
pub use rows::{JsonInteger, RowFormat, RowWriter};
