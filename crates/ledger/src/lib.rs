//! What every ledger can be asked, whatever keeps it.
//!
//! * [`Ledger`]: the trait. It only reads; [`Exporter`](ron_accounting_export::Exporter) is what takes slices, and a type may be
//!   both.
//! * [`UsageQuery`], [`UsageFilter`], [`Column`], [`UsageRow`], [`Value`]: sums by any columns, exact to the unit.
//! * [`TimeZone`], [`CalendarUnit`], [`Period`], [`Straddling`]: hours, days, weeks and months of a time zone.
//! * [`Evidence`]: a slice behind a figure, and how much of the figure it is.
//! * [`SliceInfo`], [`SliceName`], [`StoredSlice`], [`SliceCopy`], [`AuditedSlice`]: slices as a ledger has them.
//! * [`verify`], [`Verification`], [`VerifyProgress`], [`VerifyError`], [`Violation`]: the one walk that proves that a ledger holds
//!   what it accepted.
//! * [`usage_rows`], [`totals`], [`Total`]: short answers as a list. [`read_all`]: every slice, one by one.
//! * [`ReadError`]: why a ledger did not answer.
//!
//! For those who write a ledger: [`sum_usage`] and [`UsageSums`] add up what a ledger finds, in bounded memory, and
//! [`collect_evidence`] does so by slice. A ledger that implements only the required methods of the trait is answered from the bytes of its
//! slices.
//!
//! # Crate features
//! * **`text`**: the module `text`, questions and answers as text.
//!
//! ```
//! use ron_accounting_export::{memory::MemoryLedger, Ack, Exporter};
//! use ron_accounting_ledger::{usage_rows, verify, Column, Ledger, TimeZone, UsageQuery};
//! use ron_ledger_wire::{Origin, Row, RowKey, Seq, Slice, StreamId};
//!
//! let slice = Slice {
//!     stream: StreamId::new(Origin::from_bytes([7; 16]), "acme", "requests"),
//!     seq: Seq::FIRST,
//!     start_ms: 1_431_813_600_000,
//!     end_ms: 1_431_813_660_000,
//!     previous: None,
//!     rows: vec![Row { key: RowKey::labels("GET", "/v1/objects/:id", "gateway", "eu"), increment: 3 }],
//! }
//! .encode()?;
//! let ledger = MemoryLedger::new();
//! assert_eq!(ledger.put_batch(&[slice.clone()]), [Ok(Ack::Ok)]);
//!
//! let mut query = UsageQuery::by([Column::Tenant, Column::Day]);
//! query.time_zone = "Europe/Berlin".parse::<TimeZone>()?;
//! let rows = usage_rows(&ledger, &query)?;
//! assert_eq!((rows[0].values[1].to_string(), rows[0].sum), ("2015-05-17".to_owned(), 3));
//!
//! let evidence = ledger.evidence(&query.filter_of(&rows[0]), None, 10)?;
//! assert_eq!((evidence[0].slice.cid(), evidence[0].amount), (slice.cid(), 3));
//! assert_eq!(verify(&ledger, |_| {})?.slices, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answers;
mod calendar;
mod column;
mod error;
mod evidence;
mod filter;
mod groups;
mod ledger;
mod memory;
mod query;
mod slice;
mod smallest;
mod sums;
#[cfg(feature = "text")]
pub mod text;
mod time_zone;
mod verify;
mod violation;
mod walk;

pub use crate::{
    answers::{totals, usage_rows, Total},
    calendar::{CalendarUnit, Period},
    column::{Column, UnknownColumn},
    error::{BeyondCalendar, ReadError, Straddle},
    evidence::{collect_evidence, Evidence, EvidenceSums},
    filter::UsageFilter,
    ledger::Ledger,
    query::{Straddling, UnknownStraddling, UsageQuery, UsageRow, Value},
    slice::{AuditedSlice, SliceCopy, SliceInfo, SliceName, StoredSlice},
    sums::{sum_usage, SpanError, UsageSums},
    time_zone::{TimeZone, UnknownTimeZone},
    verify::{verify, Verification, VerifyError, VerifyProgress},
    violation::Violation,
    walk::read_all,
};
