//! A made-up access log, the same on every machine: what visitors, feed readers and crawlers ask a public site for.
//!
//! * `traffic`: the requests, one after the other.
//! * `formats`: a request as a line of each format.
//! * `words`: what paths, queries and agents are made of.

mod formats;
mod traffic;
mod words;

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::Context;

pub use formats::{LogFormat, FORMATS};
pub use traffic::{Request, Traffic};

/// Writes a log of so many requests, as many as come in so many `hours` on average.
pub fn write(path: &Path, format: &LogFormat, lines: u64, hours: u64) -> anyhow::Result<()> {
    let cannot_write = || format!("cannot write {}", path.display());
    let mut file = BufWriter::new(File::create(path).with_context(cannot_write)?);
    file.write_all(format.header.as_bytes()).with_context(cannot_write)?;
    let mut line = String::new();
    for request in Traffic::new(lines, hours) {
        line.clear();
        (format.write)(&request, &mut line);
        line.push('\n');
        file.write_all(line.as_bytes()).with_context(cannot_write)?;
    }
    file.flush().with_context(cannot_write)
}

/// Returns the first lines of such a log.
pub fn text(format: &LogFormat, lines: u64) -> String {
    let mut text = format.header.to_owned();
    for request in Traffic::new(lines, 84) {
        (format.write)(&request, &mut text);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use ron_accounting_access_log::{Format, Lines, Parser, RequestLine, Times};

    use super::{text, Traffic, FORMATS};

    #[test]
    fn every_format_tells_of_the_same_requests() {
        const LINES: u64 = 3_000;
        let expected: Vec<_> = Traffic::new(LINES, 84).collect();
        for format in FORMATS {
            let log = text(&format, LINES);
            let times = Times::new().with_zone("UTC").unwrap();
            let mut lines = Lines::new(log.as_bytes());
            let kind: Format = format.format.parse().unwrap();
            let mut parser = Parser::new(&kind, lines.sample().unwrap(), &times, &[]).unwrap();
            let mut at = 0;
            while let Some(line) = lines.next().unwrap() {
                let Some(request) = line.and_then(|line| parser.parse(line)).unwrap() else { continue };
                let wanted = &expected[at];
                assert_eq!(request.time_ms / 1000, wanted.time_ms / 1000, "{}: {at}", format.name);
                assert_eq!(request.bytes_sent, Some(wanted.bytes), "{}: {at}", format.name);
                assert_eq!(request.client.as_deref(), Some(&*wanted.client()), "{}: {at}", format.name);
                let RequestLine::Http { method, target } = request.line else { panic!("{}", format.name) };
                let path = target.split('?').next().unwrap();
                assert_eq!((&*method, path), (wanted.method, &*wanted.path), "{}: {at}", format.name);
                at += 1;
            }
            assert_eq!(at as u64, LINES, "{}", format.name);
        }
    }

    #[test]
    fn a_log_is_in_order_and_has_all_its_days() {
        let requests: Vec<_> = Traffic::new(20_000, 72).collect();
        assert!(requests.windows(2).all(|pair| pair[0].time_ms <= pair[1].time_ms));
        let days = requests.last().unwrap().time_ms / 86_400_000 - requests[0].time_ms / 86_400_000;
        assert_eq!(days, 2);
    }
}
