//! The layer and its settings.

use std::{
    borrow::Cow,
    sync::{atomic::Ordering, Arc},
};

use http::request::Parts;
use ron_accounting::{Accounting, Dimension};
use tower_layer::Layer;

use crate::{
    metering::{Metering, ServiceMeter},
    MeterError, MeterService, Settlement,
};

/// Counts requests and body bytes of the service that it wraps.
///
/// ```
/// use axum::{routing::get, Router};
/// use ron_accounting::Accounting;
/// use ron_accounting_tower::MeterLayer;
///
/// let acc = Accounting::builder().manual().build()?;
/// let app: Router = Router::new()
///     .route("/hello/{name}", get(|| async { "hello" }))
///     .layer(MeterLayer::new(&acc));
/// # Ok::<(), ron_accounting::AccError>(())
/// ```
///
/// The layer keeps the [`Accounting`] alive, and so do the service that it makes and each response that is not finished. So
/// their usage is sealed even if the host drops its own handle first.
///
/// A layer that is added twice around one route counts twice.
#[derive(Debug, Clone)]
pub struct MeterLayer {
    metering: Arc<Metering>,
}

impl MeterLayer {
    /// Makes a layer that counts requests, bytes in and bytes out, by route and method, under the tenant
    /// [`UNKNOWN_TENANT`](crate::UNKNOWN_TENANT).
    #[must_use]
    pub fn new(accounting: &Accounting) -> Self {
        Self { metering: Arc::new(Metering::new(accounting.clone())) }
    }

    /// Sets the service in all labels. Default: none.
    #[must_use]
    pub fn service(mut self, service: &str) -> Self {
        self.settings().service = service.into();
        self
    }

    /// Sets the region in all labels. Default: none.
    #[must_use]
    pub fn region(mut self, region: &str) -> Self {
        self.settings().region = region.into();
        self
    }

    /// Sets where the tenant of a request comes from: [`header`](crate::header), [`extension`](crate::extension), or a closure.
    /// It is called once per request, before the wrapped service.
    ///
    /// A request for which it finds none is counted under [`UNKNOWN_TENANT`](crate::UNKNOWN_TENANT), unless a middleware inside
    /// of the layer sets it ([`Self::hand_out_usage`]).
    ///
    /// ```
    /// use std::borrow::Cow;
    /// use ron_accounting::Accounting;
    /// use ron_accounting_tower::MeterLayer;
    ///
    /// #[derive(Clone)]
    /// struct Claims { organization: String }
    ///
    /// let acc = Accounting::builder().manual().build()?;
    /// let layer = MeterLayer::new(&acc).tenant(|head| {
    ///     let claims = head.extensions.get::<Claims>()?;
    ///     Some(Cow::Borrowed(&*claims.organization))
    /// });
    /// # Ok::<(), ron_accounting::AccError>(())
    /// ```
    #[must_use]
    pub fn tenant(
        mut self,
        source: impl for<'a> Fn(&'a Parts) -> Option<Cow<'a, str>> + Send + Sync + 'static,
    ) -> Self {
        self.settings().tenant = Some(Arc::new(source));
        self
    }

    /// Sets where the route of a request comes from. Default: axum's `MatchedPath`, with the feature `axum`; none without it. A
    /// request for which it finds none is counted under [`UNMATCHED_ROUTE`](crate::UNMATCHED_ROUTE).
    ///
    /// It should return templates. A raw path works if the engine's normalizer makes templates of paths, but costs more: the
    /// layer remembers a bounded number of routes.
    ///
    /// ```
    /// use std::borrow::Cow;
    /// use ron_accounting::Accounting;
    /// use ron_accounting_tower::MeterLayer;
    ///
    /// let acc = Accounting::builder().manual().build()?;
    /// // A gRPC service: its paths are `/package.Service/Method`, and a router has refused all others.
    /// let layer = MeterLayer::new(&acc).route(|head| Some(Cow::Borrowed(head.uri.path())));
    /// # Ok::<(), ron_accounting::AccError>(())
    /// ```
    #[must_use]
    pub fn route(
        mut self,
        source: impl for<'a> Fn(&'a Parts) -> Option<Cow<'a, str>> + Send + Sync + 'static,
    ) -> Self {
        self.settings().route = Some(Arc::new(source));
        self
    }

    /// Puts a [`Usage`](crate::Usage) into the extensions of each request, by which handlers add to its usage and middlewares
    /// set its tenant. Costs some allocations per request.
    #[must_use]
    pub fn hand_out_usage(mut self) -> Self {
        self.settings().hands_out_usage = true;
        self
    }

    /// Counts requests that end as [`AbortedByClient`](crate::RequestOutcome::AbortedByClient) in the dimension of this name
    /// as well. They are in `requests` in any case.
    ///
    /// Returns an error if no such dimension was registered when the `Accounting` was built.
    ///
    /// ```
    /// use ron_accounting::{Accounting, Dimensions};
    /// use ron_accounting_tower::MeterLayer;
    ///
    /// let mut dimensions = Dimensions::default();
    /// dimensions.register("requests_aborted")?;
    /// dimensions.register("requests_failed")?;
    /// let acc = Accounting::builder().manual().dimensions(dimensions).build()?;
    /// let layer = MeterLayer::new(&acc).count_aborted("requests_aborted")?.count_failed("requests_failed")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn count_aborted(mut self, dimension: &str) -> Result<Self, MeterError> {
        self.settings().aborted = Some(self.find(dimension)?);
        Ok(self)
    }

    /// Counts requests that end as [`Failed`](crate::RequestOutcome::Failed) in the dimension of this name as well. They are in
    /// `requests` in any case. Returns an error if no such dimension was registered when the `Accounting` was built.
    pub fn count_failed(mut self, dimension: &str) -> Result<Self, MeterError> {
        self.settings().failed = Some(self.find(dimension)?);
        Ok(self)
    }

    /// Calls `hook` once per request, when its response is dropped and its request body as well. Costs an allocation per
    /// request.
    ///
    /// The hook is called wherever that happens, so it must be quick and must not block. A panic of it is caught and counted in
    /// [`Self::hook_panics`].
    ///
    /// ```
    /// use ron_accounting::Accounting;
    /// use ron_accounting_tower::{MeterLayer, RequestOutcome};
    ///
    /// let acc = Accounting::builder().manual().build()?;
    /// let layer = MeterLayer::new(&acc).on_settled(|settlement| {
    ///     if settlement.outcome == RequestOutcome::AbortedByClient {
    ///         println!("{} left after {} bytes", settlement.labels.tenant, settlement.bytes_out);
    ///     }
    /// });
    /// # Ok::<(), ron_accounting::AccError>(())
    /// ```
    #[must_use]
    pub fn on_settled(mut self, hook: impl Fn(&Settlement<'_>) + Send + Sync + 'static) -> Self {
        self.settings().on_settled = Some(Arc::new(hook));
        self
    }

    /// Returns how often [`Usage::add`](crate::Usage::add) was called with a dimension that is not registered.
    pub fn unknown_dimensions(&self) -> u64 {
        self.metering.refusals.unknown_dimensions.load(Ordering::Relaxed)
    }

    /// Returns how often the hook of [`Self::on_settled`] panicked.
    pub fn hook_panics(&self) -> u64 {
        self.metering.refusals.hook_panics.load(Ordering::Relaxed)
    }

    /// The settings of this layer alone, even if it is a clone.
    fn settings(&mut self) -> &mut Metering {
        Arc::make_mut(&mut self.metering)
    }

    fn find(&self, dimension: &str) -> Result<Dimension, MeterError> {
        let found = self.metering.accounting.dimension(dimension);
        found.ok_or_else(|| MeterError::UnknownDimension { name: dimension.to_owned() })
    }
}

impl<S> Layer<S> for MeterLayer {
    type Service = MeterService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        MeterService::new(inner, ServiceMeter::new(Arc::clone(&self.metering)))
    }
}
