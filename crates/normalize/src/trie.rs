//! What the learner remembers: for each position of a path, the values that it has shown.
//!
//! A position is what may follow a prefix. Values with which a path ends and values behind which it goes on are told apart, so that a
//! thousand pages at the root do not merge the APIs that begin there, and neither do a thousand guesses of a scanner.
//!
//! ```text
//!  root ── branches ── "files" ── ends ── "a.pdf", "b.pdf", ..          until there are more than the limit
//!                              └─ ends ── ":name" (turned)              from then on
//! ```
//!
//! Values that a service names and not its users, versions of an API and what begins with `_` or `.`, are counted apart from the others
//! for the same reason: `/_search` is no product, and `/2015-03-31` is no bucket.
//!
//! Values in which letters touch a placeholder (`seg:num`) are counted apart, too, and turn earlier: a position has a few such families,
//! and many only if its values are random (`k3x9qz` and `a7b2c1`, of which a path alone sees the numbers).
//!
//! When a position turns, what was known behind its values is merged. A merged position can exceed the limit in turn. So what has
//! turned at the end depends on the set of paths and not on their order, as long as there is room.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashSet};
use std::hash::{Hash, Hasher};

use crate::learner::LearnedPosition;
use crate::{path, placeholder, version};

/// The limits, and what is in use of them.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    /// The most values of a position that keep their names.
    pub(crate) values_max: usize,
    /// The most values of all positions together.
    pub(crate) stored_max: usize,
    /// The values of all positions together.
    pub(crate) stored: usize,
    /// The most values of turned positions that are told apart in order to count them.
    pub(crate) counted_max: usize,
    counted: usize,
    /// How often a position has turned.
    pub(crate) turns: u64,
}

impl Budget {
    pub(crate) const fn new(values_max: usize, stored_max: usize, counted_max: usize) -> Self {
        Self { values_max, stored_max, stored: 0, counted_max, counted: 0, turns: 0 }
    }

    fn take(&mut self) -> bool {
        let room = self.stored < self.stored_max;
        self.stored += usize::from(room);
        room
    }

    fn give_back(&mut self) {
        self.stored = self.stored.saturating_sub(1);
    }
}

/// What may follow a prefix.
#[derive(Debug, Default)]
pub(crate) struct Position {
    ends: Values<()>,
    // Boxed, or a map with one entry would have room for eleven of these.
    branches: Values<Box<Position>>,
}

/// The values of a position, and what is behind each.
#[derive(Debug)]
struct Values<T> {
    named: BTreeMap<Box<str>, T>,
    /// The kinds of values that turn by themselves, by [`Kind`].
    kinds: [KindOfValues; 3],
}

/// The values of one kind.
#[derive(Debug, Default)]
struct KindOfValues {
    /// How many keep their names.
    named: usize,
    turned: Option<Box<Seen>>,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A placeholder, of which there is a limited number, or a word that announces a version, on which depends how the next segment is
    /// read. It keeps its name for ever.
    Fixed,
    /// A word that the service has chosen: a version of its API, `_search`, `.well-known`.
    Reserved,
    /// Letters that touch a placeholder: `seg:num`, `:numK:numZ`.
    Ragged,
    /// Any other.
    Name,
}

/// A position has up to this share of [`Budget::values_max`] ragged values.
const RAGGED_SHARE: usize = 8;
/// A limit of ragged values that is not undercut, unless that of all values is.
const RAGGED_MIN: usize = 8;

impl Kind {
    fn of(value: &str) -> Self {
        let name =
            value.strip_prefix(placeholder::NAME).map(|suffix| suffix.strip_prefix('.').unwrap_or(suffix));
        if (value.starts_with(':') && placeholder::ALL.contains(&value))
            || name.is_some_and(|suffix| FORMATS.contains(&suffix))
            || version::announces_version(value)
        {
            Self::Fixed
        } else if value.starts_with(['_', '.']) || version::looks_like_api_version(value) {
            Self::Reserved
        } else if is_ragged(value) {
            Self::Ragged
        } else {
            Self::Name
        }
    }

    /// The kinds that can turn, the one that turns others with it last.
    const TURNING: [Self; 3] = [Self::Reserved, Self::Ragged, Self::Name];

    /// Returns how many values of this kind keep their names.
    fn values_max(self, budget: &Budget) -> usize {
        match self {
            Self::Ragged => (budget.values_max / RAGGED_SHARE).max(RAGGED_MIN).min(budget.values_max),
            _ => budget.values_max,
        }
    }

    /// The index of a kind that can turn.
    const fn index(self) -> Option<usize> {
        match self {
            Self::Fixed => None,
            Self::Reserved => Some(0),
            Self::Name => Some(1),
            Self::Ragged => Some(2),
        }
    }
}

/// Returns whether a placeholder touches a letter or a figure.
fn is_ragged(value: &str) -> bool {
    value.match_indices(':').any(|(at, _)| {
        let rest = value.get(at..).unwrap_or_default();
        let longest =
            placeholder::ALL.iter().filter(|name| rest.starts_with(**name)).map(|name| name.len()).max();
        let touches = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
        longest.is_some_and(|length| {
            touches(rest.as_bytes().get(length).copied())
                || touches(value.get(..at).and_then(|before| before.bytes().last()))
        })
    })
}

/// Extensions that say in which format an API answers. They stay behind a value that is replaced: `/users/:name.json`.
const FORMATS: [&str; 6] = ["atom", "csv", "json", "rss", "xml", "yaml"];

/// Returns what replaces a value.
fn replacement(value: &str) -> &'static str {
    const NAMED: [&str; 6] =
        [":name.atom", ":name.csv", ":name.json", ":name.rss", ":name.xml", ":name.yaml"];
    let format = value
        .rsplit_once('.')
        .and_then(|(_, extension)| FORMATS.iter().position(|format| *format == extension));
    format.and_then(|index| NAMED.get(index).copied()).unwrap_or(placeholder::NAME)
}

/// The values that a turned position has shown.
#[derive(Debug, Default)]
struct Seen {
    hashes: HashSet<u64>,
    /// There was no room to tell all apart.
    at_least: bool,
}

impl Seen {
    fn hash(value: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        hasher.finish()
    }

    fn contains(&self, value: &str) -> bool {
        self.hashes.contains(&Self::hash(value))
    }

    fn insert(&mut self, value: &str, budget: &mut Budget) {
        self.insert_hash(Self::hash(value), budget);
    }

    fn insert_hash(&mut self, hash: u64, budget: &mut Budget) {
        if budget.counted < budget.counted_max {
            budget.counted += usize::from(self.hashes.insert(hash));
        } else if !self.hashes.contains(&hash) {
            self.at_least = true;
        }
    }
}

/// What is behind a value.
trait Behind: Default {
    /// Adds what was behind another value.
    fn merge(&mut self, other: Self, budget: &mut Budget);
}

impl Behind for () {
    fn merge(&mut self, _other: Self, _budget: &mut Budget) {}
}

impl Behind for Box<Position> {
    fn merge(&mut self, other: Self, budget: &mut Budget) {
        let other = *other;
        self.ends.merge(other.ends, budget);
        self.branches.merge(other.branches, budget);
    }
}

impl<T> Default for Values<T> {
    fn default() -> Self {
        Self { named: BTreeMap::new(), kinds: <[KindOfValues; 3]>::default() }
    }
}

impl<T: Behind> Values<T> {
    /// Returns the name of a value and what is behind it, or `None` if there is no room for another value.
    fn enter<'a>(&mut self, value: &'a str, budget: &mut Budget) -> Option<(&'a str, &mut T)> {
        self.make_room(value, budget);
        let name = match self.kind_mut(value).and_then(|kind| kind.turned.as_deref_mut()) {
            Some(seen) => {
                seen.insert(value, budget);
                replacement(value)
            }
            None => value,
        };
        if !self.named.contains_key(name) {
            if !budget.take() {
                return None;
            }
            self.insert(name.into(), T::default());
        }
        self.named.get_mut(name).map(|behind| (name, behind))
    }

    /// Turns what has shown too many values once there is another one.
    fn make_room(&mut self, value: &str, budget: &mut Budget) {
        let kind = Kind::of(value);
        let Some(values) = kind.index().and_then(|index| self.kinds.get(index)) else { return };
        let is_new = match &values.turned {
            Some(seen) => kind == Kind::Ragged && !seen.contains(value),
            None => !self.named.contains_key(value),
        };
        if is_new && values.turned.is_none() && values.named >= kind.values_max(budget) {
            self.turn(kind, budget);
        }
        if is_new
            && kind != Kind::Reserved
            && self.names() >= budget.values_max
            && !self.has_turned(Kind::Name)
        {
            self.turn(Kind::Name, budget);
        }
    }

    /// Returns how many names and ragged values the position has shown.
    fn names(&self) -> usize {
        let shown = |kind: &KindOfValues| kind.turned.as_ref().map_or(kind.named, |seen| seen.hashes.len());
        [Kind::Name, Kind::Ragged].iter().filter_map(|kind| self.kinds.get(kind.index()?).map(shown)).sum()
    }

    fn kind_mut(&mut self, value: &str) -> Option<&mut KindOfValues> {
        self.kinds.get_mut(Kind::of(value).index()?)
    }

    fn insert(&mut self, name: Box<str>, behind: T) {
        if let Some(kind) = self.kind_mut(&name) {
            kind.named += 1;
        }
        self.named.insert(name, behind);
    }

    /// Replaces all values of a kind. With the names, ragged values are replaced, too.
    fn turn(&mut self, turning: Kind, budget: &mut Budget) {
        if turning == Kind::Name && !self.has_turned(Kind::Ragged) {
            self.turn(Kind::Ragged, budget);
        }
        let Some(kind) = turning.index().and_then(|index| self.kinds.get_mut(index)) else { return };
        *kind = KindOfValues { named: 0, turned: Some(Box::default()) };
        budget.turns = budget.turns.saturating_add(1);
        let (replaced, kept) =
            std::mem::take(&mut self.named).into_iter().partition(|(name, _)| Kind::of(name) == turning);
        self.named = kept;
        let replaced: BTreeMap<Box<str>, T> = replaced;
        for (name, behind) in replaced {
            self.add(name, behind, budget);
        }
    }

    fn merge(&mut self, other: Self, budget: &mut Budget) {
        let mut others = other.kinds;
        for turning in Kind::TURNING {
            let Some(kind) = turning.index().and_then(|index| others.get_mut(index)) else { continue };
            let Some(seen) = kind.turned.take() else { continue };
            if !self.has_turned(turning) {
                self.turn(turning, budget);
            }
            budget.counted = budget.counted.saturating_sub(seen.hashes.len());
            let own = turning.index().and_then(|index| self.kinds.get_mut(index)?.turned.as_deref_mut());
            if let Some(own) = own {
                own.at_least |= seen.at_least;
                for hash in seen.hashes {
                    own.insert_hash(hash, budget);
                }
            }
        }
        for (name, behind) in other.named {
            self.add(name, behind, budget);
        }
        for turning in Kind::TURNING {
            let named = turning.index().and_then(|index| self.kinds.get(index)).map_or(0, |kind| kind.named);
            if named > turning.values_max(budget) {
                self.turn(turning, budget);
            }
        }
        if self.names() > budget.values_max && !self.has_turned(Kind::Name) {
            self.turn(Kind::Name, budget);
        }
    }

    fn has_turned(&self, kind: Kind) -> bool {
        kind.index().and_then(|index| self.kinds.get(index)).is_some_and(|kind| kind.turned.is_some())
    }

    /// Adds a value that has room already.
    fn add(&mut self, name: Box<str>, behind: T, budget: &mut Budget) {
        let name = match self.kind_mut(&name).and_then(|kind| kind.turned.as_deref_mut()) {
            Some(seen) => {
                seen.insert(&name, budget);
                replacement(&name).into()
            }
            None => name,
        };
        match self.named.get_mut(&name) {
            Some(known) => {
                budget.give_back();
                known.merge(behind, budget);
            }
            None => self.insert(name, behind),
        }
    }

    /// Returns how many values were replaced, and whether there may be more, or `None` if none was.
    fn replaced(&self) -> Option<(usize, bool)> {
        let turned: Vec<&Seen> = self.kinds.iter().filter_map(|kind| kind.turned.as_deref()).collect();
        let sum = turned.iter().map(|seen| seen.hashes.len()).sum();
        (!turned.is_empty()).then(|| (sum, turned.iter().any(|seen| seen.at_least)))
    }
}

impl Position {
    /// Adds a route. Returns it with its turned positions replaced, and whether its end was cut for lack of room.
    pub(crate) fn learn(&mut self, route: &str, budget: &mut Budget) -> (String, bool) {
        let mut learned = String::with_capacity(route.len());
        let mut segments = path::segments(route).peekable();
        let mut position = self;
        while let Some(segment) = segments.next() {
            learned.push('/');
            let name = if segments.peek().is_some() {
                let Some((name, behind)) = position.branches.enter(segment, budget) else {
                    learned.push_str(placeholder::MORE);
                    return (learned, true);
                };
                position = behind;
                name
            } else {
                position.ends.enter(segment, budget).map_or(placeholder::MORE, |(name, ())| name)
            };
            learned.push_str(name);
            if name == placeholder::MORE && segment != name {
                return (learned, true);
            }
        }
        if learned.is_empty() {
            learned.push('/');
        }
        (learned, false)
    }

    /// Adds the turned positions behind `prefix`, in the order of their routes.
    pub(crate) fn turned(&self, prefix: &mut String, found: &mut Vec<LearnedPosition>) {
        let mut position = |replaced: Option<(usize, bool)>, rest: &str| {
            found.extend(replaced.map(|(values_seen, at_least)| LearnedPosition {
                route: format!("{prefix}/{}{rest}", placeholder::NAME),
                values_seen,
                at_least,
            }));
        };
        position(self.ends.replaced(), "");
        position(self.branches.replaced(), "/*");
        for (name, behind) in &self.branches.named {
            let length = prefix.len();
            prefix.push('/');
            prefix.push_str(name);
            behind.turned(prefix, found);
            prefix.truncate(length);
        }
    }
}
