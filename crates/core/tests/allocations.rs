//! Once a thread knows a label set, no form of recording allocates.
//!
//! One test, so that nothing else runs in the process while allocations are counted (the counter is of the
//! calling thread).
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

use ron_accounting_core::{
    labels, AccountKey, Dimension, Engine, Label, Labels, Meter, Normalizer, Scope, Tenant, Verdict,
};

/// Changes each label, so that raw and counted labels differ.
struct Uppercase;

impl Normalizer for Uppercase {
    fn normalize(&self, _label: Label, raw: &str, out: &mut String) -> Verdict {
        out.extend(raw.chars().map(|c| c.to_ascii_uppercase()));
        Verdict::Changed
    }
}

const AMOUNTS: [(Dimension, u64); 3] =
    [(Dimension::REQUESTS, 1), (Dimension::BYTES_IN, 10), (Dimension::BYTES_OUT, 1 << 40)];
const ACCOUNT: AccountKey = AccountKey { ns: 1, id: 7 };

struct Handles {
    engine: Engine,
    meter: Meter,
    account_meter: Meter,
    scope: Scope,
    tenant: Tenant,
}

const SETS: [Labels<'static>; 3] = [
    labels().tenant("acme").method("GET").route("/v1/feed").service("omnigate").region("iad"),
    labels().tenant("a tenant of more than sixteen bytes").route("/v1/objects/:id/parts/:number/acl"),
    labels(),
];

/// Every public function that records.
fn record_in_every_way(handles: &Handles) {
    let Handles { engine, meter, account_meter, scope, tenant } = handles;
    for set in &SETS {
        engine.record(set, Dimension::REQUESTS, 1);
        engine.record(set, Dimension::REQUESTS, 1);
        engine.record_each(set, &AMOUNTS);
        scope.record(set.tenant, Dimension::CPU, 1);
        scope.record_each(set.tenant, &AMOUNTS);
        scope.incr_request(set.tenant);
        scope.add_bytes_in(set.tenant, 5);
        scope.add_bytes_out(set.tenant, 5);
    }
    engine.record_account(tenant, ACCOUNT, Dimension::REQUESTS, 1);
    for meter in [meter, account_meter] {
        meter.incr_request();
        meter.add_bytes_in(1);
        meter.add_bytes_out(1);
        meter.record(Dimension::CPU, 1);
    }
}

fn allocations(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).count_total
}

#[test]
fn recording_what_a_thread_knows_allocates_nothing() {
    for engine in [Engine::default(), Engine::builder().normalizer(Uppercase).build().unwrap()] {
        let tenant = engine.tenant("acme");
        let handles = Handles {
            meter: engine.meter(&SETS[0]).0,
            account_meter: engine.account_meter(&tenant, ACCOUNT).0,
            scope: engine.scope(&SETS[0]),
            tenant,
            engine: engine.clone(),
        };
        assert!(allocations(|| record_in_every_way(&handles)) > 0, "the counter counts");
        assert_eq!(allocations(|| record_in_every_way(&handles)), 0);

        // Readings, which is what a window is closed with, change nothing for the writer.
        let mut reader = engine.reader();
        reader.take();
        assert_eq!(allocations(|| record_in_every_way(&handles)), 0);
        engine.maintain(1);
        assert_eq!(allocations(|| record_in_every_way(&handles)), 0);

        // A meter is ready for a thread that never recorded before, but for the cells themselves.
        std::thread::scope(|scope| {
            let handles = &handles;
            scope.spawn(move || {
                handles.meter.incr_request();
                assert_eq!(allocations(|| handles.meter.incr_request()), 0);
            });
        });
    }
}
