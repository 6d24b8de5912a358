//! The key that a plain map would have, and how it is found without building one.

use std::{
    borrow::Borrow,
    hash::{Hash, Hasher},
};

use ron_accounting::Labels;

/// Five strings.
#[derive(Debug, Clone)]
pub struct OwnedLabels {
    tenant: Box<str>,
    method: Box<str>,
    route: Box<str>,
    service: Box<str>,
    region: Box<str>,
}

impl From<&Labels<'_>> for OwnedLabels {
    fn from(labels: &Labels<'_>) -> Self {
        let [tenant, method, route, service, region] = labels.values().map(Into::into);
        Self { tenant, method, route, service, region }
    }
}

impl OwnedLabels {
    /// The borrowed form.
    #[inline]
    pub fn labels(&self) -> Labels<'_> {
        Labels {
            tenant: &self.tenant,
            method: &self.method,
            route: &self.route,
            service: &self.service,
            region: &self.region,
        }
    }
}

impl PartialEq for OwnedLabels {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.labels() == other.labels()
    }
}

impl Eq for OwnedLabels {}

impl Hash for OwnedLabels {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.labels().hash(state);
    }
}

/// What is looked up in a map of [`OwnedLabels`] by maps that find their keys through `Borrow`.
pub(super) trait AsLabels {
    fn as_labels(&self) -> Labels<'_>;
}

impl AsLabels for OwnedLabels {
    fn as_labels(&self) -> Labels<'_> {
        self.labels()
    }
}

impl AsLabels for Labels<'_> {
    fn as_labels(&self) -> Labels<'_> {
        *self
    }
}

impl PartialEq for dyn AsLabels + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.as_labels() == other.as_labels()
    }
}

impl Eq for dyn AsLabels + '_ {}

impl Hash for dyn AsLabels + '_ {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_labels().hash(state);
    }
}

impl<'a> Borrow<dyn AsLabels + 'a> for OwnedLabels {
    fn borrow(&self) -> &(dyn AsLabels + 'a) {
        self
    }
}
