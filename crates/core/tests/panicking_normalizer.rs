//! Is usage counted although the host's normalizer panics?

mod totals;

use ron_accounting_core::{
    labels, CharacterNormalizer, Dimension, Engine, Label, Normalizer, Outcome, Reason, Verdict, INVALID,
};

use totals::values;

/// Panics on one route, after it has written a part of its output.
struct Fragile;

impl Normalizer for Fragile {
    fn normalize(&self, label: Label, raw: &str, out: &mut String) -> Verdict {
        out.push_str("half");
        assert!(raw != "/bad", "no such route");
        out.clear();
        CharacterNormalizer.normalize(label, raw, out)
    }
}

#[test]
fn usage_is_counted_under_the_reserved_word_and_the_panic_is_counted_once() {
    let engine = Engine::builder().normalizer(Fragile).build().unwrap();
    let mut reader = engine.reader();
    let good = labels().tenant("acme").route("/good");
    let bad = good.route("/bad");
    let expected = Outcome::Replaced { label: Label::Route, reason: Reason::NormalizerPanicked };
    for _ in 0..3 {
        assert_eq!(engine.try_record(&bad, Dimension::REQUESTS, 1), expected);
        assert_eq!(engine.try_record(&good, Dimension::REQUESTS, 1), Outcome::Counted);
    }
    // The thread remembers what became of the label set.
    assert_eq!((engine.stats().normalizer_panics, engine.stats().replaced_label_sets), (1, 1));
    let (meter, outcome) = engine.meter(&bad);
    meter.incr_request();
    assert_eq!(outcome, expected);
    assert_eq!(engine.usage_key(&bad).labels().map(|labels| labels.route), Some(INVALID));
    let reading = reader.take();
    assert_eq!(values(&reading, &good), [3, 0, 0, 0]);
    assert_eq!(values(&reading, &good.route(INVALID)), [4, 0, 0, 0]);
}
