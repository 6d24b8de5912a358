//! The floor of recording by labels: one thread, a hash of the five strings, one probe, one full comparison, one addition.

use std::cell::Cell;

use foldhash::fast::RandomState;
use hashbrown::{Equivalent, HashMap};
use ron_accounting::Labels;

use super::{Contestant, OwnedLabels};
use crate::race::Kind;

/// A `hashbrown` map with `foldhash`, found by borrowed strings. It knows its label sets in advance, and takes no others.
#[derive(Debug)]
pub struct Lookup {
    counts: HashMap<OwnedLabels, [Cell<u64>; 3], RandomState>,
}

/// The borrowed form, with the hash of [`OwnedLabels`].
#[derive(Hash)]
struct Wanted<'a>(&'a Labels<'a>);

impl Equivalent<OwnedLabels> for Wanted<'_> {
    #[inline]
    fn equivalent(&self, key: &OwnedLabels) -> bool {
        *self.0 == key.labels()
    }
}

impl Contestant for Lookup {
    const NAME: &'static str = "hashbrown lookup";
    const KIND: Kind = Kind::Floor;

    fn new(sets: &[Labels<'_>]) -> Self {
        Self { counts: sets.iter().map(|labels| (labels.into(), Default::default())).collect() }
    }

    #[inline]
    fn record(&self, labels: &Labels<'_>) {
        if let Some([requests, ..]) = self.counts.get(&Wanted(labels)) {
            requests.set(requests.get() + 1);
        }
    }

    #[inline]
    fn record_each(&self, labels: &Labels<'_>, amounts: [u64; 3]) {
        if let Some(counts) = self.counts.get(&Wanted(labels)) {
            for (count, amount) in counts.iter().zip(amounts) {
                count.set(count.get() + amount);
            }
        }
    }
}

impl Lookup {
    /// All requests that were counted.
    pub fn requests(&self) -> u64 {
        self.counts.values().map(|[requests, ..]| requests.get()).sum()
    }
}
