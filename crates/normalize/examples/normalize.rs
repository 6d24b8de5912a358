//! Prints the route of each path of the standard input, one a line, for a look at a log of one's own. With a number behind `--`, positions
//! with more values than that are learned from all paths first.
//!
//! `cargo run --package ron-accounting-normalize --example normalize -- 128 < paths.txt`

use std::io::{self, BufRead, Write};

use ron_accounting_core::{Label, Normalizer};
use ron_accounting_normalize::{RouteLearner, RouteNormalizer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let learner = match std::env::args().nth(1) {
        Some(values_max) => Some(RouteLearner::builder().values_max(values_max.parse()?).build()?),
        None => None,
    };
    let normalizer = match &learner {
        Some(learner) => RouteNormalizer::builder().learner(learner.clone()).build()?,
        None => RouteNormalizer::new(),
    };
    let paths: Vec<String> = io::stdin().lock().lines().collect::<Result<_, _>>()?;
    let (mut output, mut route) = (io::stdout().lock(), String::new());
    for path in learner.iter().flat_map(|_| &paths) {
        normalizer.normalize(Label::Route, path, &mut route);
    }
    for path in &paths {
        normalizer.normalize(Label::Route, path, &mut route);
        writeln!(output, "{route}\t{path}")?;
    }
    for position in learner.iter().flat_map(|learner| learner.stats().turned) {
        eprintln!("{position}");
    }
    Ok(())
}
