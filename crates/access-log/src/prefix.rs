//! What a shipper puts in front of each line: syslog, Docker, Docker Compose, Kubernetes.

/// The text that a shipper writes in front of each line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum Prefix {
    #[default]
    None,
    /// `nginx-1  | `
    Compose,
    /// `2024-07-30T00:06:21.123456789Z stdout F `
    Kubernetes,
    /// `<13>Jul 30 00:06:21 host nginx: `, also with a time in ISO 8601.
    Syslog,
    /// `[pod/web-0/nginx] `
    Pod,
    /// `2024-07-30T00:06:21.123456789Z `
    Time,
}

/// A line without its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stripped<'a> {
    pub(crate) line: &'a [u8],
    /// Whether the line goes on in the next one of the same stream.
    pub(crate) is_fragment: bool,
    /// Whether the line was written to standard error.
    pub(crate) is_error: bool,
}

impl Prefix {
    pub(crate) const ALL: [Self; 6] =
        [Self::None, Self::Compose, Self::Kubernetes, Self::Syslog, Self::Pod, Self::Time];

    /// Returns its name, as the end of a description.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Compose => " behind the names of Docker Compose",
            Self::Kubernetes => " behind the times of Kubernetes",
            Self::Syslog => " behind the beginnings of syslog",
            Self::Pod => " behind the names of pods",
            Self::Time => " behind the times of Docker",
        }
    }

    /// Takes the prefix off. Returns `None` if the line does not have it.
    pub(crate) fn strip(self, line: &[u8]) -> Option<Stripped<'_>> {
        let whole = |line| Some(Stripped { line, is_fragment: false, is_error: false });
        match self {
            Self::None => whole(line),
            Self::Compose => {
                let name = line.iter().position(|b| *b == b' ')?;
                let bar = line.get(name..)?.iter().position(|b| *b != b' ')? + name;
                let rest = line.get(bar..)?.strip_prefix(b"|")?;
                (name > 0).then_some(())?;
                let rest = rest.strip_prefix(b" ").unwrap_or(rest);
                // With `--timestamps`.
                whole(without_time(rest).unwrap_or(rest))
            }
            Self::Kubernetes => {
                let (time, rest) = token(line)?;
                let (stream, rest) = token(rest)?;
                let (tag, rest) = token(rest)?;
                let is_stream = matches!(stream, b"stdout" | b"stderr");
                let is_fragment = tag.starts_with(b"P");
                (is_iso_time(time) && is_stream && (is_fragment || tag.starts_with(b"F"))).then_some(())?;
                Some(Stripped { line: rest, is_fragment, is_error: stream == b"stderr" })
            }
            Self::Syslog => {
                syslog(line).map(|rest| rest.strip_prefix(BYTE_ORDER_MARK).unwrap_or(rest)).and_then(whole)
            }
            Self::Pod => {
                let (name, rest) = token(line)?;
                (name.starts_with(b"[pod/") && name.ends_with(b"]")).then_some(())?;
                whole(without_time(rest).unwrap_or(rest))
            }
            Self::Time => without_time(line).and_then(whole),
        }
    }
}

/// Before the text of a message of RFC 5424 in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Returns whether a word is what a shipper writes, and no name of a host.
pub(crate) fn is_shippers_word(word: &[u8]) -> bool {
    is_iso_time(word) || word.starts_with(b"[") && word.ends_with(b"]") && word.contains(&b'/')
}

/// Returns whether a word begins as `2024-07-30T00:06:21`.
fn is_iso_time(word: &[u8]) -> bool {
    let Some(beginning) = word.get(..19) else { return false };
    beginning.iter().zip(b"0000-00-00T00:00:00").all(|(b, form)| match form {
        b'0' => b.is_ascii_digit(),
        _ => b == form,
    })
}

fn without_time(line: &[u8]) -> Option<&[u8]> {
    token(line).filter(|(time, _)| is_iso_time(time)).map(|(_, rest)| rest)
}

fn token(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b' ', line)?;
    Some((&line[..end], &line[end + 1..]))
}

fn syslog(line: &[u8]) -> Option<&[u8]> {
    let line = match line.strip_prefix(b"<") {
        Some(rest) => {
            let end = memchr::memchr(b'>', rest.get(..5).unwrap_or(rest))?;
            &rest[end + 1..]
        }
        None => line,
    };
    let is_rfc5424 = line.starts_with(b"1 ");
    let line = line.strip_prefix(b"1 ").unwrap_or(line);
    // `Jul 30 00:06:21 ` or `2024-07-30T00:06:21.123456+02:00 `.
    let (first, behind) = token(line)?;
    let behind_time = if first.len() == 3 && first.iter().all(u8::is_ascii_alphabetic) {
        let clock = line.get(7..15)?;
        (clock.get(2) == Some(&b':') && clock.get(5) == Some(&b':')).then_some(())?;
        line.get(15..)?.strip_prefix(b" ")?
    } else {
        (is_iso_time(first) || (is_rfc5424 && first == b"-")).then_some(behind)?
    };
    // HAProxy writes no host where it sends its log itself.
    let (host, rest) = token(behind_time)?;
    if host.ends_with(b"]:") {
        return Some(rest);
    }
    let (tag, rest) = token(rest)?;
    if tag.ends_with(b":") {
        return Some(rest);
    }
    // RFC 5424: process, message identifier, structured data or none.
    let (_process, rest) = token(rest)?;
    let (_message, rest) = token(rest)?;
    behind_structured_data(rest)
}

/// Takes off `- ` or `[name key="value"][other] `. Within values, `]`, `"` and a backslash are escaped.
fn behind_structured_data(line: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = line.strip_prefix(b"- ") {
        return Some(rest);
    }
    let (mut is_open, mut is_value, mut is_escaped) = (false, false, false);
    for (at, b) in line.iter().enumerate() {
        match b {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_value => is_escaped = true,
            b'"' if is_open => is_value = !is_value,
            _ if is_value => {}
            b'[' if !is_open => is_open = true,
            b']' if is_open => is_open = false,
            b' ' if !is_open => return (at > 0).then(|| &line[at + 1..]),
            _ if is_open => {}
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Prefix;

    const LINE: &str = "192.0.2.7 - - [30/Jul/2024:00:06:21 +0000] \"GET /a HTTP/1.1\" 200 10";

    fn stripped(prefix: Prefix, line: &str) -> Option<String> {
        prefix.strip(line.as_bytes()).map(|it| String::from_utf8(it.line.to_vec()).unwrap())
    }

    #[test]
    fn each_prefix_is_taken_off() {
        for (prefix, text) in [
            (Prefix::Compose, "nginx-1  | "),
            (Prefix::Compose, "web | "),
            (Prefix::Kubernetes, "2024-07-30T00:06:21.123456789Z stdout F "),
            (Prefix::Syslog, "Jul 30 00:06:21 web1 nginx: "),
            (Prefix::Syslog, "<190>Jul  3 00:06:21 web1 haproxy[123]: "),
            (Prefix::Syslog, "<134>Nov 25 14:25:10 haproxy[1463]: "),
            (Prefix::Syslog, "2024-07-30T00:06:21.123456+02:00 web1 nginx[7]: "),
            (Prefix::Syslog, "<190>1 2024-07-30T00:06:21.123Z web1 nginx 7 access - "),
            (Prefix::Syslog, "<190>1 - - - - - - "),
            (Prefix::Syslog, "<190>1 2024-07-30T00:06:21Z web1 nginx 7 - - \u{feff}"),
            (Prefix::Syslog, r#"<190>1 2024-07-30T00:06:21Z web1 nginx 7 - [a@1 b="c \"] \\" d="\]"][e] "#),
            (Prefix::Compose, "nginx-1  | 2024-07-30T00:06:21.123456789Z "),
            (Prefix::Pod, "[pod/web-0/nginx] "),
            (Prefix::Pod, "[pod/web-0/nginx] 2024-07-30T00:06:21.123456789Z "),
            (Prefix::Time, "2024-07-30T00:06:21.123456789Z "),
        ] {
            assert_eq!(stripped(prefix, &format!("{text}{LINE}")).as_deref(), Some(LINE), "{text}");
        }
        for prefix in Prefix::ALL.into_iter().skip(1) {
            assert_eq!(stripped(prefix, LINE), None);
            assert_eq!(stripped(prefix, ""), None);
        }
    }

    #[test]
    fn a_fragment_is_told() {
        let fragment = Prefix::Kubernetes.strip(b"2024-07-30T00:06:21.123456789Z stdout P abc").unwrap();
        assert!(fragment.is_fragment);
    }
}
