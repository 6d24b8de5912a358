//! Which keys of a JSON object are which fields, and a line read by that.

use super::{
    order::{Expected, KeyOrder, Step},
    scan::{Ahead, End, Scalar, Scan, Visit},
};
use crate::{
    field::same_header,
    found::{Found, Role},
    time::Times,
    FieldName, Remark, Skip, SkipReason,
};

/// Keys that one map may have.
const ENTRIES_MAX: usize = 40;
/// Of the index by length. Longer keys and deeper ones share its slots.
const LENGTHS: usize = 32;
const DEPTHS: usize = 4;
/// Fields that may be kept of a line.
pub(crate) const KEPT_MAX: usize = 8;
/// Behind the roles, of which there are fewer.
const KEPT_PURPOSE: usize = 20;

/// Keys by what they mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonMap {
    entries: Vec<Entry>,
    /// Where headers are: the path before their names, and what their keys begin with.
    pub(super) headers: (&'static [&'static str], &'static str),
    /// Whether the writer is known to escape what clients send.
    pub(super) escapes: bool,
    /// The entries of the last whole line, one bit each: what a line that is cut has to have.
    usual: u64,
    /// For each depth and length of a key, the entries that it can lead to, one bit each: most keys lead to none.
    by_length: [[u64; LENGTHS]; DEPTHS],
    order: KeyOrder,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    path: Vec<Vec<u8>>,
    role: Role,
    /// Of several keys for one role, the one with the lowest rank that has a value is taken.
    rank: u8,
    keep: Option<usize>,
    is_header: bool,
}

/// What is no map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MapFault {
    NoPair(String),
    NoSuchField(String),
    Missing(&'static str),
    TooMany,
}

impl JsonMap {
    pub(super) fn new(headers: (&'static [&'static str], &'static str)) -> Self {
        Self {
            entries: Vec::new(),
            headers,
            escapes: false,
            usual: 0,
            by_length: [[0; LENGTHS]; DEPTHS],
            order: KeyOrder::default(),
        }
    }

    /// Adds a key, whose levels dots separate; ranks follow the order in which keys of one role are added.
    pub(super) fn with(mut self, role: Role, path: &str) -> Self {
        self.add(role, path);
        self
    }

    /// Says that the writer escapes what clients send, so that they cannot write an object of their own.
    pub(super) fn with_escapes(mut self) -> Self {
        self.escapes = true;
        self
    }

    fn add(&mut self, role: Role, path: &str) {
        let rank = self.entries.iter().filter(|entry| entry.role == role).count();
        let path = path.split('.').map(|key| key.trim_end_matches("[0]").as_bytes().to_vec()).collect();
        let rank = u8::try_from(rank).unwrap_or(u8::MAX);
        self.entries.push(Entry { path, role, rank, keep: None, is_header: false });
        self.index();
    }

    /// Orders the entries by rank, and notes the lengths of their keys.
    fn index(&mut self) {
        self.entries.sort_by_key(|entry| entry.rank);
        self.order = KeyOrder::default();
        self.by_length = [[0; LENGTHS]; DEPTHS];
        for (bit, entry) in self.entries.iter().enumerate() {
            for (depth, key) in entry.path.iter().enumerate() {
                if let Some(lengths) = self.by_length.get_mut(depth % DEPTHS) {
                    lengths[key.len() % LENGTHS] |= 1 << bit;
                }
            }
        }
    }

    /// Reads `client=remote_addr,time=ts,method=req.method,...`.
    pub(crate) fn parse(text: &str) -> Result<Self, MapFault> {
        let mut map = Self::new((&[], "http_"));
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let Some((field, path)) = pair.split_once('=').filter(|(_, path)| !path.is_empty()) else {
                return Err(MapFault::NoPair(pair.to_owned()));
            };
            let role = match field {
                "client" => Role::ClientAndPort,
                "host" | "vhost" => Role::Host,
                "user" => Role::User,
                "time" => Role::Time,
                "request" => Role::Request,
                "method" => Role::Method,
                "target" => Role::Target,
                "query" => Role::Query,
                "status" => Role::Status,
                "bytes_sent" => Role::BytesSent,
                "bytes_received" => Role::BytesReceived,
                _ => return Err(MapFault::NoSuchField(field.to_owned())),
            };
            map.add(role, path);
        }
        if !map.has(Role::Time) {
            return Err(MapFault::Missing("time"));
        }
        let has_parts = map.has(Role::Method) && map.has(Role::Target);
        if !map.has(Role::Request) && !has_parts {
            return Err(MapFault::Missing("request, or method and target"));
        }
        if map.entries.len() > ENTRIES_MAX / 2 {
            return Err(MapFault::TooMany);
        }
        Ok(map)
    }

    pub(crate) fn has(&self, role: Role) -> bool {
        self.entries.iter().any(|entry| entry.role == role)
    }

    /// Keeps a field. A name may be a key with dots in it, or a path; both are looked for.
    pub(crate) fn keep(&mut self, name: &FieldName, position: usize) {
        let keep = Some(position);
        match name {
            FieldName::Field(name) => {
                let whole = vec![name.as_bytes().to_vec()];
                let nested: Vec<_> =
                    name.split('.').map(|key| key.trim_end_matches("[0]").as_bytes().to_vec()).collect();
                for (rank, path) in [(0, nested), (1, whole)] {
                    if rank == 0 || name.contains('.') {
                        self.entries.push(Entry { path, role: Role::Ignore, rank, keep, is_header: false });
                    }
                }
            }
            FieldName::Header(name) => {
                let (before, prefix) = self.headers;
                let mut path: Vec<Vec<u8>> = before.iter().map(|key| key.as_bytes().to_vec()).collect();
                path.push(format!("{prefix}{name}").into_bytes());
                self.entries.push(Entry { path, role: Role::Ignore, rank: 0, keep, is_header: true });
            }
        }
        self.entries.truncate(ENTRIES_MAX);
        self.index();
    }

    /// Reads a line. Learns from whole lines which keys a line has.
    pub(crate) fn read<'a>(&mut self, line: &'a [u8], times: &Times) -> Result<Found<'a>, Skip> {
        let mut values = Values {
            entries: &self.entries,
            by_length: &self.by_length,
            order: self.order.begin_line(),
            open: [0; 33],
            found: [None; ENTRIES_MAX],
            clash: false,
        };
        values.open[0] = u64::MAX;
        let end = Scan::walk(line, &mut values);
        let (values, clash) = (&values.found, values.clash);
        let seen =
            (0..).zip(values).filter(|(_, value)| value.is_some()).fold(0, |seen, (bit, _)| seen | 1 << bit);
        match end {
            End::Whole | End::Followed(_) => self.usual = seen,
            End::NoJson => return Err(Skip::found(SkipReason::OtherFormat, line)),
            End::Cut if self.usual != 0 && seen & self.usual == self.usual => {}
            End::Cut => return Err(Skip::found(SkipReason::CutOff, b"last field")),
        }
        let mut found = Found::default();
        match end {
            End::Cut => found.remarks.add(Remark::Cut),
            End::Followed(at) => {
                found.remarks.add(Remark::Glued);
                found.rest = line.get(at..).filter(|_| self.escapes);
            }
            _ => {}
        }
        // An empty request is one too: the server could not read it.
        let mut has_target = false;
        // The first usable value for a purpose is taken: entries are in the order of their ranks.
        let mut taken = 0_u32;
        for (entry, value) in self.entries.iter().zip(values) {
            let Some(value) = value else { continue };
            has_target |= matches!(entry.role, Role::Request | Role::Target);
            let purpose = 1
                << entry
                    .keep
                    .map_or(entry.role as usize, |position| KEPT_PURPOSE + position.min(KEPT_MAX - 1));
            if taken & purpose != 0 || matches!(value, Scalar::Text(b"" | b"-") | Scalar::Bare(b"null" | b""))
            {
                continue;
            }
            taken |= purpose;
            if let Some(position) = entry.keep {
                found.keep(position, value.raw());
                continue;
            }
            let filled = if entry.role == Role::Time {
                // Slashes may be escaped.
                found.fill_time(&value.bytes(), times)
            } else {
                found.fill(entry.role, value.raw(), times)
            };
            filled.map_err(|reason| Skip::found(reason, value.raw()))?;
        }
        if !has_target {
            return Err(Skip::found(SkipReason::NoRequest, line));
        }
        if clash {
            found.forget_identity();
        }
        Ok(found)
    }
}

/// The values of one line.
struct Values<'m, 'a> {
    entries: &'m [Entry],
    by_length: &'m [[u64; LENGTHS]; DEPTHS],
    order: Expected<'m>,
    /// For each depth, which entries the keys so far lead to, one bit each.
    open: [u64; 33],
    found: [Option<Scalar<'a>>; ENTRIES_MAX],
    /// Whether a key that says who pays came twice with different values.
    clash: bool,
}

impl<'a> Visit<'a> for Values<'_, 'a> {
    #[inline]
    fn expect(&mut self, depth: usize, rest: &'a [u8]) -> Option<Ahead> {
        let above = self.open.get(depth).copied()?;
        let Step { bytes, has_value, below } = self.order.next(above, rest)?;
        *self.open.get_mut(depth + 1)? = below;
        Some(if has_value { Ahead::Pair { bytes } } else { Ahead::Key { bytes, wanted: below != 0 } })
    }

    fn pass(&mut self, value: &'a [u8]) {
        self.order.note_value(value);
    }

    fn enter(&mut self, depth: usize, key: &'a [u8]) -> bool {
        let before = self.open.get(depth).copied().unwrap_or(0);
        let mut above = before;
        above &= self.by_length[depth % DEPTHS][key.len() % LENGTHS];
        let mut below = 0;
        while above != 0 {
            let bit = above.trailing_zeros();
            above &= above - 1;
            let Some(entry) = self.entries.get(bit as usize) else { break };
            let Some(level) = entry.path.get(depth) else { continue };
            if level.len() != key.len() {
                continue;
            }
            let is_name = entry.is_header && depth + 1 == entry.path.len();
            if level == key || (is_name && same_header(level, key)) {
                below |= 1 << bit;
            }
        }
        self.order.learn(before, key, below);
        if let Some(open) = self.open.get_mut(depth + 1) {
            *open = below;
        }
        below != 0
    }

    fn value(&mut self, depth: usize, value: Scalar<'a>) {
        let mut open = self.open.get(depth + 1).copied().unwrap_or(0);
        while open != 0 {
            let bit = open.trailing_zeros() as usize;
            open &= open - 1;
            let (Some(entry), Some(slot)) = (self.entries.get(bit), self.found.get_mut(bit)) else { break };
            if entry.path.len() != depth + 1 {
                continue;
            }
            match slot {
                None => *slot = Some(value),
                // The first one stays. A client that can write a key of its own must not decide who pays.
                Some(first) if first.bytes() != value.bytes() => {
                    let is_identity =
                        matches!(entry.role, Role::Client | Role::ClientAndPort | Role::User | Role::Host);
                    self.clash |= is_identity || entry.keep.is_some();
                }
                Some(_) => {}
            }
        }
    }

    fn leave(&mut self, _depth: usize) {}
}

impl JsonMap {
    /// Returns the value of a key of the first object: for wrappers.
    pub(crate) fn value_of<'a>(line: &'a [u8], key: &'static [u8]) -> Result<Scalar<'a>, SkipReason> {
        struct One<'a> {
            key: &'static [u8],
            value: Option<Scalar<'a>>,
        }
        impl<'a> Visit<'a> for One<'a> {
            fn enter(&mut self, depth: usize, key: &'a [u8]) -> bool {
                depth == 0 && key == self.key && self.value.is_none()
            }
            fn value(&mut self, _: usize, value: Scalar<'a>) {
                self.value.get_or_insert(value);
            }
            fn leave(&mut self, _: usize) {}
        }
        let mut one = One { key, value: None };
        let end = Scan::walk(line, &mut one);
        match (one.value, end) {
            (Some(value), End::Whole | End::Followed(_) | End::Cut) => Ok(value),
            (None, End::Cut) => Err(SkipReason::CutOff),
            _ => Err(SkipReason::OtherFormat),
        }
    }
}
