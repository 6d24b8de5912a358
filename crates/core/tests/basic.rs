//! Does the engine count what it is told, under the key that it is told?

mod totals;

use std::thread;

use ron_accounting_core::{
    labels, AccountKey, Dimension, DimensionError, Dimensions, Engine, EngineBuilder, EngineStats,
    EvictionReason, Label, Labels, Meter, Outcome, Reader, Reading, Tenant, UsageKey, DIMENSIONS_MAX,
};

use totals::values;

const FEED: Labels<'static> =
    labels().tenant("acme").method("GET").route("/v1/feed").service("omnigate").region("iad");

const UPLOAD: Labels<'static> = labels().tenant("acme").method("PUT").route("/v1/objects/:id");

#[test]
fn recordings_of_one_label_set_add_up() {
    let engine = Engine::default();
    let mut reader = engine.reader();
    assert_eq!(engine.try_record(&FEED, Dimension::REQUESTS, 1), Outcome::Counted);
    assert_eq!(engine.try_record(&FEED, Dimension::REQUESTS, 2), Outcome::Counted);
    let amounts = [(Dimension::REQUESTS, 4), (Dimension::BYTES_IN, 10), (Dimension::CPU, 7)];
    assert_eq!(engine.try_record_each(&FEED, &amounts), Outcome::Counted);
    engine.record(&UPLOAD, Dimension::BYTES_OUT, 5);
    let reading = reader.take();
    assert_eq!(reading.len(), 2);
    assert_eq!(values(&reading, &FEED), [7, 10, 0, 7]);
    assert_eq!(values(&reading, &UPLOAD), [0, 0, 5, 0]);
}

#[test]
fn label_sets_that_differ_in_one_label_are_told_apart() {
    let engine = Engine::default();
    let mut reader = engine.reader();
    // The last two have the same text, cut elsewhere.
    let sets = [
        FEED,
        FEED.tenant("other"),
        FEED.method("PUT"),
        FEED.route("/"),
        FEED.service(""),
        FEED.region("fra"),
        labels().tenant("ab").method("c"),
        labels().tenant("a").method("bc"),
    ];
    for (n, set) in (1..).zip(&sets) {
        engine.record(set, Dimension::REQUESTS, n);
    }
    let reading = reader.take();
    assert_eq!(reading.len(), sets.len());
    for (n, set) in (1..).zip(&sets) {
        assert_eq!(values(&reading, set), [n, 0, 0, 0], "{set:?}");
    }
}

#[test]
fn a_meter_and_its_clones_count_under_one_key() {
    let engine = Engine::default();
    let mut reader = engine.reader();
    let (meter, outcome) = engine.meter(&FEED);
    assert_eq!(outcome, Outcome::Counted);
    assert_eq!(meter.key().and_then(UsageKey::labels), Some(FEED));
    meter.incr_request();
    meter.clone().add_bytes_in(3);
    thread::spawn({
        let meter = meter.clone();
        move || meter.add_bytes_out(4)
    })
    .join()
    .unwrap();
    assert_eq!(meter.try_record(Dimension::CPU, 5), Outcome::Counted);
    engine.record(&FEED, Dimension::REQUESTS, 1);
    assert_eq!(values(&reader.take(), &FEED), [2, 3, 4, 5]);
}

#[test]
fn accounts_are_told_apart_by_tenant_namespace_and_id() {
    let engine = Engine::default();
    let mut reader = engine.reader();
    let (acme, other) = (engine.tenant("acme"), engine.tenant("other"));
    let account = AccountKey { ns: 1, id: u128::MAX };
    let recorded = [
        (&acme, account, 1),
        (&other, account, 2),
        (&acme, AccountKey { ns: 2, ..account }, 4),
        (&acme, AccountKey { id: 0, ..account }, 8),
    ];
    for (tenant, account, n) in recorded {
        assert_eq!(engine.try_record_account(tenant, account, Dimension::BYTES_OUT, n), Outcome::Counted);
        let (meter, outcome) = engine.account_meter(tenant, account);
        assert_eq!((meter.key(), outcome), (Some(&tenant.usage_key(account)), Outcome::Counted));
        meter.record(Dimension::BYTES_OUT, n);
    }
    let reading = reader.take();
    assert_eq!(reading.len(), recorded.len());
    for (tenant, account, n) in recorded {
        let row = reading.rows().find(|row| *row.key == tenant.usage_key(account)).unwrap();
        assert_eq!(row.key.account(), Some(account));
        assert_eq!((row.key.tenant(), row.key.tenant_id()), (tenant.name(), tenant.id()));
        assert_eq!(row.values, [0, 0, 2 * n, 0]);
    }
}

#[test]
fn a_label_set_and_an_account_of_one_tenant_share_its_number() {
    let engine = Engine::default();
    let mut reader = engine.reader();
    engine.record(&FEED, Dimension::REQUESTS, 1);
    let acme = engine.tenant("acme");
    engine.record_account(&acme, AccountKey { ns: 0, id: 1 }, Dimension::REQUESTS, 1);
    let reading = reader.take();
    assert_eq!(reading.len(), 2);
    assert!(reading.rows().all(|row| row.key.tenant_id() == acme.id() && row.key.tenant() == "acme"));
    assert_eq!(engine.usage_key(&FEED).tenant_id(), acme.id());
    assert_eq!(engine.stats().tenants, 1);
}

#[test]
fn registered_dimensions_are_counted_beside_the_built_in_ones() {
    let mut dimensions = Dimensions::default();
    let tokens = dimensions.register("tokens").unwrap();
    assert_eq!(dimensions.register("tokens"), Ok(tokens));
    assert_eq!(dimensions.register("cpu"), Ok(Dimension::CPU));
    let engine = Engine::builder().dimensions(dimensions).build().unwrap();
    let mut reader = engine.reader();
    assert_eq!(engine.try_record(&FEED, tokens, 9), Outcome::Counted);
    assert_eq!(engine.dimensions().to_string(), "requests,bytes_in,bytes_out,cpu,tokens");
    assert_eq!(values(&reader.take(), &FEED), [0, 0, 0, 0, 9]);
}

#[test]
fn dimension_names_are_checked() {
    let mut dimensions = Dimensions::default();
    for name in ["", "Tokens", "to kens", "ü", &"x".repeat(65)] {
        assert_eq!(dimensions.register(name), Err(DimensionError::Name { name: name.into() }));
    }
    while dimensions.count() < DIMENSIONS_MAX {
        dimensions.register(&format!("d{}", dimensions.count())).unwrap();
    }
    assert_eq!(dimensions.register("more"), Err(DimensionError::TooMany { name: "more".into() }));
    assert_eq!(dimensions.register("requests"), Ok(Dimension::REQUESTS));
}

#[test]
fn a_dimension_of_another_engine_is_refused_and_the_others_are_counted() {
    let mut dimensions = Dimensions::default();
    let foreign = dimensions.register("tokens").unwrap();
    let engine = Engine::default();
    let mut reader = engine.reader();
    let amounts = [(Dimension::REQUESTS, 1), (foreign, 2), (Dimension::CPU, 3)];
    assert_eq!(engine.try_record_each(&FEED, &amounts), Outcome::UnknownDimension(foreign));
    assert_eq!(engine.meter(&FEED).0.try_record(foreign, 2), Outcome::UnknownDimension(foreign));
    engine.record(&UPLOAD, Dimension::REQUESTS, 1);
    let reading = reader.take();
    assert_eq!(values(&reading, &FEED), [1, 0, 0, 3]);
    assert_eq!(values(&reading, &UPLOAD), [1, 0, 0, 0]);
    assert_eq!(engine.stats().unknown_dimension, 2);
}

#[test]
fn cardinality_counts_the_values_of_each_label() {
    let engine = Engine::default();
    for (method, route) in [("GET", "/a"), ("GET", "/b"), ("PUT", "/c"), ("PUT", "/a")] {
        engine.record(&labels().tenant("t").method(method).route(route), Dimension::REQUESTS, 1);
    }
    engine.record_account(&engine.tenant("u"), AccountKey { ns: 0, id: 0 }, Dimension::REQUESTS, 1);
    let expected = [1, 2, 3, 1, 1];
    assert_eq!(engine.cardinality().map(|(_, count)| count), expected);
    assert_eq!(engine.cardinality().map(|(label, _)| label), Label::ALL);
}

#[test]
fn clones_are_the_same_engine() {
    let engine = Engine::default();
    let mut reader = engine.clone().reader();
    engine.clone().record(&FEED, Dimension::REQUESTS, 1);
    drop(engine);
    assert_eq!(values(&reader.take(), &FEED)[0], 1);
}

#[test]
fn a_new_engine_is_empty() {
    let engine = Engine::default();
    assert_eq!(engine.stats(), EngineStats::default());
    assert_eq!(engine.evictions(EvictionReason::Age) + engine.evictions(EvictionReason::Cardinality), 0);
    assert!(engine.reader().take().is_empty());
}

#[test]
fn public_types_cross_threads() {
    fn crosses<T: Send + Sync + std::fmt::Debug>() {}
    crosses::<Engine>();
    crosses::<EngineBuilder>();
    crosses::<EngineStats>();
    crosses::<Meter>();
    crosses::<Reader>();
    crosses::<Reading>();
    crosses::<Tenant>();
    crosses::<UsageKey>();
    crosses::<Dimensions>();
    crosses::<Outcome>();
    crosses::<Labels<'static>>();
}
