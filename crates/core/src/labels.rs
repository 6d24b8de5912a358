//! The label set as callers write it: five borrowed strings.
//!
//! A [`Labels`] is `Copy` and borrows, so that recording with a known label set builds no owned key. It is
//! *raw*: only the engine's [`Normalizer`](crate::Normalizer) turns it into the [`UsageKey`](crate::UsageKey)
//! that is counted.

use std::fmt;

/// Which of the five labels a value belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Label {
    /// The account or customer that pays. Never personal data.
    Tenant,
    /// The operation, for HTTP the request method.
    Method,
    /// The templated route, such as `/v1/objects/:id`.
    Route,
    /// The service that did the work.
    Service,
    /// Where the work was done.
    Region,
}

impl Label {
    /// All labels, in the order of the fields of [`Labels`].
    pub const ALL: [Self; 5] = [Self::Tenant, Self::Method, Self::Route, Self::Service, Self::Region];

    /// Returns the label's name in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Method => "method",
            Self::Route => "route",
            Self::Service => "service",
            Self::Region => "region",
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A raw label set, borrowed from the caller. A label that is not set is the empty string.
///
/// ```
/// use ron_accounting_core::labels;
/// let l = labels().tenant("acme").method("GET").route("/v1/feed").service("omnigate").region("iad");
/// assert_eq!(l.route, "/v1/feed");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Labels<'a> {
    /// See [`Label::Tenant`].
    pub tenant: &'a str,
    /// See [`Label::Method`].
    pub method: &'a str,
    /// See [`Label::Route`].
    pub route: &'a str,
    /// See [`Label::Service`].
    pub service: &'a str,
    /// See [`Label::Region`].
    pub region: &'a str,
}

/// Returns an empty label set, to set labels of.
#[must_use]
pub const fn labels<'a>() -> Labels<'a> {
    Labels { tenant: "", method: "", route: "", service: "", region: "" }
}

impl<'a> Labels<'a> {
    /// Sets the tenant.
    #[must_use]
    pub const fn tenant(mut self, tenant: &'a str) -> Self {
        self.tenant = tenant;
        self
    }

    /// Sets the method.
    #[must_use]
    pub const fn method(mut self, method: &'a str) -> Self {
        self.method = method;
        self
    }

    /// Sets the route. It may be a raw path if the engine's normalizer makes templates of paths.
    #[must_use]
    pub const fn route(mut self, route: &'a str) -> Self {
        self.route = route;
        self
    }

    /// Sets the service.
    #[must_use]
    pub const fn service(mut self, service: &'a str) -> Self {
        self.service = service;
        self
    }

    /// Sets the region.
    #[must_use]
    pub const fn region(mut self, region: &'a str) -> Self {
        self.region = region;
        self
    }

    /// Returns the five values in the order of [`Label::ALL`].
    pub const fn values(&self) -> [&'a str; 5] {
        [self.tenant, self.method, self.route, self.service, self.region]
    }

    /// Returns the value of one label.
    pub const fn get(&self, label: Label) -> &'a str {
        match label {
            Label::Tenant => self.tenant,
            Label::Method => self.method,
            Label::Route => self.route,
            Label::Service => self.service,
            Label::Region => self.region,
        }
    }
}
