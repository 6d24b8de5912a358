//! Reads what was encoded, as plainly as possible. `cargo xtask prometheus` reads it with parsers of others.
#![allow(dead_code)] // each test file uses a part

use std::collections::BTreeMap;

use ron_accounting::{labels, Labels};
use ron_accounting_prometheus::{Format, Metrics};

/// The labels of a series, with its name under `""`.
pub(crate) type Series = BTreeMap<String, String>;

/// The samples of a scrape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Samples(pub(crate) BTreeMap<Series, String>);

pub(crate) fn text_of(metrics: &Metrics, format: Format) -> String {
    let mut out = Vec::new();
    metrics.encode(format, &mut out).expect("a vector takes everything");
    String::from_utf8(out).expect("UTF-8")
}

pub(crate) fn scrape(metrics: &Metrics) -> Samples {
    Samples::parse(&text_of(metrics, Format::TEXT))
}

/// A label set whose other labels are always the same.
pub(crate) fn feed<'a>(tenant: &'a str, route: &'a str) -> Labels<'a> {
    labels().tenant(tenant).method("GET").route(route).service("omnigate").region("iad")
}

impl Samples {
    /// Parses samples, and refuses a series that is there twice.
    pub(crate) fn parse(text: &str) -> Self {
        assert!(text.is_empty() || text.ends_with('\n'), "the last line has no end");
        let mut samples = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            let found = samples.insert(series_of(series), value.to_owned());
            assert!(found.is_none(), "twice: {line}");
        }
        Self(samples)
    }

    /// The value of the only series of a metric with these labels.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<u64> {
        let mut found = self.matching(name, labels);
        let first = found.next();
        assert!(found.next().is_none(), "more than one {name} with {labels:?}");
        first.map(|(_, value)| value)
    }

    /// The usage under a label set.
    pub(crate) fn usage(&self, name: &str, labels: &Labels<'_>) -> Option<u64> {
        let [tenant, method, route, service, region] = labels.values();
        let labels = [
            ("tenant", tenant),
            ("method", method),
            ("route", route),
            ("service", service),
            ("region", region),
        ];
        self.value(name, &labels)
    }

    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.matching(name, labels).map(|(_, value)| value).sum()
    }

    pub(crate) fn count(&self, name: &str) -> usize {
        self.matching(name, &[]).count()
    }

    /// All series of usage.
    pub(crate) fn usage_series(&self) -> BTreeMap<&Series, u64> {
        let is_usage = |series: &&Series| series.contains_key("tenant");
        let value = |series| self.0.get(series).and_then(|value| value.parse().ok()).expect("a number");
        self.0.keys().filter(is_usage).map(|series| (series, value(series))).collect()
    }

    fn matching<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&str, &str)],
    ) -> impl Iterator<Item = (&'a Series, u64)> {
        let has = move |series: &Series, label: &str, value: &str| {
            series.get(label).is_some_and(|found| found == value)
        };
        let is_wanted = move |series: &Series| {
            has(series, "", name) && labels.iter().all(|(label, value)| has(series, label, value))
        };
        let all = self.0.iter().filter(move |(series, _)| is_wanted(series));
        all.map(|(series, value)| (series, value.parse().expect("a whole number")))
    }
}

fn series_of(text: &str) -> Series {
    let (name, rest) = text.split_once('{').unwrap_or((text, "}"));
    let mut series = Series::from([(String::new(), name.to_owned())]);
    let mut rest = rest.strip_suffix('}').expect("a brace");
    while !rest.is_empty() {
        let (label, quoted) = rest.split_once("=\"").expect("a label");
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        let end = loop {
            match characters.next().expect("a quote at the end") {
                (end, '"') => break end,
                (_, '\\') => match characters.next().expect("an escaped character").1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                (_, other) => value.push(other),
            }
        };
        assert!(series.insert(label.to_owned(), value).is_none(), "twice the label {label}");
        rest = &quoted[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    series
}
