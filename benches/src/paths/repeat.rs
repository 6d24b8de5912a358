//! The same label set again, as when a connection sends many requests in a row.

use std::hint::black_box;

use super::record;
use crate::{
    contestants::{Contestant, Ours},
    figures::{PathFigures, Target},
    label_sets::{LabelSets, Pattern, Walk},
    race::{race, Effort, Entrant},
};

/// How many calls in a row use the same label set.
const RUN: usize = 16;

pub(super) fn measure(effort: Effort) -> Vec<PathFigures> {
    let sets = LabelSets::standard();
    let labels = sets.labels();
    let sequence = Pattern::EightyTwenty.sequence(labels.len());
    let line_up = || {
        let ours = Ours::new(&labels);
        for labels in &labels {
            ours.record(labels);
        }
        let mut walk = Walk::new(&labels, &sequence);
        let (mut current, mut left) = (walk.step(), RUN);
        let runs = Entrant::new("runs of 16", Ours::KIND, move || {
            if left == 0 {
                (current, left) = (walk.step(), RUN);
            }
            left -= 1;
            ours.record(black_box(current));
        });
        vec![record::entrant::<Ours>(&labels, &sequence).named("each call another"), runs]
    };
    let standings = race(effort, line_up);
    let mut path = PathFigures::new(
        "repeat",
        "one counter by the label set of the call before; a run of 16 calls less its first, which is a call as any",
    );
    standings.tell(&mut path);
    let run = RUN as f64;
    let ratio = (standings.ratio("runs of 16", "each call another") * run - 1.0) / (run - 1.0);
    path.ratio("repeated call / random call", ratio, Some(Target::AtMost(0.5)));
    vec![path]
}
