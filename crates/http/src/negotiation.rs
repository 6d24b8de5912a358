//! Which of the offered formats a client prefers.

use http::{header, HeaderMap};

use crate::problem::{Problem, ProblemKind};

/// Returns the index of the media type that the `Accept` headers prefer; the first without a header. Of equals, the earlier offer wins.
pub(crate) fn preferred(headers: &HeaderMap, offers: &[&str]) -> Result<usize, Problem> {
    let mut ranges = Vec::new();
    for value in headers.get_all(header::ACCEPT) {
        let Ok(text) = value.to_str() else { continue };
        ranges.extend(text.split(',').filter_map(range));
    }
    if ranges.is_empty() {
        return Ok(0);
    }
    let mut best: Option<(usize, u16)> = None;
    for (index, offer) in offers.iter().enumerate() {
        // The range that is closest to the offer decides.
        let closest =
            ranges.iter().filter_map(|(range, quality)| Some((closeness(range, offer)?, *quality))).max();
        let Some((_, quality)) = closest.filter(|(_, quality)| *quality > 0) else { continue };
        if best.is_none_or(|(_, highest)| quality > highest) {
            best = Some((index, quality));
        }
    }
    best.map(|(index, _)| index).ok_or_else(|| {
        let detail = format!("accept one of {}, or send no Accept header", offers.join(", "));
        Problem::new(ProblemKind::NotAcceptable, detail)
    })
}

/// Returns a media range without its parameters, and its quality in thousandths.
fn range(text: &str) -> Option<(String, u16)> {
    let mut parts = text.split(';');
    let media_type = parts.next()?.trim().to_ascii_lowercase();
    let mut quality = 1000;
    for parameter in parts {
        let Some((name, value)) = parameter.split_once('=') else { continue };
        if name.trim().eq_ignore_ascii_case("q") {
            quality = thousandths(value.trim())?;
        }
    }
    media_type.contains('/').then_some((media_type, quality))
}

/// Reads a weight, which has three digits behind the point at most.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_weight =
        matches!(whole, "0" | "1") && fraction.len() <= 3 && fraction.bytes().all(|b| b.is_ascii_digit());
    let quality = format!("{whole}{fraction:0<3}").parse().ok().filter(|_| is_weight);
    quality.filter(|quality| *quality <= 1000)
}

fn closeness(range: &str, offer: &str) -> Option<u8> {
    let (main_type, _) = offer.split_once('/')?;
    match range.split_once('/')? {
        _ if range == offer => Some(2),
        (found, "*") if found == main_type => Some(1),
        ("*", "*") => Some(0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn prefer(accept: &str) -> Option<usize> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
        preferred(&headers, &["application/json", "text/csv"]).ok()
    }

    #[test]
    fn the_highest_quality_of_the_closest_range_wins() {
        assert_eq!(preferred(&HeaderMap::new(), &["a/b"]).ok(), Some(0));
        for (accept, offer) in [
            ("*/*", Some(0)),
            ("text/csv", Some(1)),
            ("text/*, application/json;q=0.5", Some(1)),
            ("text/csv;q=0.5, */*;q=0.1", Some(1)),
            ("application/json;q=0, */*", Some(1)),
            ("application/json, text/csv", Some(0)),
            ("TEXT/CSV; header=present", Some(1)),
            ("text/csv;q=0.05, application/json;q=0.049", Some(1)),
            ("text/csv;q=2, application/json;q=0.1", Some(0)),
            ("image/png", None),
            ("text/csv;q=0", None),
        ] {
            assert_eq!(prefer(accept), offer, "{accept}");
        }
    }
}
