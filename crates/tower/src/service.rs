//! The service that the layer makes: it finds the labels of a request and wraps both of its bodies.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::{
    body::{RequestBody, ResponseBody},
    exchange::{Account, Exchange},
    future::ResponseFuture,
    metering::{ServiceMeter, UNKNOWN_TENANT},
    request::RequestTally,
    response::ResponseTally,
    Usage,
};

/// A service whose requests and bytes are counted. [`MeterLayer`](crate::MeterLayer) makes it.
#[derive(Debug, Clone)]
pub struct MeterService<S> {
    inner: S,
    meter: Arc<ServiceMeter>,
}

impl<S> MeterService<S> {
    pub(crate) fn new(inner: S, meter: ServiceMeter) -> Self {
        Self { inner, meter: Arc::new(meter) }
    }

    /// Returns the wrapped service. What it serves directly is not counted.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }
}

impl<S, B, R> Service<Request<B>> for MeterService<S>
where
    S: Service<Request<RequestBody<B>>, Response = Response<R>>,
    B: Body,
    R: Body,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut head, body) = request.into_parts();
        let has_body = !body.is_end_stream();
        let metering = &self.meter.metering;
        let (route, tenant) = (self.meter.find_route(&head), metering.find_tenant(&head));

        let (account, request_account) = if metering.shares_exchanges() {
            let tenant = tenant.or_else(|| (!metering.hands_out_usage).then(|| metering.unknown_tenant()));
            let exchange = Arc::new(Exchange::new(Arc::clone(&self.meter), route, tenant));
            if metering.hands_out_usage {
                head.extensions.insert(Usage::new(Arc::clone(&exchange)));
            }
            let request_account = has_body.then(|| Account::Shared(Arc::clone(&exchange)));
            (Account::Shared(exchange), request_account)
        } else {
            let tenant = tenant.unwrap_or_else(|| metering.tenant_ref(UNKNOWN_TENANT));
            let own = |route, tenant| Account::Own { meter: Arc::clone(&self.meter), route, tenant };
            let request_account = has_body.then(|| own(route.clone(), tenant.clone()));
            (own(route, tenant), request_account)
        };

        let mut tally = ResponseTally::new(account, &head.method);
        let body = RequestBody::new(body, request_account.map(RequestTally::new));
        let future = tally.inside(|| self.inner.call(Request::from_parts(head, body)));
        ResponseFuture::new(future, tally)
    }
}
