//! How requests end: each is counted once, with the bytes that passed, however it ends.
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

mod support;

use std::{
    panic::{catch_unwind, AssertUnwindSafe},
    pin::pin,
    task::Poll,
};

use http::{header::CONTENT_LENGTH, Method, Request, Response, StatusCode};
use ron_accounting::Accounting;
use ron_accounting_tower::ResponseBody;
use support::{
    accounting, answering, frame, get, layer, poll, read, ready, totals, Script,
    Step::{self, Data, Error, Panic, Stall, Trailers, Wait},
    Totals, TENANT,
};
use tower::{service_fn, Layer, Service};

/// Answers a request with a response, and returns the counted body.
fn serve(acc: &Accounting, method: Method, response: Response<Script>) -> ResponseBody<Script> {
    let mut response = Some(response);
    let mut service = layer(acc)
        .layer(service_fn(move |_| std::future::ready(response.take().ok_or("the service answers once"))));
    let request = Request::builder().method(method).header(TENANT, "acme").body(Script::default()).unwrap();
    ready(service.call(request)).unwrap().into_body()
}

fn serve_steps(acc: &Accounting, steps: impl IntoIterator<Item = Step>) -> ResponseBody<Script> {
    serve(acc, Method::GET, Response::new(Script::new(steps)))
}

fn sent(bytes_out: u64) -> Totals {
    Totals { requests: 1, bytes_out, ..Totals::default() }
}

#[test]
fn a_response_that_is_read_to_its_end_is_complete_and_trailers_are_no_bytes() {
    let acc = accounting();
    let mut body = serve_steps(&acc, [Data(10), Wait, Data(0), Data(5), Trailers]);
    let mut trailers = 0;
    loop {
        match frame(&mut body) {
            Poll::Ready(Some(Ok(frame))) => trailers += usize::from(frame.is_trailers()),
            Poll::Ready(_) => break,
            Poll::Pending => {}
        }
    }
    assert_eq!(trailers, 1, "trailers pass through");
    drop(body);
    assert_eq!(totals(&acc), sent(15));
}

#[test]
fn a_client_that_leaves_in_the_middle_is_charged_what_was_handed_over() {
    let acc = accounting();
    let mut body = serve_steps(&acc, [Data(10), Data(20), Stall]);
    assert!(frame(&mut body).is_ready());
    assert_eq!(totals(&acc).bytes_out, 10, "bytes count when they pass");
    assert!(frame(&mut body).is_ready());
    assert!(frame(&mut body).is_pending());
    assert_eq!(totals(&acc), sent(30), "how it ends is not known yet");
    drop(body);
    assert_eq!(totals(&acc), Totals { aborted: 1, ..sent(30) });
}

#[test]
fn a_server_that_never_asks_for_the_end_leaves_a_complete_response_where_the_end_is_known() {
    let with_length = Response::builder().header(CONTENT_LENGTH, "30");
    let responses = [
        Response::new(Script::new([Data(10), Data(20)]).sized()),
        Response::new(Script::new([Data(10), Data(20)]).says_end()),
        Response::new(Script::new([Data(30), Trailers])),
        with_length.body(Script::new([Data(10), Data(20)])).unwrap(),
    ];
    for response in responses {
        let acc = accounting();
        let mut body = serve(&acc, Method::GET, response);
        assert!(frame(&mut body).is_ready());
        assert!(frame(&mut body).is_ready());
        drop(body);
        assert_eq!(totals(&acc), sent(30));
    }
}

#[test]
fn a_response_without_a_body_on_the_wire_is_complete_and_has_no_bytes() {
    let full = || Script::new([Data(1000)]).sized();
    let with_status = |status| Response::builder().status(status).body(full()).unwrap();
    let cases = [
        (Method::HEAD, with_status(StatusCode::OK)),
        (Method::GET, with_status(StatusCode::NO_CONTENT)),
        (Method::GET, with_status(StatusCode::NOT_MODIFIED)),
        (Method::GET, with_status(StatusCode::SWITCHING_PROTOCOLS)),
        (Method::CONNECT, with_status(StatusCode::OK)),
        (Method::GET, Response::new(Script::default().sized())),
        (Method::GET, Response::new(Script::default().says_end())),
        (Method::GET, Response::builder().header(CONTENT_LENGTH, "0").body(Script::default()).unwrap()),
    ];
    for (method, response) in cases {
        let acc = accounting();
        drop(serve(&acc, method, response));
        assert_eq!(totals(&acc), sent(0));
    }
}

#[test]
fn a_body_that_is_not_read_is_aborted() {
    let acc = accounting();
    drop(serve_steps(&acc, [Data(1000)]));
    assert_eq!(totals(&acc), Totals { aborted: 1, ..sent(0) });
}

#[test]
fn a_future_that_is_dropped_before_it_is_ready_counts_its_request_once() {
    for polls in 0..3 {
        let acc = accounting();
        let mut service =
            layer(&acc).layer(service_fn(|_| std::future::pending::<Result<Response<Script>, &str>>()));
        {
            let mut future = pin!(service.call(get(Script::default())));
            for _ in 0..polls {
                assert!(poll(future.as_mut()).is_pending());
                assert_eq!(totals(&acc), sent(0), "a long request shows while it runs");
            }
        }
        assert_eq!(totals(&acc), Totals { aborted: 1, ..sent(0) });
    }
}

#[test]
fn errors_of_service_and_body_are_failures_with_the_bytes_before_them() {
    let acc = accounting();
    let mut service = layer(&acc).layer(service_fn(|_| std::future::ready(Err::<Response<Script>, _>("no"))));
    assert_eq!(ready(service.call(get(Script::default()))).unwrap_err(), "no");
    assert_eq!(totals(&acc), Totals { failed: 1, ..sent(0) });

    let acc = accounting();
    let mut body = serve_steps(&acc, [Data(7), Error, Data(9)]);
    assert_eq!(read(&mut body), 7);
    drop(body);
    assert_eq!(totals(&acc), Totals { failed: 1, ..sent(7) });

    let acc = accounting();
    let response = Response::builder().status(503).body(Script::new([Data(4)])).unwrap();
    assert_eq!(read(&mut serve(&acc, Method::GET, response)), 4);
    assert_eq!(totals(&acc), Totals { failed: 1, ..sent(4) });
}

#[test]
fn panics_in_the_call_the_future_and_the_body_are_failures() {
    let quiet = |work: &mut dyn FnMut()| assert!(catch_unwind(AssertUnwindSafe(work)).is_err());

    let acc = accounting();
    let mut service =
        layer(&acc).layer(service_fn(|_| -> std::future::Ready<Result<Response<Script>, &str>> {
            panic!("in the call")
        }));
    quiet(&mut || drop(service.call(get(Script::default()))));
    assert_eq!(totals(&acc), Totals { failed: 1, ..sent(0) });

    let acc = accounting();
    let mut service = layer(&acc).layer(service_fn(|_| async {
        assert!(std::hint::black_box(false), "in the future");
        Ok::<_, &str>(Response::new(Script::default()))
    }));
    quiet(&mut || drop(ready(service.call(get(Script::default())))));
    assert_eq!(totals(&acc), Totals { failed: 1, ..sent(0) });

    let acc = accounting();
    let mut body = serve_steps(&acc, [Data(3), Panic]);
    quiet(&mut || {
        read(&mut body);
    });
    drop(body);
    assert_eq!(totals(&acc), Totals { failed: 1, ..sent(3) });
}

#[test]
fn a_request_body_counts_what_the_service_read_of_it() {
    let request = || get(Script::new([Data(10), Data(20), Trailers]));

    let acc = accounting();
    let mut service = answering(&layer(&acc), |request| {
        let mut body = request.into_body();
        assert_eq!(read(&mut body), 30);
        Response::new(Script::default().sized())
    });
    drop(ready(service.call(request())));
    assert_eq!(totals(&acc), Totals { bytes_in: 30, ..sent(0) });

    let acc = accounting();
    let mut service = answering(&layer(&acc), |request| {
        assert!(frame(&mut request.into_body()).is_ready());
        Response::new(Script::default().sized())
    });
    drop(ready(service.call(request())));
    assert_eq!(totals(&acc), Totals { bytes_in: 10, ..sent(0) });

    let acc = accounting();
    let mut service = answering(&layer(&acc), |_| Response::new(Script::default().sized()));
    drop(ready(service.call(request())));
    assert_eq!(totals(&acc), sent(0));
}

#[test]
fn a_request_body_that_outlives_its_response_still_counts() {
    let acc = accounting();
    let kept = std::sync::Arc::new(std::sync::Mutex::new(None));
    let keep = std::sync::Arc::clone(&kept);
    let mut service = answering(&layer(&acc), move |request| {
        *keep.lock().unwrap() = Some(request.into_body());
        Response::new(Script::default().sized())
    });
    drop(ready(service.call(get(Script::new([Data(5), Data(6)])))));
    assert_eq!(totals(&acc), sent(0));
    assert_eq!(read(&mut kept.lock().unwrap().take().unwrap()), 11);
    assert_eq!(totals(&acc), Totals { bytes_in: 11, ..sent(0) });
}

#[test]
fn bodies_keep_their_size_and_end() {
    use http_body::Body;

    let acc = accounting();
    let mut service = answering(&layer(&acc), |request| {
        let body = request.into_body();
        assert_eq!(body.size_hint().exact(), Some(4));
        assert!(!body.is_end_stream());
        Response::new(Script::new([Data(8)]).sized().says_end())
    });
    let mut body = ready(service.call(get(Script::new([Data(4)]).sized()))).unwrap().into_body();
    assert_eq!(body.size_hint().exact(), Some(8));
    assert!(!body.is_end_stream());
    read(&mut body);
    assert!(body.is_end_stream());
}

#[test]
fn a_stream_of_hours_shows_in_each_window_as_it_goes() {
    let acc = accounting();
    let mut body = serve_steps(&acc, [Data(1), Wait, Data(2), Wait, Data(3)]);
    let mut closed = Vec::new();
    for window in 1..=3_u64 {
        assert!(frame(&mut body).is_ready());
        assert!(window == 3 || frame(&mut body).is_pending());
        acc.tick(u64::MAX / 2 + window * 60_000).unwrap();
        let last = acc.history()[0].entries().map(|entry| (entry.requests(), entry.bytes_out())).next();
        closed.push(last.unwrap());
    }
    assert_eq!(closed, [(1, 1), (0, 2), (0, 3)]);
}

#[test]
fn usage_of_a_response_that_outlives_every_other_handle_is_sealed() {
    use ron_accounting::export::MemoryLedger;

    let ledger = MemoryLedger::new();
    let acc = Accounting::builder().exporter(ledger.clone()).build().unwrap();
    let response = Response::new(Script::new([Data(100)]).says_end());
    let mut response = Some(response);
    let mut service = ron_accounting_tower::MeterLayer::new(&acc)
        .tenant(ron_accounting_tower::header(TENANT))
        .layer(service_fn(move |_| std::future::ready(response.take().ok_or("once"))));
    let mut body = ready(service.call(get(Script::default()))).unwrap().into_body();
    drop((service, acc));
    read(&mut body);
    drop(body);
    assert_eq!((ledger.total("acme", "requests"), ledger.total("acme", "bytes_out")), (1, 100));
}
