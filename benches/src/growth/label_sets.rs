//! What a record costs when there are more label sets.

use super::Plot;
use crate::{
    contestants::{Lookup, Measured, Ours, PlainMap, Prometheus},
    label_sets::{LabelSets, Pattern},
    paths::known,
    race::{race, Effort},
};

const SIZES: [usize; 6] = [64, 256, 1024, 4096, 16_384, 65_536];

pub(super) fn measure(effort: Effort) -> Plot {
    let mut plot = Plot::new("Recording by 5 labels, all label sets alike", "label sets", "ns per record");
    for size in SIZES {
        let sets = LabelSets::with_count(size);
        let labels = sets.labels();
        let sequence = Pattern::Uniform.sequence(size);
        let line_up = || {
            vec![
                known::<Ours>(&labels, &sequence),
                known::<Lookup>(&labels, &sequence),
                known::<Prometheus>(&labels, &sequence),
                known::<Measured>(&labels, &sequence),
                known::<PlainMap>(&labels, &sequence),
            ]
        };
        let standings = race(Effort { sittings: effort.sittings.min(2), ..effort }, line_up);
        for (name, cost) in standings.medians() {
            plot.point(name, size as f64, cost);
        }
    }
    plot
}
