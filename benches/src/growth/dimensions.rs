//! What a call costs that counts several dimensions.

use std::hint::black_box;

use ron_accounting::{Accounting, Dimension, Dimensions};

use super::Plot;
use crate::{
    label_sets::{LabelSets, Pattern, Walk},
    race::{race, Effort, Entrant, Kind},
};

const SIZES: [usize; 5] = [1, 2, 4, 8, 16];
const ONE_CALL: &str = "one call";
const SEVERAL: &str = "a call for each";

pub(super) fn measure(effort: Effort) -> Plot {
    let mut plot = Plot::new(
        "Recording several dimensions by 5 labels, 2,048 label sets, 80/20",
        "dimensions counted",
        "ns for all",
    );
    let sets = LabelSets::standard();
    let labels = sets.labels();
    let sequence = Pattern::EightyTwenty.sequence(labels.len());
    for size in SIZES {
        let line_up = || {
            let (once, amounts) = instance(size);
            let (each, _) = instance(size);
            let mut one_call = Walk::new(&labels, &sequence);
            let mut calls = one_call.clone();
            let each_amounts = amounts.clone();
            vec![
                Entrant::new(ONE_CALL, Kind::Ours, move || {
                    once.record_each(black_box(one_call.step()), black_box(&amounts));
                }),
                Entrant::new(SEVERAL, Kind::Ours, move || {
                    let labels = black_box(calls.step());
                    for (dimension, n) in black_box(&each_amounts) {
                        each.record(labels, *dimension, *n);
                    }
                }),
            ]
        };
        for (name, cost) in race(Effort { sittings: 1, ..effort }, line_up).medians() {
            plot.point(name, size as f64, cost);
        }
    }
    plot
}

/// An instance with sixteen dimensions, and the first `size` of them with amounts.
fn instance(size: usize) -> (Accounting, Vec<(Dimension, u64)>) {
    let mut dimensions = Dimensions::default();
    for n in 4..16 {
        dimensions.register(&format!("unit_{n}")).expect("the name is allowed");
    }
    let builder = Accounting::builder().manual().dimensions(dimensions);
    let accounting = builder.build().expect("the settings are in range");
    let amounts = accounting.dimensions().iter().take(size).map(|dimension| (dimension, 7)).collect();
    (accounting, amounts)
}
