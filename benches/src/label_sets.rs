//! What is recorded: label sets as a service would have them, and the order in which calls use them.

use ron_accounting::Labels;

/// How many label sets take part: the default limit of the engine.
pub const LABEL_SETS: usize = 2048;
/// How many calls there are before the order repeats; a power of two.
pub const CALLS: usize = 1 << 16;

/// Method, route and service of what is called. All are their own normal form.
const ENDPOINTS: [(&str, &str, &str); 8] = [
    ("GET", "/v1/objects/:id", "gateway"),
    ("PUT", "/v1/objects/:id", "gateway"),
    ("GET", "/v1/objects/:id/parts", "gateway"),
    ("POST", "/v1/objects/:id/parts/:number", "storage"),
    ("GET", "/v1/feeds/:feed/entries", "omnigate"),
    ("POST", "/v1/feeds/:feed/entries", "omnigate"),
    ("DELETE", "/v1/sessions/current", "identity"),
    ("GET", "/health/ready", "gateway"),
];
const REGIONS: [&str; 2] = ["eu-central-1", "us-east-1"];

/// Label sets in storage of their own, which no contestant sees otherwise.
#[derive(Debug)]
pub struct LabelSets {
    /// The strings of each set stand together, as in the buffer of a request.
    text: String,
    /// The ends of the five values of each set, in the order of [`Labels::values`].
    ends: Vec<[usize; 5]>,
}

impl LabelSets {
    /// How many label sets each tenant has. They differ from the next tenant's in the tenant alone.
    pub const PER_TENANT: usize = ENDPOINTS.len() * REGIONS.len();

    /// The 2,048 label sets of all comparisons: 128 tenants, 8 endpoints, 2 regions.
    pub fn standard() -> Self {
        Self::with_count(LABEL_SETS)
    }

    /// Any number of label sets; every 16 more are one more tenant.
    pub fn with_count(count: usize) -> Self {
        let mut sets = Self { text: String::new(), ends: Vec::with_capacity(count) };
        for index in 0..count {
            let tenant = format!("tenant-{:04}", index / Self::PER_TENANT);
            let (method, route, service) = ENDPOINTS[index / REGIONS.len() % ENDPOINTS.len()];
            sets.push([&tenant, method, route, service, REGIONS[index % REGIONS.len()]]);
        }
        sets
    }

    fn push(&mut self, values: [&str; 5]) {
        self.ends.push(values.map(|value| {
            self.text.push_str(value);
            self.text.len()
        }));
    }

    /// The label sets, borrowed from this storage.
    pub fn labels(&self) -> Vec<Labels<'_>> {
        let mut start = 0;
        let mut next = |end: usize| &self.text[std::mem::replace(&mut start, end)..end];
        let labels = |ends: &[usize; 5]| {
            let [tenant, method, route, service, region] = ends.map(&mut next);
            Labels { tenant, method, route, service, region }
        };
        self.ends.iter().map(labels).collect()
    }
}

/// How calls spread over label sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// 80 % of the calls go to 20 % of the label sets.
    EightyTwenty,
    /// All label sets alike.
    Uniform,
}

impl Pattern {
    /// As it stands in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EightyTwenty => "80/20",
            Self::Uniform => "uniform",
        }
    }

    /// [`CALLS`] indices below `count`, random and each time the same.
    pub fn sequence(self, count: usize) -> Vec<u32> {
        let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
        // Which fifth is hot must not follow from how the label sets were made.
        let mut places: Vec<u32> =
            (0..u32::try_from(count).expect("fewer than 4 billion label sets")).collect();
        for index in (1..count).rev() {
            places.swap(index, dice.below(index + 1));
        }
        let hot = (count / 5).max(1);
        let mut next = || {
            let is_hot = dice.below(5) != 0;
            match self {
                Self::EightyTwenty if is_hot || hot == count => places[dice.below(hot)],
                Self::EightyTwenty => places[hot + dice.below(count - hot)],
                Self::Uniform => places[dice.below(count)],
            }
        };
        (0..CALLS).map(|_| next()).collect()
    }
}

/// Pseudo-random numbers (`SplitMix64`), the same in each run.
#[derive(Debug, Clone)]
pub struct Dice(pub u64);

impl Dice {
    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// The next number below `bound`, which is not zero.
    #[allow(clippy::cast_possible_truncation)] // below `bound`
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.roll()) * bound as u128) >> 64) as usize
    }
}

/// Goes through items in a given order, round and round.
#[derive(Debug, Clone)]
pub struct Walk<'a, T> {
    items: &'a [T],
    sequence: &'a [u32],
    position: usize,
}

impl<'a, T> Walk<'a, T> {
    /// A walk over `items`. The length of `sequence` is a power of two.
    pub fn new(items: &'a [T], sequence: &'a [u32]) -> Self {
        assert!(sequence.len().is_power_of_two(), "positions are masked");
        Self { items, sequence, position: 0 }
    }

    /// The same walk from another position.
    #[must_use]
    pub fn skip(self, position: usize) -> Self {
        Self { position, ..self }
    }

    /// The next item.
    #[inline(always)]
    #[allow(clippy::inline_always)] // it stands in timed loops, beside fractions of a nanosecond
    pub fn step(&mut self) -> &'a T {
        let index = self.sequence[self.position & (self.sequence.len() - 1)];
        self.position += 1;
        &self.items[index as usize]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn label_sets_differ() {
        let sets = LabelSets::standard();
        let labels = sets.labels();
        assert_eq!(labels.len(), LABEL_SETS);
        assert_eq!(labels.iter().collect::<HashSet<_>>().len(), LABEL_SETS);
        assert_eq!(labels[2047].tenant, "tenant-0127");
        assert_eq!(labels[2047].region, "us-east-1");
    }

    #[test]
    fn patterns_are_what_they_say() {
        let share = |pattern: Pattern| {
            let mut calls = vec![0_u32; LABEL_SETS];
            pattern.sequence(LABEL_SETS).iter().for_each(|index| calls[*index as usize] += 1);
            calls.sort_unstable_by(|a, b| b.cmp(a));
            f64::from(calls[..LABEL_SETS / 5].iter().sum::<u32>()) / CALLS as f64
        };
        assert!((share(Pattern::EightyTwenty) - 0.8).abs() < 0.02, "{}", share(Pattern::EightyTwenty));
        assert!(share(Pattern::Uniform) < 0.3, "{}", share(Pattern::Uniform));
    }
}
