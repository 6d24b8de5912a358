//! What if the host's normalizer panics?
#![allow(clippy::unwrap_used)] // Helpers beside the tests use it, too.

#[path = "support/warnings.rs"]
mod warnings;

use ron_accounting::{
    counters::{labels, Label},
    normalize::{CharacterNormalizer, Normalizer, Reason, Verdict},
    AccError, Accounting,
};

use warnings::Warnings;

struct Fragile;

impl Normalizer for Fragile {
    fn normalize(&self, label: Label, raw: &str, out: &mut String) -> Verdict {
        assert!(!raw.starts_with("/bad"), "no such route");
        CharacterNormalizer.normalize(label, raw, out)
    }
}

#[test]
fn usage_is_counted_the_caller_goes_on_and_one_warning_says_so() {
    let warnings = Warnings::of_this_process();
    let accounting = Accounting::builder().manual().normalizer(Fragile).build().unwrap();
    for route in ["/bad", "/bad/too", "/good"] {
        accounting.incr_request(&labels().tenant("acme").route(route));
    }
    let refused = accounting.try_incr_request(&labels().tenant("acme").route("/bad/again"));
    let reason = Reason::NormalizerPanicked;
    assert!(
        matches!(refused, Err(AccError::InvalidLabel { label: Label::Route, reason: found }) if found == reason)
    );
    assert_eq!(accounting.stats().engine.normalizer_panics, 3);
    warnings.assert_one(&["the normalizer panicked", "label=route"]);
}
