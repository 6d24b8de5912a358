//! How many documented routes of public APIs come out exactly as the document has them? The shares may only rise.

#[path = "../examples/corpus/measure.rs"]
#[allow(clippy::expect_used, unreachable_pub)]
mod measure;

use measure::Outcome;

fn exact(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|outcome| outcome.is_exact()).count()
}

#[test]
fn the_corpus_has_300_routes_with_values() {
    let all = measure::Documented::all();
    assert!(all.len() >= 300, "{}", all.len());
    assert!(all
        .iter()
        .all(|documented| documented.path().starts_with('/') && !documented.path().contains('{')));
}

#[test]
fn a_path_alone_gives_the_documented_route_in_182_of_309() {
    assert!(exact(&measure::alone()) >= 182);
}

#[test]
fn what_was_learned_gives_the_documented_route_in_298_of_309() {
    assert!(exact(&measure::learned()) >= 298);
}

#[test]
fn templates_of_the_host_give_every_documented_route() {
    let missed: Vec<Outcome> =
        measure::by_templates().into_iter().filter(|outcome| !outcome.is_a_template()).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}
