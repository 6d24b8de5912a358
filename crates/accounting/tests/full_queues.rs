//! Are queues that are full told, once per window?
#![cfg(feature = "export")]
#![allow(clippy::unwrap_used)] // Helpers beside the tests use it, too.

#[path = "support/warnings.rs"]
mod warnings;

use ron_accounting::{export::MemoryLedger, labels, Accounting, OnFull};

use warnings::Warnings;

fn count(acc: &Accounting) {
    for tenant in ["a", "b", "c"] {
        acc.incr_request(&labels().tenant(tenant));
    }
}

#[test]
fn streams_that_wait_and_usage_that_is_shed_are_one_warning_per_window() {
    let warnings = Warnings::of_this_process();
    let build = |on_full| {
        let builder = Accounting::builder().manual_at(0).backlog_max(1).on_full(on_full);
        builder.exporter(MemoryLedger::new()).build().unwrap()
    };
    let acc = build(OnFull::Stretch);
    for minute in 1..3 {
        count(&acc);
        acc.tick(minute * 60_000).unwrap();
    }
    let backlog = ["limit=\"backlog\"", "tenant=\"", "dimension=\"requests\"", "ACC_BACKLOG_MAX"];
    for window in ["window=0", "window=60000"] {
        warnings.assert_one(&[&backlog[..], &[window]].concat());
    }
    assert_eq!(warnings.lines().len(), 2);

    let acc = build(OnFull::Shed);
    count(&acc);
    acc.tick(60_000).unwrap();
    warnings.assert_one(&["limit=\"backlog\"", "units=2", "window=0", "thrown away"]);
}
