//! Is nothing lost or counted twice when a position turns while threads count?

use std::collections::BTreeMap;

use ron_accounting_core::{labels, Dimension, Engine, Outcome};
use ron_accounting_normalize::{RouteLearner, RouteNormalizer};

const NAMES: usize = 500;
const ROUNDS: u64 = 3;
const THREADS: usize = 4;

#[test]
fn usage_before_and_after_a_position_turns_adds_up() {
    let learner = RouteLearner::builder().values_max(20).build().unwrap();
    let normalizer = RouteNormalizer::builder().learner(learner.clone()).build().unwrap();
    let engine = Engine::builder().normalizer(normalizer).build().unwrap();
    let mut reader = engine.reader();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let engine = engine.clone();
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    for index in 0..NAMES {
                        // Letters alone: nothing but the set says that these are values.
                        let name: String = format!("{:03}", (index + thread * 100) % NAMES)
                            .bytes()
                            .map(|b| char::from(b - b'0' + b'a'))
                            .collect();
                        let path = format!("/files/w{name}");
                        let set = labels().tenant("acme").route(&path);
                        assert_eq!(engine.try_record(&set, Dimension::REQUESTS, round + 1), Outcome::Counted);
                    }
                }
            });
        }
    });
    let mut by_route = BTreeMap::new();
    for row in reader.take().rows() {
        let route = row.key.labels().map_or_else(String::new, |labels| labels.route.to_owned());
        *by_route.entry(route).or_insert(0) += row.values[0];
    }
    let recorded = u64::try_from(THREADS * NAMES).unwrap() * (1 + 2 + 3);
    assert_eq!(by_route.values().sum::<u64>(), recorded);
    // What was counted before the position turned stays where it was: its names are as many as the limit.
    assert_eq!(by_route.len(), 20 + 1);
    assert!(by_route["/files/:name"] > recorded / 2);
    assert_eq!(learner.stats().turned[0].to_string(), "/files/:name, 500 values seen");
}
