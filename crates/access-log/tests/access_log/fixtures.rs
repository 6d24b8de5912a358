//! Logs that real servers wrote, beside a tally of what went over the wire.
//!
//! `cargo xtask emitters` makes them. The parser took no part in that.

use std::{env, fs, path::PathBuf};

use ron_accounting_access_log::{Decoded, Lines, Parser, Request, RequestLine, Times};

/// What a file NAME.expected says.
struct Expected {
    format: String,
    zone: Option<String>,
    detected: Option<String>,
    /// What was sent, and the words that a line should tell of it. `?` is any word: the wire does not tell.
    lines: Vec<(String, String)>,
}

impl Expected {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap();
        let fields = |name: &str| -> Vec<String> {
            head.lines()
                .filter_map(|line| Some(line.strip_prefix(name)?.strip_prefix(": ")?.to_owned()))
                .collect()
        };
        let mut lines = Vec::new();
        let mut sent = "";
        for line in body.lines() {
            match line.strip_prefix("# ") {
                Some(name) => sent = name,
                None => lines.push((sent.to_owned(), line.to_owned())),
            }
        }
        Self {
            format: fields("format").join("\n"),
            zone: fields("zone").pop(),
            detected: fields("detected").pop(),
            lines,
        }
    }

    fn parser(&self, format: &str, sample: &[u8]) -> Parser {
        let mut times = Times::new();
        if let Some(zone) = &self.zone {
            times = times.with_zone(zone).unwrap();
        }
        Parser::new(&format.parse().unwrap(), sample, &times, &[]).unwrap()
    }
}

/// One word that stands for these bytes alone.
fn encoded(bytes: &[u8]) -> String {
    let is_plain = |b: u8| (0x21..0x7f).contains(&b) && !b"%\"\\".contains(&b);
    bytes.iter().map(|&b| if is_plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Undoes `%41`, or another sign with two figures.
fn decoded(text: &str, sign: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(sign) {
        out.extend(before.bytes());
        let byte = behind.get(..2).and_then(|figures| u8::from_str_radix(figures, 16).ok());
        match byte {
            Some(byte) => out.push(byte),
            None => out.extend(sign.bytes()),
        }
        rest = if byte.is_some() { &behind[2..] } else { behind };
    }
    out.extend(rest.bytes());
    out
}

fn words(request: &Request<'_>) -> String {
    let name = |value: &Option<_>| {
        value
            .as_ref()
            .map_or(".".to_owned(), |value: &std::borrow::Cow<'_, str>| encoded(&decoded(value, "\\x")))
    };
    let number = |value: Option<u64>| value.map_or(".".to_owned(), |value| value.to_string());
    let (method, target) = match &request.line {
        RequestLine::Http { method, target } => (method.to_string(), encoded(&decoded(target, "%"))),
        _ => (".".to_owned(), ".".to_owned()),
    };
    [
        name(&request.client),
        name(&request.user),
        name(&request.host).to_lowercase(),
        method,
        target,
        number(request.status.map(u64::from)),
        number(request.bytes_sent),
    ]
    .join(" ")
}

fn agree(told: &str, expected: &str) -> bool {
    let (told, expected): (Vec<_>, Vec<_>) = (told.split(' ').collect(), expected.split(' ').collect());
    told.len() == expected.len() && told.iter().zip(&expected).all(|(a, b)| a == b || *b == "?")
}

/// Returns how many requests were compared, and adds what differs to `differences`.
fn compare(
    name: &str,
    log: &[u8],
    expected: &Expected,
    format: &str,
    differences: &mut Vec<String>,
) -> usize {
    let mut lines = Lines::new(Decoded::new(log).unwrap());
    let mut parser = expected.parser(format, lines.sample().unwrap());
    let mut wanted = expected.lines.iter();
    while let Some(line) = lines.next().unwrap() {
        let told = match line.and_then(|line| parser.parse(line)) {
            Ok(Some(request)) if request.rest.is_none() => words(&request),
            other => format!("{other:?}"),
        };
        let (sent, wanted) = wanted.next().unwrap();
        if !agree(&told, wanted) {
            differences.push(format!("{name} as {format}: {sent}\n  told     {told}\n  expected {wanted}"));
        }
    }
    assert_eq!(wanted.next(), None, "{name}: a request has no line");
    expected.lines.len()
}

#[test]
fn what_real_servers_wrote_is_what_went_over_the_wire() {
    let kept = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let folder = env::var_os("RON_ACCESS_LOG_FIXTURES").map_or(kept, PathBuf::from);
    let mut differences = Vec::new();
    let (mut logs, mut requests) = (0, 0);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "expected"))
    {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let expected = Expected::parse(&fs::read_to_string(path).unwrap());
        let log = fs::read(path.with_extension("log")).unwrap();
        requests += compare(name, &log, &expected, &expected.format, &mut differences);
        if let Some(detected) = &expected.detected {
            requests += compare(name, &log, &expected, "auto", &mut differences);
            assert_eq!(expected.parser("auto", &log).description(), detected, "{name}");
        }
        logs += 1;
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(logs > 0 && requests >= logs * 40, "{requests} requests of {logs} logs");
}
