//! The `Accept` header: which of the two formats it prefers.

use crate::format::{Escaping, Format, Syntax};

/// What `q` is without a parameter, in thousandths.
const QUALITY_MAX: u16 = 1000;

/// A media range, with the parameters that matter here.
#[derive(Debug, Default)]
struct Range {
    media_type: String,
    version: Option<String>,
    escaping: Option<Escaping>,
    /// In thousandths.
    quality: u16,
}

/// How closely a range describes a format. The closest range decides its quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Closeness {
    Anything,
    MainType,
    Type,
    TypeAndVersion,
}

impl Range {
    /// Reads a range. `None` if it is malformed.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = split(text, b';');
        let media_type = parts.next()?.trim().to_ascii_lowercase();
        let mut range = Self { media_type, quality: QUALITY_MAX, ..Self::default() };
        for parameter in parts.filter(|part| !part.trim().is_empty()) {
            let (name, value) = parameter.split_once('=')?;
            let value = value.trim().trim_matches('"').to_ascii_lowercase();
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => range.quality = quality(&value)?,
                "version" => range.version = Some(value),
                "escaping" => range.escaping = Escaping::find(&value),
                _ => {}
            }
        }
        Some(range)
    }

    fn closeness(&self, syntax: Syntax) -> Option<Closeness> {
        let (main_type, _) = syntax.media_type().split_once('/')?;
        if self.media_type == syntax.media_type() {
            return match &self.version {
                None => Some(Closeness::Type),
                Some(version) if version == syntax.version() => Some(Closeness::TypeAndVersion),
                Some(_) => None,
            };
        }
        match self.media_type.split_once('/')? {
            ("*", "*") => Some(Closeness::Anything),
            (found, "*") if found == main_type => Some(Closeness::MainType),
            _ => None,
        }
    }
}

pub(crate) fn negotiate(accept: &str) -> Format {
    let ranges: Vec<Range> = split(accept, b',').filter_map(Range::parse).collect();
    let offers = Syntax::ALL.into_iter().filter_map(|syntax| {
        let matching = ranges.iter().enumerate().filter_map(|(position, range)| {
            let closeness = range.closeness(syntax)?;
            Some((closeness, range.quality, std::cmp::Reverse(position), range))
        });
        let (_, quality, position, range) =
            matching.max_by_key(|(closeness, quality, position, _)| (*closeness, *quality, *position))?;
        (quality > 0).then_some((quality, position, Format { syntax, escaping: range.escaping }))
    });
    // Of equals, `max_by_key` returns the last. That is the text, which every scraper reads.
    offers
        .rev()
        .max_by_key(|(quality, position, _)| (*quality, *position))
        .map_or(Format::TEXT, |offer| offer.2)
}

/// Reads a weight such as `0.75` into thousandths.
fn quality(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_weight = matches!(whole, "0" | "1")
        && fraction.len() <= 3
        && fraction.bytes().all(|digit| digit.is_ascii_digit());
    if !is_weight {
        return None;
    }
    let thousandths: u16 = format!("{fraction:0<3}").parse().ok()?;
    let quality = if whole == "1" { QUALITY_MAX + thousandths } else { thousandths };
    (quality <= QUALITY_MAX).then_some(quality)
}

/// Splits at a separator that is not within quotes.
fn split(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (mut is_quoted, mut is_escaped) = (false, false);
        let end = text.bytes().position(|byte| {
            let is_end = byte == separator && !is_quoted;
            is_quoted ^= byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && is_quoted && !is_escaped;
            is_end
        });
        let Some(end) = end else {
            rest = None;
            return Some(text);
        };
        // A separator is one byte, so that both indexes are boundaries of characters.
        rest = text.get(end + 1..);
        text.get(..end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_scrapers_send_gets_the_best_that_both_know() {
        let cases = [
            // Prometheus 2.42.
            ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", Format::OPEN_METRICS),
            // One that knows OpenMetrics 0.0.1 alone.
            ("application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", Format::TEXT),
            // Protocol buffers first, which are not offered.
            ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", Format::OPEN_METRICS),
            ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", Format::TEXT),
            ("text/plain;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5", Format::TEXT),
            // A browser, curl, and nothing.
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format::TEXT),
            ("*/*", Format::TEXT),
            ("", Format::TEXT),
        ];
        for (accept, format) in cases {
            assert_eq!(negotiate(accept), format, "{accept}");
        }
    }

    #[test]
    fn the_scheme_that_was_asked_for_is_repeated() {
        // Prometheus 3.
        let accept = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        let format = negotiate(accept);
        assert_eq!(
            format.content_type(),
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
        );
        for scheme in Escaping::ALL {
            let accept = format!("text/plain; version=0.0.4; escaping={}", scheme.as_str());
            assert_eq!(negotiate(&accept), Format { syntax: Syntax::Text, escaping: Some(scheme) });
        }
        assert_eq!(negotiate("text/plain;escaping=slashes"), Format::TEXT);
    }

    #[test]
    fn quality_decides_and_the_closest_range_has_the_say() {
        let cases = [
            ("text/plain;q=0.4,application/openmetrics-text;q=0.5", Format::OPEN_METRICS),
            ("text/plain;q=0.5,application/openmetrics-text;q=0.4", Format::TEXT),
            // Of equals, the first.
            ("application/openmetrics-text,text/plain", Format::OPEN_METRICS),
            ("text/plain,application/openmetrics-text", Format::TEXT),
            // Refused by a closer range.
            ("*/*,text/plain;q=0", Format::OPEN_METRICS),
            ("application/*;q=0.9,text/*;q=0.2", Format::OPEN_METRICS),
            ("application/openmetrics-text;version=1.0.0;q=0.1,application/*,text/plain;q=0.5", Format::TEXT),
            // Names and values in any case, spaces, and quotes.
            (
                "Application/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=1.0 , text/plain;q=0.999",
                Format::OPEN_METRICS,
            ),
            ("text/plain;note=\"a, application/openmetrics-text;q=1\";q=0.3", Format::TEXT),
        ];
        for (accept, format) in cases {
            assert_eq!(negotiate(accept), format, "{accept}");
        }
    }

    #[test]
    fn a_range_that_is_no_range_is_left_out() {
        for accept in [
            "application/openmetrics-text;q=2,text/plain;q=0.1",
            "application/openmetrics-text;q=0.1234,text/plain;q=0.1",
            "application/openmetrics-text;q=-1,text/plain;q=0.1",
            "application/openmetrics-text;q=1.5",
            "application/openmetrics-text;q",
            "application/openmetrics-text;version=2.0.0",
            ",,;;,\"",
            "é/ü;q=ö",
        ] {
            assert_eq!(negotiate(accept), Format::TEXT, "{accept}");
        }
    }

    #[test]
    fn a_weight_has_at_most_three_decimals() {
        let weights = ["0", "0.", "0.5", "0.05", "0.999", "1", "1.000"];
        assert_eq!(weights.map(quality), [0, 0, 500, 50, 999, 1000, 1000].map(Some));
        assert_eq!(["", "2", "1.001", "0.1234", "0.x", ".5", "+1"].map(quality), [None; 7]);
    }
}
