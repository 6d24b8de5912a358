//! Recognizes obvious personal data: e-mail addresses, IP addresses, card and telephone numbers.
//!
//! This is a guard against accidents, such as an address as the tenant. All refused tenants are counted under one common
//! placeholder. So false alarms have to be rare: numeric identifiers, UUIDs, version numbers and `acme::billing` are no personal
//! data.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Returns whether a name contains personal data.
pub(crate) fn is_found_in(text: &str) -> bool {
    holds_email(text)
        || holds_ipv4(text)
        || holds_ipv6(text)
        || holds_card_number(text)
        || holds_phone_number(text)
}

/// Returns whether `text` contains an e-mail address.
pub(crate) fn holds_email(text: &str) -> bool {
    text.match_indices('@').any(|(at, _)| {
        let local = text[..at].chars().next_back();
        local.is_some_and(|c| c.is_alphanumeric() || "_-+\"".contains(c)) && is_mail_domain(&text[at + 1..])
    })
}

/// Returns whether `text` begins with a domain name of two labels or more, the last of which begins with letters.
fn is_mail_domain(text: &str) -> bool {
    let belongs = |c: char| c.is_alphanumeric() || c == '-' || c == '.';
    let domain = text.split(|c| !belongs(c)).next().unwrap_or_default().trim_end_matches(['.', '-']);
    let Some((host, top)) = domain.rsplit_once('.') else { return false };
    // A word may be appended to it, as in `example.com-old`.
    let word = top.split('-').next().unwrap_or_default();
    let is_top = word == "xn" || (word.chars().count() >= 2 && word.chars().all(char::is_alphabetic));
    is_top && !is_version(host) && host.split('.').all(|label| !label.is_empty())
}

/// Returns whether the part before the top level is a pixel density or a version: `logo@2x.png`, `lodash@4.17.js`. A single
/// number can be a domain, as in `163.com`.
fn is_version(host: &str) -> bool {
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    host.strip_suffix('x').is_some_and(is_number) || (host.contains('.') && host.split('.').all(is_number))
}

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

fn holds_ipv4(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut previous = None;
    bytes.iter().enumerate().any(|(start, b)| {
        let begins = !previous.replace(*b).is_some_and(|p| p.is_ascii_alphanumeric() || p == b'.');
        begins && b.is_ascii_digit() && bytes.get(start..).is_some_and(|rest| leading_ipv4(rest).is_some())
    })
}

/// Returns whether `text` contains a routable or local IPv6 address. Others (`::1`, `db::1`) identify no person.
fn holds_ipv6(text: &str) -> bool {
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

/// Returns whether `text` contains a card number, without separators or in the groups that are printed on cards.
fn holds_card_number(text: &str) -> bool {
    let belongs = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-');
    let mut rest = text;
    while let Some(start) = rest.find(belongs) {
        let inside_word = rest[..start].ends_with(char::is_alphanumeric);
        let run = &rest[start..];
        let (run, after) = run.split_at(run.find(|c| !belongs(c)).unwrap_or(run.len()));
        // A group that touches letters is part of a word, such as the end of `t4111`.
        let run = if inside_word { run.split_once([' ', '-']).map_or("", |(_, groups)| groups) } else { run };
        let cut = after.starts_with(char::is_alphanumeric);
        let run = if cut { run.rsplit_once([' ', '-']).map_or("", |(groups, _)| groups) } else { run };
        if is_card_number(run.trim_matches([' ', '-'])) {
            return true;
        }
        rest = after;
    }
    false
}

/// Returns whether `run`, figures in groups, is a card number.
fn is_card_number(run: &str) -> bool {
    // The longest is 19 figures in five groups.
    if run.len() > 23 {
        return false;
    }
    let mut groups = [0; 6];
    for (length, group) in groups.iter_mut().zip(run.split([' ', '-'])) {
        *length = group.len();
    }
    let printed = matches!(
        groups,
        [_, 0, ..] | [4, 6, 4 | 5, 0, ..] | [4, 4, 4, 1..=4, 0, ..] | [4, 4, 4, 4, 1..=3, 0]
    );
    let figures = || run.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0');
    printed && (13..=19).contains(&figures().count()) && is_issued(figures()) && is_luhn(figures())
}

/// Returns whether a network issues cards with these first figures and this length. Without this check, one in ten of all
/// identifiers with 13 to 19 figures would be taken for a card.
fn is_issued(figures: impl Iterator<Item = u8> + Clone) -> bool {
    let first = figures.clone().take(4).fold(0, |number, figure| number * 10 + u32::from(figure));
    matches!(
        (first, figures.count()),
        (4000..=4999, 13 | 16 | 19)
            | (2221..=2720 | 5100..=5599, 16)
            | (3400..=3499 | 3700..=3799, 15)
            | (3000..=3059 | 3095 | 3600..=3699 | 3800..=3999, 14..=19)
            | (3528..=3589 | 6011 | 6200..=6299 | 6440..=6599, 16..=19)
            | (5000..=5099 | 5600..=5899 | 6300..=6399 | 6700..=6799, 13..=19)
    )
}

fn is_luhn(figures: impl DoubleEndedIterator<Item = u8>) -> bool {
    let sum: u32 = figures
        .rev()
        .enumerate()
        .map(|(index, figure)| {
            let figure = u32::from(figure);
            match (index % 2, figure) {
                (0, figure) => figure,
                (_, figure @ 0..=4) => figure * 2,
                (_, figure) => figure * 2 - 9,
            }
        })
        .sum();
    sum % 10 == 0
}

/// Returns whether `text` contains a telephone number in the international form: a plus and 7 to 15 figures.
fn holds_phone_number(text: &str) -> bool {
    text.match_indices('+').any(|(plus, _)| {
        let before = text[..plus].chars().next_back();
        let rest = &text[plus + 1..];
        // The length of the longest number with two separators at each figure. What follows cannot change the result.
        let number =
            rest.bytes().take(48).take_while(|b| b.is_ascii_digit() || b" -.()/".contains(b)).count();
        let figures = rest.bytes().take(number).filter(u8::is_ascii_digit).count();
        !before.is_some_and(char::is_alphanumeric)
            && rest.starts_with(|c: char| ('1'..='9').contains(&c))
            && (7..=15).contains(&figures)
            && !rest[number..].starts_with(char::is_alphanumeric)
    })
}
