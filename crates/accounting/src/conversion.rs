//! Errors of the lower crates, as the host sees them.

use ron_accounting_core::EngineError;
#[cfg(feature = "export")]
use ron_accounting_export::LaneError;
#[cfg(feature = "export")]
use ron_accounting_pipeline::{DeliveryError, PipelineError};

#[cfg(feature = "export")]
use crate::error::Hindrance;
use crate::AccError;

impl From<EngineError> for AccError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::InvalidOption { option, value, min, max } => invalid(option, value, min, max),
            other => Self::Config {
                variable: "engine",
                value: other.to_string(),
                expected: "usable settings".to_owned(),
            },
        }
    }
}

#[cfg(feature = "export")]
impl From<DeliveryError> for AccError {
    fn from(error: DeliveryError) -> Self {
        let (pending, source) = match error {
            DeliveryError::Busy { pending, source } => (pending, source.map(Into::into)),
            parked @ DeliveryError::Parked { pending, .. } => (pending, Some(parked.into())),
            DeliveryError::QueuesTooSmall => (0, Some(Hindrance::QueuesTooSmall.into())),
            other => (0, Some(other.into())),
        };
        Self::ExportBusy { pending, source }
    }
}

/// Returns the error for an option of the pipeline, its lanes or its log that is outside its range.
#[cfg(feature = "export")]
pub(crate) fn invalid_option(error: &PipelineError) -> Option<AccError> {
    match error {
        PipelineError::InvalidOption { option, value, min, max }
        | PipelineError::Lanes(LaneError::InvalidOption { option, value, min, max }) => {
            Some(invalid(option, *value, *min, *max))
        }
        #[cfg(feature = "wal")]
        PipelineError::Log(ron_accounting_wal::WalError::InvalidOption { option, value, min, max }) => {
            Some(invalid(option, *value, *min, *max))
        }
        _ => None,
    }
}

/// Makes the error for an option of a lower crate, by the name of the builder's method.
fn invalid(option: &'static str, value: u64, min: u64, max: u64) -> AccError {
    let variable = match option {
        "pending_max" => "backlog_max",
        "max_bytes" => "wal_max_bytes",
        other => other,
    };
    let expected = format!("a whole number from {min} to {max}");
    AccError::Config { variable, value: value.to_string(), expected }
}
