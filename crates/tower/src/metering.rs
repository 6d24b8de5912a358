//! What the requests of one layer share: the settings, and the places where usage is counted.

use std::{
    fmt,
    sync::{
        atomic::{AtomicU64, Ordering},
        Arc,
    },
};

use http::{request::Parts, Method};
use ron_accounting::{Accounting, Dimension, Labels, Scope};

use crate::{
    intern::{hash, Interned},
    source::Source,
    RequestOutcome, Settlement,
};

/// The route of requests that match no route. It has a slash, because the default normalizer takes routes for paths.
pub const UNMATCHED_ROUTE: &str = "/~unmatched";
/// The tenant of requests for which no tenant was found.
pub const UNKNOWN_TENANT: &str = "~unknown";
/// The method of requests whose method is none of the nine that RFC 9110 and RFC 5789 define. A client can invent any number.
pub const OTHER_METHOD: &str = "OTHER";

/// How many tenants a layer remembers. Those beyond cost an allocation per request.
const TENANTS_MAX: usize = 8192;
/// How many routes a service remembers, each with each of its methods. Those beyond cost some allocations per request.
const ROUTES_MAX: usize = 1024;

pub(crate) type SettledHook = dyn Fn(&Settlement<'_>) + Send + Sync;

/// The settings of a layer, and the tenants that it has seen.
#[derive(Clone)]
pub(crate) struct Metering {
    /// Kept so that usage of requests that outlive the host's own handle is sealed.
    pub(crate) accounting: Accounting,
    pub(crate) service: Arc<str>,
    pub(crate) region: Arc<str>,
    pub(crate) route: Option<Arc<Source>>,
    pub(crate) tenant: Option<Arc<Source>>,
    pub(crate) aborted: Option<Dimension>,
    pub(crate) failed: Option<Dimension>,
    pub(crate) on_settled: Option<Arc<SettledHook>>,
    pub(crate) hands_out_usage: bool,
    pub(crate) tenants: Arc<Interned<Box<str>>>,
    pub(crate) refusals: Arc<Refusals>,
}

/// What was refused or went wrong without anyone to return an error to.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    pub(crate) unknown_dimensions: AtomicU64,
    pub(crate) hook_panics: AtomicU64,
}

impl Metering {
    pub(crate) fn new(accounting: Accounting) -> Self {
        Self {
            accounting,
            service: "".into(),
            region: "".into(),
            route: None,
            tenant: None,
            aborted: None,
            failed: None,
            on_settled: None,
            hands_out_usage: false,
            tenants: Arc::new(Interned::new(TENANTS_MAX)),
            refusals: Arc::default(),
        }
    }

    /// Returns whether both directions of a request have to know each other.
    #[inline]
    pub(crate) fn shares_exchanges(&self) -> bool {
        self.hands_out_usage || self.on_settled.is_some()
    }

    /// Returns the tenant that the host's source finds.
    #[inline]
    pub(crate) fn find_tenant(&self, head: &Parts) -> Option<TenantRef> {
        self.tenant.as_ref()?(head).map(|tenant| self.tenant_ref(&tenant))
    }

    #[inline]
    pub(crate) fn tenant_ref(&self, tenant: &str) -> TenantRef {
        match self.tenants.find_or_add(hash(tenant), |known| **known == *tenant, || tenant.into()) {
            Some(number) => TenantRef::Known(number),
            None => TenantRef::Own(tenant.into()),
        }
    }

    pub(crate) fn unknown_tenant(&self) -> TenantRef {
        self.tenant_ref(UNKNOWN_TENANT)
    }

    #[inline]
    pub(crate) fn outcome_dimension(&self, outcome: RequestOutcome) -> Option<Dimension> {
        match outcome {
            RequestOutcome::Complete => None,
            RequestOutcome::AbortedByClient => self.aborted,
            RequestOutcome::Failed => self.failed,
        }
    }

    /// Calls the host's hook. It is called where values are dropped, perhaps while another panic unwinds, so that a panic of
    /// it must not get out.
    pub(crate) fn settled(&self, settlement: &Settlement<'_>) {
        let Some(hook) = &self.on_settled else { return };
        let call = std::panic::AssertUnwindSafe(|| hook(settlement));
        if std::panic::catch_unwind(call).is_err() {
            self.refusals.hook_panics.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Metering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metering")
            .field("service", &self.service)
            .field("region", &self.region)
            .field("hands_out_usage", &self.hands_out_usage)
            .finish_non_exhaustive()
    }
}

/// A tenant: its number in the layer's table, or its name if there was no room.
#[derive(Debug, Clone)]
pub(crate) enum TenantRef {
    Known(u32),
    Own(Box<str>),
}

/// A route: its number in the service's table, or its scope if there was no room.
#[derive(Debug, Clone)]
pub(crate) enum RouteRef {
    Known(u32),
    Own(Box<Scope>),
}

/// A method and a route of one service. Their hash and that of service and region is in the scope.
#[derive(Debug)]
struct RouteScope {
    method: &'static str,
    route: Box<str>,
    scope: Scope,
}

/// What the clones of one service share.
#[derive(Debug)]
pub(crate) struct ServiceMeter {
    pub(crate) metering: Arc<Metering>,
    routes: Interned<RouteScope>,
}

impl ServiceMeter {
    pub(crate) fn new(metering: Arc<Metering>) -> Self {
        Self { metering, routes: Interned::new(ROUTES_MAX) }
    }

    /// Finds the route of a request.
    #[inline]
    pub(crate) fn find_route(&self, head: &Parts) -> RouteRef {
        let method = method_label(&head.method);
        match &self.metering.route {
            Some(source) => self.route_ref(method, source(head).as_deref()),
            None => self.route_ref(method, matched_path(head)),
        }
    }

    #[inline]
    fn route_ref(&self, method: &'static str, route: Option<&str>) -> RouteRef {
        let route = route.unwrap_or(UNMATCHED_ROUTE);
        let make = || RouteScope { method, route: route.into(), scope: self.scope(method, route) };
        let is = |known: &RouteScope| known.method == method && *known.route == *route;
        // Methods of one length share a hash, and are told apart by `is`.
        match self.routes.find_or_add(hash(route) ^ method.len() as u64, is, make) {
            Some(number) => RouteRef::Known(number),
            None => RouteRef::Own(Box::new(self.scope(method, route))),
        }
    }

    #[cold]
    fn scope(&self, method: &str, route: &str) -> Scope {
        let Metering { accounting, service, region, .. } = &*self.metering;
        accounting.scope(&Labels { tenant: "", method, route, service, region })
    }

    /// Counts under a route and a tenant.
    #[inline]
    pub(crate) fn record(&self, route: &RouteRef, tenant: &TenantRef, amounts: &[(Dimension, u64)]) {
        if let Some((scope, tenant)) = self.resolve(route, tenant) {
            scope.record_each(tenant, amounts);
        }
    }

    /// Calls `work` with the labels of a route and a tenant.
    pub(crate) fn with_labels<T>(
        &self,
        route: &RouteRef,
        tenant: &TenantRef,
        work: impl FnOnce(Labels<'_>) -> T,
    ) -> Option<T> {
        self.resolve(route, tenant).map(|(scope, tenant)| work(scope.labels(tenant)))
    }

    #[inline]
    fn resolve<'a>(&'a self, route: &'a RouteRef, tenant: &'a TenantRef) -> Option<(&'a Scope, &'a str)> {
        let scope = match route {
            RouteRef::Known(number) => self.routes.get(*number).map(|known| &known.scope),
            RouteRef::Own(scope) => Some(&**scope),
        };
        let tenant = match tenant {
            TenantRef::Known(number) => self.metering.tenants.get(*number).map(|name| &**name),
            TenantRef::Own(name) => Some(&**name),
        };
        debug_assert!(scope.is_some() && tenant.is_some(), "nothing is removed from the tables");
        scope.zip(tenant)
    }
}

#[inline]
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => OTHER_METHOD,
    }
}

#[cfg(feature = "axum")]
#[inline]
fn matched_path(head: &Parts) -> Option<&str> {
    head.extensions.get::<axum::extract::MatchedPath>().map(axum::extract::MatchedPath::as_str)
}

#[cfg(not(feature = "axum"))]
#[inline]
fn matched_path(_head: &Parts) -> Option<&str> {
    None
}
