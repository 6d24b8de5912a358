//! Does the set of paths decide what a single path cannot, within bounds?

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::select;
use ron_accounting_core::{Label, Normalizer, Verdict};
use ron_accounting_normalize::{placeholder, BuildError, RouteLearner, RouteNormalizer};

#[allow(clippy::unwrap_used)]
fn normalizer(learner: &RouteLearner) -> RouteNormalizer {
    RouteNormalizer::builder().learner(learner.clone()).build().unwrap()
}

fn route(normalizer: &RouteNormalizer, raw: &str) -> String {
    let mut out = String::new();
    normalizer.normalize(Label::Route, raw, &mut out);
    out
}

/// The `index`th word of letters, as in a name.
fn word(index: usize) -> String {
    const SYLLABLES: [&str; 16] =
        ["ba", "de", "fi", "go", "lu", "ma", "ne", "ri", "so", "tu", "va", "we", "li", "mo", "ta", "se"];
    [index % 16, index / 16 % 16, index / 256 % 16, index / 4096 % 16].map(|part| SYLLABLES[part]).concat()
}

#[test]
fn a_position_turns_when_it_has_shown_more_values_than_the_limit() {
    let learner = RouteLearner::new();
    let normalizer = normalizer(&learner);
    for index in 0..128 {
        let path = format!("/files/{}", word(index));
        assert_eq!(route(&normalizer, &path), path, "value {index}");
    }
    assert_eq!(learner.stats().turned, []);
    for index in 128..1912 {
        assert_eq!(route(&normalizer, &format!("/files/{}", word(index))), "/files/:name");
    }
    assert_eq!(route(&normalizer, &format!("/files/{}", word(0))), "/files/:name", "for good");
    let turned: Vec<String> = learner.stats().turned.iter().map(ToString::to_string).collect();
    assert_eq!(turned, ["/files/:name, 1,912 values seen"]);
}

#[test]
fn what_is_behind_turned_values_is_merged() {
    let learner = RouteLearner::builder().values_max(4).build().unwrap();
    let normalizer = normalizer(&learner);
    for user in 0..4 {
        for post in 0..3 {
            route(&normalizer, &format!("/users/{}/posts/{}", word(user), word(10 * user + post)));
        }
        route(&normalizer, &format!("/users/{}/settings", word(user)));
    }
    assert_eq!(learner.stats().turned, []);
    assert_eq!(route(&normalizer, "/users/zoe/settings"), "/users/:name/settings");
    assert_eq!(route(&normalizer, "/users/zoe/posts/first"), "/users/:name/posts/:name");
    let turned: Vec<String> = learner.stats().turned.iter().map(ToString::to_string).collect();
    assert_eq!(turned, ["/users/:name/*, 5 values seen", "/users/:name/posts/:name, 13 values seen"]);
    // `users`, `:name`, `posts`, and at the ends `settings`, `:name`.
    assert_eq!(learner.stats().stored, 5);
}

#[test]
fn pages_at_the_root_do_not_merge_the_apis_that_begin_there() {
    let learner = RouteLearner::new();
    let normalizer = normalizer(&learner);
    for index in 0..1000 {
        route(&normalizer, &format!("/{}.php", word(index)));
    }
    assert_eq!(route(&normalizer, "/another.php"), "/:name");
    assert_eq!(route(&normalizer, "/v1/users/42"), "/v1/users/:num");
    assert_eq!(route(&normalizer, "/v2/users/42"), "/v2/users/:num");
}

#[test]
fn words_of_the_service_do_not_turn_with_names() {
    let learner = RouteLearner::new();
    let normalizer = normalizer(&learner);
    for index in 0..300 {
        route(&normalizer, &format!("/{}/_search", word(index)));
        route(&normalizer, &format!("/users/{}.json", word(index)));
    }
    for (raw, expected) in [
        ("/products/_search", "/:name/_search"),
        ("/_cluster/health", "/_cluster/health"),
        ("/.well-known/openid-configuration", "/.well-known/openid-configuration"),
        ("/2015-03-31/functions", "/2015-03-31/functions"),
        ("/v1/functions", "/v1/functions"),
        ("/users/zoe.json", "/:name/:name.json"),
    ] {
        assert_eq!(route(&normalizer, raw), expected);
        assert_eq!(route(&normalizer, expected), expected);
    }
    // They have a limit, too.
    for index in 0..300 {
        route(&normalizer, &format!("/_{}/x/y", word(index)));
    }
    assert_eq!(route(&normalizer, "/_cluster/x/y"), "/:name/x/y");
}

#[test]
fn random_values_with_numbers_in_them_become_one_route_early() {
    let learner = RouteLearner::new();
    let normalizer = normalizer(&learner);
    for family in ["seg", "part", "page"] {
        for number in 0..100 {
            let expected = format!("/files/{family}:num.ts");
            assert_eq!(route(&normalizer, &format!("/files/{family}{number}.ts")), expected);
        }
    }
    for index in 0..40 {
        route(&normalizer, &format!("/codes/{}{}", &word(index)[..3], index % 10));
        route(&normalizer, &format!("/codes/{}", word(index)));
    }
    assert_eq!(route(&normalizer, "/codes/abc7"), "/codes/:name");
    // The words of the position have a limit of their own, to which both count.
    assert_eq!(route(&normalizer, "/codes/word"), "/codes/word");
    for index in 40..130 {
        route(&normalizer, &format!("/codes/{}", word(index)));
    }
    assert_eq!(route(&normalizer, "/codes/word"), "/codes/:name");
}

#[test]
fn placeholders_and_words_in_front_of_versions_are_no_values() {
    let learner = RouteLearner::builder().values_max(1).build().unwrap();
    let normalizer = normalizer(&learner);
    for raw in ["/x/word", "/x/other", "/x/42", "/x/2024-01-31", "/x/6fa459ea-ee8a-3ca4-894e-db77e160355e"] {
        route(&normalizer, raw);
    }
    assert_eq!(route(&normalizer, "/x/word"), "/x/:name");
    assert_eq!(route(&normalizer, "/x/42"), "/x/:num");
    for raw in ["/x/word/x", "/x/other/x", "/x/api/2024-10/products"] {
        route(&normalizer, raw);
    }
    assert_eq!(route(&normalizer, "/x/other/x"), "/x/:name/x");
    assert_eq!(route(&normalizer, "/x/api/2024-10/products"), "/x/api/2024-10/products");
}

#[test]
fn templates_of_the_host_are_never_learned() {
    let learner = RouteLearner::builder().values_max(1).build().unwrap();
    let normalizer =
        RouteNormalizer::builder().template("/files/:file").learner(learner.clone()).build().unwrap();
    for index in 0..100 {
        assert_eq!(route(&normalizer, &format!("/files/{}", word(index))), "/files/:file");
    }
    assert_eq!(learner.stats().stored, 0);
}

#[test]
fn a_learned_route_can_be_a_template_of_the_host() {
    let learner = RouteLearner::builder().values_max(1).build().unwrap();
    let normalizer = RouteNormalizer::builder().template("/a:name/{x}").learner(learner).build().unwrap();
    for raw in ["/a/x", "/b/x", "/c/x"] {
        let once = route(&normalizer, raw);
        assert_eq!(route(&normalizer, &once), once);
    }
}

#[test]
fn without_room_paths_end_where_they_leave_what_is_known() {
    let learner = RouteLearner::builder().stored_max(16).build().unwrap();
    let normalizer = normalizer(&learner);
    let mut routes = BTreeSet::new();
    for outer in 0..100 {
        for inner in 0..100 {
            routes.insert(route(&normalizer, &format!("/{}/{}/x", word(outer), word(inner))));
        }
    }
    let stats = learner.stats();
    assert_eq!((stats.stored, stats.stored_max), (16, 16));
    assert!(stats.cut > 0);
    assert!(routes.len() <= 3 * 16, "{routes:?}");
    assert!(
        routes.contains("/:more") && routes.contains("/bababababa/babababa/x") || routes.contains("/:more")
    );
}

#[test]
fn memory_is_bounded_whatever_is_sent() {
    let mut learner = RouteLearner::new();
    let allocated = allocation_counter::measure(|| {
        learner = RouteLearner::new();
        let builder = RouteNormalizer::builder().route_bytes_max(1024).learner(learner.clone());
        let normalizer = builder.build().unwrap();
        // Long words, deep paths, and never so many at a position that it turns: the most expensive that there is.
        let long = |index: usize| format!("{}-{}", word(index), "mapo".repeat(16));
        for index in 0..4_000 {
            let segments: Vec<String> =
                (0..15).map(|depth| long([index % 100, index / 100, index / 1000][depth % 3])).collect();
            route(&normalizer, &format!("/{}", segments.join("/")));
        }
        for index in 0..100_000 {
            route(&normalizer, &format!("/{}", word(index)));
            route(&normalizer, &format!("/a/b/{}x", word(index)));
        }
    });
    let mib = allocated.bytes_current / (1 << 20);
    println!("{} values, {mib} MiB", learner.stats().stored);
    assert_eq!(learner.stats().stored, learner.stats().stored_max);
    assert!(mib < 8, "{mib} MiB");
}

#[test]
fn learned_routes_keep_the_limit_on_length() {
    let learner = RouteLearner::builder().values_max(1).build().unwrap();
    let builder = RouteNormalizer::builder().route_bytes_max(16).learner(learner);
    let normalizer = builder.build().unwrap();
    for raw in ["/a/a/a/a/a/a/a", "/b/b/b/b/b/b/b", "/c/c/c/c/c/c/c"] {
        let once = route(&normalizer, raw);
        assert!(once.len() <= 16, "{once}");
        assert_eq!(route(&normalizer, &once), once);
    }
    assert_eq!(route(&normalizer, "/a/a/a/a/a/a/a"), "/:name/:more");
}

#[test]
fn what_cannot_be_told_apart_is_counted_as_at_least() {
    let learner = RouteLearner::builder().values_max(2).counted_max(5).build().unwrap();
    let normalizer = normalizer(&learner);
    for index in 0..5 {
        route(&normalizer, &format!("/files/{}", word(index)));
    }
    assert_eq!(learner.stats().turned[0].to_string(), "/files/:name, 5 values seen");
    route(&normalizer, &format!("/files/{}", word(3)));
    assert_eq!(learner.stats().turned[0].to_string(), "/files/:name, 5 values seen");
    route(&normalizer, &format!("/files/{}", word(5)));
    assert_eq!(learner.stats().turned[0].to_string(), "/files/:name, at least 5 values seen");
}

#[test]
fn limits_out_of_range_are_refused() {
    for (builder, name) in [
        (RouteLearner::builder().values_max(0), "values_max"),
        (RouteLearner::builder().values_max(65_537), "values_max"),
        (RouteLearner::builder().stored_max(15), "stored_max"),
        (RouteLearner::builder().counted_max(1 << 25), "counted_max"),
    ] {
        assert!(
            matches!(builder.build(), Err(BuildError::InvalidOption { option: found, .. }) if found == name)
        );
    }
}

#[test]
fn threads_in_any_order_end_with_the_same_positions() {
    let stats = [1, 4].map(|threads| {
        let learner = RouteLearner::builder().values_max(20).build().unwrap();
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let normalizer = normalizer(&learner);
                scope.spawn(move || {
                    for index in (thread..600).step_by(threads) {
                        route(
                            &normalizer,
                            &format!("/{}/{}/{}", word(index % 30), word(index % 7), word(index)),
                        );
                    }
                });
            }
        });
        learner.stats()
    });
    assert_eq!(stats[0], stats[1]);
    // The first position, and behind it the last one for each of the seven in between.
    assert_eq!(stats[0].turned.len(), 8);
}

/// Fixed values have no kind; the others turn by kind.
fn kind(value: &str) -> Option<usize> {
    let fixed =
        ["api", "apis", "rest", ":name.json", placeholder::NUMBER, placeholder::NAME, placeholder::DATE];
    (!fixed.contains(&value))
        .then(|| usize::from(!(value.starts_with('_') || ["v1", "v2", "2024-10"].contains(&value))))
}

/// The turned positions and their values, from the set of all routes.
fn model(
    routes: &BTreeSet<Vec<String>>,
    values_max: usize,
    prefix: &str,
    turned: &mut BTreeMap<String, usize>,
) {
    let mut has_turned = [false; 2];
    for (goes_on, rest) in [(false, ""), (true, "/*")] {
        for (wanted, has_turned) in has_turned.iter_mut().enumerate() {
            let values: BTreeSet<&str> = routes
                .iter()
                .filter(|route| (route.len() > 1) == goes_on && kind(&route[0]) == Some(wanted))
                .map(|route| route[0].as_str())
                .collect();
            if values.len() > values_max {
                *turned.entry(format!("{prefix}/:name{rest}")).or_default() += values.len();
                *has_turned |= goes_on;
            }
        }
    }
    let mut behind: BTreeMap<&str, BTreeSet<Vec<String>>> = BTreeMap::new();
    for route in routes.iter().filter(|route| route.len() > 1) {
        let name = match kind(&route[0]) {
            Some(kind) if has_turned[kind] && route[0].strip_suffix(".json").is_some() => ":name.json",
            Some(kind) if has_turned[kind] => ":name",
            _ => &route[0],
        };
        behind.entry(name).or_default().insert(route[1..].to_vec());
    }
    for (name, routes) in behind {
        model(&routes, values_max, &format!("{prefix}/{name}"), turned);
    }
}

fn segment() -> impl Strategy<Value = String> {
    let words = (0..12).map(word).chain((0..4).map(|index| word(index) + ".json"));
    let reserved = ["v1", "v2", "2024-10", "_search", "_doc", "_bulk"].map(str::to_owned);
    let fixed = ["api", "42", "rest"].map(str::to_owned);
    let (words, reserved, fixed): (Vec<_>, Vec<_>, Vec<_>) = (words.collect(), reserved.into(), fixed.into());
    prop_oneof![8 => select(words), 2 => select(reserved), 1 => select(fixed)]
}

fn paths() -> impl Strategy<Value = Vec<Vec<String>>> {
    proptest::collection::vec(proptest::collection::vec(segment(), 1..5), 1..80)
}

proptest! {
    #[test]
    fn what_has_turned_depends_on_the_set_of_paths(paths in paths(), values_max in 1_usize..6) {
        let single = RouteNormalizer::new();
        let mut routes = BTreeSet::new();
        let learner = RouteLearner::builder().values_max(values_max).build().unwrap();
        let normalizer = normalizer(&learner);
        for path in &paths {
            let raw = format!("/{}", path.join("/"));
            routes.insert(route(&single, &raw)[1..].split('/').map(str::to_owned).collect::<Vec<_>>());
            let once = route(&normalizer, &raw);
            prop_assert_eq!(route(&normalizer, &once), once);
        }
        let mut expected = BTreeMap::new();
        model(&routes, values_max, "", &mut expected);
        let found: BTreeMap<String, usize> =
            learner.stats().turned.into_iter().map(|position| (position.route, position.values_seen)).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn the_same_paths_in_the_same_order_give_the_same_routes(paths in paths(), stored_max in 16_usize..40) {
        let run = || {
            let learner = RouteLearner::builder().values_max(3).stored_max(stored_max).build().unwrap();
            let normalizer = normalizer(&learner);
            let routes: Vec<String> =
                paths.iter().map(|path| route(&normalizer, &format!("/{}", path.join("/")))).collect();
            (routes, learner.stats())
        };
        prop_assert_eq!(run(), run());
    }

    #[test]
    fn any_text_stays_within_the_bounds_and_is_idempotent(
        raws in proptest::collection::vec(any::<String>(), 1..60),
        stored_max in 16_usize..40,
    ) {
        let learner = RouteLearner::builder().values_max(2).stored_max(stored_max).build().unwrap();
        let normalizer =
            RouteNormalizer::builder().route_bytes_max(24).route_depth_max(4).learner(learner.clone()).build().unwrap();
        for raw in &raws {
            let once = route(&normalizer, &format!("/{raw}"));
            prop_assert!(once.len() <= 24);
            let mut twice = String::new();
            prop_assert_eq!(normalizer.normalize(Label::Route, &once, &mut twice), Verdict::Clean);
            prop_assert!(learner.stats().stored <= stored_max);
        }
    }
}
