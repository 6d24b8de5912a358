//! What was found of a line so far, field by field, whatever its format.

use crate::{
    address::{is_client, without_port},
    request::is_version,
    text::{text, Escapes},
    time::{TimeFault, Times},
    Remark, Remarks, Request, RequestLine, Skip, SkipReason,
};

/// No response has more bytes: 1 PiB. What says so is a negative number that was written without its sign, or a fault.
pub(crate) const SIZE_MAX: u64 = 1 << 50;

/// What a field is to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Role {
    Ignore,
    Client,
    /// An address that cannot be a name.
    Address,
    /// An address and its port in one.
    ClientAndPort,
    /// The host that was asked, which a client may have written.
    Host,
    /// The host as the server calls it.
    ServerName,
    /// What an ident server says, nearly always `-`.
    Ident,
    User,
    Time,
    /// Day and time of day, where these are two fields.
    Date,
    Clock,
    /// Method, target and version in one.
    Request,
    Method,
    Target,
    Query,
    Status,
    BytesSent,
    BytesReceived,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Size {
    #[default]
    Missing,
    Bytes(u64),
    NotCredible,
}

impl Size {
    fn parse(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [] | [b'-'] | [b'-', b'1'] => return Some(Self::Bytes(0)),
            _ => {}
        }
        let (negative, figures) = match bytes {
            [b'-', figures @ ..] => (true, figures),
            // HAProxy writes a plus where it writes a line before the response has ended.
            [b'+', figures @ ..] | figures => (false, figures),
        };
        if figures.is_empty() {
            return None;
        }
        let mut number = 0_u64;
        for b in figures {
            let figure = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
            number = number.saturating_mul(10).saturating_add(figure);
        }
        Some(if negative || number > SIZE_MAX { Self::NotCredible } else { Self::Bytes(number) })
    }

    pub(crate) fn bytes(self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Missing | Self::NotCredible => None,
        }
    }
}

/// The fields of one line. None of them is checked against another.
#[derive(Debug, Default)]
pub(crate) struct Found<'a> {
    client: Option<&'a [u8]>,
    host: Option<&'a [u8]>,
    user: Option<&'a [u8]>,
    request: Option<&'a [u8]>,
    method: Option<&'a [u8]>,
    target: Option<&'a [u8]>,
    query: Option<&'a [u8]>,
    time_ms: Option<u64>,
    date: Option<&'a [u8]>,
    clock: Option<&'a [u8]>,
    status: Option<u16>,
    sent: Size,
    received: Size,
    kept: Vec<Option<&'a [u8]>>,
    pub(crate) remarks: Remarks,
    pub(crate) rest: Option<&'a [u8]>,
}

impl<'a> Found<'a> {
    /// Takes a field. Returns the reason if it cannot be what its role says.
    pub(crate) fn fill(&mut self, role: Role, value: &'a [u8], times: &Times) -> Result<(), SkipReason> {
        match role {
            Role::Ignore => {}
            Role::Ident => {
                // An address where `-` is expected: the line has one more field before it.
                if !matches!(value, [b'-']) && (!is_client(value) || looks_like_address(value)) {
                    return Err(SkipReason::OtherFormat);
                }
            }
            Role::Client => {
                if !is_client(value) {
                    return Err(SkipReason::BadClient);
                }
                self.client = present(value);
            }
            Role::Address => {
                if !looks_like_address(value) && value != b"-" {
                    return Err(SkipReason::BadClient);
                }
                self.client = present(value);
            }
            Role::ClientAndPort => return self.fill(Role::Client, without_port(value), times),
            Role::Host => self.host = present(value),
            Role::ServerName => {
                if !is_client(value) {
                    return Err(SkipReason::OtherFormat);
                }
                self.host = present(value);
            }
            Role::User => self.user = present(value).filter(|user| *user != b"\"\""),
            Role::Time => self.fill_time(value, times)?,
            Role::Date => {
                self.date = Some(value);
                self.join_time(times)?;
            }
            Role::Clock => {
                self.clock = Some(value);
                self.join_time(times)?;
            }
            Role::Request => self.request = Some(value),
            Role::Method => self.method = present(value),
            Role::Target => self.target = present(value),
            Role::Query => self.query = present(value),
            Role::Status => self.status = status(value).ok_or(SkipReason::NoStatus)?,
            Role::BytesSent => self.sent = Size::parse(value).ok_or(SkipReason::BadSize)?,
            Role::BytesReceived => self.received = Size::parse(value).ok_or(SkipReason::BadSize)?,
        }
        Ok(())
    }

    /// Takes a time that need not be as it is in the line.
    pub(crate) fn fill_time(&mut self, value: &[u8], times: &Times) -> Result<(), SkipReason> {
        self.time_ms = Some(times.unix_ms(value).map_err(reason_of)?);
        Ok(())
    }

    /// Takes a field that was asked for, beside its role.
    pub(crate) fn keep(&mut self, position: usize, value: &'a [u8]) {
        if self.kept.len() <= position {
            self.kept.resize(position + 1, None);
        }
        if let Some(kept) = self.kept.get_mut(position) {
            *kept = present(value);
        }
    }

    fn join_time(&mut self, times: &Times) -> Result<(), SkipReason> {
        if let (Some(date), Some(clock)) = (self.date, self.clock) {
            self.time_ms = Some(times.unix_ms_of_parts(date, clock).map_err(reason_of)?);
        }
        Ok(())
    }

    /// Returns whether two readings of a line agree on who made the request.
    pub(crate) fn same_identity(&self, other: &Self) -> bool {
        self.client == other.client
            && self.user == other.user
            && self.host == other.host
            && self.kept == other.kept
    }

    /// Returns the bytes sent, if their number is credible.
    pub(crate) fn sent(&self) -> Option<u64> {
        self.sent.bytes()
    }

    /// Returns whether the host can be one, as far as it is known.
    pub(crate) fn has_plain_host(&self) -> bool {
        self.host.map_or(true, |host| memchr::memchr2(b'"', b' ', host).is_none())
    }

    /// Returns whether the user holds what could be a client, an identity and another user: `203.0.113.9 - ada`.
    pub(crate) fn user_has_client(&self) -> bool {
        let (Some(user), Some(client)) = (self.user, self.client) else { return false };
        // A log has addresses or names, and not both.
        let is_like: fn(&[u8]) -> bool =
            if looks_like_address(client) { looks_like_address } else { is_client };
        memchr::memmem::find_iter(user, b" - ").any(|at| {
            let before = user.get(..at).unwrap_or_default();
            before.rsplit(|b| *b == b' ').next().is_some_and(is_like)
        })
    }

    /// Drops who made the request: the line could be read in several ways that differ in it.
    pub(crate) fn forget_identity(&mut self) {
        self.client = None;
        self.user = None;
        self.host = None;
        self.kept.clear();
        self.remarks.add(Remark::IdentityUnknown);
    }

    /// Ends the request behind its first version of HTTP: what follows is of another line.
    pub(crate) fn end_request_at_version(&mut self) {
        let Some(request) = self.request else { return };
        let ends = memchr::memchr_iter(b'"', request).map(|at| &request[..at]);
        let is_whole = |end: &&[u8]| end.rsplit(|b| *b == b' ').next().is_some_and(is_version);
        if let Some(end) = { ends }.find(is_whole) {
            self.request = Some(end);
        }
    }

    /// Drops the numbers of bytes: they may be another request's.
    pub(crate) fn forget_sizes(&mut self) {
        self.sent = Size::Missing;
        self.received = Size::Missing;
        self.remarks.add(Remark::SizeUnknown);
    }

    pub(crate) fn request_line(&self) -> Option<&'a [u8]> {
        self.request
    }

    /// Returns the request, if the line has a time. `kept` is how many fields were asked for.
    pub(crate) fn request(&mut self, escapes: Escapes, kept: usize) -> Result<Request<'a>, Skip> {
        let Some(time_ms) = self.time_ms else { return Err(Skip::found(SkipReason::BadDate, b"")) };
        if self.sent == Size::NotCredible || self.received == Size::NotCredible {
            self.remarks.add(Remark::SizeNotCredible);
        }
        let line = match self.request {
            Some(request) => RequestLine::parse(request, escapes),
            None => RequestLine::of_parts(self.method, self.target, self.query, escapes),
        };
        let host = self.host.map(without_port).and_then(present).map(|host| text(host, escapes));
        self.kept.resize(kept, None);
        Ok(Request {
            client: self.client.map(|client| text(client, escapes)),
            user: self.user.map(|user| text(user, escapes)),
            host: host.or_else(|| line.host_of_url()),
            time_ms,
            line,
            status: self.status,
            bytes_sent: self.sent.bytes(),
            bytes_received: self.received.bytes(),
            kept: self.kept.iter().map(|value| value.map(|value| text(value, escapes))).collect(),
            remarks: self.remarks,
            rest: self.rest,
        })
    }
}

fn reason_of(fault: TimeFault) -> SkipReason {
    match fault {
        TimeFault::NoTime => SkipReason::BadDate,
        TimeFault::NoZone => SkipReason::NoTimeZone,
    }
}

fn present(value: &[u8]) -> Option<&[u8]> {
    (!matches!(value, [] | [b'-'])).then_some(value)
}

/// Returns whether the bytes are digits and dots, or digits and colons: enough to tell an address from what an ident
/// server says.
pub(crate) fn looks_like_address(bytes: &[u8]) -> bool {
    let groups = |separator: u8| memchr::memchr_iter(separator, bytes).count();
    let is_ipv4 = groups(b'.') == 3 && bytes.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    is_ipv4 || (groups(b':') >= 2 && bytes.iter().all(|b| b.is_ascii_hexdigit() || b":.[]%".contains(b)))
}

/// Reads three figures. The inner `None` is a connection that ended before there was a status.
#[allow(clippy::option_option)] // No status is not the same as something else instead.
fn status(bytes: &[u8]) -> Option<Option<u16>> {
    match bytes {
        [] | [b'-' | b'0'] | [b'-', b'1'] | [b'0', b'0', b'0'] => Some(None),
        [h, t, o] if bytes.iter().all(u8::is_ascii_digit) => {
            Some(Some(u16::from(h - b'0') * 100 + u16::from(t - b'0') * 10 + u16::from(o - b'0')))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{status, Size, SIZE_MAX};

    #[test]
    fn a_size_is_a_number_or_none_or_not_credible() {
        for none in ["-", "", "-1", "0"] {
            assert_eq!(Size::parse(none.as_bytes()), Some(Size::Bytes(0)), "{none}");
        }
        assert_eq!(Size::parse(b"512"), Some(Size::Bytes(512)));
        assert_eq!(Size::parse(b"+512"), Some(Size::Bytes(512)));
        assert_eq!(Size::parse(SIZE_MAX.to_string().as_bytes()), Some(Size::Bytes(SIZE_MAX)));
        for absurd in ["-5", "18446744073709551615", "18446744073709551616", "99999999999999999999999999"] {
            assert_eq!(Size::parse(absurd.as_bytes()), Some(Size::NotCredible), "{absurd}");
        }
        for other in ["many", "1.5", "--1", "+", "0x10"] {
            assert_eq!(Size::parse(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn a_status_has_three_figures_or_there_was_none() {
        assert_eq!(status(b"404"), Some(Some(404)));
        assert_eq!(status(b"-"), Some(None));
        for other in ["20", "2000", "+20", "abc"] {
            assert_eq!(status(other.as_bytes()), None);
        }
    }
}
