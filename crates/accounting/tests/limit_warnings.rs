//! Is each limit that is reached told, once per window, with label and tenant?
#![allow(clippy::unwrap_used)] // Helpers beside the tests use it, too.

#[path = "support/warnings.rs"]
mod warnings;

use ron_accounting::{labels, Accounting, Dimension, Dimensions};

use warnings::Warnings;

fn acme(route: &str) -> ron_accounting::Labels<'_> {
    labels().tenant("acme").route(route)
}

#[test]
fn each_limit_is_one_warning_per_window() {
    let warnings = Warnings::of_this_process();
    let acc = Accounting::builder().manual_at(0).label_limit(2).tenant_limit(2).build().unwrap();
    let held = ["/a", "/b"].map(|route| acc.meter(&acme(route)));
    let mut dimensions = Dimensions::default();
    let foreign = dimensions.register("tokens").unwrap();

    acc.tick(60_000).unwrap();
    assert_eq!(warnings.lines(), [""; 0]);
    for _ in 0..100 {
        for route in ["/c", "/d", "/e"] {
            acc.incr_request(&acme(route));
        }
        for tenant in ["umbrella", "initech", "hooli"] {
            acc.incr_request(&labels().tenant(tenant));
        }
        acc.record(&acme("/a"), foreign, 1);
        acc.record(&acme("/a"), Dimension::CPU, u64::MAX);
    }
    // Nothing is said in the calls themselves.
    assert_eq!(warnings.lines(), [""; 0]);
    acc.tick(120_000).unwrap();
    let window = "window=60000";
    warnings.assert_one(&[
        "limit=\"label_sets\"",
        "label=\"route\"",
        "tenant=\"acme\"",
        window,
        "ACC_LABEL_LIMIT",
    ]);
    warnings.assert_one(&[
        "limit=\"tenants\"",
        "label=\"tenant\"",
        "tenant=\"initech\"",
        window,
        "~overflow",
    ]);
    warnings.assert_one(&[
        "limit=\"dimensions\"",
        "dimension=\"number 4\"",
        "tenant=\"acme\"",
        window,
        "times=100",
    ]);
    warnings.assert_one(&["limit=\"counts\"", "dimension=\"cpu\"", "tenant=\"acme\"", window, "2^64"]);
    assert_eq!(warnings.lines().len(), 4);

    // The next window tells its own, and one without tells nothing.
    acc.incr_request(&acme("/f"));
    acc.tick(180_000).unwrap();
    warnings.assert_one(&["limit=\"label_sets\"", "window=120000"]);
    acc.tick(240_000).unwrap();
    assert_eq!(warnings.lines().len(), 5);
    // What was reached in the last window is told at the end.
    acc.incr_request(&acme("/g"));
    drop((held, acc));
    warnings.assert_one(&["limit=\"label_sets\"", "window=240000"]);
}
