//! The routes that paths are counted under.
//!
//! What a single path cannot decide, all paths of a log decide. They are read before the first is counted, so that one position has
//! one name in the whole log, and the same log has the same routes in every run. Each log learns for itself: its routes must not
//! depend on the logs that are named with it.

use std::{collections::HashSet, fs::File, hash::BuildHasher, io::Read, path::Path};

use anyhow::{ensure, Context};
use foldhash::quality::RandomState;
use ron_accounting::{counters::Label, normalize::Normalizer};
use ron_accounting_access_log::{Request, RequestLine};
use ron_accounting_normalize::{RouteLearner, RouteList, RouteNormalizer, RouteNormalizerBuilder, Unmatched};

/// A longer list of routes is refused, before it fills the memory.
const LIST_BYTES_MAX: u64 = 64 << 20;

/// The method of a request line that is not HTTP. The normalizer gives unknown methods the same one.
const OTHER_METHOD: &str = "OTHER";

/// The route of a request line that is not HTTP.
const MALFORMED_ROUTE: &str = ":malformed";

/// How many paths are known to have been learned. They take about 2 MB. Beyond it all are forgotten, and learned again.
const LEARNED_PATHS_MAX: usize = 200_000;

/// The options that decide the route of a path.
#[derive(Debug)]
pub(super) struct Routes {
    builder: RouteNormalizerBuilder,
    templates: Vec<String>,
    unmatched: Option<String>,
    values_max: u32,
}

impl Routes {
    /// Reads the service's routes from a file. `unmatched` is the route of all paths that are not among them. `values_max` is how
    /// many values a position may show before it becomes a parameter; 0: any number.
    pub(super) fn new(list: Option<&Path>, unmatched: Option<&str>, values_max: u32) -> anyhow::Result<Self> {
        let builder = RouteNormalizer::builder();
        let mut routes = Self { builder, templates: Vec::new(), unmatched: None, values_max };
        if let Some(path) = list {
            let list = read(path).with_context(|| format!("cannot use the routes in {}", path.display()))?;
            routes.templates = list.templates().map(str::to_owned).collect();
            routes.builder = routes.builder.route_list(&list);
        }
        if let Some(route) = unmatched {
            routes.unmatched = Some(route.to_owned());
            routes.builder = routes.builder.unmatched(Unmatched::Constant(route.to_owned()));
        }
        // Checks what was not checked with the list.
        routes.builder.clone().build().context("--unmatched-route cannot be used")?;
        Ok(routes)
    }

    /// Returns a normalizer that has learned nothing.
    pub(super) fn normalizer(&self) -> anyhow::Result<RouteNormalizer> {
        let mut builder = self.builder.clone();
        if self.values_max > 0 && self.unmatched.is_none() {
            let learner = RouteLearner::builder().values_max(self.values_max as usize);
            builder = builder.learner(learner.build().context("--route-values-max cannot be used")?);
        }
        Ok(builder.build()?)
    }

    /// Returns the options as text, for the identity of an import.
    pub(super) fn options(&self) -> [(&'static str, String); 3] {
        let list = self.templates.join("\n");
        let list = if list.is_empty() { list } else { blake3::hash(list.as_bytes()).to_hex().to_string() };
        [
            ("--routes", list),
            ("--unmatched-route", self.unmatched.clone().unwrap_or_default()),
            ("--route-values-max", self.values_max.to_string()),
        ]
    }
}

fn read(path: &Path) -> anyhow::Result<RouteList> {
    let mut text = String::new();
    let read = File::open(path)?.take(LIST_BYTES_MAX + 1).read_to_string(&mut text)?;
    ensure!(read as u64 <= LIST_BYTES_MAX, "it has more than {LIST_BYTES_MAX} bytes: give a list of routes");
    Ok(RouteList::parse(&text)?)
}

/// Returns the raw method and path of a request. No route has a query, and there are many.
pub(super) fn method_and_path<'a>(request: &'a Request<'_>) -> (&'a str, &'a str) {
    match &request.line {
        RequestLine::Http { method, target } => {
            let path = target.split('?').next().filter(|path| !path.is_empty());
            (method, path.unwrap_or("/"))
        }
        _ => (OTHER_METHOD, MALFORMED_ROUTE),
    }
}

/// Shows all paths of a log to the learner of a normalizer.
#[derive(Debug)]
pub(super) struct Learning {
    normalizer: RouteNormalizer,
    state: RandomState,
    learned: HashSet<u64, RandomState>,
    route: String,
}

impl Learning {
    /// Begins to learn. Returns `None` for a normalizer that learns nothing.
    pub(super) fn with(normalizer: &RouteNormalizer) -> Option<Self> {
        normalizer.learner()?;
        let (state, learned) = (RandomState::default(), HashSet::default());
        Some(Self { normalizer: normalizer.clone(), state, learned, route: String::new() })
    }

    /// Shows the path of a request.
    pub(super) fn observe(&mut self, request: &Request<'_>) {
        let (_, path) = method_and_path(request);
        let hash = self.state.hash_one(path);
        if self.learned.contains(&hash) {
            return;
        }
        if self.learned.len() >= LEARNED_PATHS_MAX {
            self.learned.clear();
        }
        self.learned.insert(hash);
        self.normalizer.normalize(Label::Route, path, &mut self.route);
    }
}
