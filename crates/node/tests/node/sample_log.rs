//! An access log made up from a seed, with sums that are taken while it is written and never from what is read back.

use std::{collections::BTreeMap, fmt::Write};

/// 17 May 2015, 10:00:00 UTC.
pub(crate) const START_MS: u64 = 1_431_856_800_000;

/// The log and what it must add up to.
pub(crate) struct SampleLog {
    pub(crate) text: String,
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
    /// Requests and bytes by method and route, as they are after normalization.
    pub(crate) by_route: BTreeMap<(String, String), (u64, u64)>,
    /// Requests by the start of their minute.
    pub(crate) by_minute: BTreeMap<u64, u64>,
    /// Requests by user, `anonymous` without one.
    pub(crate) by_user: BTreeMap<String, u64>,
    pub(crate) addresses: Vec<String>,
}

impl SampleLog {
    /// `lines` lines, in order of time.
    pub(crate) fn new(lines: u64) -> Self {
        let mut log = Self {
            text: String::new(),
            lines,
            bytes: 0,
            by_route: BTreeMap::new(),
            by_minute: BTreeMap::new(),
            by_user: BTreeMap::new(),
            addresses: Vec::new(),
        };
        let mut random = 42_u64;
        let mut second = 0;
        for _ in 0..lines {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            second += random % 7;
            log.line(second, random >> 8);
        }
        log.addresses.sort();
        log.addresses.dedup();
        log
    }

    fn line(&mut self, second: u64, random: u64) {
        let method = ["GET", "POST", "HEAD"][(random % 3) as usize];
        let id = random >> 3 & 0xff;
        let (target, route) = match random >> 11 & 3 {
            0 => (format!("/users/{id}/orders?page=2"), "/users/:num/orders"),
            1 => ("/about".to_owned(), "/about"),
            2 => (format!("/objects/6fa459ea-ee8a-3ca4-894e-db77e16035{id:02x}"), "/objects/:uuid"),
            _ => ("/Images/logo.png".to_owned(), "/Images/logo.png"),
        };
        let user = ["-", "ada", "grace"][(random >> 13) as usize % 3];
        let bytes = random >> 16 & 0xf_ffff;
        let address = format!("203.0.113.{}", random >> 40 & 0x1f);
        let (hour, minute) = (10 + second / 3600, second / 60 % 60);
        let combined = random >> 46 & 1 == 0;
        let (size, counted) =
            if bytes.is_multiple_of(10) { ("-".to_owned(), 0) } else { (bytes.to_string(), bytes) };
        // Two hours ahead of UTC, so that a reader that ignores zones is found out.
        write!(
            self.text,
            "{address} - {user} [17/May/2015:{:02}:{minute:02}:{:02} +0200] \"{method} {target} HTTP/1.1\" 200 {size}",
            hour + 2,
            second % 60
        )
        .unwrap();
        self.text.push_str(if combined { " \"-\" \"agent \\\"x\\\" 1.0\"\n" } else { "\n" });

        self.bytes += counted;
        let sums = self.by_route.entry((method.to_owned(), route.to_owned())).or_default();
        *sums = (sums.0 + 1, sums.1 + counted);
        *self.by_minute.entry(START_MS + second / 60 * 60_000).or_default() += 1;
        let user = if user == "-" { "anonymous" } else { user };
        *self.by_user.entry(user.to_owned()).or_default() += 1;
        self.addresses.push(address);
    }
}
