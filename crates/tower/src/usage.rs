//! The handle by which a handler adds to the usage of its request.

use std::{
    fmt,
    sync::{atomic::Ordering, Arc},
};

use ron_accounting::Dimension;

use crate::{exchange::Exchange, MeterError};

/// Adds to the usage of one request, under the same labels as its bytes.
///
/// It is an extension of the request if the layer [hands it out](crate::MeterLayer::hand_out_usage). Clones are the same
/// request. It works as long as it lives, also from other tasks, after the response began and after it ended.
///
/// ```
/// use ron_accounting::{Accounting, Dimensions};
/// use ron_accounting_tower::Usage;
///
/// async fn complete_text(usage: Usage) -> &'static str {
///     usage.add("tokens", 512);
///     "done"
/// }
/// ```
#[derive(Clone)]
pub struct Usage {
    exchange: Arc<Exchange>,
}

impl Usage {
    pub(crate) fn new(exchange: Arc<Exchange>) -> Self {
        Self { exchange }
    }

    /// Adds `n` to the dimension of this name, which must have been registered when the `Accounting` was built. Otherwise
    /// nothing is added but to [`MeterLayer::unknown_dimensions`](crate::MeterLayer::unknown_dimensions).
    pub fn add(&self, dimension: &str, n: u64) {
        if self.try_add(dimension, n).is_err() {
            self.exchange.meter().metering.refusals.unknown_dimensions.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Does what [`Self::add`] does, but returns an error if there is no such dimension.
    pub fn try_add(&self, dimension: &str, n: u64) -> Result<(), MeterError> {
        self.exchange.add(dimension, n)
    }

    /// Adds `n` to a dimension that is known already, which saves looking for its name.
    pub fn record(&self, dimension: Dimension, n: u64) {
        self.exchange.record(&[(dimension, n)]);
    }

    /// Sets who pays, for a middleware inside of the layer that authenticates the request. Usage waits for it until the response
    /// begins, and then goes under [`UNKNOWN_TENANT`](crate::UNKNOWN_TENANT).
    ///
    /// Returns an error and changes nothing if the tenant is known already: from the layer's own source, from an earlier call,
    /// or because the response has begun.
    pub fn set_tenant(&self, tenant: &str) -> Result<(), MeterError> {
        self.exchange.set_tenant(tenant)
    }
}

impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Usage").finish_non_exhaustive()
    }
}
