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
}

impl Budget {
    pub(crate) const fn new(values_max: usize, stored_max: usize, counted_max: usize) -> Self {
        Self { values_max, stored_max, stored: 0, counted_max, counted: 0 }
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
    branches: Values<Position>,
}

/// The values of a position, and what is behind each.
#[derive(Debug)]
struct Values<T> {
    named: BTreeMap<Box<str>, T>,
    /// How many of `named` can be replaced. Placeholders cannot.
    replaceable: usize,
    turned: Option<Seen>,
}

/// The values that a turned position has shown.
#[derive(Debug, Default)]
struct Seen {
    hashes: HashSet<u64>,
    /// There was no room to tell all apart.
    at_least: bool,
}

impl Seen {
    fn insert(&mut self, value: &str, budget: &mut Budget) {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        self.insert_hash(hasher.finish(), budget);
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

impl Behind for Position {
    fn merge(&mut self, other: Self, budget: &mut Budget) {
        self.ends.merge(other.ends, budget);
        self.branches.merge(other.branches, budget);
    }
}

impl<T> Default for Values<T> {
    fn default() -> Self {
        Self { named: BTreeMap::new(), replaceable: 0, turned: None }
    }
}

impl<T: Behind> Values<T> {
    /// Returns the name of a value and what is behind it, or `None` if there is no room for another value.
    fn enter<'a>(&mut self, value: &'a str, budget: &mut Budget) -> Option<(&'a str, &mut T)> {
        let fixed = is_fixed(value);
        if !fixed
            && self.turned.is_none()
            && self.replaceable >= budget.values_max
            && !self.named.contains_key(value)
        {
            self.turn(budget);
        }
        let name = match &mut self.turned {
            Some(seen) if !fixed => {
                seen.insert(value, budget);
                placeholder::NAME
            }
            _ => value,
        };
        if !self.named.contains_key(name) {
            if !budget.take() {
                return None;
            }
            self.insert(name.into(), T::default());
        }
        self.named.get_mut(name).map(|behind| (name, behind))
    }

    fn insert(&mut self, name: Box<str>, behind: T) {
        self.replaceable += usize::from(!is_fixed(&name));
        self.named.insert(name, behind);
    }

    /// Replaces all values that can be replaced by one.
    fn turn(&mut self, budget: &mut Budget) {
        self.replaceable = 0;
        self.turned = Some(Seen::default());
        for (name, behind) in std::mem::take(&mut self.named) {
            self.add(name, behind, budget);
        }
    }

    fn merge(&mut self, other: Self, budget: &mut Budget) {
        if let Some(seen) = other.turned {
            if self.turned.is_none() {
                self.turn(budget);
            }
            budget.counted = budget.counted.saturating_sub(seen.hashes.len());
            if let Some(own) = &mut self.turned {
                own.at_least |= seen.at_least;
                for hash in seen.hashes {
                    own.insert_hash(hash, budget);
                }
            }
        }
        for (name, behind) in other.named {
            self.add(name, behind, budget);
        }
        if self.turned.is_none() && self.replaceable > budget.values_max {
            self.turn(budget);
        }
    }

    /// Adds a value that has room already.
    fn add(&mut self, name: Box<str>, behind: T, budget: &mut Budget) {
        let name = match &mut self.turned {
            Some(seen) if !is_fixed(&name) => {
                seen.insert(&name, budget);
                placeholder::NAME.into()
            }
            _ => name,
        };
        match self.named.get_mut(&name) {
            Some(known) => {
                budget.give_back();
                known.merge(behind, budget);
            }
            None => self.insert(name, behind),
        }
    }
}

/// Returns whether a value keeps its name for ever: there is a limited number of placeholders, and on a word that announces a version
/// depends how the next segment is read.
fn is_fixed(value: &str) -> bool {
    (value.starts_with(':') && placeholder::ALL.contains(&value)) || version::announces_version(value)
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
        let mut position = |seen: &Option<Seen>, rest: &str| {
            found.extend(seen.as_ref().map(|seen| LearnedPosition {
                route: format!("{prefix}/{}{rest}", placeholder::NAME),
                values_seen: seen.hashes.len(),
                at_least: seen.at_least,
            }));
        };
        position(&self.ends.turned, "");
        position(&self.branches.turned, "/*");
        for (name, behind) in &self.branches.named {
            let length = prefix.len();
            prefix.push('/');
            prefix.push_str(name);
            behind.turned(prefix, found);
            prefix.truncate(length);
        }
    }
}
