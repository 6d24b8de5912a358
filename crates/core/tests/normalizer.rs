//! Is nothing counted under a label that did not pass the normalizer?

mod totals;

use std::sync::{
    atomic::{AtomicUsize, Ordering},
    Arc, OnceLock,
};

use ron_accounting_core::{
    labels, CharacterNormalizer, Dimension, Engine, Label, Labels, Normalizer, Outcome, Reason, Verdict,
    INVALID, LABEL_BYTES_MAX,
};

use totals::values;

const FEED: Labels<'static> =
    labels().tenant("acme").method("GET").route("/v1/feed").service("omnigate").region("iad");

#[test]
fn a_refused_label_is_counted_as_invalid_and_the_first_is_named() {
    let engine = Engine::default();
    let mut reader = engine.reader();
    let long = "x".repeat(LABEL_BYTES_MAX + 1);
    let raw = FEED.route(&long).region("i\nad");
    let expected = Outcome::Replaced { label: Label::Route, reason: Reason::TooLong };
    // The second is found in the thread's cache unless the labels are too long for that.
    assert_eq!(engine.try_record(&raw, Dimension::REQUESTS, 1), expected);
    assert_eq!(engine.try_record(&raw, Dimension::REQUESTS, 1), expected);
    let control = FEED.tenant("\0");
    let expected = Outcome::Replaced { label: Label::Tenant, reason: Reason::ControlCharacter };
    assert_eq!(engine.try_record(&control, Dimension::REQUESTS, 3), expected);
    assert_eq!(engine.try_record(&control, Dimension::REQUESTS, 4), expected);
    assert_eq!(engine.meter(&control).1, expected);
    assert_eq!(engine.usage_key(&control).tenant(), INVALID);
    assert!(engine.stats().replaced_label_sets >= 2);

    let reading = reader.take();
    assert_eq!(reading.len(), 2);
    assert_eq!(values(&reading, &FEED.route(INVALID).region(INVALID)), [2, 0, 0, 0]);
    assert_eq!(values(&reading, &FEED.tenant(INVALID)), [7, 0, 0, 0]);
}

#[test]
fn the_longest_label_is_counted_as_it_is() {
    let engine = Engine::default();
    let mut reader = engine.reader();
    let long = "é".repeat(LABEL_BYTES_MAX / 2);
    let all = labels().tenant(&long).method(&long).route(&long).service(&long).region(&long);
    for _ in 0..3 {
        assert_eq!(engine.try_record(&all, Dimension::REQUESTS, 1), Outcome::Counted);
    }
    assert_eq!(values(&reader.take(), &all), [3, 0, 0, 0]);
}

/// Lower-cases, and lies about what it does.
struct Liar;

impl Normalizer for Liar {
    fn normalize(&self, label: Label, raw: &str, out: &mut String) -> Verdict {
        assert!(out.is_empty(), "the room to write in holds old text");
        match (label, raw) {
            (Label::Service, "control") => out.push_str("a\u{7f}b"),
            (Label::Service, "endless") => *out = "x".repeat(LABEL_BYTES_MAX + 1),
            _ => *out = raw.to_lowercase(),
        }
        Verdict::Clean
    }
}

#[test]
fn the_hard_limits_hold_whatever_a_normalizer_says() {
    let engine = Engine::builder().normalizer(Liar).build().unwrap();
    let mut reader = engine.reader();
    for (service, reason) in [("control", Reason::ControlCharacter), ("endless", Reason::TooLong)] {
        let expected = Outcome::Replaced { label: Label::Service, reason };
        assert_eq!(engine.try_record(&FEED.service(service), Dimension::REQUESTS, 1), expected);
    }
    let reading = reader.take();
    assert_eq!(values(&reading, &FEED.method("get").service(INVALID)), [2, 0, 0, 0]);
    assert_eq!(reading.len(), 1);
}

#[test]
fn raw_label_sets_that_normalize_to_one_are_counted_as_one() {
    let engine = Engine::builder().normalizer(Liar).build().unwrap();
    let mut reader = engine.reader();
    for _ in 0..2 {
        for method in ["get", "GET", "Get"] {
            engine.record(&FEED.method(method), Dimension::REQUESTS, 1);
        }
    }
    let (meter, _) = engine.meter(&FEED.tenant("ACME"));
    meter.incr_request();
    assert_eq!(engine.tenant("Acme").name(), "acme");
    let reading = reader.take();
    assert_eq!((reading.len(), values(&reading, &FEED.method("get"))), (1, vec![7, 0, 0, 0]));
    assert_eq!((engine.stats().label_sets, engine.stats().tenants), (1, 1));
}

/// Counts its calls, and changes what it is given.
struct Counting(Arc<AtomicUsize>);

impl Normalizer for Counting {
    fn normalize(&self, _label: Label, raw: &str, out: &mut String) -> Verdict {
        self.0.fetch_add(1, Ordering::Relaxed);
        *out = raw.to_lowercase();
        Verdict::Changed
    }
}

#[test]
fn a_raw_label_set_is_normalized_once_by_each_thread() {
    let calls = Arc::new(AtomicUsize::new(0));
    let engine = Engine::builder().normalizer(Counting(Arc::clone(&calls))).build().unwrap();
    for raw in [FEED, FEED.method("get"), FEED.tenant("ACME")] {
        calls.store(0, Ordering::Relaxed);
        for _ in 0..3 {
            engine.record(&raw, Dimension::REQUESTS, 1);
            engine.meter(&raw).0.incr_request();
        }
        assert_eq!(calls.load(Ordering::Relaxed), Label::ALL.len(), "{raw:?}");
    }
}

/// Meters its own work on the engine that calls it.
struct Recursive(Arc<OnceLock<Engine>>);

const OWN_WORK: Labels<'static> = labels().tenant("normalizer");

impl Normalizer for Recursive {
    fn normalize(&self, label: Label, raw: &str, out: &mut String) -> Verdict {
        let own = [OWN_WORK.tenant, ""].contains(&raw);
        if let (false, Some(engine)) = (own, self.0.get()) {
            engine.record(&OWN_WORK, Dimension::REQUESTS, 1);
            engine.meter(&OWN_WORK).0.incr_request();
            engine.maintain(0);
            assert_eq!(engine.reader().take().len(), 0);
        }
        CharacterNormalizer.normalize(label, raw, out)
    }
}

#[test]
fn a_normalizer_may_use_the_engine_that_calls_it() {
    let cell = Arc::new(OnceLock::new());
    let engine = Engine::builder().normalizer(Recursive(Arc::clone(&cell))).label_limit(2).build().unwrap();
    cell.set(engine.clone()).unwrap();
    let mut reader = engine.reader();
    for (n, set) in (1..).zip([FEED, FEED.region("fra"), FEED.region("sin")]) {
        assert_eq!(engine.try_record(&set, Dimension::REQUESTS, n), Outcome::Counted);
    }
    engine.tenant("acme");
    let reading = reader.take();
    assert_eq!(values(&reading, &OWN_WORK), [2 * (3 * 5 + 1), 0, 0, 0]);
    assert_eq!(values(&reading, &FEED.region("sin")), [3, 0, 0, 0]);
    assert_eq!(reading.len(), 4);
}
