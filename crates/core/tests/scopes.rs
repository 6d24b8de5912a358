//! A scope counts what the full label set would count, and what it costs is all that differs.
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

mod totals;

use proptest::prelude::*;
use ron_accounting_core::{
    labels, Dimension, Engine, Label, Labels, Normalizer, Outcome, Overflow, Verdict, OVERFLOW,
};

use totals::values;

const FEED: Labels<'static> = labels().method("GET").route("/feed").service("omnigate").region("iad");

#[test]
fn a_scope_and_the_full_label_set_are_one_row() {
    let engine = Engine::default();
    let mut reader = engine.reader();
    let scope = engine.scope(&FEED.tenant("ignored"));
    let full = FEED.tenant("acme");
    assert_eq!(scope.labels("acme"), full);
    for _ in 0..3 {
        assert_eq!(scope.try_record("acme", Dimension::REQUESTS, 1), Outcome::Counted);
        assert_eq!(engine.try_record(&full, Dimension::REQUESTS, 10), Outcome::Counted);
    }
    scope.add_bytes_in("acme", 5);
    scope.add_bytes_out("acme", 7);
    scope.record_each("acme", &[(Dimension::REQUESTS, 100), (Dimension::CPU, 9)]);
    let reading = reader.take();
    assert_eq!((reading.len(), values(&reading, &full)), (1, vec![133, 5, 7, 9]));
}

#[test]
fn scopes_of_the_same_and_of_other_labels_don_t_mix() {
    let engine = Engine::default();
    let mut reader = engine.reader();
    let (feed, same, search) =
        (engine.scope(&FEED), engine.scope(&FEED), engine.scope(&FEED.route("/search")));
    for tenant in ["a", "b", ""] {
        feed.record(tenant, Dimension::REQUESTS, 1);
        same.record(tenant, Dimension::REQUESTS, 2);
        search.record(tenant, Dimension::REQUESTS, 4);
        // From the cache.
        feed.clone().record(tenant, Dimension::REQUESTS, 8);
        same.record(tenant, Dimension::REQUESTS, 16);
        search.record(tenant, Dimension::REQUESTS, 32);
    }
    let reading = reader.take();
    for tenant in ["a", "b", ""] {
        assert_eq!(values(&reading, &FEED.tenant(tenant))[0], 27);
        assert_eq!(values(&reading, &FEED.route("/search").tenant(tenant))[0], 36);
    }
}

struct Lowercase;

impl Normalizer for Lowercase {
    fn normalize(&self, _label: Label, raw: &str, out: &mut String) -> Verdict {
        out.push_str(&raw.to_ascii_lowercase());
        if out == raw {
            Verdict::Clean
        } else {
            Verdict::Changed
        }
    }
}

#[test]
fn scopes_are_normalized() {
    let engine = Engine::builder().normalizer(Lowercase).build().unwrap();
    let mut reader = engine.reader();
    let scope = engine.scope(&labels().method("GET"));
    for tenant in ["ACME", "acme", "Acme", "ACME"] {
        scope.incr_request(tenant);
    }
    assert_eq!(values(&reader.take(), &labels().tenant("acme").method("get"))[0], 4);
}

#[test]
fn past_the_limit_a_scope_tells_of_the_overflow_row() {
    let engine = Engine::builder().label_limit(1).build().unwrap();
    let mut reader = engine.reader();
    let scope = engine.scope(&FEED);
    let _pinned = engine.meter(&FEED.tenant("a"));
    assert_eq!(scope.try_record("a", Dimension::REQUESTS, 1), Outcome::Counted);
    for _ in 0..2 {
        assert_eq!(scope.try_record("b", Dimension::REQUESTS, 1), Outcome::Overflowed(Overflow::LabelSets));
    }
    let row = labels().tenant("b").method(OVERFLOW).route(OVERFLOW).service(OVERFLOW).region(OVERFLOW);
    assert_eq!(values(&reader.take(), &row)[0], 2);
}

#[test]
fn a_foreign_dimension_is_told() {
    let engine = Engine::default();
    let mut other = ron_accounting_core::Dimensions::default();
    let foreign = other.register("tokens").unwrap();
    let scope = engine.scope(&FEED);
    for _ in 0..2 {
        assert_eq!(scope.try_record("a", foreign, 1), Outcome::UnknownDimension(foreign));
    }
    assert_eq!(engine.stats().unknown_dimension, 2);
}

proptest! {
    /// Evictions, several scopes and full label sets between each other: the sums are those of a plain map.
    #[test]
    fn scopes_agree_with_full_label_sets(
        calls in prop::collection::vec((0..3_usize, 0..6_usize, any::<bool>(), 1..9_u64), 1..200),
        label_limit in 2..20_usize,
    ) {
        const TENANTS: [&str; 6] = ["a", "b", "tenant-0001", "tenant-0002", "a-tenant-of-more-than-16", ""];
        let engine = Engine::builder().label_limit(label_limit).build().unwrap();
        let mut reader = engine.reader();
        let routes = ["/", "/a/route/of/more/than/sixteen", "/feed"];
        let scopes = routes.map(|route| engine.scope(&FEED.route(route)));
        let mut totals = std::collections::BTreeMap::new();
        for (route, tenant, full, n) in calls {
            if full {
                engine.record(&FEED.route(routes[route]).tenant(TENANTS[tenant]), Dimension::REQUESTS, n);
            } else {
                scopes[route].record(TENANTS[tenant], Dimension::REQUESTS, n);
            }
            *totals.entry(TENANTS[tenant].to_owned()).or_insert(0) += n;
        }
        let mut read = std::collections::BTreeMap::new();
        for row in reader.take().rows() {
            *read.entry(row.key.tenant().to_owned()).or_insert(0) += row.values[0];
        }
        prop_assert_eq!(read, totals);
    }
}
