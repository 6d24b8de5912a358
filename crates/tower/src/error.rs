//! Errors of the layer and of the handle that handlers get.

/// Why something was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MeterError {
    /// No dimension of this name is registered. Nothing was counted.
    #[error("dimension {name:?} is not registered; register it with `Dimensions::register` before the `Accounting` is built")]
    UnknownDimension {
        /// The name.
        name: String,
    },
    /// The tenant of the request is known already, and usage was counted under it. Nothing was changed.
    #[error("the request is counted under tenant {tenant:?} already; set the tenant before the response begins, and give the layer no other source")]
    TenantIsSet {
        /// The tenant that usage is counted under.
        tenant: String,
    },
}

#[cfg(test)]
mod tests {
    use ron_accounting_error_contract::assert_errors;

    use super::*;

    #[test]
    fn every_error_leaves_its_cause_to_its_source() {
        assert_errors!(MeterError {
            without_cause: {
                UnknownDimension => MeterError::UnknownDimension { name: "tokens".to_owned() },
                TenantIsSet => MeterError::TenantIsSet { tenant: "acme".to_owned() },
            }
            with_cause: {}
        });
    }
}
