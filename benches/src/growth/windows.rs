//! What rolling a window costs when more closed ones are kept.

use std::hint::black_box;

use ron_accounting::Accounting;

use super::Plot;
use crate::{
    contestants::{Contestant, Ours},
    label_sets::LabelSets,
    race::{race, time_of, Effort, Entrant, Kind},
};

const SIZES: [usize; 5] = [1, 4, 16, 64, 256];
const WINDOW_MS: u64 = 60_000;

pub(super) fn measure(effort: Effort) -> Plot {
    let mut plot =
        Plot::new("2,048 label sets that are used in each window", "closed windows that are kept", "µs");
    let sets = LabelSets::standard();
    let labels = &sets.labels();
    for size in SIZES {
        let line_up = || {
            let build = || {
                let builder = Accounting::builder().manual().history_windows(size).window_ms(WINDOW_MS);
                Ours { accounting: builder.build().expect("the settings are in range") }
            };
            let (rolled, shown) = (build(), build());
            let mut now_ms = u64::MAX / 4;
            let mut roll = move |ours: &Ours| {
                for labels in labels {
                    ours.record(labels);
                }
                now_ms += WINDOW_MS;
                time_of(|| ours.accounting.tick(now_ms)).0
            };
            for _ in 0..size {
                roll(&rolled);
                roll(&shown);
            }
            for labels in labels {
                shown.record(labels);
            }
            vec![
                Entrant::prepared("closing a window: tick()", Kind::Ours, move || roll(&rolled)),
                Entrant::new("showing the open window: snapshot()", Kind::Ours, move || {
                    black_box(shown.accounting.snapshot());
                }),
            ]
        };
        for (name, cost) in race(Effort { sittings: 1, ..effort }, line_up).medians() {
            plot.point(name, size as f64, cost / 1000.0);
        }
    }
    plot
}
