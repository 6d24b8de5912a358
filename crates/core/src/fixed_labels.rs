//! The four labels of a scope, with their hash.

use crate::{
    hashing::{Hashing, RestHash},
    Labels,
};

/// The raw labels of a scope, all but the tenant, hashed once.
#[derive(Debug)]
pub(crate) struct FixedLabels {
    values: [Box<str>; 4],
    pub(crate) hash: RestHash,
}

impl FixedLabels {
    pub(crate) fn new(hashing: &Hashing, labels: &Labels<'_>) -> Self {
        let [_, values @ ..] = labels.values();
        Self { values: values.map(Into::into), hash: hashing.rest(labels) }
    }

    /// Returns the whole label set of a tenant.
    pub(crate) fn with<'a>(&'a self, tenant: &'a str) -> Labels<'a> {
        let [method, route, service, region] = self.values.each_ref().map(|value| &**value);
        Labels { tenant, method, route, service, region }
    }
}
