//! Can random steps break a promise? Compared with a plain model.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use ron_accounting::{counters::AccountKey, Accounting, Dimension};
use ron_accounting_prometheus::Metrics;
use support::{feed, scrape, Series};

const TENANTS: [&str; 3] = ["acme", "umbrella", "initech"];
const ROUTES: [&str; 5] = ["/a", "/b", "/c", "/d", "/e"];
const DIMENSIONS: [(Dimension, &str); 4] = [
    (Dimension::REQUESTS, "requests_total"),
    (Dimension::BYTES_IN, "bytes_in_total"),
    (Dimension::BYTES_OUT, "bytes_out_total"),
    (Dimension::CPU, "accounting_usage_total"),
];

#[derive(Debug, Clone)]
enum Step {
    Record { tenant: usize, route: usize, dimension: usize, n: u64 },
    Account { tenant: usize, id: u128, dimension: usize, n: u64 },
    Tick,
    Scrape,
}

fn step() -> impl Strategy<Value = Step> {
    let (tenant, dimension, n) = (0..TENANTS.len(), 0..DIMENSIONS.len(), 0..1000_u64);
    prop_oneof![
        6 => (tenant.clone(), 0..ROUTES.len(), dimension.clone(), n.clone())
            .prop_map(|(tenant, route, dimension, n)| Step::Record { tenant, route, dimension, n }),
        1 => (tenant, 0..4_u128, dimension, n)
            .prop_map(|(tenant, id, dimension, n)| Step::Account { tenant, id, dimension, n }),
        1 => Just(Step::Tick),
        2 => Just(Step::Scrape),
    ]
}

proptest! {
    // A scrape of all that there is at many steps: fewer cases than usual.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn sums_are_what_was_recorded_and_no_series_goes_down(
        steps in prop::collection::vec(step(), 1..120),
        label_limit in 1..8_usize,
        series_max in 1..40_usize,
    ) {
        let acc = Accounting::builder().manual_at(0).label_limit(label_limit).idle_windows(1).build().unwrap();
        let metrics = Metrics::builder(&acc).series_max(series_max).build().unwrap();
        let mut model: BTreeMap<(usize, usize), u64> = BTreeMap::new();
        let mut before: BTreeMap<Series, u64> = BTreeMap::new();
        let mut windows = 0;
        for step in steps.into_iter().chain([Step::Scrape]) {
            match step {
                Step::Record { tenant, route, dimension, n } => {
                    acc.record(&feed(TENANTS[tenant], ROUTES[route]), DIMENSIONS[dimension].0, n);
                    *model.entry((tenant, dimension)).or_default() += n;
                }
                Step::Account { tenant, id, dimension, n } => {
                    let key = AccountKey { ns: 0, id };
                    acc.record_account(&acc.tenant(TENANTS[tenant]), key, DIMENSIONS[dimension].0, n);
                    *model.entry((tenant, dimension)).or_default() += n;
                }
                Step::Tick => {
                    windows += 1;
                    acc.tick(windows * 60_000).unwrap();
                }
                Step::Scrape => {
                    let samples = scrape(&metrics);
                    let usage = samples.usage_series();
                    prop_assert!(usage.len() <= series_max + DIMENSIONS.len());
                    prop_assert_eq!(samples.value("accounting_series", &[]), Some(usage.len() as u64));
                    let is_capped = samples.value("accounting_capped_series_total", &[]) != Some(0);
                    for (dimension, (_, name)) in DIMENSIONS.iter().enumerate() {
                        let of = |tenant: usize| model.get(&(tenant, dimension)).copied().unwrap_or_default();
                        prop_assert_eq!(samples.sum(name, &[]), (0..TENANTS.len()).map(of).sum::<u64>());
                        // Past the limit, tenants share a series. Tenants without label sets give theirs up.
                        let gave_up = samples.sum(name, &[("tenant", "~overflow")]) > 0;
                        for tenant in (0..TENANTS.len()).filter(|_| !is_capped && !gave_up) {
                            prop_assert_eq!(samples.sum(name, &[("tenant", TENANTS[tenant])]), of(tenant));
                        }
                    }
                    for (series, total) in &usage {
                        let went_down = before.get(*series).is_some_and(|before| before > total);
                        prop_assert!(!went_down, "{:?} went down to {}", series, total);
                    }
                    before = usage.into_iter().map(|(series, total)| (series.clone(), total)).collect();
                }
            }
        }
    }
}
