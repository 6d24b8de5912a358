//! Counts in Prometheus' text format (version 0.0.4). The caller serves the text. No client library is needed.
//!
//! Totals are written as counters, from which Prometheus derives rates over any span. The minutes are not written: they are
//! for programs without Prometheus.
//!
//! ```
//! use ron_accounting_stream::{prometheus::{self, Series}, Counters};
//!
//! let (public, admin) = (Counters::new(), Counters::new());
//! public.add_in(512);
//! let mut page = String::new();
//! prometheus::write(&mut page, "gateway", &[
//!     Series::new(&[("listener", "public")], public.totals()),
//!     Series::new(&[("listener", "admin")], admin.totals()),
//! ])?;
//! assert!(page.contains("gateway_in_bytes_total{listener=\"public\"} 512\n"));
//! # Ok::<(), prometheus::WriteError>(())
//! ```

use std::fmt;

use crate::Totals;

/// The media type of the text, for the header `Content-Type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The totals of some counters, and the labels that distinguish them from others of the same page.
#[derive(Debug, Clone, Copy)]
pub struct Series<'a> {
    labels: &'a [(&'a str, &'a str)],
    totals: Totals,
}

impl<'a> Series<'a> {
    /// Makes a series of [`Totals`] or of a [`Snapshot`](crate::Snapshot). Label values may be any text. They are escaped.
    pub fn new(labels: &'a [(&'a str, &'a str)], totals: impl Into<Totals>) -> Self {
        Self { labels, totals: totals.into() }
    }
}

/// A page was not written, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The prefix cannot begin a metric name. Nothing was written.
    #[error("metric prefix `{prefix}` must be letters, digits, `_` and `:`, and not begin with a digit")]
    Prefix {
        /// The refused prefix.
        prefix: String,
    },
    /// A label cannot be named so. Nothing was written.
    #[error("label name `{name}` must be letters, digits and `_`, and begin with neither a digit nor `__`")]
    LabelName {
        /// The refused name.
        name: String,
    },
    /// The target refused the text. A part of the page may have been written.
    #[error("the target refused the text")]
    Target(#[from] fmt::Error),
}

/// Writes `PREFIX_in_bytes_total` and `PREFIX_out_bytes_total`, with one line for each of the series.
///
/// The caller gives each series different labels: Prometheus refuses a page with the same series twice.
pub fn write(target: &mut impl fmt::Write, prefix: &str, series: &[Series<'_>]) -> Result<(), WriteError> {
    if !is_name(prefix, ":") {
        return Err(WriteError::Prefix { prefix: prefix.to_owned() });
    }
    let names = series.iter().flat_map(|one| one.labels).map(|(name, _)| *name);
    for name in names {
        if !is_name(name, "") || name.starts_with("__") {
            return Err(WriteError::LabelName { name: name.to_owned() });
        }
    }
    family(target, prefix, "in", "Bytes read.", series, |totals| totals.bytes_in)?;
    family(target, prefix, "out", "Bytes written.", series, |totals| totals.bytes_out)?;
    Ok(())
}

fn family(
    target: &mut impl fmt::Write,
    prefix: &str,
    direction: &str,
    help: &str,
    series: &[Series<'_>],
    value: impl Fn(Totals) -> u64,
) -> fmt::Result {
    writeln!(target, "# HELP {prefix}_{direction}_bytes_total {help}")?;
    writeln!(target, "# TYPE {prefix}_{direction}_bytes_total counter")?;
    for one in series {
        write!(target, "{prefix}_{direction}_bytes_total")?;
        for (index, (name, text)) in one.labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            write!(target, "{before}{name}=\"{}\"", Escaped(text))?;
        }
        let end = if one.labels.is_empty() { "" } else { "}" };
        writeln!(target, "{end} {}", value(one.totals))?;
    }
    Ok(())
}

fn is_name(name: &str, also: &str) -> bool {
    let is_letter = |character: char| character.is_ascii_alphabetic() || character == '_';
    let allowed =
        |character: char| is_letter(character) || character.is_ascii_digit() || also.contains(character);
    !name.starts_with(|character: char| character.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(allowed)
}

/// A label value, escaped as it has to be between quotes.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for character in self.0.chars() {
            match character {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ron_accounting_error_contract::assert_errors;

    use super::*;

    #[test]
    fn every_error_leaves_its_cause_to_its_source() {
        assert_errors!(WriteError {
            without_cause: {
                Prefix => WriteError::Prefix { prefix: "1".to_owned() },
                LabelName => WriteError::LabelName { name: "1".to_owned() },
            }
            with_cause: { Target => WriteError::from(fmt::Error) }
        });
    }
}
