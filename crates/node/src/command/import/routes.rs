//! The routes that paths are counted under.

use std::{fs::File, io::Read, path::Path};

use anyhow::{ensure, Context};
use ron_accounting_normalize::{RouteList, RouteNormalizer, RouteNormalizerBuilder, Unmatched};

/// A longer list of routes is refused, before it fills the memory.
const LIST_BYTES_MAX: u64 = 64 << 20;

/// The options that decide the route of a path.
#[derive(Debug)]
pub(super) struct Routes {
    builder: RouteNormalizerBuilder,
    templates: Vec<String>,
    unmatched: Option<String>,
}

impl Routes {
    /// Reads the service's routes from a file. `unmatched` is the route of all paths that are not among them.
    pub(super) fn new(list: Option<&Path>, unmatched: Option<&str>) -> anyhow::Result<Self> {
        let mut routes = Self { builder: RouteNormalizer::builder(), templates: Vec::new(), unmatched: None };
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

    /// Returns a normalizer.
    pub(super) fn normalizer(&self) -> anyhow::Result<RouteNormalizer> {
        Ok(self.builder.clone().build()?)
    }

    /// Returns the options as text, for the identity of an import.
    pub(super) fn options(&self) -> [String; 2] {
        [self.templates.join("\n"), self.unmatched.clone().unwrap_or_default()]
    }
}

fn read(path: &Path) -> anyhow::Result<RouteList> {
    let mut text = String::new();
    let read = File::open(path)?.take(LIST_BYTES_MAX + 1).read_to_string(&mut text)?;
    ensure!(read as u64 <= LIST_BYTES_MAX, "it has more than {LIST_BYTES_MAX} bytes: give a list of routes");
    Ok(RouteList::parse(&text)?)
}
