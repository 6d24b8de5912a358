//! Clients in one spelling.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
};

/// Reads an address: with or without brackets and port, an IPv4 address within IPv6 as IPv4.
pub fn parse_address(text: &str) -> Option<IpAddr> {
    let unbracketed = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let without_zone = unbracketed.split_once('%').map_or(unbracketed, |(address, _zone)| address);
    let address = without_zone.parse().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

/// Returns one spelling for each client: addresses without brackets, ports and zones and in their shortest form, an
/// IPv4 address within IPv6 as IPv4, names of hosts in lower case without a dot at the end.
///
/// ```
/// use ron_accounting_access_log::canonical_client;
///
/// for spelling in ["192.0.2.7", "192.0.2.7:4711", "::ffff:192.0.2.7", "[::FFFF:c000:207]:80"] {
///     assert_eq!(canonical_client(spelling), "192.0.2.7");
/// }
/// assert_eq!(canonical_client("Host.Example."), "host.example");
/// ```
pub fn canonical_client(text: &str) -> Cow<'_, str> {
    if let Some(address) = parse_address(text) {
        let canonical = address.to_string();
        return if canonical == text { Cow::Borrowed(text) } else { Cow::Owned(canonical) };
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// Returns whether the bytes may be an address or the name of a host.
pub(crate) fn is_client(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|b| IS_OF_CLIENT[usize::from(*b)]) && has_no_prefix(bytes)
}

/// Returns whether a single colon is that of a port or a socket, and not behind a name or number that a program like
/// `grep` has put in front: `access.log:192.0.2.7`.
fn has_no_prefix(bytes: &[u8]) -> bool {
    let Some(colon) = memchr::memchr(b':', bytes) else { return true };
    let behind = bytes.get(colon + 1..).unwrap_or_default();
    let is_single = memchr::memchr(b':', behind).is_none() && !bytes.starts_with(b"[");
    !is_single || bytes.starts_with(b"unix:") || behind.iter().all(u8::is_ascii_digit)
}

/// Which bytes addresses and names of hosts are made of.
const IS_OF_CLIENT: [bool; 256] = {
    let mut is_of_client = [false; 256];
    let mut b = 0_u8;
    loop {
        is_of_client[b as usize] = b.is_ascii_alphanumeric()
            || matches!(b, b'.' | b'_' | b':' | b'-' | b'%' | b'[' | b']' | b'/' | b'@' | 0x80..);
        if b == u8::MAX {
            break is_of_client;
        }
        b += 1;
    }
};

/// Takes the port off a host or an address: `shop.example:443`, `[2001:db8::1]:80`, `192.0.2.7:4711`.
///
/// An IPv6 address without brackets is left as it is.
pub(crate) fn without_port(bytes: &[u8]) -> &[u8] {
    let Some(colon) = memchr::memrchr(b':', bytes) else { return bytes };
    let (host, port) = bytes.split_at(colon);
    let is_port = (2..=6).contains(&port.len()) && port.iter().skip(1).all(u8::is_ascii_digit);
    let is_bare_ipv6 = memchr::memchr(b':', host).is_some() && !host.ends_with(b"]");
    if is_port && !is_bare_ipv6 && !host.is_empty() {
        host
    } else {
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::{canonical_client, without_port};

    #[test]
    fn spellings_of_one_client_are_one() {
        for spelling in ["2001:DB8::1", "[2001:db8:0:0::1]", "[2001:db8::1]:443", "2001:db8::1%eth0"] {
            assert_eq!(canonical_client(spelling), "2001:db8::1", "{spelling}");
        }
        assert_eq!(canonical_client("unix:"), "unix:");
    }

    #[test]
    fn a_port_is_taken_off_and_nothing_else() {
        for (with, without) in [
            ("shop.example:443", "shop.example"),
            ("[2001:db8::1]:80", "[2001:db8::1]"),
            ("2001:db8::1", "2001:db8::1"),
            ("shop.example", "shop.example"),
            ("shop.example:", "shop.example:"),
            (":80", ":80"),
        ] {
            assert_eq!(without_port(with.as_bytes()), without.as_bytes());
        }
    }
}
