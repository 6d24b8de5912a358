//! The learner: what a single path cannot decide, the set of all paths decides.
//!
//! Nothing in `/files/holiday` says that `holiday` is a value. Nothing in `/files/search` says that `search` is none. But a position
//! that has shown hundreds of words is a parameter.

use std::fmt;
use std::sync::{
    atomic::{AtomicU64, Ordering},
    Arc, Mutex, MutexGuard, PoisonError,
};

use crate::builder::limit;
use crate::error::BuildError;
use crate::trie::{Budget, Position};

/// Learns which positions of the paths are parameters, and replaces their values by [`:name`](crate::placeholder::NAME).
///
/// A position is what follows a prefix: in `/files/holiday`, what follows `/files`. It keeps its values until it has shown more
/// distinct ones than [`values_max`](RouteLearnerBuilder::values_max), by default 128. Then it has *turned*, for good: all its
/// values, also those it had kept so far, become `:name`. Values with which a path ends and values behind which it goes on are
/// counted apart, and so are words that a service chooses and not its users (versions of an API, `_search`), so that `/a` to `/zzz`
/// cannot merge `/v1/users` with `/v2/users`. The extension of a format stays: `/users/:name.json`.
///
/// A clone is another handle to the same memory. Give one to [`RouteNormalizerBuilder::learner`](crate::RouteNormalizerBuilder::learner)
/// and keep one for [`stats`](Self::stats). Templates of the host come first, and the learner never sees a path that matches one.
///
/// # What it promises
///
/// * **Bounded.** It remembers at most [`stored_max`](RouteLearnerBuilder::stored_max) values. Without room for another one, a path ends
///   with `:more` where it leaves what is known. So there are never more routes than values, whatever is sent.
/// * **Idempotent.** A route that it gave is a route that it keeps, until a position of it turns.
/// * **Deterministic.** The same paths in the same order give the same routes, and what has turned at the end depends on the set of
///   paths alone, as long as there is room. In which order they come, and from which threads, decides only which values were still
///   counted under their own names before a position turned.
///
/// # What was counted before a position turned
///
/// Usage is never moved. What was counted under `/files/holiday` keeps its total and stays on the bill under that name; what comes
/// later is counted under `/files/:name`. The engine's threads remember the routes of raw paths that they have seen, and count these
/// under the old names until they next see a path for the first time ([`Normalizer::generation`](ron_accounting_core::Normalizer::generation)).
/// So a position that has turned costs at most `values_max` further rows, and their sum is the usage of the position. For one name from the beginning, as in the import of a file, let the normalizer see all
/// paths once before the first is counted, or give templates.
///
/// # Who can make a position turn
///
/// Whoever can send paths. A scanner that asks for hundreds of different pages at the root turns the pages of the root into one, and one
/// that invents hundreds of folders there turns the folders. Totals stay right; the routes say less. A host that lists its routes is
/// not affected.
///
/// ```
/// use ron_accounting_core::{Label, Normalizer};
/// use ron_accounting_normalize::{RouteLearner, RouteNormalizer};
///
/// let learner = RouteLearner::builder().values_max(2).build()?;
/// let normalizer = RouteNormalizer::builder().learner(learner.clone()).build()?;
/// let mut routes = ["holiday", "wedding", "birthday", "holiday"].map(|name| {
///     let mut route = String::new();
///     normalizer.normalize(Label::Route, &format!("/files/{name}"), &mut route);
///     route
/// });
/// assert_eq!(routes, ["/files/holiday", "/files/wedding", "/files/:name", "/files/:name"]);
/// assert_eq!(learner.stats().turned[0].to_string(), "/files/:name, 3 values seen");
/// # Ok::<(), ron_accounting_normalize::BuildError>(())
/// ```
#[derive(Debug, Clone)]
pub struct RouteLearner {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    memory: Mutex<Memory>,
    /// How often a position has turned, to be read without the lock.
    turns: AtomicU64,
}

#[derive(Debug)]
struct Memory {
    root: Position,
    budget: Budget,
    cut: u64,
}

impl Default for RouteLearner {
    fn default() -> Self {
        Self::with(&RouteLearnerBuilder::default())
    }
}

impl RouteLearner {
    /// Makes a learner with the default limits, which knows nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a builder, which sets the limits.
    pub fn builder() -> RouteLearnerBuilder {
        RouteLearnerBuilder::default()
    }

    fn with(limits: &RouteLearnerBuilder) -> Self {
        let budget = Budget::new(limits.values_max, limits.stored_max, limits.counted_max);
        let memory = Memory { root: Position::default(), budget, cut: 0 };
        Self { shared: Arc::new(Shared { memory: Mutex::new(memory), turns: AtomicU64::new(0) }) }
    }

    /// Returns what was learned so far.
    #[must_use]
    pub fn stats(&self) -> LearnerStats {
        let memory = self.lock();
        let mut turned = Vec::new();
        memory.root.turned(&mut String::new(), &mut turned);
        LearnerStats {
            turned,
            stored: memory.budget.stored,
            stored_max: memory.budget.stored_max,
            cut: memory.cut,
        }
    }

    /// Replaces the values of turned positions in a route.
    pub(crate) fn learn(&self, route: &str) -> String {
        let mut memory = self.lock();
        let Memory { root, budget, cut } = &mut *memory;
        let (learned, was_cut) = root.learn(route, budget);
        *cut = cut.saturating_add(u64::from(was_cut));
        self.shared.turns.store(budget.turns, Ordering::Relaxed);
        learned
    }

    /// Returns a number that grows when a position turns.
    pub(crate) fn turns(&self) -> u64 {
        self.shared.turns.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        // Nothing below panics halfway through a change; and a route that is learned twice does no harm.
        self.shared.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sets the limits of a [`RouteLearner`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is built"]
#[allow(clippy::struct_field_names)] // They are the names of the methods.
pub struct RouteLearnerBuilder {
    values_max: usize,
    stored_max: usize,
    counted_max: usize,
}

impl Default for RouteLearnerBuilder {
    fn default() -> Self {
        Self { values_max: 128, stored_max: 16_384, counted_max: 65_536 }
    }
}

impl RouteLearnerBuilder {
    /// Sets how many values a position may show before it turns: 1 to 65,536, by default 128.
    pub fn values_max(mut self, values: usize) -> Self {
        self.values_max = values;
        self
    }

    /// Sets how many values are remembered in all: 16 to 1,048,576, by default 16,384. Each takes some 200 bytes, and at most 400.
    pub fn stored_max(mut self, values: usize) -> Self {
        self.stored_max = values;
        self
    }

    /// Sets how many values of turned positions are told apart, in order to say how many there were: 0 to 16,777,216, by default
    /// 65,536, for 16 bytes each. Beyond, [`LearnedPosition::values_seen`] is a lower bound.
    pub fn counted_max(mut self, values: usize) -> Self {
        self.counted_max = values;
        self
    }

    /// Builds the learner. Fails if a limit is out of its range.
    pub fn build(self) -> Result<RouteLearner, BuildError> {
        limit("values_max", self.values_max, 1, 65_536)?;
        limit("stored_max", self.stored_max, 16, 1 << 20)?;
        limit("counted_max", self.counted_max, 0, 1 << 24)?;
        Ok(RouteLearner::with(&self))
    }
}

/// What a [`RouteLearner`] has learned.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LearnerStats {
    /// The positions that have turned, by their routes.
    pub turned: Vec<LearnedPosition>,
    /// How many values are remembered.
    pub stored: usize,
    /// How many can be.
    pub stored_max: usize,
    /// How often a path was cut with `:more`, since there was no room for another value.
    pub cut: u64,
}

/// A position that has turned. Displays as `/files/:name, 1,912 values seen`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct LearnedPosition {
    /// The route up to the position: `/files/:name` if paths end there, `/users/:name/*` if they go on.
    pub route: String,
    /// How many distinct values it has shown, also before it turned.
    pub values_seen: usize,
    /// Whether there may have been more.
    pub at_least: bool,
}

impl fmt::Display for LearnedPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at_least = if self.at_least { "at least " } else { "" };
        write!(f, "{}, {at_least}{} values seen", self.route, Grouped(self.values_seen))
    }
}

/// A number with a comma between groups of three figures.
struct Grouped(usize);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1000 {
            return write!(f, "{}", self.0);
        }
        write!(f, "{},{:03}", Grouped(self.0 / 1000), self.0 % 1000)
    }
}
