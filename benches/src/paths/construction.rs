//! An instance of the façade comes and goes, its threads included.

use std::{sync::Arc, thread, time::Duration};

use ron_accounting::{export::MemoryLedger, Accounting};

use crate::{
    figures::{PathFigures, Target},
    race::{race, time_of, Effort, Entrant, Kind},
};

const BUILD: &str = "build";
const BUILD_WITH_LEDGER: &str = "build with a ledger";

pub(super) fn measure(effort: Effort) -> Vec<PathFigures> {
    let line_up = || {
        vec![
            Entrant::prepared(BUILD, Kind::Ours, || time_of(build).0),
            Entrant::prepared("drop", Kind::Ours, || dropped(build())),
            Entrant::prepared(BUILD_WITH_LEDGER, Kind::Ours, || time_of(build_with_ledger).0),
            Entrant::prepared("drop with a ledger", Kind::Ours, || dropped(build_with_ledger())),
            Entrant::prepared("starting a thread", Kind::Floor, || {
                let (took, thread) = time_of(|| thread::spawn(thread::park));
                thread.thread().unpark();
                thread.join().expect("it does nothing");
                took
            }),
        ]
    };
    let standings = race(effort, line_up);
    let mut path = PathFigures::new(
        "construction",
        "an instance without log, threads included: `Accounting::builder().build()`",
    );
    standings.tell(&mut path);
    for name in [BUILD, BUILD_WITH_LEDGER] {
        path.ratio(format!("{name}, µs"), standings.median(name) / 1000.0, Some(Target::AtMost(50.0)));
    }
    vec![path]
}

fn build() -> Accounting {
    Accounting::builder().build().expect("the defaults are in range")
}

fn build_with_ledger() -> Accounting {
    let ledger = Arc::new(MemoryLedger::new());
    Accounting::builder().exporter(ledger).build().expect("the defaults are in range")
}

fn dropped(accounting: Accounting) -> Duration {
    time_of(|| drop(accounting)).0
}
