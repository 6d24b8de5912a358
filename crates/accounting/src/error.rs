//! Errors of the façade. Recording itself never fails. The `try_` forms and the other calls do.

use std::error::Error;

use ron_accounting_core::{Dimension, DimensionError, Label, Outcome, Overflow, Reason};

use crate::exporting::with_causes;

/// Errors of [`Accounting`](crate::Accounting).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccError {
    /// The label limit is reached and no label set can be evicted. The usage was counted under the tenant's overflow row.
    #[error("label sets exceed the limit; the usage is in the tenant's row `~overflow`: normalize labels or raise ACC_LABEL_LIMIT")]
    LabelOverflow,
    /// The tenant limit is reached. The usage was counted under the tenant `~overflow`.
    #[error("tenants exceed the limit; the usage is under the tenant `~overflow`: check where tenants come from or raise the tenant limit")]
    CardinalityThrottled,
    /// A label was refused. The usage was counted under a placeholder instead.
    #[error("label `{label}` {}; the usage was counted under a placeholder", reason.as_str())]
    InvalidLabel {
        /// Which label it is.
        label: Label,
        /// Why it was refused.
        reason: Reason,
    },
    /// The count of a dimension has reached 2^64 - 1, where it stays until the window is closed. The usage was counted up to
    /// there, and the rest is lost.
    #[error("the count of dimension number {} has reached 2^64 - 1; what is beyond was not counted: check what is recorded, or shorten the window", dimension.index())]
    Saturated {
        /// The dimension.
        dimension: Dimension,
    },
    /// There was no row to count the usage under, not even an overflow row. Nothing was counted. The limits rule this out.
    #[error(
        "nothing was counted, since not even an overflow row was free; this is a defect, please report it"
    )]
    NotCounted,
    /// The dimension belongs to another instance. Nothing was counted.
    #[error("dimension number {} is not registered here; nothing was counted: use the one that `dimension()` returns", dimension.index())]
    UnknownDimension {
        /// The dimension.
        dimension: Dimension,
    },
    /// A dimension could not be registered.
    #[error(transparent)]
    Dimension(#[from] DimensionError),
    /// A setting cannot be used.
    #[error("{variable} is {value:?}, but must be {expected}")]
    Config {
        /// The environment variable, or the builder's method.
        variable: &'static str,
        /// The refused value.
        value: String,
        /// The values that are allowed.
        expected: String,
    },
    /// The host's routes cannot be read or used.
    #[error("{what} cannot be used")]
    Routes {
        /// The setting, or the list of routes and its file.
        what: String,
        /// What is wrong with it, and what to do.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Slices wait for the ledger for longer than the caller wanted to.
    #[error("{pending} slices are not acknowledged by the ledger; they stay queued: try again, or look at stats().export")]
    ExportBusy {
        /// How many slices wait.
        pending: usize,
        /// Why they wait: the first stream that is parked, or else the latest error of log and export, if there was one.
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// A snapshot or slice has a version that this build does not read.
    #[error("version {found} is newer than version {supported}, which this build reads; update the reader")]
    SerdeCompat {
        /// The version that was found.
        found: u64,
        /// The newest version that can be read.
        supported: u64,
    },
    /// A snapshot has more rows than the caller wants.
    #[error("snapshot has {rows} rows, more than {rows_max}; reduce the cardinality of labels, or raise the limit")]
    SnapshotTooLarge {
        /// How many rows it has.
        rows: usize,
        /// How many rows the caller wants at most.
        rows_max: usize,
    },
    /// Segments of the write-ahead log are damaged, or do not belong together. What verifies is kept.
    #[error("segments of the write-ahead log in {directory} are damaged or do not belong together; what verifies is kept")]
    WalCorrupt {
        /// The directory.
        directory: String,
        /// The error of reading the log.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The write-ahead log is in use by another process, or by another instance of this process. Nothing was changed.
    #[error("write-ahead log in {directory} is in use by another process or instance; stop that one, or choose another directory")]
    WalLocked {
        /// The directory.
        directory: String,
    },
    /// The write-ahead log cannot be opened or written: the system refuses it, or a newer version wrote it. Nothing in it is
    /// damaged.
    #[error("write-ahead log in {directory} cannot be used")]
    WalUnavailable {
        /// The directory.
        directory: String,
        /// The error of opening or writing the log.
        source: Box<dyn Error + Send + Sync>,
    },
    /// This process is a fork of the one that built the instance. Log and ledger belong to the parent.
    #[error("this process is a fork of process {parent}, which the instance belongs to: build an instance after the fork")]
    ForkedProcess {
        /// The number of the parent process.
        parent: u32,
    },
    /// The ledger knows slices of our origin that our log does not. Nothing was started.
    #[error("nothing was started, since the ledger has slices that the log does not know")]
    LedgerAhead {
        /// The error that names the stream, and the next slice of ledger and log.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The operating system refused a thread or random numbers.
    #[error("failed to {operation}")]
    System {
        /// The operation, as in `start a thread`.
        operation: &'static str,
        /// The error of the system.
        source: std::io::Error,
    },
}

impl AccError {
    /// Returns the message with all its causes, in one line.
    ///
    /// [`Display`](std::fmt::Display) prints the message alone, so that a reporter that walks the sources prints each once.
    #[must_use]
    pub fn with_causes(&self) -> String {
        with_causes(self)
    }

    /// Turns the outcome of a recording into an error, unless the usage was counted as it was recorded. **The usage was
    /// counted nevertheless, unless the error says that it was not, or not all of it.**
    pub fn check(outcome: Outcome) -> Result<(), Self> {
        match outcome {
            Outcome::Counted => Ok(()),
            Outcome::Replaced { label, reason } => Err(Self::InvalidLabel { label, reason }),
            Outcome::Overflowed(Overflow::Tenants) => Err(Self::CardinalityThrottled),
            Outcome::Saturated(dimension) => Err(Self::Saturated { dimension }),
            Outcome::UnknownDimension(dimension) => Err(Self::UnknownDimension { dimension }),
            counted if counted.is_counted() => Err(Self::LabelOverflow),
            // `Lost`, and what a later version of the engine may not count.
            _ => Err(Self::NotCounted),
        }
    }
}

#[cfg(feature = "wal")]
impl AccError {
    /// Turns an error of opening the log in `directory` into one of the façade.
    pub(crate) fn of_log(directory: String, error: ron_accounting_pipeline::PipelineError) -> Self {
        use ron_accounting_pipeline::PipelineError;
        use ron_accounting_wal::WalError;

        match error {
            PipelineError::Log(WalError::Locked { .. }) => Self::WalLocked { directory },
            PipelineError::Log(WalError::InvalidOption { option, value, min, max }) => Self::Config {
                variable: option,
                value: value.to_string(),
                expected: format!("from {min} to {max}"),
            },
            error @ PipelineError::Log(
                WalError::Io { .. }
                | WalError::DiskFull { .. }
                | WalError::Full { .. }
                | WalError::SyncFailed { .. }
                | WalError::AppendFailed { .. }
                | WalError::NewerVersion { .. },
            ) => Self::WalUnavailable { directory, source: error.into() },
            error => Self::WalCorrupt { directory, source: error.into() },
        }
    }
}

/// Why slices wait, as the source of [`AccError::ExportBusy`] where no error of a lower crate says it.
#[cfg(feature = "export")]
#[derive(Debug, thiserror::Error)]
pub(crate) enum Hindrance {
    #[error("a stream has more slices than the queues take: raise ACC_BACKLOG_MAX")]
    QueuesTooSmall,
    #[error("another thread was sealing the window until the deadline")]
    OtherThread,
}

#[cfg(all(test, feature = "export"))]
mod tests {
    use ron_accounting_error_contract::assert_errors;

    use super::*;

    #[test]
    fn every_error_leaves_its_cause_to_its_source() {
        let directory = || "usage.log".to_owned();
        let cause = || -> Box<dyn Error + Send + Sync> { "disk on fire".into() };
        let dimension_error = DimensionError::Name { name: "A".to_owned() };
        assert_errors!(AccError {
            without_cause: {
                LabelOverflow => AccError::LabelOverflow,
                CardinalityThrottled => AccError::CardinalityThrottled,
                InvalidLabel => AccError::InvalidLabel { label: Label::Route, reason: Reason::TooLong },
                NotCounted => AccError::NotCounted,
                Saturated => AccError::Saturated { dimension: Dimension::CPU },
                UnknownDimension => AccError::UnknownDimension { dimension: Dimension::CPU },
                Dimension => AccError::from(dimension_error),
                Config => AccError::Config { variable: "ACC_X", value: directory(), expected: directory() },
                SerdeCompat => AccError::SerdeCompat { found: 2, supported: 1 },
                SnapshotTooLarge => AccError::SnapshotTooLarge { rows: 2, rows_max: 1 },
                WalLocked => AccError::WalLocked { directory: directory() },
                ForkedProcess => AccError::ForkedProcess { parent: 1 },
            }
            with_cause: {
                Routes => AccError::Routes { what: directory(), source: cause() },
                ExportBusy => AccError::ExportBusy { pending: 1, source: Some(cause()) },
                WalCorrupt => AccError::WalCorrupt { directory: directory(), source: cause() },
                WalUnavailable => AccError::WalUnavailable { directory: directory(), source: cause() },
                LedgerAhead => AccError::LedgerAhead { source: cause() },
                System => AccError::System { operation: "start", source: std::io::Error::other("no threads") },
            }
        });
        assert_errors!(Hindrance {
            without_cause: {
                QueuesTooSmall => Hindrance::QueuesTooSmall,
                OtherThread => Hindrance::OtherThread,
            }
            with_cause: {}
        });
    }

    #[test]
    fn only_usage_that_was_counted_is_called_overflowed() {
        assert!(matches!(AccError::check(Outcome::Lost), Err(AccError::NotCounted)));
        let overflowed = Outcome::Overflowed(Overflow::LabelSets);
        assert!(matches!(AccError::check(overflowed), Err(AccError::LabelOverflow)));
        let overflowed = Outcome::Overflowed(Overflow::Tenants);
        assert!(matches!(AccError::check(overflowed), Err(AccError::CardinalityThrottled)));
        assert!(AccError::check(Outcome::Counted).is_ok());
    }
}
