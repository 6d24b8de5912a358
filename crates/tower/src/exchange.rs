//! One request, where its two directions have to know each other: for the handle that handlers get, and for the hook.
//!
//! Without either, each direction counts for itself ([`Account::Own`]), and nothing is allocated.
//!
//! Usage is held back only while nobody knows the tenant. Both directions and the handle may count at any time, so that all of
//! it is behind one lock, which belongs to this request alone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use ron_accounting::Dimension;

use crate::{
    metering::{RouteRef, ServiceMeter, TenantRef},
    MeterError, RequestOutcome, Settlement,
};

/// Where one direction of a request counts.
#[derive(Debug)]
pub(crate) enum Account {
    /// By itself, under a tenant that is known.
    Own { meter: Arc<ServiceMeter>, route: RouteRef, tenant: TenantRef },
    /// Together with the other direction.
    Shared(Arc<Exchange>),
}

impl Account {
    #[inline]
    pub(crate) fn record(&self, amounts: &[(Dimension, u64)]) {
        match self {
            Self::Own { meter, route, tenant } => meter.record(route, tenant, amounts),
            Self::Shared(exchange) => exchange.record(amounts),
        }
    }

    #[inline]
    pub(crate) fn meter(&self) -> &ServiceMeter {
        match self {
            Self::Own { meter, .. } => meter,
            Self::Shared(exchange) => &exchange.meter,
        }
    }
}

/// One request and its response.
#[derive(Debug)]
pub(crate) struct Exchange {
    meter: Arc<ServiceMeter>,
    route: RouteRef,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// `None` while nobody knows it.
    tenant: Option<TenantRef>,
    /// What waits for the tenant: one amount per dimension, of which there are at most 64.
    held: Vec<(Dimension, u64)>,
    bytes_in: u64,
    bytes_out: u64,
    status: Option<StatusCode>,
    /// Set when the response has ended.
    outcome: Option<RequestOutcome>,
    is_request_open: bool,
    is_settled: bool,
}

impl Exchange {
    pub(crate) fn new(meter: Arc<ServiceMeter>, route: RouteRef, tenant: Option<TenantRef>) -> Self {
        let state = State {
            tenant,
            held: Vec::new(),
            bytes_in: 0,
            bytes_out: 0,
            status: None,
            outcome: None,
            is_request_open: false,
            is_settled: false,
        };
        Self { meter, route, state: Mutex::new(state) }
    }

    /// Counts now, or once the tenant is known.
    pub(crate) fn record(&self, amounts: &[(Dimension, u64)]) {
        let mut state = self.state();
        for &(dimension, n) in amounts {
            match dimension {
                Dimension::BYTES_IN => state.bytes_in = state.bytes_in.saturating_add(n),
                Dimension::BYTES_OUT => state.bytes_out = state.bytes_out.saturating_add(n),
                _ => {}
            }
        }
        if let Some(tenant) = &state.tenant {
            self.meter.record(&self.route, tenant, amounts);
            return;
        }
        for &(dimension, n) in amounts {
            match state.held.iter_mut().find(|(held, _)| *held == dimension) {
                Some((_, sum)) => *sum = sum.saturating_add(n),
                None => state.held.push((dimension, n)),
            }
        }
    }

    /// Counts to a dimension by its name.
    pub(crate) fn add(&self, name: &str, n: u64) -> Result<(), MeterError> {
        match self.meter.metering.accounting.dimension(name) {
            Some(dimension) => {
                self.record(&[(dimension, n)]);
                Ok(())
            }
            None => Err(MeterError::UnknownDimension { name: name.to_owned() }),
        }
    }

    pub(crate) fn meter(&self) -> &ServiceMeter {
        &self.meter
    }

    pub(crate) fn set_tenant(&self, name: &str) -> Result<(), MeterError> {
        let mut state = self.state();
        let Some(known) = &state.tenant else {
            self.fix_tenant(&mut state, self.meter.metering.tenant_ref(name));
            return Ok(());
        };
        let known = self.meter.with_labels(&self.route, known, |labels| labels.tenant.to_owned());
        Err(MeterError::TenantIsSet { tenant: known.unwrap_or_default() })
    }

    /// Counts what was held back.
    fn fix_tenant(&self, state: &mut State, tenant: TenantRef) {
        self.meter.record(&self.route, &tenant, &std::mem::take(&mut state.held));
        state.tenant = Some(tenant);
    }

    /// Waits no longer for a tenant.
    fn require_tenant(&self, state: &mut State) {
        if state.tenant.is_none() {
            self.fix_tenant(state, self.meter.metering.unknown_tenant());
        }
    }

    pub(crate) fn open_request(&self) {
        self.state().is_request_open = true;
    }

    /// The response has begun.
    pub(crate) fn begin_response(&self, status: StatusCode) {
        let mut state = self.state();
        state.status = Some(status);
        self.require_tenant(&mut state);
    }

    pub(crate) fn close_request(&self) {
        let mut state = self.state();
        state.is_request_open = false;
        self.settle(state);
    }

    pub(crate) fn close_response(&self, outcome: RequestOutcome) {
        let mut state = self.state();
        self.require_tenant(&mut state);
        state.outcome = Some(outcome);
        self.settle(state);
    }

    /// Settles if both directions have ended, once.
    fn settle(&self, mut state: MutexGuard<'_, State>) {
        let State { bytes_in, bytes_out, status, .. } = *state;
        let (Some(outcome), false, false) = (state.outcome, state.is_request_open, state.is_settled) else {
            return;
        };
        state.is_settled = true;
        let Some(tenant) = state.tenant.clone() else { return };
        // The hook is the host's code: it may use the handle of this very request.
        drop(state);
        self.meter.with_labels(&self.route, &tenant, |labels| {
            self.meter.metering.settled(&Settlement { labels, status, bytes_in, bytes_out, outcome });
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is a single step; only the host's normalizer can panic in between, and the engine catches that.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
