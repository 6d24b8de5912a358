//! A request whose route and tenant are known allocates nothing in the layer.
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

mod support;

use http::Response;
use ron_accounting_tower::{RequestBody, ResponseBody};
use support::{
    accounting, layer, read, ready, Script,
    Step::{Data, Wait},
    TENANT,
};
use tower::{Layer, Service};

const LONG_TENANT: &str =
    "an-organization-whose-name-is-longer-than-what-fits-into-a-register-or-a-few-of-them";

fn allocations(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).count_total
}

#[test]
fn a_known_route_and_tenant_allocate_nothing() {
    let acc = accounting();
    // The service keeps the bodies that it is given, so that nothing else allocates or frees.
    let service = |request: http::Request<RequestBody<Script>>| {
        let mut body = request.into_body();
        read(&mut body);
        std::future::ready(Ok::<_, &str>(Response::new(body)))
    };
    let mut service = layer(&acc).layer(tower::service_fn(service));
    let mut serve = |tenant: &'static str| -> u64 {
        let request = http::Request::builder()
            .header(TENANT, tenant)
            .body(Script::new([Data(10), Wait, Data(0), Data(20)]))
            .unwrap();
        let mut body: Option<ResponseBody<RequestBody<Script>>> = None;
        allocations(|| {
            body = Some(ready(service.call(request)).unwrap().into_body());
            read(body.as_mut().unwrap());
            body = None;
        })
    };
    for tenant in ["acme", LONG_TENANT] {
        // Script, header map and extensions are freed, and only new allocations count.
        assert!(serve(tenant) > 0, "the counter counts");
        assert_eq!(serve(tenant), 0);
        acc.snapshot();
        acc.tick(u64::MAX / 2).unwrap();
        assert_eq!(serve(tenant), 0);
    }
}
