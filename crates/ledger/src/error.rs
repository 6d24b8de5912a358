//! Why a ledger did not answer.

use std::error::Error;

use ron_accounting_export::{with_causes, Cause};
use ron_ledger_wire::{Seq, StreamId};

use crate::{time_zone::show_ms, CalendarUnit};

/// Why a ledger did not answer a question. Asking changes nothing, so every question may be asked again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The ledger cannot be reached or read at this moment.
    #[error("the ledger cannot be read now; ask again later")]
    Unavailable {
        /// What the ledger or its transport said.
        source: Cause,
    },
    /// The ledger takes no more questions at this moment.
    #[error("the ledger is busy; ask again later")]
    Busy,
    /// The ledger will never answer this question as it is, or not to this caller.
    #[error("the ledger refused the question")]
    Refused {
        /// The ledger's reason.
        source: Cause,
    },
    /// The ledger holds a value that no ledger writes.
    #[error("the ledger is damaged: verify it, and restore it from a copy")]
    Damaged {
        /// The stream that the value belongs to, as far as that is known.
        stream: Option<StreamId>,
        /// The number of the slice that the value belongs to, as far as that is known.
        seq: Option<Seq>,
        /// The value, or the error of the storage.
        source: Cause,
    },
    /// A slice cannot be assigned to one calendar period.
    #[error("slice {seq} of {stream} cannot be divided: {straddle}")]
    Straddles {
        /// The stream of the slice.
        stream: StreamId,
        /// The number of the slice.
        seq: Seq,
        /// The span, the boundary within it, and what to do.
        straddle: Box<Straddle>,
    },
    /// A time lies outside of what the calendar knows.
    #[error(transparent)]
    BeyondCalendar(#[from] BeyondCalendar),
}

impl ReadError {
    /// Returns [`ReadError::Unavailable`] with this error or text as its cause.
    pub fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable { source: Cause::new(cause) }
    }

    /// Returns [`ReadError::Refused`] with this error or text as its cause.
    pub fn refused(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Refused { source: Cause::new(cause) }
    }

    /// Returns [`ReadError::Damaged`], of no known slice, with this error or text as its cause.
    pub fn damaged(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Damaged { stream: None, seq: None, source: Cause::new(cause) }
    }

    /// Returns whether the same question may be answered later, without a change by an operator or the caller.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Busy)
    }

    /// Returns the message with all its causes, in one line.
    #[must_use]
    pub fn with_causes(&self) -> String {
        with_causes(self)
    }
}

/// The span of a slice has a boundary inside. A slice is never divided: nobody knows how much of it was counted before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "its window {}..{} goes across {}, {}; {remedy}",
    show_ms(*start_ms), show_ms(*end_ms), show_ms(*boundary_ms),
    boundary_name(*unit, zone)
)]
#[non_exhaustive]
pub struct Straddle {
    /// Start of the slice's span, in Unix milliseconds.
    pub start_ms: u64,
    /// End of the slice's span, in Unix milliseconds, exclusive.
    pub end_ms: u64,
    /// The boundary, in Unix milliseconds.
    pub boundary_ms: u64,
    /// The periods that meet at the boundary; `None` if the query's time begins or ends there.
    pub unit: Option<CalendarUnit>,
    /// The name of the time zone.
    pub zone: String,
    /// What to do.
    pub remedy: String,
}

impl Straddle {
    /// Returns the error for the slice with this name.
    #[must_use]
    pub fn of(self, stream: &StreamId, seq: Seq) -> ReadError {
        ReadError::Straddles { stream: stream.clone(), seq, straddle: Box::new(self) }
    }
}

fn boundary_name(unit: Option<CalendarUnit>, zone: &str) -> String {
    match unit {
        Some(unit) => format!("where one {unit} ends in {zone} and the next begins"),
        None => "where the asked time begins or ends".to_owned(),
    }
}

/// A time that no calendar period can be found for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Unix time {unix_ms} ms is past what the calendar knows, the year 9999: group by `window`, or ask for an earlier time with --until")]
pub struct BeyondCalendar {
    /// The time in Unix milliseconds.
    pub unix_ms: u64,
}

#[cfg(test)]
mod tests {
    use ron_accounting_error_contract::{assert_errors, assert_without_cause};
    use ron_ledger_wire::Origin;

    use super::*;
    use crate::{Column, Straddling, TimeZone, VerifyError, Violation};

    #[test]
    fn every_error_leaves_its_cause_to_its_source() {
        let straddle = || Straddle {
            start_ms: 0,
            end_ms: 60_000,
            boundary_ms: 30_000,
            unit: Some(CalendarUnit::Hour),
            zone: "Asia/Kolkata".to_owned(),
            remedy: "ask for windows instead".to_owned(),
        };
        let stream = StreamId::new(Origin::from_bytes([7; 16]), "acme", "requests");
        assert_errors!(ReadError {
            without_cause: {
                Busy => ReadError::Busy,
                Straddles => straddle().of(&stream, Seq::new(3)),
                BeyondCalendar => ReadError::from(BeyondCalendar { unix_ms: u64::MAX }),
            }
            with_cause: {
                Unavailable => ReadError::unavailable("connection refused"),
                Refused => ReadError::refused("no token"),
                Damaged => ReadError::damaged("a digest of 3 bytes"),
            }
        });
        let violation = || Violation::new("slice 1", "slice 2");
        assert_errors!(VerifyError {
            without_cause: {
                Violation => VerifyError::from(violation()),
                Read => VerifyError::from(ReadError::Busy),
            }
            with_cause: {}
        });
        assert_without_cause(&violation());
        assert_without_cause(&straddle());
        assert_without_cause(&"colour".parse::<Column>().unwrap_err());
        assert_without_cause(&"Mars".parse::<TimeZone>().unwrap_err());
        assert_without_cause(&"middle".parse::<Straddling>().unwrap_err());
        #[cfg(feature = "text")]
        {
            use crate::text::{parse_account, parse_time, UnknownTime};
            let time = |text: &str| parse_time(text, &TimeZone::default()).unwrap_err();
            assert_without_cause(&parse_account("7").unwrap_err());
            assert_errors!(UnknownTime {
                without_cause: {
                    BeforeUnix => time("1969-12-31T00:00:00Z"),
                    Form => time("yesterday"),
                }
                with_cause: {
                    Number => time("99999999999999999999999"),
                }
            });
        }
    }

    #[test]
    fn only_what_may_pass_by_itself_is_retryable() {
        assert!(ReadError::Busy.is_retryable() && ReadError::unavailable("x").is_retryable());
        assert!(!ReadError::refused("x").is_retryable() && !ReadError::damaged("x").is_retryable());
    }
}
