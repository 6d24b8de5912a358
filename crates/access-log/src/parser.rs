//! Lines of one log into requests.

use crate::{
    detect,
    format::{self, haproxy, Layout},
    found::{Found, Role},
    json::{unescape_into, JsonMap, Scalar, KEPT_MAX},
    lines::NULS_KEPT,
    prefix::{Prefix, Stripped},
    text::Escapes,
    time::Times,
    FieldName, Format, FormatError, Line, Remark, Request, Skip, SkipReason,
};

/// A line in pieces that is put together has at most this many bytes.
const JOINED_BYTES_MAX: usize = crate::LINE_BYTES_MAX;

/// Reads the lines of one log, in order: some formats name their fields on the way.
#[derive(Debug, Clone)]
pub struct Parser {
    layout: Layout,
    times: Times,
    kept: usize,
    prefix: Prefix,
    is_docker: bool,
    is_haproxy: bool,
    /// Whether a client's quotation marks were seen that are not escaped.
    raw_quotes: bool,
    /// Pieces of a line of standard output and of one of standard error so far, and a line that is not in the log as
    /// it is.
    pieces: [Vec<u8>; 2],
    joined: Vec<u8>,
    description: String,
}

impl Parser {
    /// Returns a parser for a log of this format. `sample` is the beginning of the log, for [`Format::auto`]; see
    /// [`Lines::sample`](crate::Lines::sample). The fields `keep` are kept of each line.
    ///
    /// Fails if the format is to be told by the sample and is none of the known, or could be several that differ in who
    /// made the requests; if it has no such field; or if its times have no zone and `times` has none.
    pub fn new(
        format: &Format,
        sample: &[u8],
        times: &Times,
        keep: &[FieldName],
    ) -> Result<Self, FormatError> {
        if keep.len() > KEPT_MAX {
            return Err(FormatError::TooManyFields { most: KEPT_MAX });
        }
        detect::refuse_old_newlines(sample)?;
        let detected = if format.is_auto() || format.within_docker() == Some("auto") {
            detect::detect(sample, times)?
        } else {
            let text = format.within_docker().unwrap_or(format.text());
            let is_docker = format.within_docker().is_some();
            let prefix = detect::prefix_of(text, sample);
            let description = format!("{format}{}", prefix.name());
            detect::Detected {
                layout: format::layout(text)?,
                prefix,
                is_docker,
                is_haproxy: text == "haproxy",
                description,
            }
        };
        let detect::Detected { mut layout, prefix, is_docker, is_haproxy, description } = detected;
        let mut times = times.clone();
        match &mut layout {
            Layout::Template(template) => {
                times = times.or_pattern(template.time_pattern.as_deref());
                for (position, name) in keep.iter().enumerate() {
                    if !template.keep(name, position) {
                        let hint = "give the whole format of the log with --format".to_owned();
                        let name = name.to_string();
                        return Err(FormatError::NoSuchField { format: description, name, hint });
                    }
                }
            }
            Layout::Json(map) => {
                for (position, name) in keep.iter().enumerate() {
                    map.keep(name, position);
                }
            }
            Layout::W3c(columns) => {
                times = times.or_zone(jiff::tz::TimeZone::UTC);
                columns.keep(keep);
            }
        }
        Ok(Self {
            layout,
            times,
            kept: keep.len(),
            prefix,
            is_docker,
            is_haproxy,
            raw_quotes: false,
            pieces: [Vec::new(), Vec::new()],
            joined: Vec::new(),
            description,
        })
    }

    /// Returns the format in words, for people: `combined, with 1 more field in quotation marks`.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Returns whether the format has a user. One that the log itself names is taken to have one.
    pub fn has_user(&self) -> bool {
        match &self.layout {
            Layout::Template(template) => template.has(Role::User),
            Layout::Json(map) => map.has(Role::User),
            Layout::W3c(_) => true,
        }
    }

    /// Reads a line. Returns `None` for a line that names columns, and for a piece of a line that goes on in the next
    /// one.
    ///
    /// Allocates nothing for a line that is as its format says and has no escapes.
    pub fn parse<'a>(&'a mut self, line: Line<'a>) -> Result<Option<Request<'a>>, Skip> {
        let mut bytes = line.bytes.strip_suffix(b"\r").unwrap_or(line.bytes);
        let mut had_nuls = false;
        if bytes.first().map_or(true, |b| *b == 0 || b.is_ascii_whitespace()) {
            let text = bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len());
            had_nuls = text > 0;
            bytes = &bytes[text..];
            if bytes.trim_ascii().is_empty() {
                return Err(Skip::new(SkipReason::Empty));
            }
        }
        if self.is_docker || self.prefix != Prefix::None {
            match unwrapped(bytes, self.is_docker, self.prefix, &mut self.pieces, &mut self.joined)? {
                Unwrapped::Same(inner) => bytes = inner,
                Unwrapped::Joined => bytes = self.joined.strip_suffix(b"\r").unwrap_or(&self.joined),
                Unwrapped::Fragment => return Ok(None),
            }
            if self.is_docker {
                // Within Docker's JSON, a line may have a prefix as well.
                let stripped = self.prefix.strip(bytes);
                bytes = stripped.ok_or_else(|| Skip::found(SkipReason::OtherFormat, bytes))?.line;
            }
        }
        if self.is_haproxy {
            bytes = haproxy::without_process(bytes);
        }
        let template = match &mut self.layout {
            Layout::Template(template) => &*template,
            Layout::Json(map) => return read_json(map, bytes, &self.times, self.kept, had_nuls).map(Some),
            Layout::W3c(columns) => {
                if bytes.starts_with(b"#") {
                    columns.direct(bytes)?;
                    return Ok(None);
                }
                columns.template(bytes).ok_or_else(|| Skip::found(SkipReason::OtherFormat, bytes))?
            }
        };
        if memchr::memchr(0, bytes).is_some() {
            if let Some(behind) = behind_nuls(bytes) {
                bytes = behind;
                had_nuls = true;
            }
        }
        let mut found = Found::default();
        template.read(bytes, &self.times, &mut self.raw_quotes, &mut found)?;
        if had_nuls {
            found.remarks.add(Remark::Nul);
        }
        found.request(template.escapes, self.kept).map(Some)
    }

    /// Reads the bytes of a line that a newline ended.
    pub fn parse_bytes<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Option<Request<'a>>, Skip> {
        self.parse(Line { bytes, is_terminated: true })
    }
}

fn read_json<'a>(
    map: &mut JsonMap,
    line: &'a [u8],
    times: &Times,
    kept: usize,
    had_nuls: bool,
) -> Result<Request<'a>, Skip> {
    let mut found = map.read(line, times)?;
    if had_nuls {
        found.remarks.add(Remark::Nul);
    }
    found.request(Escapes::Json, kept)
}

/// Returns what follows a block of NULs before the time: the rest of a line that a crash cut is in front of it.
///
/// Fewer NULs are left as they are, since a client may have sent them.
fn behind_nuls(line: &[u8]) -> Option<&[u8]> {
    let head = line.get(..memchr::memchr(b'[', line)?)?;
    let nul = memchr::memrchr(0, head)?;
    let block = head.get((nul + 1).checked_sub(NULS_KEPT)?..=nul)?;
    block.iter().all(|b| *b == 0).then(|| &line[nul + 1..])
}

enum Unwrapped<'a> {
    Same(&'a [u8]),
    Joined,
    Fragment,
}

/// Takes a line out of Docker's JSON, or else its prefix off.
fn unwrapped<'a>(
    line: &'a [u8],
    is_docker: bool,
    prefix: Prefix,
    pieces: &mut [Vec<u8>; 2],
    whole_line: &mut Vec<u8>,
) -> Result<Unwrapped<'a>, Skip> {
    if is_docker {
        return unwrapped_json(line, pieces, whole_line);
    }
    let Some(Stripped { line: inner, is_fragment, is_error }) = prefix.strip(line) else {
        return Err(Skip::found(SkipReason::OtherFormat, line));
    };
    let pieces = &mut pieces[usize::from(is_error)];
    if is_fragment {
        if pieces.len() + inner.len() > JOINED_BYTES_MAX {
            pieces.clear();
            return Err(Skip::new(SkipReason::TooLong));
        }
        pieces.extend_from_slice(inner);
        return Ok(Unwrapped::Fragment);
    }
    if pieces.is_empty() {
        return Ok(Unwrapped::Same(inner));
    }
    pieces.extend_from_slice(inner);
    std::mem::swap(whole_line, pieces);
    pieces.clear();
    Ok(Unwrapped::Joined)
}

/// Takes the line out of Docker's object. Docker cuts long lines, and ends the last piece of each with a newline.
fn unwrapped_json<'a>(
    line: &'a [u8],
    pieces: &mut [Vec<u8>; 2],
    whole_line: &mut Vec<u8>,
) -> Result<Unwrapped<'a>, Skip> {
    whole_line.clear();
    match JsonMap::value_of(line, b"log").map_err(|reason| Skip::found(reason, line))? {
        Scalar::Text(raw) => unescape_into(raw, whole_line),
        bare @ Scalar::Bare(_) => whole_line.extend_from_slice(&bare.bytes()),
    }
    let is_fragment = whole_line.last() != Some(&b'\n');
    if !is_fragment {
        whole_line.pop();
    }
    // The stream matters only where a line is in pieces.
    if is_fragment || pieces.iter().any(|pieces| !pieces.is_empty()) {
        let is_error = JsonMap::value_of(line, b"stream").is_ok_and(|stream| *stream.bytes() == *b"stderr");
        let pieces = &mut pieces[usize::from(is_error)];
        if is_fragment && pieces.len() + whole_line.len() > JOINED_BYTES_MAX {
            pieces.clear();
            return Err(Skip::new(SkipReason::TooLong));
        }
        pieces.append(whole_line);
        if is_fragment {
            return Ok(Unwrapped::Fragment);
        }
        std::mem::swap(whole_line, pieces);
    }
    Ok(Unwrapped::Joined)
}
