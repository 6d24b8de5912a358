//! IP addresses.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Returns whether `text` as a whole is an IP address, also with brackets, a zone or a port.
pub(crate) fn is_address(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split_once(']').is_some_and(|(inside, after)| is_ipv6(inside) && is_port(after));
    }
    leading_ipv4(text.as_bytes()).is_some_and(|length| text.get(length..).is_some_and(is_port))
        || is_ipv6(text)
}

fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
}

fn is_ipv6(text: &str) -> bool {
    if !text.contains(':') {
        return false;
    }
    let address = text.split_once('%').map_or(text, |(address, _zone)| address);
    // Otherwise the last group of words (`face::feed`) would be taken for one.
    address.bytes().any(|b| b.is_ascii_digit()) && address.parse::<Ipv6Addr>().is_ok()
}

/// Returns the length of the IPv4 address at the beginning of `text`. Numbers with leading zeros are decimal.
pub(crate) fn leading_ipv4(text: &[u8]) -> Option<usize> {
    let mut end = 0;
    for octet in 0..4 {
        if octet > 0 {
            if text.get(end) != Some(&b'.') {
                return None;
            }
            end += 1;
        }
        let rest = text.get(end..)?;
        let figures = rest.iter().take(4).take_while(|b| b.is_ascii_digit()).count();
        let value = rest.iter().take(figures).fold(0, |value, b| value * 10 + u32::from(b - b'0'));
        if !(1..=3).contains(&figures) || value > 255 {
            return None;
        }
        end += figures;
    }
    let longer = match text.get(end) {
        Some(b'.') => text.get(end + 1).is_some_and(u8::is_ascii_digit),
        Some(b) => b.is_ascii_alphanumeric(),
        None => false,
    };
    (!longer).then_some(end)
}

/// Returns whether the four numbers at the beginning of `rest`, of this length, are an address and no version, if they are a part of
/// a name such as `client-10.1.2.3`. `before` is what stands in front of them.
///
/// Four numbers alone are an address. Behind a word and a hyphen they can be a version (`build-1.2.3.4`), so that more is asked for: a
/// number of three figures, a private network, or a word that addresses follow.
pub(crate) fn is_address_in_name(before: &[u8], rest: &[u8], length: usize) -> bool {
    let Some(name) = before.strip_suffix(b"-").or_else(|| before.strip_suffix(b"_")) else { return true };
    let word = name.rsplit(|b| !b.is_ascii_alphabetic()).next().unwrap_or_default();
    if word.is_empty() || ADDRESSED.iter().any(|addressed| word.eq_ignore_ascii_case(addressed.as_bytes())) {
        return true;
    }
    let mut octets = rest.get(..length).unwrap_or_default().split(|&b| b == b'.');
    let private = matches!(
        (octets.clone().next(), octets.clone().nth(1)),
        (Some(b"10" | b"127"), _)
            | (Some(b"192"), Some(b"168"))
            | (Some(b"172"), Some([b'1', b'6'..=b'9'] | [b'2', _] | b"30" | b"31"))
    );
    private || octets.any(|octet| octet.len() == 3)
}

/// Words that an address follows.
const ADDRESSED: [&str; 14] = [
    "addr", "address", "client", "from", "gateway", "host", "ip", "ipaddr", "ipv4", "node", "peer", "remote",
    "server", "user",
];

pub(super) fn holds_ipv4(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut previous = None;
    bytes.iter().enumerate().any(|(start, b)| {
        let begins = !previous.replace(*b).is_some_and(|p| p.is_ascii_alphanumeric() || p == b'.');
        let Some((before, rest)) = bytes.split_at_checked(start).filter(|_| begins && b.is_ascii_digit())
        else {
            return false;
        };
        leading_ipv4(rest).is_some_and(|length| is_address_in_name(before, rest, length))
    })
}

/// Returns whether `text` contains a routable or local IPv6 address. Others (`::1`, `db::1`) identify no person.
pub(super) fn holds_ipv6(text: &str) -> bool {
    let no_part = |c: char| !(c.is_alphanumeric() || c == ':' || c == '.');
    text.split(no_part).filter(|part| part.len() < 64).any(|part| {
        let part = part.trim_end_matches('.');
        let address = part.parse::<Ipv6Addr>().ok();
        address.is_some_and(|address| {
            let first = address.segments()[0];
            let mapped: Option<Ipv4Addr> = address.to_ipv4_mapped();
            mapped.is_some()
                || first >> 13 == 0b001
                || first >> 9 == 0b111_1110
                || first >> 6 == 0b11_1111_1010
        })
    })
}
