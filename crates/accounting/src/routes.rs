//! The routes that paths are counted under: the host's list, one route for all other paths, and what is learned of them.

use std::{
    error::Error,
    ffi::OsString,
    fs::File,
    io::{self, Read},
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use ron_accounting_normalize::{RouteLearner, RouteList, RouteNormalizer, Unmatched};

use crate::{
    builder::AccountingBuilder,
    settings::{out_of_range, unusable},
    AccError,
};

/// 0 learns nothing.
const VALUES_MAX: RangeInclusive<u64> = 0..=65_536;
/// A longer list of routes is refused, before it fills the memory.
const LIST_BYTES_MAX: u64 = 64 << 20;

/// How the route normalizer is set up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RouteSettings {
    file: Option<PathBuf>,
    list: Option<RouteList>,
    unmatched: Option<String>,
    values_max: usize,
}

impl AccountingBuilder {
    /// Sets a file with the host's routes, which decide before anything else: an OpenAPI 3 document (feature `openapi`), or
    /// plain lines such as `GET /users/{id}`. It is read by [`Self::build`]. `ACC_ROUTES`.
    ///
    /// ```no_run
    /// use ron_accounting::Accounting;
    /// let acc = Accounting::builder().routes("openapi.yaml").unmatched_route(":unmatched").build()?;
    /// # Ok::<(), ron_accounting::AccError>(())
    /// ```
    pub fn routes(mut self, file: impl Into<PathBuf>) -> Self {
        self.settings.routes.file = Some(file.into());
        self
    }

    /// Sets the host's routes, as [`Self::routes`] does. Those of both are used.
    ///
    /// ```
    /// use ron_accounting::{labels, normalize::RouteList, Accounting};
    /// let list = RouteList::parse("GET /users/{id}\n/files/*path\n")?;
    /// let acc = Accounting::builder().manual_at(0).route_list(list).build()?;
    /// acc.incr_request(&labels().tenant("acme").route("/files/2024/report"));
    /// assert_eq!(acc.snapshot().entries().next().unwrap().labels().unwrap().route, "/files/*path");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn route_list(mut self, list: RouteList) -> Self {
        self.settings.routes.list = Some(list);
        self
    }

    /// Sets the one route that all paths are counted under which are not among the host's. Default: a template of each path.
    /// `ACC_UNMATCHED_ROUTE`.
    pub fn unmatched_route(mut self, route: impl Into<String>) -> Self {
        self.settings.routes.unmatched = Some(route.into());
        self
    }

    /// Sets how many values a position of the paths may show before it becomes a parameter for good, from 1 to 65,536. Default:
    /// 0, any number. `ACC_ROUTE_VALUES_MAX`. The [learner](RouteLearner) says what is remembered, and for how long.
    ///
    /// Host's routes come first, and no path is learned from if there is an [`Self::unmatched_route`].
    ///
    /// ```
    /// use ron_accounting::{labels, Accounting};
    /// let acc = Accounting::builder().manual_at(0).route_values_max(2).build()?;
    /// for name in ["holiday", "wedding", "birthday", "easter", "holiday"] {
    ///     acc.incr_request(&labels().tenant("acme").route(&format!("/files/{name}")));
    /// }
    /// let learned = acc.stats().routes.unwrap().turned;
    /// assert_eq!(learned[0].to_string(), "/files/:name, 4 values seen");
    /// let snapshot = acc.snapshot();
    /// let requests = |route| snapshot.find(&labels().tenant("acme").route(route)).map_or(0, |entry| entry.requests());
    /// assert_eq!((requests("/files/holiday"), requests("/files/:name")), (1, 3));
    /// # Ok::<(), ron_accounting::AccError>(())
    /// ```
    pub fn route_values_max(mut self, values: usize) -> Self {
        if self.accept("route_values_max", values as u64, &VALUES_MAX) {
            self.settings.routes.values_max = values;
        }
        self
    }
}

impl RouteSettings {
    /// Replaces the settings that `lookup` has a variable for.
    pub(crate) fn read(&mut self, lookup: impl Fn(&str) -> Option<OsString>, errors: &mut Vec<AccError>) {
        if let Some(file) = lookup("ACC_ROUTES") {
            if file.is_empty() {
                errors.push(unusable("ACC_ROUTES", String::new(), "a file with routes, or not set"));
            } else {
                self.file = Some(file.into());
            }
        }
        if let Some(route) = lookup("ACC_UNMATCHED_ROUTE") {
            match route.into_string() {
                Ok(route) if !route.is_empty() => self.unmatched = Some(route),
                Ok(route) => {
                    errors.push(unusable(
                        "ACC_UNMATCHED_ROUTE",
                        route,
                        "a route such as `:unmatched`, or not set",
                    ));
                }
                Err(route) => {
                    let route = route.to_string_lossy().into_owned();
                    errors.push(unusable("ACC_UNMATCHED_ROUTE", route, "a route in UTF-8"));
                }
            }
        }
        if let Some(value) = lookup("ACC_ROUTE_VALUES_MAX") {
            let number = value.to_str().and_then(|text| text.trim().parse().ok());
            match number.filter(|number: &u64| VALUES_MAX.contains(number)).map(usize::try_from) {
                Some(Ok(number)) => self.values_max = number,
                _ => errors.push(out_of_range("ACC_ROUTE_VALUES_MAX", &value.to_string_lossy(), &VALUES_MAX)),
            }
        }
    }

    /// Returns the name and value of a setting that was made, if there is one: another normalizer would ignore it.
    pub(crate) fn first_made(&self) -> Option<(&'static str, String)> {
        let Self { file, list, unmatched, values_max } = self;
        let file = file.as_ref().map(|file| ("routes", file.display().to_string()));
        file.or_else(|| list.as_ref().map(|list| ("route_list", format!("{} routes", list.len()))))
            .or_else(|| unmatched.as_ref().map(|route| ("unmatched_route", route.clone())))
            .or_else(|| (*values_max > 0).then(|| ("route_values_max", values_max.to_string())))
    }

    /// Makes the normalizer.
    pub(crate) fn normalizer(&self) -> Result<RouteNormalizer, AccError> {
        let mut builder = RouteNormalizer::builder();
        if let Some(list) = &self.list {
            builder = builder.route_list(list);
        }
        if let Some(file) = &self.file {
            let what = || format!("the list of routes in {}", file.display());
            let list = read(file).map_err(|source| AccError::Routes { what: what(), source })?;
            builder = builder.route_list(&list);
        }
        let failed = |what: &str| {
            let what = what.to_owned();
            |source: ron_accounting_normalize::BuildError| AccError::Routes { what, source: source.into() }
        };
        // What follows is refused for its own reasons, and named.
        builder.clone().build().map_err(failed("the list of routes"))?;
        if let Some(route) = &self.unmatched {
            builder = builder.unmatched(Unmatched::Constant(route.clone()));
        } else if self.values_max > 0 {
            let learner = RouteLearner::builder().values_max(self.values_max).build();
            builder = builder.learner(learner.map_err(failed("route_values_max"))?);
        }
        builder.build().map_err(failed("unmatched_route"))
    }
}

fn read(file: &Path) -> Result<RouteList, Box<dyn Error + Send + Sync>> {
    let mut text = String::new();
    let bytes = File::open(file)?.take(LIST_BYTES_MAX + 1).read_to_string(&mut text)?;
    if bytes as u64 > LIST_BYTES_MAX {
        let reason = format!("it has more than {LIST_BYTES_MAX} bytes: give a list of routes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason).into());
    }
    Ok(RouteList::parse(&text)?)
}
