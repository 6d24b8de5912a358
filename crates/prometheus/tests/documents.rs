//! Do documents, rules and dashboard name what is there?
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use ron_accounting::{export::MemoryLedger, Accounting, Dimension};
use ron_accounting_prometheus::{Format, Metrics};
use support::{feed, text_of, Samples};

/// What the page says of a metric, or a scrape shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Described {
    kind: String,
    labels: BTreeSet<String>,
    help: String,
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All metrics of an instance that has everything.
fn emitted() -> BTreeMap<String, Described> {
    let folder = tempfile::tempdir().unwrap();
    let acc = Accounting::builder()
        .manual_at(0)
        .wal_dir(folder.path())
        .exporter(MemoryLedger::new())
        .build()
        .unwrap();
    let metrics = Metrics::new(&acc);
    let each = [Dimension::REQUESTS, Dimension::BYTES_IN, Dimension::BYTES_OUT, Dimension::CPU];
    acc.record_each(&feed("acme", "/a"), &each.map(|dimension| (dimension, 1)));
    let text = text_of(&metrics, Format::TEXT);
    let mut found: BTreeMap<String, Described> = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<_> = line.splitn(4, ' ').collect();
        match *words.as_slice() {
            ["#", "HELP", name, help] => found.entry(name.to_owned()).or_default().help.push_str(help),
            ["#", "TYPE", name, kind] => found.entry(name.to_owned()).or_default().kind.push_str(kind),
            _ => {}
        }
    }
    for series in Samples::parse(&text).0.keys() {
        let name = &series[""];
        let family = ["_bucket", "_sum", "_count"].into_iter().find_map(|part| name.strip_suffix(part));
        let name = family.filter(|family| found.contains_key(*family)).unwrap_or(name);
        let labels = series.keys().filter(|label| !matches!(label.as_str(), "" | "le"));
        found.get_mut(name).expect("announced").labels.extend(labels.cloned());
    }
    found
}

fn described() -> BTreeMap<String, Described> {
    let page = read("docs/metrics.md");
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix("| `")?.strip_suffix(" |")?.split(" | ").collect();
        let [name, kind, labels, unit, help, look_at] = *cells.as_slice() else {
            panic!("not six cells: {line}")
        };
        assert!(!unit.is_empty() && !look_at.is_empty(), "an empty cell: {line}");
        let labels = labels.split(", ").map(|label| label.trim_matches('`').to_owned()).collect();
        let described = Described { kind: kind.to_owned(), labels, help: help.to_owned() };
        Some((name.trim_end_matches('`').to_owned(), described))
    });
    rows.collect()
}

#[test]
fn the_page_describes_each_metric_and_no_other() {
    let (emitted, described) = (emitted(), described());
    for (name, metric) in &emitted {
        assert_eq!(described.get(name), Some(metric), "docs/metrics.md and the code differ on {name}");
    }
    for name in described.keys() {
        assert!(emitted.contains_key(name), "docs/metrics.md describes {name}, which is not there");
    }
}

// Names, labels and types that other tools rely on.
#[test]
fn the_golden_metrics_keep_their_names_labels_and_types() {
    let golden: [(&str, &str, &[&str]); 8] = [
        ("requests_total", "counter", &["tenant", "method", "route", "service", "region"]),
        ("bytes_in_total", "counter", &["tenant", "method", "route", "service", "region"]),
        ("bytes_out_total", "counter", &["tenant", "method", "route", "service", "region"]),
        ("snapshot_export_latency_seconds", "histogram", &["service"]),
        ("accounting_export_backlog", "gauge", &["service"]),
        ("accounting_evictions_total", "counter", &["service", "reason"]),
        ("accounting_snapshot_rows", "histogram", &["service"]),
        ("accounting_wal_errors_total", "counter", &["service"]),
    ];
    let emitted = emitted();
    for (name, kind, labels) in golden {
        let metric = &emitted[name];
        let labels = labels.iter().map(|&label| label.to_owned()).collect();
        assert_eq!((metric.kind.as_str(), &metric.labels), (kind, &labels), "{name}");
    }
}

#[test]
fn help_needs_no_escaping() {
    for (name, metric) in emitted() {
        assert!(metric.help.ends_with('.') && !metric.help.contains(['\\', '"']), "{name}: {}", metric.help);
    }
}

/// The names of the metrics in an expression: words that are neither functions, nor keywords, nor labels.
fn metric_names(expression: &str) -> BTreeSet<String> {
    const KEYWORDS: [&str; 14] = [
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "bool",
        "and",
        "or",
        "unless",
        "offset",
        "le",
        "inf",
        "nan",
    ];
    let mut names = BTreeSet::new();
    let (mut depth, mut is_quoted, mut is_label_list) = (0, false, false);
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let is_word = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | ':');
        let end = if first.is_ascii_alphabetic() && !is_quoted {
            rest.find(|character| !is_word(character)).unwrap_or(rest.len())
        } else if first.is_ascii_digit() && !is_quoted {
            // A number, maybe with a unit of time.
            rest.find(|character| !is_word(character)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (word, behind) = rest.split_at(end);
        rest = behind;
        match first {
            '"' | '\'' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            ')' => is_label_list = false,
            _ if first.is_ascii_alphabetic() && depth == 0 && !is_label_list => {
                let behind = rest.trim_start();
                let is_call = ["(", "by ", "without "].iter().any(|start| behind.starts_with(start));
                is_label_list = is_call && matches!(word, "by" | "without" | "on" | "ignoring");
                if !is_call && !KEYWORDS.contains(&word) {
                    names.insert(word.to_owned());
                }
            }
            _ => {}
        }
    }
    names
}

#[test]
fn names_are_found_in_expressions() {
    let names = |expression: &str| metric_names(expression).into_iter().collect::<Vec<_>>();
    assert_eq!(names("sum by (le, job) (rate(a_bucket{job=~\"x_y\"}[5m])) >= bool 0.15"), ["a_bucket"]);
    assert_eq!(names("a:b / on (x) c{d=\"e\"} and f"), ["a:b", "c", "f"]);
}

/// Names that Prometheus itself makes, and those of the series of each metric.
fn known_names() -> BTreeSet<String> {
    let recorded = read("docs/ops/recording-rules.yml");
    let recorded = recorded.lines().filter_map(|line| line.trim().strip_prefix("- record: "));
    let series = emitted().into_iter().flat_map(|(name, metric)| match metric.kind.as_str() {
        "histogram" => ["_bucket", "_sum", "_count"].iter().map(|part| format!("{name}{part}")).collect(),
        _ => vec![name],
    });
    series.chain(recorded.map(str::to_owned)).chain(["up".to_owned()]).collect()
}

#[test]
fn rules_name_metrics_that_exist() {
    let known = known_names();
    let mut rules = 0;
    for file in ["docs/ops/recording-rules.yml", "docs/ops/alerting-rules.yml"] {
        for expression in read(file).lines().filter_map(|line| line.trim().strip_prefix("expr: ")) {
            let names = metric_names(expression);
            assert!(!names.is_empty() && names.is_subset(&known), "{file}: {expression}: {names:?}");
            rules += 1;
        }
    }
    assert!(rules > 20, "{rules} rules");
    let page = read("docs/metrics.md");
    let rules = read("docs/ops/alerting-rules.yml");
    let alerts = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    for alert in alerts.filter(|alert| *alert != "AccountingDown") {
        assert!(page.contains(&format!("`{alert}`")), "docs/metrics.md does not name {alert}");
    }
}

#[test]
fn the_dashboard_names_metrics_that_exist() {
    let known = known_names();
    let dashboard: serde_json::Value = serde_json::from_str(&read("docs/ops/dashboard.json")).unwrap();
    let (mut expressions, mut queries) = (Vec::new(), Vec::new());
    collect(&dashboard, &mut expressions, &mut queries);
    assert!(expressions.len() > 20 && queries.len() == 3, "{} and {}", expressions.len(), queries.len());
    for expression in expressions {
        let names = metric_names(&expression);
        assert!(!names.is_empty() && names.is_subset(&known), "{expression}: {names:?}");
    }
    for query in queries {
        let metric = query.strip_prefix("label_values(").and_then(|query| query.split(['{', ',']).next());
        assert!(metric.is_some_and(|metric| known.contains(metric)), "{query}");
    }
}

/// All expressions of panels, and queries of variables.
fn collect(value: &serde_json::Value, expressions: &mut Vec<String>, queries: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, field) in fields {
                match (name.as_str(), field.as_str()) {
                    ("expr", Some(text)) => expressions.push(text.to_owned()),
                    ("query", Some(text)) if text.contains('(') => queries.push(text.to_owned()),
                    _ => collect(field, expressions, queries),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, expressions, queries)),
        _ => {}
    }
}
