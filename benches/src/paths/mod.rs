//! The figures, one file per group. `docs/performance.md` says what they mean.

mod account;
mod construction;
mod meter;
mod middleware;
mod readers;
mod record;
mod record_each;
mod repeat;
mod route;
mod scope;
mod scrape;
mod seal;
mod snapshot;
mod threads;

pub(crate) use self::record::entrant as known;
use crate::{figures::PathFigures, race::Effort};

/// A group of figures that is measured in one go.
#[derive(Debug, Clone, Copy)]
pub struct Path {
    /// By which it is chosen.
    pub name: &'static str,
    /// Measures it.
    pub measure: fn(Effort) -> Vec<PathFigures>,
}

/// All paths, in the order of the table.
pub const PATHS: &[Path] = &[
    Path { name: "meter", measure: meter::measure },
    Path { name: "meter-threads", measure: threads::meter },
    Path { name: "record", measure: record::measure },
    Path { name: "record-each", measure: record_each::measure },
    Path { name: "record-threads", measure: threads::record },
    Path { name: "scope", measure: scope::measure },
    Path { name: "middleware", measure: middleware::measure },
    Path { name: "account", measure: account::measure },
    Path { name: "repeat", measure: repeat::measure },
    Path { name: "route", measure: route::measure },
    Path { name: "snapshot", measure: snapshot::measure },
    Path { name: "scrape", measure: scrape::measure },
    Path { name: "seal", measure: seal::measure },
    Path { name: "readers", measure: readers::measure },
    Path { name: "construction", measure: construction::measure },
];
