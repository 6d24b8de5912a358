//! What handlers and middlewares add by the handle, and what the hook says of each request.
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

mod support;

use std::sync::{Arc, Mutex};

use http::{Request, Response, StatusCode};
use ron_accounting_tower::{MeterError, MeterLayer, RequestOutcome, Usage};
use support::{
    accounting, answering, frame, get, layer, read, ready, rows, total, totals, Script,
    Step::{Data, Wait},
    TENANT,
};
use tower::{Layer, Service};

fn usage_of<B>(request: &Request<B>) -> Usage {
    request.extensions().get::<Usage>().unwrap().clone()
}

#[test]
fn a_handler_adds_units_before_during_and_after_its_response() {
    let acc = accounting();
    let kept = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&kept);
    let mut service = answering(&layer(&acc).hand_out_usage(), move |request| {
        let usage = usage_of(&request);
        usage.add("tokens", 100);
        *keep.lock().unwrap() = Some(usage);
        Response::new(Script::new([Data(10)]))
    });
    let mut body = ready(service.call(get(Script::default()))).unwrap().into_body();
    let usage: Usage = kept.lock().unwrap().take().unwrap();
    assert_eq!(total(&acc, "tokens"), 100, "counted as soon as the tenant is known");
    usage.record(acc.dimension("tokens").unwrap(), 20);
    read(&mut body);
    drop(body);
    usage.add("tokens", 3);
    assert_eq!(total(&acc, "tokens"), 123);
    assert_eq!(rows(&acc), [("acme GET /~unmatched omnigate iad".to_owned(), [1, 0, 10])]);
}

#[test]
fn a_unit_that_is_not_registered_is_an_error_or_counted_as_refused() {
    let acc = accounting();
    let layer = layer(&acc).hand_out_usage();
    let mut service = answering(&layer, |request| {
        let usage = usage_of(&request);
        usage.add("tokins", 1);
        assert_eq!(
            usage.try_add("tokins", 1),
            Err(MeterError::UnknownDimension { name: "tokins".to_owned() })
        );
        Response::new(Script::default())
    });
    drop(ready(service.call(get(Script::default()))));
    assert_eq!(layer.unknown_dimensions(), 1);
    assert!(matches!(layer.count_failed("misspelt"), Err(MeterError::UnknownDimension { .. })));
}

#[test]
fn a_tenant_that_is_set_inside_takes_all_that_was_held_back() {
    let acc = accounting();
    let layer = MeterLayer::new(&acc).hand_out_usage();
    let mut service = answering(&layer, |mut request| {
        let usage = usage_of(&request);
        usage.add("tokens", 7);
        read(request.body_mut());
        assert_eq!(rows(&acc_of(&request)), [], "nobody knows who pays");
        usage.set_tenant("acme").unwrap();
        assert_eq!(usage.set_tenant("umbrella"), Err(MeterError::TenantIsSet { tenant: "acme".to_owned() }));
        usage.add("tokens", 1);
        Response::new(Script::new([Data(10)]))
    });
    let mut request = get(Script::new([Data(5)]));
    request.extensions_mut().insert(acc.clone());
    read(&mut ready(service.call(request)).unwrap().into_body());
    assert_eq!(rows(&acc), [("acme GET /~unmatched  ".to_owned(), [1, 5, 10])]);
    assert_eq!(total(&acc, "tokens"), 8);
}

fn acc_of<B>(request: &Request<B>) -> ron_accounting::Accounting {
    request.extensions().get::<ron_accounting::Accounting>().unwrap().clone()
}

#[test]
fn without_a_tenant_usage_waits_for_the_response_and_no_longer() {
    let acc = accounting();
    let layer = MeterLayer::new(&acc).hand_out_usage();
    let kept = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&kept);
    let mut service = answering(&layer, move |request| {
        *keep.lock().unwrap() = Some(usage_of(&request));
        Response::new(Script::new([Data(10), Wait, Data(10)]))
    });
    let mut body = ready(service.call(get(Script::default()))).unwrap().into_body();
    assert!(frame(&mut body).is_ready());
    assert_eq!(rows(&acc), [("~unknown GET /~unmatched  ".to_owned(), [1, 0, 10])]);
    let usage: Usage = kept.lock().unwrap().take().unwrap();
    assert_eq!(usage.set_tenant("acme"), Err(MeterError::TenantIsSet { tenant: "~unknown".to_owned() }));

    // A request that ends before its response is counted as well.
    let mut service =
        layer.layer(tower::service_fn(|_| std::future::pending::<Result<Response<Script>, &str>>()));
    drop(service.call(get(Script::default())));
    assert_eq!(totals(&acc).requests, 2);
}

/// What the hook was told: tenant, status, bytes in, bytes out, outcome.
type Told = (String, Option<StatusCode>, u64, u64, RequestOutcome);

fn telling(layer: MeterLayer) -> (MeterLayer, Arc<Mutex<Vec<Told>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let layer = layer.on_settled(move |it| {
        let tenant = it.labels.tenant.to_owned();
        tell.lock().unwrap().push((tenant, it.status, it.bytes_in, it.bytes_out, it.outcome));
    });
    (layer, told)
}

#[test]
fn the_hook_is_told_once_when_both_directions_have_ended() {
    let acc = accounting();
    let (layer, told) = telling(layer(&acc));
    let kept = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&kept);
    let mut service = answering(&layer, move |request| {
        *keep.lock().unwrap() = Some(request.into_body());
        Response::new(Script::new([Data(10)]))
    });
    read(&mut ready(service.call(get(Script::new([Data(6), Data(5)])))).unwrap().into_body());
    assert!(told.lock().unwrap().is_empty(), "the request body is still being read");
    assert_eq!(read(kept.lock().unwrap().as_mut().unwrap()), 11);
    kept.lock().unwrap().take();
    let expected = ("acme".to_owned(), Some(StatusCode::OK), 11, 10, RequestOutcome::Complete);
    assert_eq!(*told.lock().unwrap(), [expected]);
}

#[test]
fn the_hook_is_told_how_each_request_ended() {
    let acc = accounting();
    let (layer, told) = telling(layer(&acc));
    let mut service = answering(&layer, |_| Response::new(Script::new([Data(10), Data(10)])));
    let mut body = ready(service.call(get(Script::default()))).unwrap().into_body();
    assert!(frame(&mut body).is_ready());
    drop(body);
    let mut broken = layer.layer(tower::service_fn(|_| std::future::ready(Err::<Response<Script>, _>("no"))));
    assert!(ready(broken.call(get(Script::default()))).is_err());
    let acme = || "acme".to_owned();
    let expected = [
        (acme(), Some(StatusCode::OK), 0, 10, RequestOutcome::AbortedByClient),
        (acme(), None, 0, 0, RequestOutcome::Failed),
    ];
    assert_eq!(*told.lock().unwrap(), expected);
}

#[test]
fn a_hook_that_panics_hurts_nobody() {
    let acc = accounting();
    let layer = layer(&acc).on_settled(|_| panic!("in the hook"));
    let mut service = answering(&layer, |_| Response::new(Script::new([Data(10)])));
    read(&mut ready(service.call(get(Script::default()))).unwrap().into_body());
    assert_eq!((layer.hook_panics(), totals(&acc).bytes_out), (1, 10));
}

#[test]
fn settings_of_a_clone_are_its_own() {
    let acc = accounting();
    let plain = layer(&acc);
    let (_telling, told) = telling(plain.clone());
    let mut service = answering(&plain, |_| Response::new(Script::new([Data(1)])));
    let request = Request::builder().header(TENANT, "acme").body(Script::default()).unwrap();
    read(&mut ready(service.call(request)).unwrap().into_body());
    assert!(told.lock().unwrap().is_empty());
}
