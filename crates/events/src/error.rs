//! Errors, and the details of a refusal by a limit.

use std::{ops::Deref, sync::OnceLock};

use chrono::Duration;

use crate::{Constraint, TimeUnit};

/// A result with this crate's error.
pub type Result<T> = std::result::Result<T, Error>;

/// An event that a limit refused.
#[derive(Debug)]
pub struct LimitExceeded {
    /// The event that was to be recorded.
    pub event_id: String,
    /// The constraint that refused it.
    pub constraint: Constraint,
    /// How long to wait before trying again, or `None` if it is not known. For [`at_most`](crate::Limiter::at_most) it is one
    /// whole unit of its window. For cooldowns and schedules it is the real time to wait.
    pub retry_after: Option<Duration>,
}

/// The errors of this crate.
///
/// An error dereferences to the [`LimitExceeded`] that it contains, so that `error.retry_after` and `error.constraint` can be
/// read directly. Any other error dereferences to one without a time to wait, and with a constraint that always holds. Use
/// [`Error::as_limit_exceeded`] or `match` to distinguish them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The time to record is after the clock's. Nothing was counted, in any unit.
    #[error("future events cannot be recorded")]
    FutureEvent,
    /// An event is not known.
    #[error("event not found: {0}")]
    EventNotFound(String),
    /// The storage could not be read or written.
    #[error("storage error: {0}")]
    Storage(String),
    /// A counter could not be encoded, or stored data is damaged or of an unknown version.
    #[error("serialization error: {0}")]
    Serialization(String),
    /// The store's configuration does not support the operation.
    #[error("config mismatch: {0}")]
    ConfigMismatch(String),
    /// An hour is past the end of the day.
    #[error("invalid hour: {0} (must be 0-23)")]
    InvalidHour(u8),
    /// A span of hours is empty.
    #[error("invalid hour range: start_hour {0} >= end_hour {1}")]
    InvalidRange(u8, u8),
    /// A setting is outside its range.
    #[error("{option} is {value}, must be {min} to {max}")]
    InvalidOption {
        /// The setting, by the name of the builder's method.
        option: &'static str,
        /// The value that was asked for.
        value: u64,
        /// The least value.
        min: u64,
        /// The greatest value.
        max: u64,
    },
    /// `Ever` is for queries and limits. It cannot be tracked.
    #[error("TimeUnit::Ever cannot be used in IntervalConfig (it is a query-time sentinel value)")]
    InvalidTimeUnitEver,
    /// The interval between two automatic persists is not positive.
    #[error("auto_persist interval must be positive (got {0})")]
    InvalidAutoPersistInterval(Duration),
    /// Automatic persists need a storage.
    #[cfg(feature = "tokio")]
    #[error("auto_persist requires storage to be configured - use with_storage() or remove auto_persist()")]
    AutoPersistRequiresStorage,
    /// There is a storage, but no format for what it stores.
    #[error("storage requires a formatter - enable 'serde-bincode' or 'serde-json' feature, or use with_format() to provide a custom formatter")]
    NoFormatterForStorage,
    /// A limit refused the event.
    #[error("rate limit exceeded for event: {}", .0.event_id)]
    LimitExceeded(LimitExceeded),
}

impl Error {
    /// Returns the details if a limit refused the event.
    pub fn as_limit_exceeded(&self) -> Option<&LimitExceeded> {
        match self {
            Self::LimitExceeded(details) => Some(details),
            _ => None,
        }
    }

    pub(crate) fn refused(event_id: &str, constraint: &Constraint, retry_after: Option<Duration>) -> Self {
        Self::LimitExceeded(LimitExceeded {
            event_id: event_id.to_owned(),
            constraint: constraint.clone(),
            retry_after,
        })
    }
}

impl Deref for Error {
    type Target = LimitExceeded;

    fn deref(&self) -> &LimitExceeded {
        static NO_LIMIT: OnceLock<LimitExceeded> = OnceLock::new();
        match self {
            Self::LimitExceeded(details) => details,
            _ => NO_LIMIT.get_or_init(|| LimitExceeded {
                event_id: String::new(),
                constraint: Constraint::AtLeast {
                    event_id: String::new(),
                    count: 0,
                    window_count: 0,
                    time_unit: TimeUnit::Ever,
                },
                retry_after: None,
            }),
        }
    }
}

#[cfg(all(test, feature = "tokio"))]
mod tests {
    use ron_accounting_error_contract::assert_errors;

    use super::*;

    #[test]
    fn every_error_leaves_its_cause_to_its_source() {
        let text = || "job".to_owned();
        let constraint =
            Constraint::AtLeast { event_id: text(), count: 1, window_count: 1, time_unit: TimeUnit::Hours };
        assert_errors!(Error {
            without_cause: {
                FutureEvent => Error::FutureEvent,
                EventNotFound => Error::EventNotFound(text()),
                Storage => Error::Storage(text()),
                Serialization => Error::Serialization(text()),
                ConfigMismatch => Error::ConfigMismatch(text()),
                InvalidHour => Error::InvalidHour(24),
                InvalidRange => Error::InvalidRange(9, 8),
                InvalidOption => Error::InvalidOption { option: "track_days", value: 0, min: 1, max: 2 },
                InvalidTimeUnitEver => Error::InvalidTimeUnitEver,
                InvalidAutoPersistInterval => Error::InvalidAutoPersistInterval(Duration::zero()),
                AutoPersistRequiresStorage => Error::AutoPersistRequiresStorage,
                NoFormatterForStorage => Error::NoFormatterForStorage,
                LimitExceeded => Error::refused("job", &constraint, None),
            }
            with_cause: {}
        });
    }
}
