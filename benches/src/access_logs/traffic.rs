//! The requests of a public site: visitors who read some pages, each with what it brings along, feed readers and crawlers.

use std::net::Ipv4Addr;

use super::words::{ASSETS, BROWSERS, PROBES, ROBOTS, SECTIONS, TAGS, WORDS};

/// 17 May 2015, midnight.
const FIRST_MS: u64 = 1_431_820_800_000;
const HOUR_MS: u64 = 3_600_000;
/// How busy each hour of a day is.
const BUSY: [u64; 24] = [5, 4, 4, 3, 3, 4, 5, 6, 8, 9, 10, 10, 11, 12, 13, 14, 14, 13, 13, 12, 11, 9, 8, 6];
/// Visitors at a time.
const VISITORS: usize = 48;
const ADDRESSES: u64 = 60_000;
const CRAWLERS: u64 = 40;

/// A request and its answer.
#[derive(Debug, Clone)]
pub struct Request {
    /// In Unix milliseconds.
    pub time_ms: u64,
    /// The address of the client.
    pub address: Ipv4Addr,
    /// The method.
    pub method: &'static str,
    /// The path, without the query.
    pub path: String,
    /// The query, without its question mark; may be empty.
    pub query: String,
    /// The version of HTTP.
    pub version: &'static str,
    /// The status of the answer.
    pub status: u16,
    /// Bytes of the answer.
    pub bytes: u64,
    /// Where the client says that it comes from; `-` without.
    pub referrer: String,
    /// What the client says that it is.
    pub agent: String,
}

impl Request {
    /// The address as text.
    pub fn client(&self) -> String {
        self.address.to_string()
    }

    /// Path and query.
    pub fn target(&self) -> String {
        if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Visitor {
    address: u64,
    agent: String,
    /// The page that is shown, as a whole URL.
    page: String,
    assets_left: u64,
    pages_left: u64,
}

/// So many requests, as many as come in so many hours on average, by the time of their answers.
#[derive(Debug)]
pub struct Traffic {
    random: u64,
    lines: u64,
    done: u64,
    /// In millionths of a day's traffic.
    length: u64,
    visitors: Vec<Visitor>,
}

impl Traffic {
    /// Begins at midnight.
    pub fn new(lines: u64, hours: u64) -> Self {
        let visitors = vec![Visitor::default(); VISITORS];
        Self {
            random: 0x9e37_79b9_7f4a_7c15,
            lines,
            done: 0,
            length: hours.max(1) * 1_000_000 / 24,
            visitors,
        }
    }

    /// Returns a number below `end` (xorshift, by Marsaglia).
    fn below(&mut self, end: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) % end.max(1)
    }

    /// Returns a number below `end`, of which the small ones are the most frequent.
    fn mostly_small(&mut self, end: u64) -> u64 {
        let (first, second) = (self.below(end), self.below(end));
        let third = self.below(end);
        first * second / end * third / end
    }

    fn word(&mut self) -> &'static str {
        let count = WORDS.len() as u64;
        pick(&WORDS, self.below(count))
    }

    /// Returns when request `number` was answered. Hours have as many as they are busy.
    fn time_ms(&self, number: u64) -> u64 {
        let busy: u64 = BUSY.iter().sum();
        let share = number * self.length / self.lines;
        let (day, mut rest) = (share / 1_000_000, share % 1_000_000 * busy);
        for (hour, busy) in (0..).zip(BUSY) {
            let here = busy * 1_000_000;
            if rest < here {
                return FIRST_MS + (day * 24 + hour) * HOUR_MS + rest * HOUR_MS / here;
            }
            rest -= here;
        }
        FIRST_MS + (day + 1) * 24 * HOUR_MS - 1
    }

    fn page(&mut self) -> String {
        let (section, article) = (self.mostly_small(8), self.mostly_small(160));
        let section = pick(&SECTIONS, section);
        let first = pick(&WORDS, article);
        let second = pick(&WORDS, article * 7 / 3 + 5);
        match article % 4 {
            0 => format!("/{section}/{first}-{second}/"),
            1 => format!("/{section}/{first}-with-{second}.html"),
            2 => format!("/{section}/{}/{first}-{second}.html", 2005 + article % 10),
            _ => format!("/{section}/{first}"),
        }
    }

    fn crawler(&mut self) -> Request {
        let number = self.mostly_small(CRAWLERS);
        let agent = pick(&ROBOTS, number).to_owned();
        let (path, query) = match self.below(10) {
            0..=3 => (format!("/blog/tags/{}", pick(&TAGS, number)), "flav=rss20".to_owned()),
            4 => ("/robots.txt".to_owned(), String::new()),
            5 if number > 30 => (pick(&PROBES, number).to_owned(), String::new()),
            _ => (self.page(), String::new()),
        };
        let address = Ipv4Addr::new(66, 249, 73, u8::try_from(number + 100).unwrap_or(0));
        let missing = PROBES.contains(&&*path);
        let bytes = if missing { 324 } else { 4_000 + self.below(40_000) };
        let status = if missing { 404 } else { 200 };
        let (method, version) = if self.below(50) == 0 { ("HEAD", "HTTP/1.0") } else { ("GET", "HTTP/1.1") };
        let referrer = "-".to_owned();
        Request { time_ms: 0, address, method, path, query, version, status, bytes, referrer, agent }
    }

    fn visit(&mut self) -> Request {
        let seat = usize::try_from(self.below(VISITORS as u64)).unwrap_or(0);
        let mut visitor = self.visitors.get_mut(seat).map(std::mem::take).unwrap_or_default();
        let mut referrer = visitor.page.clone();
        if visitor.pages_left == 0 && visitor.assets_left == 0 {
            let version = (9 + self.below(25)).to_string();
            visitor.address = self.mostly_small(ADDRESSES);
            visitor.agent = pick(&BROWSERS, visitor.address).replace('#', &version);
            visitor.pages_left = 1 + self.mostly_small(9);
            referrer = match self.below(4) {
                0 => "-".to_owned(),
                1 => format!("http://www.example.net/forum/topic/{}", self.mostly_small(400)),
                _ => format!(
                    "https://search.example.com/url?q={}+{}&hl=en&source=web",
                    self.word(),
                    self.word()
                ),
            };
        }
        let mut status = match self.below(100) {
            0..=5 => 304,
            6 => 301,
            _ => 200,
        };
        let (path, query, mut bytes);
        if visitor.assets_left > 0 {
            visitor.assets_left -= 1;
            let (asset, size) = ASSETS[usize::try_from(visitor.assets_left).unwrap_or(0) % ASSETS.len()];
            (path, query, bytes) = (asset.to_owned(), String::new(), size);
        } else {
            visitor.pages_left -= 1;
            visitor.assets_left = self.below(7);
            path = self.page();
            query = match self.below(12) {
                0 => format!("page={}", self.below(30)),
                1 => format!("utm_source=feed&utm_campaign={}", self.word()),
                _ => String::new(),
            };
            bytes = 5_000 + self.below(60_000);
            visitor.page = format!("http://www.example.org{path}");
            if self.below(50) == 0 {
                (status, bytes) = (404, 324);
            }
        }
        if status == 304 {
            bytes = 0;
        }
        let [_, a, b, c, ..] = (visitor.address * 2_654_435_761 % 0xff_ffff).to_le_bytes().map(|b| b.max(1));
        let (agent, address) = (visitor.agent.clone(), Ipv4Addr::new(83, a, b, c));
        if let Some(left) = self.visitors.get_mut(seat) {
            *left = visitor;
        }
        let method = if status == 200 && self.below(60) == 0 { "POST" } else { "GET" };
        Request {
            time_ms: 0,
            address,
            method,
            path,
            query,
            version: "HTTP/1.1",
            status,
            bytes,
            referrer,
            agent,
        }
    }
}

impl Iterator for Traffic {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        if self.done == self.lines {
            return None;
        }
        let time_ms = self.time_ms(self.done);
        self.done += 1;
        let request = if self.below(4) == 0 { self.crawler() } else { self.visit() };
        Some(Request { time_ms, ..request })
    }
}

fn pick<'a>(from: &[&'a str], number: u64) -> &'a str {
    let at = usize::try_from(number).unwrap_or(0) % from.len().max(1);
    from.get(at).copied().unwrap_or_default()
}
