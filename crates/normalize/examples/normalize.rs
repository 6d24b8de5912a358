//! Prints the route of each path of the standard input, one a line, for a look at a log of one's own.
//!
//! `cargo run --package ron-accounting-normalize --example normalize < paths.txt`

use std::io::{self, BufRead, Write};

use ron_accounting_core::{Label, Normalizer};
use ron_accounting_normalize::RouteNormalizer;

fn main() -> io::Result<()> {
    let normalizer = RouteNormalizer::new();
    let (mut output, mut route) = (io::stdout().lock(), String::new());
    for path in io::stdin().lock().lines() {
        let path = path?;
        normalizer.normalize(Label::Route, &path, &mut route);
        writeln!(output, "{route}\t{path}")?;
    }
    Ok(())
}
