//! Sealing 1,024 to 4,096 rows that all have a new count: read, group, encode, digest.

use std::hint::black_box;

use crate::{
    figures::{PathFigures, Target},
    race::{race, time_of, Effort, Entrant, Kind},
    slices::{ReadyRows, Sealing, SerdeSlice},
};

const FLOOR: &str = "copy, write, BLAKE3";

pub(super) fn measure(effort: Effort) -> Vec<PathFigures> {
    [1024, 2048, 4096].map(|rows| with_rows(rows, effort)).into()
}

fn with_rows(rows: usize, effort: Effort) -> PathFigures {
    let line_up = || {
        let mut sealing = Sealing::new(rows);
        let ready = ReadyRows::new(rows);
        let (ciborium, dag_cbor) = (SerdeSlice::new(rows), SerdeSlice::new(rows));
        vec![
            Entrant::prepared("ours", Kind::Ours, move || {
                sealing.count();
                time_of(|| sealing.seal()).0
            }),
            Entrant::prepared(FLOOR, Kind::Floor, move || time_of(|| black_box(&ready).write()).0),
            Entrant::prepared("ciborium", Kind::Library, move || {
                time_of(|| {
                    let mut bytes = Vec::new();
                    ciborium::into_writer(black_box(&ciborium), &mut bytes).expect("a vector takes all");
                    (blake3::hash(&bytes), bytes)
                })
                .0
            }),
            Entrant::prepared("serde_ipld_dagcbor", Kind::Library, move || {
                time_of(|| {
                    let bytes = serde_ipld_dagcbor::to_vec(black_box(&dag_cbor)).expect("a vector takes all");
                    (blake3::hash(&bytes), bytes)
                })
                .0
            }),
        ]
    };
    let standings = race(effort, line_up);
    let mut path = PathFigures::new(
        &format!("seal {rows}"),
        &format!("{rows} rows into a slice; peers and floor have rows that are read and sorted already"),
    );
    standings.tell(&mut path);
    path.ratio("ours / floor", standings.ratio("ours", FLOOR), Some(Target::AtMost(1.3)));
    if let Some(best) = standings.cheapest(Kind::Library) {
        path.ratio(format!("ours / {best}"), standings.ratio("ours", best), None);
    }
    path
}
