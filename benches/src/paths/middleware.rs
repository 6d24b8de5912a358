//! A request through a middleware that counts it: our layer, beside what one could use instead.

use std::convert::Infallible;

use http_body_util::{Empty, Full};
use ron_accounting::Accounting;
use ron_accounting_tower::{header, MeterLayer};
use tower::{service_fn, Layer, Service};

use crate::{
    figures::{PathFigures, Target},
    label_sets::{Pattern, Walk},
    middlewares::{self, answer, serve, Answer, Once, Template, TENANT},
    race::{race, Effort, Entrant, Kind, Standings},
};

const BARE: &str = "bare service";
const READY: &str = "ours";

pub(super) fn measure(effort: Effort) -> Vec<PathFigures> {
    vec![service(effort), router(effort)]
}

fn accounting() -> Accounting {
    Accounting::builder().manual().label_limit(4096).build().expect("the settings are in range")
}

/// Our layer around a plain service, where nothing else costs anything.
fn service(effort: Effort) -> PathFigures {
    let templates = Template::all();
    let sequence = Pattern::EightyTwenty.sequence(templates.len());
    let acc = accounting();
    let layer = || {
        let layer = MeterLayer::new(&acc).service("omnigate").region("iad").tenant(header(TENANT));
        layer.route(|head| Some(head.uri.path().into()))
    };
    let get = |service: &dyn Fn() -> Box<dyn FnMut(&Template)>, name: &str, kind| {
        let (mut service, mut walk) = (service(), Walk::new(&templates, &sequence));
        for template in &templates {
            service(template);
        }
        Entrant::new(name, kind, move || service(walk.step()))
    };
    let line_up = || {
        vec![
            get(&|| empty(service_fn(at_once)), BARE, Kind::Floor),
            get(&|| empty(layer().layer(service_fn(at_once))), READY, Kind::Ours),
            get(&|| empty(service_fn(waiting)), "bare service that waits", Kind::Floor),
            get(&|| empty(layer().layer(service_fn(waiting))), "ours, around one that waits", Kind::Ours),
            get(&|| upload(reading()), "bare service that reads 512 bytes", Kind::Floor),
            get(&|| upload(layer().layer(reading())), "ours, around one that reads", Kind::Ours),
            get(
                &|| empty(layer().hand_out_usage().layer(service_fn(at_once))),
                "ours, with a handle",
                Kind::Ours,
            ),
        ]
    };
    let standings = race(effort, line_up);
    let mut path = PathFigures::new(
        "middleware",
        "a request through a service that answers 1 KiB, 8 routes and 128 tenants, 80/20",
    );
    standings.tell(&mut path);
    let mut beyond = |name: &str, base: &str, target| {
        path.ratio(format!("{name}, ns beyond the {base}"), standings.difference(name, base), target);
    };
    beyond(READY, BARE, Some(Target::AtMost(40.0)));
    beyond("ours, around one that waits", "bare service that waits", None);
    beyond("ours, around one that reads", "bare service that reads 512 bytes", None);
    beyond("ours, with a handle", BARE, None);
    path
}

fn empty<S, R>(mut service: S) -> Box<dyn FnMut(&Template)>
where
    S: Service<http::Request<Empty<bytes::Bytes>>, Response = http::Response<R>> + 'static,
    R: http_body::Body<Data = bytes::Bytes>,
{
    Box::new(move |template| {
        std::hint::black_box(serve(&mut service, template.request(Empty::new())));
    })
}

fn upload<S, R>(mut service: S) -> Box<dyn FnMut(&Template)>
where
    S: Service<http::Request<Full<bytes::Bytes>>, Response = http::Response<R>> + 'static,
    R: http_body::Body<Data = bytes::Bytes>,
{
    Box::new(move |template| {
        let body = Full::new(bytes::Bytes::from_static(&[b'x'; 512]));
        std::hint::black_box(serve(&mut service, template.request(body)));
    })
}

fn at_once<B>(_: http::Request<B>) -> std::future::Ready<Result<Answer, Infallible>> {
    std::future::ready(answer())
}

async fn waiting<B>(_: http::Request<B>) -> Result<Answer, Infallible> {
    Once::default().await;
    answer()
}

/// A service that reads its request.
fn reading<B>() -> impl Service<http::Request<B>, Response = Answer>
where
    B: http_body::Body<Data = bytes::Bytes> + Unpin,
{
    service_fn(|request: http::Request<B>| {
        let mut body = request.into_body();
        let mut context = std::task::Context::from_waker(futures_util::task::noop_waker_ref());
        while !body.is_end_stream() {
            let _ = std::hint::black_box(std::pin::Pin::new(&mut body).poll_frame(&mut context));
        }
        std::future::ready(answer())
    })
}

/// An axum router with each of the middlewares.
fn router(effort: Effort) -> PathFigures {
    let templates = Template::all();
    let sequence = Pattern::EightyTwenty.sequence(templates.len());
    let line_up = || {
        let entrant = |name: &str, kind, mut router: axum::Router| {
            let mut walk = Walk::new(&templates, &sequence);
            let mut serve =
                move |template: &Template| serve(&mut router, template.request(axum::body::Body::empty()));
            for template in &templates {
                serve(template);
            }
            Entrant::new(name, kind, move || {
                std::hint::black_box(serve(walk.step()));
            })
        };
        vec![
            entrant("bare router", Kind::Floor, middlewares::bare()),
            entrant("ours", Kind::Ours, middlewares::ours(&accounting())),
            entrant("from_fn, by hand", Kind::Plain, middlewares::by_hand(&accounting())),
            entrant("axum-prometheus", Kind::Library, middlewares::axum_prometheus()),
        ]
    };
    let standings = race(effort, line_up);
    let mut path =
        PathFigures::new("middleware, axum", "the same requests through an axum router with 8 routes");
    standings.tell(&mut path);
    path.ratio(
        "ours / from_fn, by hand, beyond the bare router",
        beyond(&standings, "from_fn, by hand"),
        None,
    );
    path.ratio("ours / axum-prometheus, beyond the bare router", beyond(&standings, "axum-prometheus"), None);
    path
}

/// What ours costs in units of what another costs, each beyond the bare router.
fn beyond(standings: &Standings, other: &str) -> f64 {
    standings.difference("ours", "bare router") / standings.difference(other, "bare router")
}
