//! The common format and its relatives: what is before the time, and what is behind the size.

use std::collections::BTreeMap;

use super::time_of;
use crate::{
    address::{is_client, without_port},
    format::clf::{template, Head},
    found::looks_like_address,
    template::Template,
    time::Times,
    FormatError,
};

/// Fields behind the size that are told apart.
const TAIL_MAX: usize = 24;

const REMEDY: &str =
    "give the format as the server's configuration has it with --format, as in --format '%h %l %u %t \"%r\" %>s %b'";

pub(super) fn common() -> Template {
    template(Head::Plain, "", true)
}

/// What one line says of its format.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum HeadKind {
    Plain,
    Vhost,
    /// Client, user and others cannot be told apart.
    Unclear,
}

/// Returns the format of lines most of which have a time in brackets and a request in quotation marks.
pub(super) fn detect(lines: &[&[u8]], times: &Times) -> Result<Option<(Template, String)>, FormatError> {
    let mut heads: BTreeMap<HeadKind, usize> = BTreeMap::new();
    let mut tails: BTreeMap<Option<String>, usize> = BTreeMap::new();
    let (mut known, mut without_zone) = (0, 0);
    let mut unclear = None;
    for line in lines {
        let Some((head, has_zone, rest)) = split(line, times) else { continue };
        known += 1;
        without_zone += usize::from(!has_zone);
        let kind = kind_of(head);
        if kind == HeadKind::Unclear {
            unclear.get_or_insert(head);
        }
        *heads.entry(kind).or_default() += 1;
        *tails.entry(tail(rest)).or_default() += 1;
    }
    if known * 2 < lines.len() || known == 0 {
        return Ok(None);
    }
    let count = |kind: HeadKind| heads.get(&kind).copied().unwrap_or(0);
    let (plain, vhost) = (count(HeadKind::Plain), count(HeadKind::Vhost));
    if count(HeadKind::Unclear) * 2 > known {
        let fields =
            unclear.map_or(0, |head| head.split(|b| *b == b' ').filter(|field| !field.is_empty()).count());
        // A format with other words in front may still be that of a shipper.
        if unclear.is_some_and(is_shipped) {
            return Ok(None);
        }
        return Err(FormatError::Ambiguous {
            seems: format!(
                "lines have {fields} fields before the time, and which of them is the client or the user is not sure"
            ),
            remedy: REMEDY.to_owned(),
        });
    }
    if plain.min(vhost) * 10 > known {
        return Err(FormatError::Ambiguous {
            seems: format!("{plain} lines begin with the client, and {vhost} with a virtual host"),
            remedy: "import logs of one format at a time".to_owned(),
        });
    }
    let head = if vhost > plain { Head::Vhost } else { Head::Plain };
    let most = tails.iter().max_by_key(|(_, count)| **count).filter(|(_, count)| **count * 10 >= known * 6);
    // Single lines that end otherwise are damaged. Many are of another format, as where a configuration has changed.
    let is_rival = |(tail, count): (&Option<String>, &usize)| {
        most.is_some_and(|(most, _)| most != tail) && tail.is_some() && *count > 1 && *count * 5 >= known
    };
    let tail = most.filter(|_| !tails.iter().any(is_rival)).and_then(|(tail, _)| tail.as_deref());
    // Behind nothing, anything may come: later lines may have more fields. So it is where lines differ, as in a log
    // of two formats: a line that ends behind its size is then whole.
    let varies = tail.is_none();
    let tail = tail.unwrap_or_default();
    let mut description = describe(head, tail);
    if varies {
        description.push_str(" with various fields behind");
    }
    if without_zone * 2 > known && !times.has_zone() {
        return Err(FormatError::NoTimeZone { format: description });
    }
    Ok(Some((template(head, tail, tail.is_empty()), description)))
}

fn describe(head: Head, tail: &str) -> String {
    let vhost = if head == Head::Vhost { "vhost_" } else { "" };
    let (name, more) = match tail.strip_prefix("QQ") {
        Some(more) => ("combined", more.len()),
        None => ("common", tail.len()),
    };
    match more {
        0 => format!("{vhost}{name}"),
        1 => format!("{vhost}{name} with one more field"),
        _ => format!("{vhost}{name} with {more} more fields"),
    }
}

/// Returns what is before the time, whether the time has a zone, and what follows the time.
fn split<'a>(line: &'a [u8], times: &Times) -> Option<(&'a [u8], bool, &'a [u8])> {
    for at in memchr::memchr_iter(b'[', line) {
        let rest = &line[at + 1..];
        let Some(end) = memchr::memchr(b']', rest.get(..64).unwrap_or(rest)) else { continue };
        let behind = rest[end + 1..].trim_ascii_start();
        if !behind.starts_with(b"\"") || at == 0 {
            continue;
        }
        if let Some(has_zone) = time_of(&rest[..end], times) {
            let head = line[..at].strip_suffix(b" ").unwrap_or(&line[..at]);
            return Some((head, has_zone, &behind[1..]));
        }
    }
    None
}

fn kind_of(head: &[u8]) -> HeadKind {
    let fields: Vec<&[u8]> = head.split(|b| *b == b' ').collect();
    match fields.as_slice() {
        [client, b"-", _] if !client.is_empty() => HeadKind::Plain,
        [client, b"-", b"", ..] if !client.is_empty() => HeadKind::Plain,
        [client, _, _]
            if looks_like_address(client)
                && !fields.iter().skip(1).any(|field| looks_like_address(field)) =>
        {
            // An ident server has answered, or these are other fields.
            HeadKind::Unclear
        }
        [host, client, b"-", _]
            if is_client(host) && !looks_like_address(host) && !crate::prefix::is_shippers_word(host) =>
        {
            let is_client = looks_like_address(client) || without_port(host).len() < host.len();
            if is_client {
                HeadKind::Vhost
            } else {
                HeadKind::Unclear
            }
        }
        _ => HeadKind::Unclear,
    }
}

/// Returns whether the words in front may be a shipper's, which is taken off before detection is tried again.
fn is_shipped(head: &[u8]) -> bool {
    crate::prefix::Prefix::ALL.into_iter().skip(1).any(|prefix| prefix.strip(head).is_some())
}

/// Returns a letter for each field behind the size; `None` where the line cannot be followed that far.
fn tail(rest: &[u8]) -> Option<String> {
    let end = crate::template::unescaped_quote(rest)?;
    let mut fields = rest.get(end + 1..)?.strip_prefix(b" ")?;
    for _ in ["status", "size"] {
        let end = memchr::memchr(b' ', fields).unwrap_or(fields.len());
        fields = fields.get(end..)?;
        fields = fields.strip_prefix(b" ").unwrap_or(fields);
    }
    let mut letters = String::new();
    while !fields.is_empty() {
        if letters.len() == TAIL_MAX {
            return None;
        }
        fields = if let Some(quoted) = fields.strip_prefix(b"\"") {
            letters.push('Q');
            quoted.get(crate::template::unescaped_quote(quoted)? + 1..)?
        } else {
            letters.push('W');
            fields.get(memchr::memchr(b' ', fields).unwrap_or(fields.len())..)?
        };
        match fields.strip_prefix(b" ") {
            Some(behind) if !behind.is_empty() => fields = behind,
            _ if fields.is_empty() => {}
            _ => return None,
        }
    }
    Some(letters)
}
