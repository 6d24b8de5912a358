//! Why an engine could not be built.

/// Errors of [`EngineBuilder::build`](crate::EngineBuilder::build).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
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
}

#[cfg(test)]
mod tests {
    use ron_accounting_error_contract::assert_errors;

    use super::*;

    #[test]
    fn every_error_leaves_its_cause_to_its_source() {
        assert_errors!(EngineError {
            without_cause: {
                InvalidOption => EngineError::InvalidOption { option: "label_limit", value: 0, min: 1, max: 2 },
            }
            with_cause: {}
        });
    }
}
