//! A scrape on its way: text in chunks.

use std::{fmt, sync::Arc};

use ron_accounting::{Dimension, Dimensions, Labels};

use crate::{
    folded::FoldedKey,
    format::Syntax,
    metrics::InFlight,
    series,
    text::{push_family, Kind},
    totals::Totals,
};

/// A chunk ends with the line that reaches this many bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// Room for the line that ends a chunk, so that the chunk is not copied for it: five labels of up to 1024 bytes, each escaped.
const LINE_BYTES: usize = 11 * 1024;

/// The text of one scrape, as an iterator of chunks of about 64 KiB, each of whole lines.
///
/// All its usage is of one moment, however slowly it is read. It may be dropped at any time: what it took is in the next scrape
/// as well.
pub struct Scrape {
    /// The text of the first chunk, until it is taken.
    head: Vec<u8>,
    /// `None` in a fork of the process.
    totals: Option<Arc<Totals>>,
    dimensions: Dimensions,
    syntax: Syntax,
    next: Position,
    _in_flight: InFlight,
}

/// What is written next.
#[derive(Debug, Clone)]
enum Position {
    Family { dimension: Dimension },
    LabelSets { dimension: Dimension, first: usize },
    Folded { dimension: Dimension, behind: Option<FoldedKey> },
    End,
    Finished,
}

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrape").field("next", &self.next).finish_non_exhaustive()
    }
}

impl Scrape {
    pub(crate) fn new(
        head: Vec<u8>,
        totals: Option<Arc<Totals>>,
        dimensions: Dimensions,
        syntax: Syntax,
        in_flight: InFlight,
    ) -> Self {
        let next = if totals.is_some() {
            Position::Family { dimension: Dimension::REQUESTS }
        } else {
            Position::End
        };
        Self { head, totals, dimensions, syntax, next, _in_flight: in_flight }
    }

    /// Writes until the chunk is full, and returns what comes next.
    fn fill(&self, out: &mut Vec<u8>) -> Position {
        let mut next = self.next.clone();
        while out.len() < CHUNK_BYTES {
            next = match next {
                Position::Family { dimension } => {
                    push_usage_family(out, self.syntax, dimension);
                    Position::LabelSets { dimension, first: 0 }
                }
                Position::LabelSets { dimension, first } => self.push_label_sets(out, dimension, first),
                Position::Folded { dimension, behind } => self.push_folded(out, dimension, behind.as_ref()),
                Position::End => {
                    if self.syntax == Syntax::OpenMetrics {
                        out.extend_from_slice(b"# EOF\n");
                    }
                    Position::Finished
                }
                Position::Finished => break,
            };
        }
        next
    }

    fn push_label_sets(&self, out: &mut Vec<u8>, dimension: Dimension, first: usize) -> Position {
        let name = name_of(dimension);
        let shown = self.shown(dimension);
        for (index, labels, total) in
            self.totals.iter().flat_map(|totals| totals.label_sets(dimension.index(), first))
        {
            series::push(out, name, &labels, shown, total);
            if out.len() >= CHUNK_BYTES {
                return Position::LabelSets { dimension, first: index + 1 };
            }
        }
        Position::Folded { dimension, behind: None }
    }

    fn push_folded(&self, out: &mut Vec<u8>, dimension: Dimension, behind: Option<&FoldedKey>) -> Position {
        let name = name_of(dimension);
        let shown = self.shown(dimension);
        for ((fold, tenant), total) in
            self.totals.iter().flat_map(|totals| totals.folded(dimension.index(), behind))
        {
            let labels: Labels<'_> = fold.labels(&tenant);
            series::push(out, name, &labels, shown, total);
            if out.len() >= CHUNK_BYTES {
                return Position::Folded { dimension, behind: Some((fold, tenant)) };
            }
        }
        let following = self.dimensions.iter().nth(dimension.index() + 1);
        following.map_or(Position::End, |dimension| Position::Family { dimension })
    }

    /// Returns the value of the label `dimension`, for the dimensions that share a metric.
    fn shown(&self, dimension: Dimension) -> Option<&str> {
        let has_own_metric = OWN_METRICS.iter().any(|(own, ..)| *own == dimension);
        self.dimensions.name(dimension).filter(|_| !has_own_metric)
    }
}

impl Iterator for Scrape {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut out = std::mem::take(&mut self.head);
        out.reserve((CHUNK_BYTES + LINE_BYTES).saturating_sub(out.len()));
        self.next = self.fill(&mut out);
        (!out.is_empty()).then_some(out)
    }
}

/// The dimensions that have a metric of their own.
const OWN_METRICS: [(Dimension, &str, &str); 3] = [
    (Dimension::REQUESTS, "requests_total", "Requests, by label set."),
    (Dimension::BYTES_IN, "bytes_in_total", "Bytes received, by label set."),
    (Dimension::BYTES_OUT, "bytes_out_total", "Bytes sent, by label set."),
];

const OTHERS: &str = "accounting_usage_total";

fn name_of(dimension: Dimension) -> &'static str {
    OWN_METRICS.iter().find(|(own, ..)| *own == dimension).map_or(OTHERS, |(_, name, _)| name)
}

/// Announces the metric of a dimension, unless the dimension before it shares it.
fn push_usage_family(out: &mut Vec<u8>, syntax: Syntax, dimension: Dimension) {
    match OWN_METRICS.iter().find(|(own, ..)| *own == dimension) {
        Some((_, name, help)) => push_family(out, syntax, name, Kind::Counter, help),
        None if dimension.index() == OWN_METRICS.len() => {
            let help = "Units of the other dimensions, by label set and dimension.";
            push_family(out, syntax, OTHERS, Kind::Counter, help);
        }
        None => {}
    }
}
