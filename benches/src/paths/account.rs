//! One count of a numeric account.

use std::{
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering},
};

use ron_accounting::accounting::Recorder;

use crate::{
    figures::{PathFigures, Target},
    label_sets::{Pattern, Walk, LABEL_SETS},
    race::{race, Effort, Entrant, Kind},
    slices::accounts,
};

pub(super) fn measure(effort: Effort) -> Vec<PathFigures> {
    let accounts = accounts(LABEL_SETS);
    let sequence = Pattern::EightyTwenty.sequence(accounts.len());
    let line_up = || {
        let recorder = Recorder::default();
        for account in &accounts {
            recorder.record(*account, 1);
        }
        let mut walk = Walk::new(&accounts, &sequence);
        let floor = AtomicU64::new(0);
        vec![
            Entrant::new("ours", Kind::Ours, move || recorder.record(black_box(*walk.step()), black_box(1))),
            Entrant::new("fetch_add", Kind::Floor, move || {
                black_box(&floor).fetch_add(1, Ordering::Relaxed);
            }),
        ]
    };
    let standings = race(effort, line_up);
    let mut path =
        PathFigures::new("account 80/20", "one of 2,048 random accounts: `recorder.record(account, n)`");
    standings.tell(&mut path);
    let ratio = standings.ratio("ours", "fetch_add");
    path.ratio("ours / one uncontended fetch_add", ratio, Some(Target::AtMost(3.0)));
    vec![path]
}
