//! Errors of the façade. Recording itself never fails. The `try_` forms and the other calls do.

use ron_accounting_core::{Dimension, DimensionError, Label, Outcome, Overflow, Reason};

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
    #[error("label `{label}` {}; a placeholder stands for it", reason.as_str())]
    InvalidLabel {
        /// The label.
        label: Label,
        /// Why it was refused.
        reason: Reason,
    },
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
    /// Slices wait for the ledger for longer than the caller wanted to.
    #[error("{pending} slices are not acknowledged by the ledger{}; they stay queued: try again, or look at stats().export", cause(last_error.as_deref()))]
    ExportBusy {
        /// How many.
        pending: usize,
        /// The latest error of the way to the ledger, if there was one.
        last_error: Option<String>,
    },
    /// A snapshot or slice has a version that this build does not read.
    #[error("version {found} is newer than version {supported}, which this build reads; update the reader")]
    SerdeCompat {
        /// The version found.
        found: u64,
        /// The newest version that can be read.
        supported: u64,
    },
    /// A snapshot has more rows than the caller wants.
    #[error("snapshot has {rows} rows, more than {rows_max}; reduce the cardinality of labels, or raise the limit")]
    SnapshotTooLarge {
        /// Its rows.
        rows: usize,
        /// The caller's limit.
        rows_max: usize,
    },
    /// Segments of the write-ahead log are damaged, or do not belong together. What verifies is kept.
    #[error("write-ahead log in {directory} cannot be used: {reason}")]
    WalCorrupt {
        /// The directory.
        directory: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The write-ahead log is in use by another process, or by another instance of this one. Nothing was changed.
    #[error("write-ahead log in {directory} is in use by another process or instance; stop that one, or choose another directory")]
    WalLocked {
        /// The directory.
        directory: String,
    },
    /// The write-ahead log cannot be opened or written: the system refuses it, or a newer version wrote it. Nothing in it is
    /// damaged.
    #[error("write-ahead log in {directory} cannot be used: {reason}")]
    WalUnavailable {
        /// The directory.
        directory: String,
        /// What the system said, or what is newer.
        reason: String,
    },
    /// This process is a fork of the one that built the instance. Log and ledger belong to the parent.
    #[error("this process is a fork of process {parent}, which the instance belongs to: build an instance after the fork")]
    ForkedProcess {
        /// The number of the parent process.
        parent: u32,
    },
    /// The ledger knows slices of our origin that our log does not.
    #[error("{reason}")]
    LedgerAhead {
        /// Which stream, and where both stand.
        reason: String,
    },
    /// The operating system refused a thread or random numbers.
    #[error("failed to {operation}")]
    System {
        /// What was tried.
        operation: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

impl AccError {
    /// Turns the outcome of a recording into an error, unless the usage was counted as it was recorded. **The usage was
    /// counted nevertheless, unless the error says that nothing was.**
    pub fn check(outcome: Outcome) -> Result<(), Self> {
        match outcome {
            Outcome::Counted => Ok(()),
            Outcome::Replaced { label, reason } => Err(Self::InvalidLabel { label, reason }),
            Outcome::Overflowed(Overflow::Tenants) => Err(Self::CardinalityThrottled),
            Outcome::UnknownDimension(dimension) => Err(Self::UnknownDimension { dimension }),
            _ => Err(Self::LabelOverflow),
        }
    }
}

#[cfg(feature = "wal")]
impl AccError {
    /// Turns an error of opening the log in `directory` into one of the façade.
    pub(crate) fn of_log(directory: &str, error: &ron_accounting_pipeline::PipelineError) -> Self {
        use ron_accounting_pipeline::PipelineError;
        use ron_accounting_wal::WalError;

        let (directory, reason) = (directory.to_owned(), error.with_causes());
        match error {
            PipelineError::Log(WalError::Locked { .. }) => Self::WalLocked { directory },
            PipelineError::Log(WalError::InvalidOption { option, value, min, max }) => Self::Config {
                variable: option,
                value: value.to_string(),
                expected: format!("from {min} to {max}"),
            },
            PipelineError::Log(
                WalError::Io { .. }
                | WalError::DiskFull { .. }
                | WalError::Full { .. }
                | WalError::SyncFailed { .. }
                | WalError::AppendFailed { .. }
                | WalError::NewerVersion { .. },
            ) => Self::WalUnavailable { directory, reason },
            _ => Self::WalCorrupt { directory, reason },
        }
    }
}

fn cause(error: Option<&str>) -> String {
    error.map(|error| format!(" (last error: {error})")).unwrap_or_default()
}
