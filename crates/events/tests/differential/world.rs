//! Two stores of each crate, with one history.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use chrono::{DateTime, Duration, Utc};

/// What both kinds of stores keep their counters in.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Arc<Mutex<HashMap<String, Vec<u8>>>>);

macro_rules! shelf_of {
    ($lib:ident) => {
        impl $lib::Storage for Shelf {
            fn save(&mut self, key: &str, data: Vec<u8>) -> $lib::Result<()> {
                self.0.lock().unwrap().insert(key.to_owned(), data);
                Ok(())
            }

            fn load(&self, key: &str) -> $lib::Result<Option<Vec<u8>>> {
                Ok(self.0.lock().unwrap().get(key).cloned())
            }

            fn delete(&mut self, key: &str) -> $lib::Result<()> {
                self.0.lock().unwrap().remove(key);
                Ok(())
            }

            fn list_keys(&self) -> $lib::Result<Vec<String>> {
                Ok(self.0.lock().unwrap().keys().cloned().collect())
            }
        }
    };
}
shelf_of!(ron_accounting_events);
shelf_of!(tiny_counter);

/// Buckets per unit, from seconds to years; zero if not tracked.
pub(crate) type Tracked = [usize; 7];

macro_rules! build {
    ($lib:ident, $tracked:expr, $shelf:expr, $clock:expr) => {{
        let mut builder =
            $lib::EventStore::builder().with_storage($shelf.clone()).with_clock(Arc::new($clock.clone()));
        let tracked: Tracked = $tracked;
        if tracked[0] > 0 {
            builder = builder.track_seconds(tracked[0]);
        }
        if tracked[1] > 0 {
            builder = builder.track_minutes(tracked[1]);
        }
        if tracked[2] > 0 {
            builder = builder.track_hours(tracked[2]);
        }
        if tracked[3] > 0 {
            builder = builder.track_days(tracked[3]);
        }
        if tracked[4] > 0 {
            builder = builder.track_weeks(tracked[4]);
        }
        if tracked[5] > 0 {
            builder = builder.track_months(tracked[5]);
        }
        if tracked[6] > 0 {
            builder = builder.track_years(tracked[6]);
        }
        builder.build().unwrap()
    }};
}

/// Two stores of each crate, with the same history.
pub(crate) struct World {
    pub(crate) tracked: Tracked,
    pub(crate) ours: [ron_accounting_events::EventStore; 2],
    pub(crate) theirs: [tiny_counter::EventStore; 2],
    pub(crate) shelves: [[Shelf; 2]; 2],
    pub(crate) clocks: (ron_accounting_events::TestClock, tiny_counter::TestClock),
    pub(crate) now: DateTime<Utc>,
    /// The exact last use per store and event.
    pub(crate) used: [HashMap<&'static str, DateTime<Utc>>; 2],
    /// Whether a reservation has been given back since all was clean.
    pub(crate) given_back: bool,
}

impl World {
    pub(crate) fn new(tracked: Tracked, now: DateTime<Utc>) -> Self {
        let clocks = (
            ron_accounting_events::TestClock::build_for_testing_at(now),
            tiny_counter::TestClock::build_for_testing_at(now),
        );
        let shelves: [[Shelf; 2]; 2] = Default::default();
        Self {
            tracked,
            ours: [0, 1].map(|i| build!(ron_accounting_events, tracked, shelves[0][i], clocks.0)),
            theirs: [0, 1].map(|i| build!(tiny_counter, tracked, shelves[1][i], clocks.1)),
            shelves,
            clocks,
            now,
            used: Default::default(),
            given_back: false,
        }
    }

    pub(crate) fn use_event(&mut self, store: usize, event: &'static str, at: DateTime<Utc>) {
        let used = self.used[store].entry(event).or_insert(at);
        *used = at.max(*used);
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.now += by;
        self.clocks.0.set(self.now);
        self.clocks.1.set(self.now);
    }

    pub(crate) fn restart(&mut self, store: usize) {
        self.ours[store] = build!(ron_accounting_events, self.tracked, self.shelves[0][store], self.clocks.0);
        self.theirs[store] = build!(tiny_counter, self.tracked, self.shelves[1][store], self.clocks.1);
    }
}
