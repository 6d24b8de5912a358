//! A raw route that the thread sees for the first time: what normalization costs then. Afterwards the thread's cache knows it.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use ron_accounting::{
    counters::{labels, Label},
    normalize::{Normalizer, RouteLearner, RouteNormalizer},
    Accounting,
};

use crate::{
    figures::{PathFigures, Target},
    race::{race, Effort, Entrant, Kind},
};

/// The routes of a shop.
const TEMPLATES: [&str; 24] = [
    "/",
    "/healthz",
    "/v1/users",
    "/v1/users/{id}",
    "/v1/users/{id}/orders",
    "/v1/users/{id}/orders/{order}",
    "/v1/users/{id}/addresses/{address}",
    "/v1/users/{id}/avatar.png",
    "/v1/orders/{order}/items/{item}",
    "/v1/orders/{order}/invoice.pdf",
    "/v1/orders/{order}/shipments/{shipment}/events",
    "/v1/products/{product}",
    "/v1/products/{product}/reviews/{review}",
    "/v1/products/search",
    "/v1/categories/{category}/products",
    "/v1/carts/{cart}/items",
    "/v1/carts/{cart}/checkout",
    "/v1/payments/{payment}/refunds/{refund}",
    "/v1/webhooks/{hook}/deliveries/{delivery}/attempts",
    "/v1/reports/{year}/{month}",
    "/v2/users/{id}/sessions/{session}",
    "/v2/search",
    "/static/{file}",
    "/admin/tenants/{tenant}/usage",
];

/// Paths of these routes in turn, each with values of its own: numbers, UUIDs and words.
fn paths(from: u64, count: usize) -> Vec<String> {
    let values = |number: u64| match number % 4 {
        0 | 1 => format!("{}", 100_000 + number * 7),
        2 => format!("6fa459ea-ee8a-3ca4-894e-{:012x}", number * 2_654_435_761),
        _ => ["holiday", "wedding", "birthday", "garden"][usize::try_from(number / 4 % 4).unwrap_or(0)]
            .to_owned(),
    };
    (from..)
        .zip(TEMPLATES.iter().cycle())
        .take(count)
        .map(|(number, template)| {
            let mut parts = template.split('{');
            let first = parts.next().unwrap_or_default().to_owned();
            (number..).zip(parts).fold(first, |path, (number, part)| {
                path + &values(number) + part.split_once('}').map_or("", |(_, after)| after)
            })
        })
        .collect()
}

const SEVERAL: usize = 2048;

fn entrant<'a>(name: &str, paths: &'a [String], normalizer: RouteNormalizer) -> Entrant<'a> {
    let (mut next, mut out) = (paths.iter().cycle(), String::new());
    Entrant::new(name, Kind::Ours, move || {
        out.clear();
        black_box(normalizer.normalize(Label::Route, next.next().map_or("", String::as_str), &mut out));
    })
}

fn router(paths: &[String]) -> Entrant<'_> {
    let mut router = matchit::Router::new();
    for template in TEMPLATES {
        router.insert(template, template).expect("the templates differ");
    }
    let (mut next, mut out) = (paths.iter().cycle(), String::new());
    Entrant::new("matchit", Kind::Floor, move || {
        out.clear();
        let path = black_box(next.next().map_or("", String::as_str));
        out.push_str(router.at(path).map_or("", |found| found.value));
        black_box(&out);
    })
}

/// The whole way of a raw route that no thread has seen: normalization, the search for the key, and the entry in the cache.
fn first_sight<'a>(normalizer: RouteNormalizer) -> Entrant<'a> {
    let accounting =
        Accounting::builder().manual().normalizer(normalizer).build().expect("the settings are in range");
    let mut from = 0;
    Entrant::timed("first sight of a raw route", Kind::Ours, move |operations| {
        let mut took = Duration::ZERO;
        let mut left = usize::try_from(operations).unwrap_or(usize::MAX);
        while left > 0 {
            let raw = paths(from, left.min(SEVERAL));
            from += u64::try_from(raw.len()).unwrap_or(0);
            left -= raw.len();
            let start = Instant::now();
            for route in &raw {
                let set = labels().tenant("acme").method("GET").route(route).service("shop").region("fra");
                accounting.incr_request(&set);
            }
            took += start.elapsed();
        }
        took
    })
}

pub(super) fn measure(effort: Effort) -> Vec<PathFigures> {
    let paths = paths(0, SEVERAL);
    let built =
        |builder: ron_accounting::normalize::RouteNormalizerBuilder| builder.build().expect("templates");
    let host = || built(RouteNormalizer::builder().templates(TEMPLATES));
    let line_up = || {
        let learner = RouteNormalizer::builder().learner(RouteLearner::new());
        vec![
            entrant("ours, templates of the host", &paths, host()),
            entrant("ours, placeholders", &paths, RouteNormalizer::new()),
            entrant("ours, placeholders and a learner", &paths, built(learner)),
            first_sight(host()),
            router(&paths),
        ]
    };
    let standings = race(effort, line_up);
    let mut path = PathFigures::new(
        "route",
        "a raw route that the thread sees first, 24 templates: `normalizer.normalize(Label::Route, raw, &mut out)`",
    );
    standings.tell(&mut path);
    let ratio = |name: &str| standings.ratio(name, "matchit");
    path.ratio(
        "ours, templates of the host / matchit",
        ratio("ours, templates of the host"),
        Some(Target::AtMost(4.0)),
    );
    path.ratio("ours, placeholders / matchit", ratio("ours, placeholders"), Some(Target::AtMost(10.0)));
    vec![path]
}
