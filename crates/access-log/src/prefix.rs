//! What a shipper puts in front of each line: syslog, Docker Compose, Kubernetes.

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
}

/// A line without its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stripped<'a> {
    pub(crate) line: &'a [u8],
    /// Whether the line goes on in the next one.
    pub(crate) is_fragment: bool,
}

impl Prefix {
    pub(crate) const ALL: [Self; 4] = [Self::None, Self::Compose, Self::Kubernetes, Self::Syslog];

    /// Returns its name, as the end of a description.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Compose => " behind the names of Docker Compose",
            Self::Kubernetes => " behind the times of Kubernetes",
            Self::Syslog => " behind the beginnings of syslog",
        }
    }

    /// Takes the prefix off. Returns `None` if the line does not have it.
    pub(crate) fn strip(self, line: &[u8]) -> Option<Stripped<'_>> {
        let whole = |line| Some(Stripped { line, is_fragment: false });
        match self {
            Self::None => whole(line),
            Self::Compose => {
                let name = line.iter().position(|b| *b == b' ')?;
                let bar = line.get(name..)?.iter().position(|b| *b != b' ')? + name;
                let rest = line.get(bar..)?.strip_prefix(b"|")?;
                (name > 0).then_some(())?;
                whole(rest.strip_prefix(b" ").unwrap_or(rest))
            }
            Self::Kubernetes => {
                let (time, rest) = token(line)?;
                let (stream, rest) = token(rest)?;
                let (tag, rest) = token(rest)?;
                let is_time = time.len() > 18 && time.get(10) == Some(&b'T');
                let is_stream = matches!(stream, b"stdout" | b"stderr");
                let is_fragment = tag.starts_with(b"P");
                (is_time && is_stream && (is_fragment || tag.starts_with(b"F"))).then_some(())?;
                Some(Stripped { line: rest, is_fragment })
            }
            Self::Syslog => syslog(line).and_then(whole),
        }
    }
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
    let line = line.strip_prefix(b"1 ").unwrap_or(line);
    // `Jul 30 00:06:21 ` or `2024-07-30T00:06:21.123456+02:00 `.
    let (first, behind) = token(line)?;
    let behind_time = if first.len() == 3 && first.iter().all(u8::is_ascii_alphabetic) {
        let clock = line.get(7..15)?;
        (clock.get(2) == Some(&b':') && clock.get(5) == Some(&b':')).then_some(())?;
        line.get(15..)?.strip_prefix(b" ")?
    } else {
        (first.len() >= 19 && first.get(10) == Some(&b'T')).then_some(behind)?
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
    // RFC 5424: process, message identifier, and no structured data.
    let (_process, rest) = token(rest)?;
    let (_message, rest) = token(rest)?;
    rest.strip_prefix(b"- ")
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
        ] {
            assert_eq!(stripped(prefix, &format!("{text}{LINE}")).as_deref(), Some(LINE), "{text}");
        }
        for prefix in [Prefix::Compose, Prefix::Kubernetes, Prefix::Syslog] {
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
