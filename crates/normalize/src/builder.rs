//! The settings of a normalizer.

use ron_accounting_core::LABEL_BYTES_MAX;

use crate::error::BuildError;
use crate::learner::RouteLearner;
use crate::method::{Methods, METHOD_BYTES_MAX};
use crate::normalizer::RouteNormalizer;
use crate::route_list::RouteList;
use crate::templates::Templates;
use crate::{character, personal};

/// What a path becomes that no template of the host matches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Unmatched {
    /// A template of itself: identifiers become placeholders, and words stay. A scanner can still make a new route with each new
    /// word.
    #[default]
    Template,
    /// This one route, for example `:unmatched`. Choose it if the host lists all its routes.
    Constant(String),
}

/// Configures a [`RouteNormalizer`], from [`RouteNormalizer::builder`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct RouteNormalizerBuilder {
    templates: Vec<String>,
    unmatched: Unmatched,
    learner: Option<RouteLearner>,
    methods: Vec<String>,
    route_bytes_max: usize,
    route_depth_max: usize,
    label_bytes_max: usize,
}

impl Default for RouteNormalizerBuilder {
    fn default() -> Self {
        Self {
            templates: Vec::new(),
            unmatched: Unmatched::default(),
            learner: None,
            methods: Vec::new(),
            route_bytes_max: Self::ROUTE_BYTES_MAX_DEFAULT,
            route_depth_max: Self::ROUTE_DEPTH_MAX_DEFAULT,
            label_bytes_max: Self::LABEL_BYTES_MAX_DEFAULT,
        }
    }
}

impl RouteNormalizerBuilder {
    /// The greatest limit on the depth of routes.
    pub(crate) const DEPTH_MAX: usize = 64;
    pub(crate) const ROUTE_BYTES_MAX_DEFAULT: usize = 256;
    pub(crate) const ROUTE_DEPTH_MAX_DEFAULT: usize = 16;
    pub(crate) const LABEL_BYTES_MAX_DEFAULT: usize = 256;

    /// Adds a route of the host, which is tried before any heuristic.
    ///
    /// A parameter is a whole segment, `:name` or `{name}`, or a part of one, `{name}.json`. Several in one segment,
    /// `{base}...{head}`, match as one. `*name`, `{*name}`, `{name+}` or `*` at the end matches one or more further segments. Static text is preferred to parameters. The label is the template's canonical
    /// text, as in `/v1/objects/:id`.
    pub fn template(mut self, template: impl Into<String>) -> Self {
        self.templates.push(template.into());
        self
    }

    /// Adds several templates, see [`template`](Self::template).
    pub fn templates<T: Into<String>>(mut self, templates: impl IntoIterator<Item = T>) -> Self {
        self.templates.extend(templates.into_iter().map(Into::into));
        self
    }

    /// Adds the routes of a list, see [`template`](Self::template).
    pub fn route_list(self, list: &RouteList) -> Self {
        self.templates(list.templates())
    }

    /// Sets what a path becomes that no template matches. The default is [`Unmatched::Template`].
    pub fn unmatched(mut self, unmatched: Unmatched) -> Self {
        self.unmatched = unmatched;
        self
    }

    /// Sets a learner, which replaces the values of positions that have shown too many. By default there is none. It sees the paths
    /// that no template matches, unless [`Unmatched::Constant`] takes these.
    pub fn learner(mut self, learner: RouteLearner) -> Self {
        self.learner = Some(learner);
        self
    }

    /// Adds a method that IANA does not list, such as `PURGE`.
    pub fn method(mut self, name: impl Into<String>) -> Self {
        self.methods.push(name.into());
        self
    }

    /// Sets the longest route, in bytes: 16 to 1024, by default 256. The rest of a longer one becomes `:more`.
    pub fn route_bytes_max(mut self, bytes: usize) -> Self {
        self.route_bytes_max = bytes;
        self
    }

    /// Sets the most segments of a route: 1 to 64, by default 16. The rest of a deeper one becomes `:more`.
    pub fn route_depth_max(mut self, segments: usize) -> Self {
        self.route_depth_max = segments;
        self
    }

    /// Sets the longest tenant, service or region, in bytes: 16 to 1024, by default 256. A longer one is refused, since two
    /// tenants could become one if they were cut.
    pub fn label_bytes_max(mut self, bytes: usize) -> Self {
        self.label_bytes_max = bytes;
        self
    }

    /// Builds the normalizer. Fails if a template, a method or the constant for unmatched paths cannot be used, or if a limit is
    /// outside its range ([`BuildError::InvalidOption`]).
    pub fn build(self) -> Result<RouteNormalizer, BuildError> {
        limit("route_bytes_max", self.route_bytes_max, 16, LABEL_BYTES_MAX)?;
        limit("route_depth_max", self.route_depth_max, 1, Self::DEPTH_MAX)?;
        limit("label_bytes_max", self.label_bytes_max, 16, LABEL_BYTES_MAX)?;
        let mut templates = Templates::default();
        for template in &self.templates {
            templates.add(template, self.route_bytes_max, self.route_depth_max)?;
        }
        let mut methods = Methods::default();
        for method in self.methods {
            if !methods.add(&method) {
                return Err(BuildError::Method { method, bytes_max: METHOD_BYTES_MAX });
            }
        }
        let unmatched = match self.unmatched {
            Unmatched::Template => None,
            Unmatched::Constant(constant) if is_constant(&constant, self.route_bytes_max) => Some(constant),
            Unmatched::Constant(constant) => {
                return Err(BuildError::Constant { constant, bytes_max: self.route_bytes_max });
            }
        };
        Ok(RouteNormalizer {
            templates,
            unmatched,
            learner: self.learner,
            methods,
            route_bytes_max: self.route_bytes_max,
            route_depth_max: self.route_depth_max,
            label_bytes_max: self.label_bytes_max,
        })
    }
}

fn is_constant(constant: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&constant.len())
        && constant.trim() == constant
        && !constant.starts_with('/')
        && !constant.chars().any(character::is_forbidden)
        && !personal::is_found_in(constant)
}

pub(crate) fn limit(option: &'static str, value: usize, min: usize, max: usize) -> Result<(), BuildError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    let [value, min, max] = [value, min, max].map(|number| number as u64);
    Err(BuildError::InvalidOption { option, value, min, max })
}
