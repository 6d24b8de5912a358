//! Does the façade count what it is told, under which name, and does it say so?
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

use std::sync::Arc;

use ron_accounting::{
    counters::{AccountKey, DimensionError, Label},
    labels,
    normalize::{Normalizer, Reason, Verdict, INVALID, LABEL_BYTES_MAX, OVERFLOW},
    window::ManualClock,
    AccError, Accounting, AccountingBuilder, Dimension, Dimensions, Labels, Snapshot,
};

const FEED: Labels<'static> =
    labels().tenant("acme").method("GET").route("/v1/feed").service("omnigate").region("iad");
const UPLOAD: Labels<'static> = FEED.method("PUT").route("/v1/objects/:id");

fn by_hand() -> AccountingBuilder {
    Accounting::builder().manual().clock(Arc::new(ManualClock::new(0)))
}

/// The counts of one label set by name, those that are not zero.
fn counts(snapshot: &Snapshot, labels: &Labels<'_>) -> Vec<(String, u64)> {
    let entry = snapshot.find(labels).unwrap_or_else(|| panic!("{labels:?} is not in {snapshot:?}"));
    entry.counts().map(|(name, count)| (name.to_owned(), count)).collect()
}

fn only<const N: usize>(expected: [(&str, u64); N]) -> Vec<(String, u64)> {
    expected.map(|(name, count)| (name.to_owned(), count)).to_vec()
}

const fn overflow(tenant: &str) -> Labels<'_> {
    labels().tenant(tenant).method(OVERFLOW).route(OVERFLOW).service(OVERFLOW).region(OVERFLOW)
}

#[test]
fn every_form_of_recording_counts() {
    let acc = by_hand().build().unwrap();
    acc.incr_request(&FEED);
    acc.add_bytes_in(&FEED, 10);
    acc.add_bytes_out(&FEED, 100);
    acc.record(&FEED, Dimension::CPU, 1000);
    acc.record_each(&FEED, &[(Dimension::REQUESTS, 2), (Dimension::CPU, 2000)]);
    acc.try_incr_request(&FEED).unwrap();
    acc.try_add_bytes_in(&FEED, 20).unwrap();
    acc.try_add_bytes_out(&FEED, 200).unwrap();
    acc.try_record(&FEED, Dimension::CPU, 4000).unwrap();
    acc.try_record_each(&FEED, &[(Dimension::REQUESTS, 4), (Dimension::BYTES_IN, 40)]).unwrap();
    let meter = acc.meter(&FEED);
    meter.incr_request();
    meter.add_bytes_in(80);
    meter.add_bytes_out(400);
    meter.record(Dimension::CPU, 8000);
    acc.try_meter(&FEED).unwrap().clone().incr_request();
    acc.incr_request(&UPLOAD);

    let snapshot = acc.snapshot();
    assert_eq!(snapshot.entries().len(), 2);
    let feed = [("requests", 10), ("bytes_in", 150), ("bytes_out", 700), ("cpu", 15_000)];
    assert_eq!(counts(&snapshot, &FEED), only(feed));
    assert_eq!(counts(&snapshot, &UPLOAD), only([("requests", 1)]));
    assert_eq!(snapshot.total(Dimension::REQUESTS), 11);
    let entry = snapshot.find(&FEED).unwrap();
    assert_eq!((entry.requests(), entry.bytes_in(), entry.bytes_out()), (10, 150, 700));
    assert_eq!((entry.tenant(), entry.account()), ("acme", None));
}

#[test]
fn accounts_are_counted_apart_from_label_sets() {
    let acc = by_hand().build().unwrap();
    let (acme, other) = (acc.tenant("acme"), acc.tenant("other"));
    let account = AccountKey { ns: 1, id: 0xAA };
    acc.record_account(&acme, account, Dimension::REQUESTS, 1);
    acc.try_record_account(&acme, account, Dimension::REQUESTS, 2).unwrap();
    acc.account_meter(&acme, account).record(Dimension::REQUESTS, 4);
    acc.record_account(&other, account, Dimension::REQUESTS, 8);
    acc.record_account(&acme, AccountKey { ns: 2, id: 0xAA }, Dimension::REQUESTS, 16);
    acc.incr_request(&labels().tenant("acme"));

    let snapshot = acc.snapshot();
    let mut found: Vec<_> = snapshot
        .entries()
        .map(|entry| (entry.tenant(), entry.account().map(|account| account.ns), entry.requests()))
        .collect();
    found.sort_unstable();
    let expected = [("acme", None, 1), ("acme", Some(1), 7), ("acme", Some(2), 16), ("other", Some(1), 8)];
    assert_eq!(found, expected);
}

#[test]
fn registered_dimensions_are_found_by_name() {
    let mut dimensions = Dimensions::default();
    let [tokens, gpu_ms, again] =
        ["tokens", "gpu_ms", "tokens"].map(|name| dimensions.register(name).unwrap());
    let acc = by_hand().dimensions(dimensions).build().unwrap();
    assert_eq!((acc.dimension("tokens"), acc.dimension("gpu_ms")), (Some(tokens), Some(gpu_ms)));
    assert_eq!(again, tokens);
    assert_eq!((acc.dimension("requests"), acc.dimension("watts")), (Some(Dimension::REQUESTS), None));
    assert_eq!(acc.dimensions().count(), 6);
    acc.record_each(&FEED, &[(tokens, 7), (gpu_ms, 9)]);
    assert_eq!(counts(&acc.snapshot(), &FEED), only([("tokens", 7), ("gpu_ms", 9)]));
}

#[test]
fn a_dimension_that_cannot_be_registered_is_an_error() {
    let mut dimensions = Dimensions::default();
    for name in ["", "Tokens", "gpu-ms", &"x".repeat(65)] {
        let error = AccError::from(dimensions.register(name).unwrap_err());
        assert!(matches!(&error, AccError::Dimension(DimensionError::Name { name: found }) if found == name));
    }
    let refused = (0..61).find_map(|n| dimensions.register(&format!("unit_{n}")).err());
    let error = AccError::from(refused.unwrap());
    assert!(matches!(error, AccError::Dimension(DimensionError::TooMany { name }) if name == "unit_60"));
}

#[test]
fn clones_are_handles_to_one_instance() {
    let acc = by_hand().build().unwrap();
    acc.clone().incr_request(&FEED);
    let clone = acc.clone();
    drop(acc);
    clone.incr_request(&FEED);
    assert_eq!(clone.snapshot().total(Dimension::REQUESTS), 2);
}

#[test]
fn past_the_label_limit_usage_goes_to_the_tenants_overflow_row() {
    let acc = by_hand().label_limit(1).build().unwrap();
    // A meter pins its label set, so that nothing can be evicted.
    let pin = acc.try_meter(&FEED).unwrap();
    assert!(matches!(acc.try_incr_request(&UPLOAD), Err(AccError::LabelOverflow)));
    assert!(matches!(acc.try_add_bytes_in(&UPLOAD, 10), Err(AccError::LabelOverflow)));
    assert!(matches!(acc.try_add_bytes_out(&UPLOAD, 100), Err(AccError::LabelOverflow)));
    let each = [(Dimension::REQUESTS, 2), (Dimension::CPU, 4)];
    assert!(matches!(acc.try_record_each(&UPLOAD, &each), Err(AccError::LabelOverflow)));
    assert!(matches!(acc.try_meter(&UPLOAD), Err(AccError::LabelOverflow)));
    acc.meter(&UPLOAD).incr_request();
    acc.incr_request(&UPLOAD);
    pin.incr_request();
    let tenant = acc.tenant("acme");
    let account = acc.try_record_account(&tenant, AccountKey { ns: 1, id: 1 }, Dimension::REQUESTS, 8);
    assert!(matches!(account, Err(AccError::LabelOverflow)));

    let snapshot = acc.snapshot();
    assert_eq!(counts(&snapshot, &FEED), only([("requests", 1)]));
    let row = [("requests", 13), ("bytes_in", 10), ("bytes_out", 100), ("cpu", 4)];
    assert_eq!(counts(&snapshot, &overflow("acme")), only(row));
    assert_eq!(snapshot.entries().len(), 2);
    let stats = acc.stats().engine;
    assert_eq!((stats.label_sets, stats.overflowed_tenants), (1, 0));
    assert!(stats.overflowed_label_sets >= 7, "{stats:?}");

    drop(pin);
    acc.try_incr_request(&UPLOAD).unwrap();
    assert_eq!(acc.stats().engine.evicted_cardinality, 1);
}

#[test]
fn past_the_label_limit_the_least_recently_used_label_set_goes() {
    let acc = by_hand().label_limit(2).build().unwrap();
    let (old, kept, new) = (FEED.route("/old"), FEED.route("/kept"), FEED.route("/new"));
    for set in [&old, &kept] {
        acc.try_incr_request(set).unwrap();
    }
    acc.tick(60_000).unwrap();
    acc.try_incr_request(&kept).unwrap();
    acc.try_incr_request(&new).unwrap();
    let stats = acc.stats().engine;
    assert_eq!((stats.label_sets, stats.evicted_cardinality, stats.overflowed_label_sets), (2, 1, 0));
    let snapshot = acc.snapshot();
    assert!(snapshot.find(&kept).is_some() && snapshot.find(&new).is_some());
    assert_eq!(acc.cardinality()[2], (Label::Route, 2));
}

#[test]
fn past_the_tenant_limit_usage_goes_to_the_overflow_tenant() {
    let acc = by_hand().tenant_limit(1).build().unwrap();
    acc.try_incr_request(&FEED).unwrap();
    let late = FEED.tenant("late");
    assert!(matches!(acc.try_incr_request(&late), Err(AccError::CardinalityThrottled)));
    assert!(matches!(acc.try_meter(&late), Err(AccError::CardinalityThrottled)));
    acc.incr_request(&late);
    // A handle takes no place. What it counts may find one.
    assert_eq!(acc.tenant("later still").name(), "later still");
    let account = AccountKey { ns: 0, id: 1 };
    let later = acc.try_record_account(&acc.tenant("later still"), account, Dimension::CPU, 1);
    assert!(matches!(later, Err(AccError::CardinalityThrottled)));

    let snapshot = acc.snapshot();
    assert_eq!(counts(&snapshot, &FEED), only([("requests", 1)]));
    assert_eq!(counts(&snapshot, &overflow(OVERFLOW)), only([("requests", 2), ("cpu", 1)]));
    assert!(acc.stats().engine.overflowed_tenants >= 3);
}

#[test]
fn a_refused_label_is_reported_and_a_placeholder_counted() {
    let acc = by_hand().build().unwrap();
    let long = "x".repeat(LABEL_BYTES_MAX + 1);
    for (labels, label, reason) in [
        (FEED.service("omni\ngate"), Label::Service, Reason::ControlCharacter),
        (FEED.service(&long), Label::Service, Reason::TooLong),
    ] {
        match acc.try_incr_request(&labels).unwrap_err() {
            AccError::InvalidLabel { label: found, reason: why } => assert_eq!((found, why), (label, reason)),
            other => panic!("{other:?}"),
        }
        // Once more, from the thread's cache.
        let error = acc.try_add_bytes_in(&labels, 10).unwrap_err();
        assert!(error.to_string().contains("label `service`"), "{error}");
        assert!(acc.try_meter(&labels).is_err());
    }
    let placeholder = counts(&acc.snapshot(), &FEED.service(INVALID));
    assert_eq!(placeholder, only([("requests", 2), ("bytes_in", 20)]));
    assert!(acc.stats().engine.replaced_label_sets >= 2);
}

#[test]
fn a_dimension_of_another_instance_is_refused() {
    let tokens = Dimensions::default().register("tokens").unwrap();
    let acc = by_hand().build().unwrap();
    let error = acc.try_record(&FEED, tokens, 5).unwrap_err();
    assert!(matches!(error, AccError::UnknownDimension { dimension } if dimension == tokens));
    assert!(acc.try_record_each(&FEED, &[(Dimension::REQUESTS, 1), (tokens, 5)]).is_err());
    let tenant = acc.tenant("acme");
    assert!(acc.try_record_account(&tenant, AccountKey::default(), tokens, 5).is_err());
    assert_eq!(acc.snapshot().entries().len(), 1);
    assert_eq!(counts(&acc.snapshot(), &FEED), only([("requests", 1)]));
    assert_eq!(acc.stats().engine.unknown_dimension, 3);
}

#[test]
fn counts_saturate_and_counting_goes_on() {
    let acc = by_hand().build().unwrap();
    acc.record(&FEED, Dimension::CPU, u64::MAX);
    acc.record(&FEED, Dimension::CPU, 5);
    acc.incr_request(&FEED);
    let snapshot = acc.snapshot();
    assert_eq!(counts(&snapshot, &FEED), only([("requests", 1), ("cpu", u64::MAX)]));
    acc.tick(60_000).unwrap();
    assert_eq!(acc.stats().engine.saturations, 1);
    assert_eq!(counts(&acc.history()[0], &FEED), only([("requests", 1), ("cpu", u64::MAX)]));
    acc.record(&FEED, Dimension::CPU, 7);
    assert_eq!(counts(&acc.snapshot(), &FEED), only([("cpu", 7)]));
}

#[test]
fn a_snapshot_of_too_many_rows_is_refused() {
    let acc = by_hand().build().unwrap();
    acc.incr_request(&FEED);
    acc.incr_request(&UPLOAD);
    assert_eq!(acc.try_snapshot(2).unwrap().entries().len(), 2);
    let error = acc.try_snapshot(1).unwrap_err();
    assert!(matches!(error, AccError::SnapshotTooLarge { rows: 2, rows_max: 1 }), "{error:?}");
}

#[test]
fn a_cardinality_is_told_per_label() {
    let acc = by_hand().build().unwrap();
    for route in ["/a", "/b", "/c"] {
        acc.incr_request(&FEED.route(route));
    }
    let expected = Label::ALL.map(|label| (label, if label == Label::Route { 3 } else { 1 }));
    assert_eq!(acc.cardinality(), expected);
}

/// The route that `raw` is counted under.
fn route(acc: &Accounting, raw: &str) -> String {
    acc.incr_request(&FEED.route(raw));
    let snapshot = acc.snapshot();
    let mut entries = snapshot.entries();
    let route = entries.next().unwrap().labels().unwrap().route.to_owned();
    assert_eq!(entries.len(), 0);
    route
}

#[test]
#[cfg(feature = "normalize")]
fn routes_are_templated_by_default() {
    let acc = by_hand().build().unwrap();
    assert_eq!(route(&acc, "/users/123?x=1"), "/users/:num");
    assert_eq!(route(&acc, "//users/./456#top"), "/users/:num");
}

#[test]
#[cfg(not(feature = "normalize"))]
fn without_the_route_normalizer_only_characters_are_checked() {
    let acc = by_hand().build().unwrap();
    assert_eq!(route(&acc, "/users/123?x=1"), "/users/123?x=1");
}

#[test]
fn the_normalizer_none_lets_text_through() {
    let none = |variable: &str| (variable == "ACC_LABEL_NORMALIZER").then(|| "none".into());
    let acc = by_hand().variables(none).unwrap().build().unwrap();
    assert_eq!(route(&acc, "/users/123?x=1"), "/users/123?x=1");
}

/// Counts everything under one route.
struct Shop;

impl Normalizer for Shop {
    fn normalize(&self, label: Label, raw: &str, out: &mut String) -> Verdict {
        out.push_str(if label == Label::Route { "/shop" } else { raw });
        Verdict::Changed
    }
}

#[test]
fn a_normalizer_of_the_host_replaces_the_default() {
    let acc = by_hand().normalizer(Shop).build().unwrap();
    assert_eq!(route(&acc, "/basket"), "/shop");
    assert_eq!(route(&acc, "/checkout"), "/shop");
}
