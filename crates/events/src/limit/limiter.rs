//! The limiter: constraints that are checked together, and the action if they hold.

use std::sync::Arc;

use chrono::Duration;

use super::{evaluate::Action, Constraint, LimitUsage, Reservation, Schedule};
use crate::{
    store::inner::{Access, Inner},
    time::unit::TimeWindow,
    Error, EventId, Result,
};

/// Constraints under which an event may be recorded, from [`EventStore::limit`](crate::EventStore::limit).
///
/// All must hold. They are checked together on locked events, so that any number of threads record exactly as many events as
/// the constraints allow. A constraint may read another event than the one that is recorded.
///
/// A window is a unit, a number of units, or a duration, see [`TimeWindow`]. For a unit that the store does not track, the
/// next finer one that reaches back far enough is read, or else the next coarser one. If there is neither, the limiter
/// refuses everything with [`Error::ConfigMismatch`].
///
/// ```
/// use chrono::Duration;
/// use ron_accounting_events::{EventStore, TimeUnit};
/// let store = EventStore::new();
/// let login = || store.limit().at_most("login", 2, TimeUnit::Minutes).at_most("login", 100, Duration::days(7));
/// assert!(login().check_and_record("login").is_ok());
/// assert!(login().check_and_record("login").is_ok());
/// let refused = login().check_and_record("login").unwrap_err();
/// assert_eq!(refused.retry_after, Some(Duration::minutes(1)));
/// ```
#[must_use = "a limiter does nothing until it is asked"]
#[derive(Debug)]
pub struct Limiter {
    pub(super) store: Arc<Inner>,
    pub(super) constraints: Vec<Constraint>,
    /// Why the constraints cannot be checked.
    pub(super) refused: Option<String>,
}

impl Limiter {
    pub(crate) fn new(store: Arc<Inner>) -> Self {
        Self { store, constraints: Vec::new(), refused: None }
    }

    /// Requires that the event was counted less than `limit` times in the window. Open reservations count as well.
    pub fn at_most(self, event_id: impl EventId, limit: u32, window: impl Into<TimeWindow>) -> Self {
        let TimeWindow { count, time_unit } = window.into();
        let event_id = event_id.as_ref().to_owned();
        self.spanning(count, time_unit).with(Constraint::AtMost {
            event_id,
            limit,
            window_count: count,
            time_unit,
        })
    }

    /// Requires that the event was counted at least `count` times in the window.
    pub fn at_least(self, event_id: impl EventId, count: u32, window: impl Into<TimeWindow>) -> Self {
        let TimeWindow { count: window_count, time_unit } = window.into();
        let event_id = event_id.as_ref().to_owned();
        self.spanning(window_count, time_unit).with(Constraint::AtLeast {
            event_id,
            count,
            window_count,
            time_unit,
        })
    }

    /// Requires that the event was last counted at least `duration` ago, to the second, or never. An open reservation counts as
    /// an event that happens now.
    pub fn cooldown(self, event_id: impl EventId, duration: Duration) -> Self {
        self.with(Constraint::Cooldown { event_id: event_id.as_ref().to_owned(), duration })
    }

    /// Requires that the event was last counted at most `duration` ago.
    pub fn within(self, prerequisite_event: impl EventId, duration: Duration) -> Self {
        self.with(Constraint::Within { prerequisite_event: prerequisite_event.as_ref().to_owned(), duration })
    }

    /// Requires that the time is in the schedule.
    pub fn during(self, schedule: Schedule) -> Self {
        self.with(Constraint::During { schedule })
    }

    /// Requires that the time is not in the schedule.
    pub fn outside_of(self, schedule: Schedule) -> Self {
        self.with(Constraint::OutsideOf { schedule })
    }

    fn with(mut self, constraint: Constraint) -> Self {
        self.constraints.push(constraint);
        self
    }

    /// Makes the limiter refuse everything if no tracked unit can be read for the window.
    fn spanning(mut self, count: usize, unit: crate::TimeUnit) -> Self {
        if self.refused.is_none() && self.store.tracked.window(count, unit).is_none() {
            self.refused = Some(format!(
                "a window of {count} {unit:?} is longer than what is tracked: track {unit:?} or a longer unit"
            ));
        }
        self
    }

    /// Returns whether the event could be recorded now: [`Error::LimitExceeded`] if not. Changes nothing.
    pub fn check(self, event_id: impl EventId) -> Result<()> {
        self.evaluate(event_id.as_ref(), Action::Check)
    }

    /// Returns whether the event could be recorded now. Changes nothing.
    pub fn allowed(self, event_id: impl EventId) -> bool {
        self.check(event_id).is_ok()
    }

    /// Records the event now if all constraints hold, in one step.
    pub fn check_and_record(self, event_id: impl EventId) -> Result<()> {
        self.evaluate(event_id.as_ref(), Action::Record)
    }

    /// Reserves the event if all constraints hold, in one step.
    ///
    /// ```
    /// use ron_accounting_events::{EventStore, TimeUnit};
    /// let store = EventStore::new();
    /// let job = store.limit().at_most("job", 1, TimeUnit::Hours).reserve("job")?;
    /// assert!(!store.limit().at_most("job", 1, TimeUnit::Hours).allowed("job"));
    /// job.commit();
    /// assert_eq!(store.query("job").last_hours(1).sum(), Some(1));
    /// # Ok::<(), ron_accounting_events::Error>(())
    /// ```
    pub fn reserve(self, event_id: impl EventId) -> Result<Reservation> {
        let event_id = event_id.as_ref();
        self.evaluate(event_id, Action::Reserve)?;
        Ok(Reservation::new(self.store, event_id))
    }

    /// Returns how much of the first [`Limiter::at_most`] for this event is used. All numbers are zero if there is none.
    pub fn usage(self, event_id: impl EventId) -> Result<LimitUsage> {
        if let Some(refused) = self.refused {
            return Err(Error::ConfigMismatch(refused));
        }
        let name = event_id.as_ref();
        let limit = self.constraints.iter().find_map(|constraint| match constraint {
            Constraint::AtMost { event_id, limit, window_count, time_unit } if event_id == name => {
                Some((*limit, self.store.tracked.window(*window_count, *time_unit)?))
            }
            _ => None,
        });
        let Some((limit, (unit, buckets))) = limit else {
            return Ok(LimitUsage { count: 0, limit: 0, remaining: 0 });
        };
        let sum = |state: &mut crate::store::event::State| state.counter.sum(unit, 0..buckets);
        let sum = self.store.with(name, Access::Query, self.store.now_ms(), sum).flatten();
        let count = sum.map_or(0, |sum| sum.count);
        Ok(LimitUsage { count, limit, remaining: limit.saturating_sub(count) })
    }
}
