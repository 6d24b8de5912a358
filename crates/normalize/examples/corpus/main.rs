//! Prints the share of documented routes of public APIs that come out exactly as the document has them, and those that do not.
//!
//! `cargo run --package ron-accounting-normalize --example corpus`

#[allow(clippy::expect_used)]
#[allow(dead_code, unreachable_pub)] // a test uses it, too
mod measure;

fn main() {
    for (name, outcomes) in
        [("each path alone", measure::alone()), ("learned from 200 paths of each route", measure::learned())]
    {
        let exact = outcomes.iter().filter(|outcome| outcome.is_exact()).count();
        println!("\n{name}: {exact} of {}", outcomes.len());
        for miss in outcomes.iter().filter(|outcome| !outcome.is_exact()) {
            println!("  {:40} {}\n  {:40} {}", miss.documented.api, miss.documented.template, "", miss.route);
        }
    }
}
