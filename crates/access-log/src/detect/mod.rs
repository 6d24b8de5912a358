//! Which format a log has, by its first lines.
//!
//! Refuses rather than guesses where who pays is in doubt: a wrong guess bills somebody, and a refusal names the
//! option that decides.
//!
//! * `clf`: which fields surround the common ones, line by line, and what most lines say.
//! * `strangers`: what a log is that cannot be metered.

mod clf;
mod strangers;

use crate::{
    format::{aws, envoy, haproxy, w3c, Layout},
    json::{self, JsonMap, Preset},
    prefix::Prefix,
    template::Template,
    time::{TimeFault, Times},
    FormatError,
};

/// Lines that are looked at.
const LINES_MAX: usize = 1000;

/// What a log is.
#[derive(Debug, Clone)]
pub(crate) struct Detected {
    pub(crate) layout: Layout,
    pub(crate) prefix: Prefix,
    pub(crate) is_docker: bool,
    pub(crate) is_haproxy: bool,
    pub(crate) description: String,
}

pub(crate) use strangers::refuse_old_newlines;

/// Returns the format of a log that begins like this.
pub(crate) fn detect(sample: &[u8], times: &Times) -> Result<Detected, FormatError> {
    let lines = lines_of(sample);
    if lines.is_empty() {
        // Nothing to read is read in any format.
        return Ok(detected(Layout::Template(clf::common()), "an empty log"));
    }
    strangers::refuse_by_first_bytes(sample)?;
    if lines.iter().take(20).any(|line| w3c::fields(line).is_some()) {
        return Ok(detected(Layout::W3c(w3c::Columns::default()), "W3C extended"));
    }
    if let Some(detected) = detect_docker(&lines, times)? {
        return Ok(detected);
    }
    for prefix in Prefix::ALL {
        let stripped: Vec<&[u8]> =
            lines.iter().filter_map(|line| prefix.strip(line)).map(|stripped| stripped.line).collect();
        if stripped.len() * 2 < lines.len() {
            continue;
        }
        if let Some(found) = detect_lines(&stripped, times)? {
            let description = format!("{}{}", found.description, prefix.name());
            return Ok(Detected { prefix, description, ..found });
        }
    }
    Err(strangers::unknown(&lines))
}

/// Returns the prefix of the lines of a log whose format is known.
pub(crate) fn prefix_of(format: &str, sample: &[u8]) -> Prefix {
    if matches!(format, "w3c" | "iis" | "cloudfront" | "alb" | "elb" | "s3") {
        return Prefix::None;
    }
    let lines = lines_of(sample);
    let has = |prefix: &Prefix| {
        let with = lines.iter().filter(|line| prefix.strip(line).is_some()).count();
        !lines.is_empty() && with * 10 >= lines.len() * 9
    };
    // A format of one's own may name what a shipper writes.
    if crate::notation::is_notation(format) {
        return Prefix::None;
    }
    Prefix::ALL.into_iter().skip(1).find(has).unwrap_or(Prefix::None)
}

fn detected(layout: Layout, description: &str) -> Detected {
    Detected {
        layout,
        prefix: Prefix::None,
        is_docker: false,
        is_haproxy: false,
        description: description.to_owned(),
    }
}

/// Returns the lines that are not empty, without NULs in front; the last one only if it is the only one, since it may
/// be cut.
fn lines_of(sample: &[u8]) -> Vec<&[u8]> {
    let whole = match memchr::memrchr(b'\n', sample) {
        Some(end) => &sample[..end],
        None => sample,
    };
    let lines = whole.split(|b| *b == b'\n').map(|line| {
        let text = line.iter().position(|b| *b != 0).unwrap_or(line.len());
        line[text..].trim_ascii_end()
    });
    lines.filter(|line| !line.is_empty()).take(LINES_MAX).collect()
}

fn detect_docker(lines: &[&[u8]], times: &Times) -> Result<Option<Detected>, FormatError> {
    let is_docker = |line: &&&[u8]| json::preset_of(line) == Some(Preset::Docker);
    if lines.iter().take(50).filter(is_docker).count() * 2 < lines.len().min(50) {
        return Ok(None);
    }
    let inner: Vec<_> =
        lines.iter().filter_map(|line| Some(JsonMap::value_of(line, b"log").ok()?.bytes())).collect();
    let mut text = Vec::new();
    for line in inner {
        text.extend_from_slice(&line);
    }
    let found = detect(&text, times)?;
    let description = format!("{} within Docker's JSON", found.description);
    Ok(Some(Detected { is_docker: true, description, ..found }))
}

fn detect_lines(lines: &[&[u8]], times: &Times) -> Result<Option<Detected>, FormatError> {
    if let Some(found) = detect_json(lines) {
        return Ok(Some(found));
    }
    if let Some((template, description)) = clf::detect(lines, times)? {
        return Ok(Some(detected(Layout::Template(template), &description)));
    }
    let without_process: Vec<&[u8]> = lines.iter().map(|line| haproxy::without_process(line)).collect();
    let known: [(&str, Template); 6] = [
        ("AWS application load balancer", aws::alb()),
        ("AWS classic load balancer", aws::elb()),
        ("AWS S3", aws::s3()),
        ("Istio", envoy::istio()),
        ("Envoy", envoy::text()),
        ("HAProxy", haproxy::http()),
    ];
    for (name, template) in known {
        let is_haproxy = name == "HAProxy";
        let lines = if is_haproxy { &without_process } else { lines };
        // Whether a zone is missing is another question than which format it is.
        let utc = times.or_zone(jiff::tz::TimeZone::UTC);
        let reads = |line: &&&[u8]| template.reads(line, &utc);
        if lines.iter().filter(reads).count() * 2 < lines.len() {
            continue;
        }
        let reads = |line: &&&[u8]| template.reads(line, times);
        if lines.iter().filter(reads).count() * 2 < lines.len() {
            return Err(FormatError::NoTimeZone { format: name.to_owned() });
        }
        return Ok(Some(Detected { is_haproxy, ..detected(Layout::Template(template), name) }));
    }
    Ok(None)
}

fn detect_json(lines: &[&[u8]]) -> Option<Detected> {
    let presets: Vec<Preset> = lines.iter().take(50).filter_map(|line| json::preset_of(line)).collect();
    let first = *presets.first()?;
    if presets.len() * 2 < lines.len().min(50) || presets.iter().any(|preset| *preset != first) {
        return None;
    }
    Some(match first {
        Preset::Caddy => detected(Layout::Json(Box::new(json::caddy())), "JSON of Caddy"),
        Preset::Traefik => detected(Layout::Json(Box::new(json::traefik())), "JSON of Traefik"),
        Preset::Envoy => detected(Layout::Json(Box::new(json::envoy())), "JSON of Envoy"),
        Preset::Nginx => detected(Layout::Json(Box::new(json::nginx())), "JSON of nginx"),
        Preset::Docker => return None,
    })
}

/// Returns whether the bytes are a time, and whether it needs a zone.
fn time_of(bytes: &[u8], times: &Times) -> Option<bool> {
    match times.unix_ms(bytes) {
        Ok(_) => Some(true),
        Err(TimeFault::NoZone) => Some(false),
        Err(TimeFault::NoTime) => None,
    }
}
