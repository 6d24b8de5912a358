//! One line: `client identity user [time] "request" status size`, then `"referrer" "agent"` in the combined format.

use std::str;

use super::{error::excerpt, timestamp, LineError, Request};

/// Which fields a line has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, clap::ValueEnum)]
pub enum Format {
    /// Combined where a quotation mark follows the size, else common: decided for each line.
    #[default]
    Auto,
    /// The fields up to the size. The rest of the line is ignored.
    Common,
    /// With referrer and agent, whose absence or missing quotation mark shows that a line is cut off.
    Combined,
}

impl Format {
    /// Returns the name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Common => "common",
            Self::Combined => "combined",
        }
    }
}

/// The fields of a line, borrowed from it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry<'a> {
    /// Address or name of the client: personal data.
    pub client: &'a str,
    /// The user that the server authenticated. It may hold spaces.
    pub user: Option<&'a str>,
    /// The time at which the request was received or answered, in Unix milliseconds. Whole seconds.
    pub time_ms: u64,
    /// The request.
    pub request: Request<'a>,
    /// The status of the answer.
    pub status: u16,
    /// Bytes of the answer; 0 for `-`.
    pub bytes_sent: u64,
}

impl<'a> Entry<'a> {
    /// Reads a line, which has no newline. A carriage return at its end and further fields are left out.
    ///
    /// Never allocates, unless a target holds escapes or the line is refused.
    pub fn parse(line: &'a [u8], format: Format) -> Result<Self, LineError> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text =
            str::from_utf8(line).map_err(|error| LineError::InvalidUtf8 { offset: error.valid_up_to() })?;
        if text.trim().is_empty() {
            return Err(LineError::Empty);
        }
        let (client, rest) = text.split_once(' ').ok_or(LineError::CutOff { field: "client address" })?;
        let (_identity, rest) = rest.split_once(' ').ok_or(LineError::CutOff { field: "identity" })?;
        let (user, rest) = rest.split_once(" [").ok_or(LineError::CutOff { field: "user" })?;
        let (time, rest) = rest.split_once(']').ok_or(LineError::CutOff { field: "date" })?;
        let time_ms = timestamp::unix_ms(time).ok_or_else(|| LineError::BadDate { found: excerpt(time) })?;
        let rest = rest.trim_start_matches(' ');
        let (request, rest) =
            quoted(rest, "request")?.ok_or_else(|| LineError::NoRequest { found: excerpt(rest) })?;
        let (status, rest) = word(rest);
        let status_code =
            status_code(status).ok_or_else(|| LineError::NoStatus { found: excerpt(status) })?;
        let (size, rest) = word(rest);
        let bytes_sent = match size {
            "" => return Err(LineError::CutOff { field: "size" }),
            "-" => 0,
            figures => number(figures).ok_or_else(|| LineError::BadSize { found: excerpt(figures) })?,
        };
        let rest = rest.trim_start_matches(' ');
        if format == Format::Combined || (format == Format::Auto && rest.starts_with('"')) {
            require_referrer_and_agent(rest)?;
        }
        Ok(Self {
            client,
            user: (!matches!(user, "" | "-" | "\"\"")).then_some(user),
            time_ms,
            request: Request::parse(request),
            status: status_code,
            bytes_sent,
        })
    }
}

fn require_referrer_and_agent(rest: &str) -> Result<(), LineError> {
    let mut rest = rest;
    for field in ["referrer", "agent"] {
        rest = quoted(rest.trim_start_matches(' '), field)?.ok_or(LineError::CutOff { field })?.1;
    }
    Ok(())
}

/// Returns the content of the quotation marks that `text` begins with, and the rest. `None` if it begins otherwise.
fn quoted<'a>(text: &'a str, field: &'static str) -> Result<Option<(&'a str, &'a str)>, LineError> {
    if text.is_empty() {
        return Err(LineError::CutOff { field });
    }
    let Some(text) = text.strip_prefix('"') else { return Ok(None) };
    let mut escaped = false;
    let end = text.bytes().position(|b| {
        let closes = b == b'"' && !escaped;
        escaped = b == b'\\' && !escaped;
        closes
    });
    let inside = end.and_then(|end| Some((text.get(..end)?, text.get(end + 1..)?)));
    inside.map(Some).ok_or(LineError::CutOff { field })
}

/// Returns the next field without quotation marks, and the rest.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start_matches(' ');
    text.split_at(text.find(' ').unwrap_or(text.len()))
}

fn status_code(text: &str) -> Option<u16> {
    if text.len() == 3 {
        number(text).and_then(|status| u16::try_from(status).ok())
    } else {
        None
    }
}

/// Parses a number of digits alone. `str::parse` would take a sign as well.
fn number(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}
