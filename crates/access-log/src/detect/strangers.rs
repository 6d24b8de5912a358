//! What a log is that cannot be metered, and what to do with it.

use crate::{skip::excerpt, FormatError};

/// What begins like this is no text.
const BINARIES: [(&[u8], &str, &str); 9] = [
    (b"BZh", "compressed with bzip2", "decompress it first, as in bzcat FILE | ... import -"),
    (b"\xfd7zXZ\0", "compressed with xz", "decompress it first, as in xzcat FILE | ... import -"),
    (b"PK\x03\x04", "a zip archive", "unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it first"),
    (b"\x04\x22\x4d\x18", "compressed with lz4", "decompress it first, as in lz4cat FILE | ... import -"),
    (b"SQLite format 3\0", "a SQLite database", "name an access log"),
    (b"%PDF", "a PDF document", "name an access log"),
    (b"PAR1", "a Parquet file", "name an access log in text"),
    (b"\x7fELF", "a program", "name an access log"),
];

pub(super) fn refuse_by_first_bytes(sample: &[u8]) -> Result<(), FormatError> {
    let known = BINARIES.iter().find(|(beginning, ..)| sample.starts_with(beginning));
    if let Some((_, seems, remedy)) = known {
        return Err(unknown_as(&format!("it is {seems}"), remedy));
    }
    if sample.get(257..262) == Some(b"ustar") {
        return Err(unknown_as("it is a tar archive", "unpack it first, as in tar xOf FILE | ... import -"));
    }
    Ok(())
}

/// Refuses a log whose lines only carriage returns end: it would be one line.
pub(crate) fn refuse_old_newlines(sample: &[u8]) -> Result<(), FormatError> {
    let returns = memchr::memchr_iter(b'\r', sample.trim_ascii_end()).count();
    if returns == 0 || memchr::memchr(b'\n', sample).is_some() {
        return Ok(());
    }
    Err(unknown_as(
        "carriage returns end its lines, without newlines",
        "convert it first, as in tr '\\r' '\\n' < FILE | ... import -",
    ))
}

fn unknown_as(seems: &str, remedy: &str) -> FormatError {
    FormatError::Unknown { seems: seems.to_owned(), remedy: remedy.to_owned() }
}

/// Returns the error for lines that no format reads, with what they seem to be.
pub(super) fn unknown(lines: &[&[u8]]) -> FormatError {
    let most = |is: &dyn Fn(&[u8]) -> bool| lines.iter().filter(|line| is(line)).count() * 2 > lines.len();
    let has = |line: &[u8], text: &[u8]| memchr::memmem::find(line, text).is_some();
    if most(&|line| line.starts_with(b"{")) {
        return unknown_as(
            "it is JSON with other keys than those of Caddy, Traefik, Envoy, nginx or Docker",
            "say which keys are which with --format json:time=KEY,method=KEY,target=KEY,status=KEY,bytes_sent=KEY,client=KEY,user=KEY",
        );
    }
    let is_error_level = |line: &[u8]| {
        [
            &b" [error] "[..],
            b" [warn] ",
            b" [notice] ",
            b" [crit] ",
            b" [info] ",
            b":error] ",
            b":notice] ",
            b":warn] ",
        ]
        .iter()
        .any(|level| has(line, level))
    };
    if most(&is_error_level) {
        return unknown_as("it seems to be an error log", "name the access log instead");
    }
    if most(&|line| has(line, b"] \"")) {
        if let Some(time) = lines.iter().find_map(|line| bracketed(line)) {
            return unknown_as(
                &format!("the time `{}` of its lines is in no form that is known here", excerpt(time)),
                "give the form with --time-format, as in --time-format '%d/%b/%Y:%H:%M:%S %z', and the zone of times without one with --time-zone",
            );
        }
    }
    if most(&|line| has(line, b"\t") && line.split(|b| *b == b'\t').all(|field| has(field, b":"))) {
        return unknown_as(
            "it seems to be LTSV: labels before the values",
            "give its format with --format, as in --format 'time:%t\\thost:%h\\tuser:%u\\treq:%r\\tstatus:%>s\\tsize:%b'",
        );
    }
    if most(&|line| has(line, b"TCP_") && has(line, b"/")) {
        return unknown_as(
            "it seems to be the native format of Squid",
            "have Squid write `logformat combined`, or convert it",
        );
    }
    if lines.first().is_some_and(|line| matches!(line, [b'<', b'!' | b'?' | b'a'..=b'z' | b'A'..=b'Z', ..])) {
        return unknown_as("it seems to be HTML or XML", "name an access log");
    }
    if most(&|line| memchr::memchr_iter(b',', line).nth(4).is_some()) {
        return unknown_as(
            "it seems to be a table of values between commas",
            "give its format with --format, as in --format '$time_iso8601,$remote_addr,$request_method,$request_uri,$status,$bytes_sent'",
        );
    }
    let binary = |line: &[u8]| line.iter().any(|b| *b < 0x09);
    if most(&binary) {
        return unknown_as("it is no text", "name an access log");
    }
    let first = lines.first().map(|line| excerpt(line.get(..24).unwrap_or(line))).unwrap_or_default();
    unknown_as(
        &format!("its first line begins with `{first}`"),
        "give the format as the server's configuration has it with --format, as in --format '%h %l %u %t \"%r\" %>s %b'",
    )
}

/// Returns what stands in brackets before a quotation mark, where the time of the common format is.
fn bracketed(line: &[u8]) -> Option<&[u8]> {
    let end = memchr::memmem::find(line, b"] \"")?;
    let start = memchr::memrchr(b'[', line.get(..end)?)? + 1;
    line.get(start..end)
}
