//! Counts the different label sets, before and after normalization.

use std::{
    collections::{BTreeMap, HashSet},
    hash::BuildHasher,
};

use foldhash::quality::RandomState;
use ron_accounting::{
    counters::Label,
    normalize::{Normalizer, PersonalData, Reason, RouteNormalizer, Verdict},
    Labels,
};

/// How many raw label sets are told apart. Beyond it, the numbers are lower bounds. Costs about 7 MB at most.
const RAW_LABEL_SETS_MAX: usize = 200_000;

/// A label that was refused, the reason, and the kind of personal data.
pub(super) type Refused = (&'static str, &'static str, Option<String>);

/// Counts label sets by 64-bit hashes: exact, but for one in some ten million imports of a million label sets.
#[derive(Debug)]
pub(super) struct LabelSets {
    normalizer: RouteNormalizer,
    state: RandomState,
    raw: HashSet<u64, RandomState>,
    /// Those of the current log, whose routes can be others than in the logs before.
    raw_of_log: HashSet<u64, RandomState>,
    normalized: HashSet<u64, RandomState>,
    raw_max: usize,
    pub(super) counts: LabelSetCounts,
    /// How many raw label sets had a label refused.
    pub(super) refused: BTreeMap<Refused, u64>,
}

/// Numbers of different label sets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LabelSetCounts {
    pub(super) raw: u64,
    pub(super) normalized: u64,
    /// Raw label sets of which a label was refused, and replaced by a placeholder.
    pub(super) replaced: u64,
    /// Whether there may have been more.
    pub(super) at_least: bool,
}

impl LabelSets {
    pub(super) fn new(normalizer: RouteNormalizer) -> Self {
        Self {
            normalizer,
            state: RandomState::default(),
            raw: HashSet::default(),
            raw_of_log: HashSet::default(),
            normalized: HashSet::default(),
            raw_max: RAW_LABEL_SETS_MAX,
            counts: LabelSetCounts::default(),
            refused: BTreeMap::new(),
        }
    }

    /// Begins another log.
    pub(super) fn begin_log(&mut self, normalizer: &RouteNormalizer) {
        self.normalizer = normalizer.clone();
        self.raw_of_log.clear();
    }

    pub(super) fn observe(&mut self, labels: &Labels<'_>) {
        let raw = [labels.tenant, labels.method, labels.route, labels.service, labels.region];
        let hash = self.state.hash_one(raw);
        if self.raw_of_log.contains(&hash) {
            return;
        }
        let is_known = self.raw.contains(&hash);
        if self.raw.len() >= self.raw_max && !is_known {
            self.counts.at_least = true;
            return;
        }
        self.raw_of_log.insert(hash);
        if self.raw.insert(hash) {
            self.counts.raw += 1;
        }

        let kinds = [Label::Tenant, Label::Method, Label::Route, Label::Service, Label::Region];
        let names = ["tenant", "method", "route", "service", "region"];
        let mut replaced = false;
        let mut normalized: [String; 5] = Default::default();
        for (((label, name), raw), out) in kinds.into_iter().zip(names).zip(raw).zip(&mut normalized) {
            if let Verdict::Replaced(reason) = self.normalizer.normalize(label, raw, out) {
                if is_known {
                    // Refused already, in a log before.
                    continue;
                }
                replaced = true;
                let kind = PersonalData::find(raw).filter(|_| reason == Reason::PersonalData);
                let refused = (name, reason.as_str(), kind.map(|kind| kind.to_string()));
                *self.refused.entry(refused).or_default() += 1;
            }
        }
        self.counts.replaced += u64::from(replaced);
        self.counts.normalized += u64::from(self.normalized.insert(self.state.hash_one(normalized)));
    }
}

#[cfg(test)]
mod tests {
    use ron_accounting::labels;

    use super::{LabelSetCounts, LabelSets, RouteNormalizer};

    #[test]
    fn label_sets_are_told_apart_before_and_after_normalization() {
        let mut sets = LabelSets::new(RouteNormalizer::new());
        for route in ["/users/1", "/users/2", "/users/1", "/about"] {
            sets.observe(&labels().tenant("acme").method("GET").route(route));
        }
        sets.observe(&labels().tenant("ada@example.org").method("GET").route("/about"));
        let expected = LabelSetCounts { raw: 4, normalized: 3, replaced: 1, at_least: false };
        assert_eq!(sets.counts, expected);
    }

    #[test]
    fn past_the_limit_the_counts_are_lower_bounds() {
        let mut sets = LabelSets::new(RouteNormalizer::new());
        sets.raw_max = 2;
        for route in ["/a", "/b", "/a"] {
            sets.observe(&labels().route(route));
        }
        assert!(!sets.counts.at_least);
        sets.observe(&labels().route("/c"));
        assert_eq!((sets.counts.raw, sets.counts.at_least), (2, true));
    }
}
