//! What is done to the stores, and how it is generated.

use chrono::Duration;
use proptest::prelude::*;

use crate::world::Tracked;

/// The units' lengths in seconds.
pub(crate) const LENGTHS: [usize; 7] = [1, 60, 3600, 86_400, 7 * 86_400, 30 * 86_400, 365 * 86_400];
pub(crate) const EVENTS: [&str; 3] = ["a", "b", "c"];

#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    Advance(Duration),
    Record { count: u32 },
    RecordAgo { count: u32, ago: Duration },
    Range { unit: usize, from: usize, len: usize },
    Seen,
    Several { n: usize },
    Balance,
    AtMost { limit: u32, window: usize, unit: usize, record: bool },
    AtLeast { count: u32, window: usize, unit: usize },
    LastUse { duration: Duration },
    Schedule { from: u8, to: u8 },
    Reserve { limit: u32, unit: usize, commit: bool },
    Persist { all: bool },
    Restart,
    ResetDirty,
    Merge,
    Import,
}

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0_i64..120).prop_map(Duration::seconds),
        (0_i64..7200).prop_map(Duration::seconds),
        (0_i64..72 * 60).prop_map(Duration::minutes),
        (0_i64..24 * 40).prop_map(Duration::hours),
    ]
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => duration().prop_map(Step::Advance),
        4 => (0_u32..1000).prop_map(|count| Step::Record { count }),
        4 => (1_u32..9, duration()).prop_map(|(count, ago)| Step::RecordAgo { count, ago }),
        3 => (0..7_usize, 0..5_usize, 0..90_usize).prop_map(|(unit, from, len)| Step::Range { unit, from, len }),
        4 => Just(Step::Seen),
        1 => (0..40_usize).prop_map(|n| Step::Several { n }),
        1 => Just(Step::Balance),
        2 => (0_u32..2000, 0..9_usize, 0..7_usize, any::<bool>())
            .prop_map(|(limit, window, unit, record)| Step::AtMost { limit, window, unit, record }),
        1 => (0_u32..20, 0..9_usize, 0..7_usize)
            .prop_map(|(count, window, unit)| Step::AtLeast { count, window, unit }),
        1 => duration().prop_map(|duration| Step::LastUse { duration }),
        1 => (0_u8..23, 1_u8..24).prop_map(|(from, to)| Step::Schedule { from, to }),
        1 => (1_u32..2000, 0..7_usize, any::<bool>())
            .prop_map(|(limit, unit, commit)| Step::Reserve { limit, unit, commit }),
        1 => any::<bool>().prop_map(|all| Step::Persist { all }),
        1 => Just(Step::Restart),
        1 => Just(Step::ResetDirty),
        1 => Just(Step::Merge),
        1 => Just(Step::Import),
    ]
}

pub(crate) fn tracked() -> impl Strategy<Value = Tracked> {
    let unit = || prop_oneof![2 => Just(0_usize), 1 => 1..6_usize, 2 => 6..70_usize];
    [unit(), unit(), unit(), unit(), unit(), unit(), unit()].prop_filter(
        "the largest unit reaches back longest",
        |tracked| {
            let spans =
                tracked.iter().zip(LENGTHS).map(|(buckets, length)| buckets * length).collect::<Vec<_>>();
            let largest = spans.iter().rev().find(|span| **span > 0);
            largest.is_some_and(|largest| spans.iter().all(|span| span <= largest))
        },
    )
}
