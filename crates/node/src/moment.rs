//! Spans of time, as they are written on a command line.

/// Parses a span above zero such as `500ms`, `60s`, `5m`, `1h` or `1d`. Returns milliseconds.
pub(crate) fn parse_span(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 5] =
        [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    let figures = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(figures);
    let unit_ms = UNITS.into_iter().find(|(name, _)| *name == unit).map(|(_, unit_ms)| unit_ms);
    let span_ms =
        number.parse::<u64>().ok().zip(unit_ms).and_then(|(number, unit_ms)| number.checked_mul(unit_ms));
    match span_ms {
        Some(0) => Err("a span above zero is needed".to_owned()),
        Some(span_ms) => Ok(span_ms),
        None => Err("write a whole number and its unit: 500ms, 60s, 5m, 1h or 1d".to_owned()),
    }
}

/// Parses a span that may be zero.
pub(crate) fn parse_delay(text: &str) -> Result<u64, String> {
    if matches!(text, "0" | "0ms" | "0s") {
        Ok(0)
    } else {
        parse_span(text)
    }
}

/// Parses the length of a window, which is a span within the limits of the engine.
pub(crate) fn parse_window(text: &str) -> Result<u64, String> {
    let span_ms = parse_span(text)?;
    if (10..=86_400_000).contains(&span_ms) {
        Ok(span_ms)
    } else {
        Err("a window of 10ms to 1d is needed".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{parse_delay, parse_span, parse_window};

    #[test]
    fn spans_need_a_unit_and_a_length() {
        assert_eq!(parse_span("500ms"), Ok(500));
        assert_eq!(parse_span("60s"), Ok(60_000));
        assert_eq!(parse_span("5m"), Ok(300_000));
        assert_eq!(parse_span("1h"), Ok(3_600_000));
        assert_eq!((parse_delay("0s"), parse_delay("3s")), (Ok(0), Ok(3000)));
        assert_eq!((parse_window("10ms"), parse_window("1d")), (Ok(10), Ok(86_400_000)));
        assert!(parse_window("9ms").is_err() && parse_window("25h").is_err());
        for text in [
            "",
            "60",
            "s",
            "0s",
            "-1s",
            "1.5h",
            "1 h",
            "5M",
            "99999999999999999999h",
            "18446744073709551615d",
        ] {
            assert!(parse_span(text).is_err(), "{text}");
        }
    }
}
