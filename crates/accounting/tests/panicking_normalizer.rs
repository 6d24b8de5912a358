//! What if the host's normalizer panics?
#![allow(clippy::unwrap_used)] // Helpers beside the tests use it, too.

#[path = "support/warnings.rs"]
mod warnings;

use ron_accounting::{
    counters::{labels, AccountKey, Dimension, Label, Labels},
    normalize::{CharacterNormalizer, Normalizer, Reason, Verdict, INVALID},
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

fn bad(route: &'static str) -> Labels<'static> {
    labels().tenant("acme").route(route)
}

#[test]
fn usage_is_counted_the_caller_goes_on_and_one_warning_says_so() {
    let warnings = Warnings::of_this_process();
    let accounting = Accounting::builder().manual_at(0).normalizer(Fragile).build().unwrap();
    for route in ["/bad", "/bad/too", "/good"] {
        accounting.incr_request(&labels().tenant("acme").route(route));
    }
    let is_refused = |result: Result<(), AccError>| {
        let panicked = Reason::NormalizerPanicked;
        matches!(result, Err(AccError::InvalidLabel { label: Label::Route, reason }) if reason == panicked)
    };
    assert!(is_refused(accounting.try_incr_request(&bad("/bad/again"))));
    assert_eq!(accounting.stats().engine.normalizer_panics, 3);

    // Through every entry, and each time that a raw label set is new to the thread.
    accounting.meter(&bad("/bad/meter")).incr_request();
    assert!(is_refused(accounting.try_meter(&bad("/bad/try")).map(drop)));
    accounting.scope(&bad("/bad/scope")).incr_request("acme");
    let _ = accounting.scope(&bad("/bad/try scope")).try_record("acme", Dimension::REQUESTS, 1);
    assert!(is_refused(accounting.try_record_each(&bad("/bad/each"), &[(Dimension::REQUESTS, 1)])));
    accounting.record_each(&bad("/bad/each too"), &[(Dimension::REQUESTS, 1)]);
    assert_eq!(accounting.tenant("/bad tenant").name(), INVALID);
    let account = AccountKey { ns: 0, id: 1 };
    accounting.record_account(&accounting.tenant("/bad tenant"), account, Dimension::REQUESTS, 1);
    let elsewhere = accounting.clone();
    std::thread::spawn(move || elsewhere.incr_request(&bad("/bad/elsewhere"))).join().unwrap();
    assert_eq!(accounting.stats().engine.normalizer_panics, 12);

    // All of it is counted, no lock is poisoned, and windows go on closing.
    accounting.tick(60_000).unwrap();
    let closed = accounting.history().remove(0);
    let under = |route: &str| {
        let entries = closed.entries().filter(|entry| entry.labels().is_some_and(|l| l.route == route));
        entries.map(|entry| entry.requests()).sum::<u64>()
    };
    assert_eq!((under(INVALID), under("/good"), closed.total(Dimension::REQUESTS)), (9, 1, 11));
    accounting.incr_request(&bad("/good"));
    accounting.tick(120_000).unwrap();
    assert_eq!(accounting.history()[0].total(Dimension::REQUESTS), 1);
    warnings.assert_one(&["the normalizer panicked", "label=route"]);
    warnings.assert_one(&["the normalizer panicked"]);
}
