//! Which usage a question is about.

use ron_ledger_wire::{Origin, RowKeyRef, StreamId};

/// A selection of usage. The default selects everything; each field that is set selects less.
///
/// For an account, method, service and region count as empty, as in an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct UsageFilter {
    /// Only what this process counted.
    pub origin: Option<Origin>,
    /// Only this tenant.
    pub tenant: Option<String>,
    /// Only this dimension.
    pub dimension: Option<String>,
    /// Only this method.
    pub method: Option<String>,
    /// Only this route. Selects no account.
    pub route: Option<String>,
    /// Only this service.
    pub service: Option<String>,
    /// Only this region.
    pub region: Option<String>,
    /// Only this account, as namespace and id. Selects no label set.
    pub account: Option<(u32, u128)>,
    /// Only windows that start at or after this time, in Unix milliseconds.
    pub since_ms: Option<u64>,
    /// Only windows that start before this time, in Unix milliseconds.
    pub until_ms: Option<u64>,
    /// Only slices with exactly this span: start and exclusive end, in Unix milliseconds.
    pub window: Option<(u64, u64)>,
}

impl UsageFilter {
    /// Returns whether the slices of a stream are selected, as far as their times and rows are.
    #[must_use]
    pub fn selects_stream(&self, stream: &StreamId) -> bool {
        let is = |filter: &Option<String>, found: &str| filter.as_deref().map_or(true, |text| text == found);
        self.origin.map_or(true, |origin| origin == stream.origin())
            && is(&self.tenant, stream.tenant())
            && is(&self.dimension, stream.dimension())
    }

    /// Returns whether a slice with this span is selected.
    #[must_use]
    pub fn selects_span(&self, start_ms: u64, end_ms: u64) -> bool {
        self.since_ms.map_or(true, |since| start_ms >= since)
            && self.until_ms.map_or(true, |until| start_ms < until)
            && self.window.map_or(true, |window| window == (start_ms, end_ms))
    }

    /// Returns whether a row is selected.
    #[must_use]
    pub fn selects_row(&self, key: &RowKeyRef<'_>) -> bool {
        let is = |filter: &Option<String>, found: &str| filter.as_deref().map_or(true, |text| text == found);
        let (method, service, region) = match *key {
            RowKeyRef::Labels { method, route, service, region } => {
                if !is(&self.route, route) || self.account.is_some() {
                    return false;
                }
                (method, service, region)
            }
            RowKeyRef::Account { namespace, id } => {
                if self.route.is_some() || self.account.is_some_and(|account| account != (namespace, id)) {
                    return false;
                }
                ("", "", "")
            }
        };
        is(&self.method, method) && is(&self.service, service) && is(&self.region, region)
    }

    /// Returns whether streams may differ in being selected.
    #[must_use]
    pub fn needs_streams(&self) -> bool {
        self.origin.is_some() || self.tenant.is_some() || self.dimension.is_some()
    }

    /// Returns whether rows of one slice may differ in being selected, so that the total of the slice is not enough.
    #[must_use]
    pub fn needs_rows(&self) -> bool {
        self.method.is_some()
            || self.route.is_some()
            || self.service.is_some()
            || self.region.is_some()
            || self.account.is_some()
    }
}
