//! Families and samples in the syntax of either format.

use std::{fmt::Display, io::Write as _};

use crate::format::Syntax;

/// What a family of metrics is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Units that names can end in. OpenMetrics names them once more.
const UNITS: [&str; 2] = ["seconds", "bytes"];

/// Writes the metrics about an instance. Each has the label `service`.
pub(crate) struct Text<'a> {
    out: &'a mut Vec<u8>,
    syntax: Syntax,
    /// Escaped.
    service: &'a str,
}

impl<'a> Text<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>, syntax: Syntax, service: &'a str) -> Self {
        Self { out, syntax, service }
    }

    /// Writes a counter of one series.
    pub(crate) fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        push_family(self.out, self.syntax, name, Kind::Counter, help);
        self.sample(name, None, value);
    }

    /// Writes a counter with a series for each value of a label.
    pub(crate) fn counters<V: Display>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'static str, V)>,
    ) {
        push_family(self.out, self.syntax, name, Kind::Counter, help);
        values.into_iter().for_each(|(value, n)| self.sample(name, Some((label, value)), n));
    }

    /// Writes a gauge of one series.
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        push_family(self.out, self.syntax, name, Kind::Gauge, help);
        self.sample(name, None, value);
    }

    /// Writes a gauge with a series for each value of a label.
    pub(crate) fn gauges<V: Display>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'static str, V)>,
    ) {
        push_family(self.out, self.syntax, name, Kind::Gauge, help);
        values.into_iter().for_each(|(value, n)| self.sample(name, Some((label, value)), n));
    }

    /// Writes a histogram of one series. `buckets` are the upper ends as text, and how many values are within.
    pub(crate) fn histogram(
        &mut self,
        name: &str,
        help: &str,
        buckets: impl IntoIterator<Item = (String, u64)>,
        sum: impl Display,
        count: u64,
    ) {
        push_family(self.out, self.syntax, name, Kind::Histogram, help);
        let bucket = format!("{name}_bucket");
        for (end, within) in buckets {
            self.sample(&bucket, Some(("le", &end)), within);
        }
        self.sample(&bucket, Some(("le", "+Inf")), count);
        self.sample(&format!("{name}_sum"), None, sum);
        self.sample(&format!("{name}_count"), None, count);
    }

    fn sample(&mut self, name: &str, label: Option<(&str, &str)>, value: impl Display) {
        let service = self.service;
        // Writing to a vector cannot fail.
        let _ = match label {
            Some((label, text)) => {
                writeln!(self.out, "{name}{{service=\"{service}\",{label}=\"{text}\"}} {value}")
            }
            None => writeln!(self.out, "{name}{{service=\"{service}\"}} {value}"),
        };
    }
}

/// Appends the lines that announce a family. `name` is that of a counter's samples.
pub(crate) fn push_family(out: &mut Vec<u8>, syntax: Syntax, name: &str, kind: Kind, help: &str) {
    let family = match (syntax, kind) {
        (Syntax::OpenMetrics, Kind::Counter) => name.strip_suffix("_total").unwrap_or(name),
        _ => name,
    };
    let kind = match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    // Writing to a vector cannot fail.
    let _ = writeln!(out, "# HELP {family} {help}\n# TYPE {family} {kind}");
    let unit = family.rsplit_once('_').map(|(_, unit)| unit).filter(|unit| UNITS.contains(unit));
    if let Some(unit) = unit.filter(|_| syntax == Syntax::OpenMetrics) {
        let _ = writeln!(out, "# UNIT {family} {unit}");
    }
}

/// Appends the value of a label. Both formats escape the same three characters.
pub(crate) fn push_escaped(out: &mut Vec<u8>, value: &str) {
    let mut rest = value.as_bytes();
    while let Some(at) = memchr::memchr3(b'\\', b'"', b'\n', rest) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((special, behind)) = special.split_first() else { return };
        out.extend_from_slice(&[b'\\', if *special == b'\n' { b'n' } else { *special }]);
        rest = behind;
    }
    out.extend_from_slice(rest);
}

/// Returns the value of a label as it is written.
pub(crate) fn escaped(value: &str) -> String {
    let mut out = Vec::with_capacity(value.len());
    push_escaped(&mut out, value);
    // Only ASCII was put in between, so that this is UTF-8 as it was before.
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_characters_are_escaped_and_no_others() {
        assert_eq!(escaped(r#"a"b\c"#), r#"a\"b\\c"#);
        assert_eq!(escaped("a\nb\r\tc{}é\u{202e}"), "a\\nb\r\tc{}é\u{202e}");
        assert_eq!(escaped(""), "");
        assert_eq!(escaped(r#""""#), r#"\"\""#);
    }
}
