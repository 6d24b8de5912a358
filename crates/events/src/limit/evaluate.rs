//! Checks constraints on events that are locked together, so that no count changes between the check and the action.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};

use super::{Constraint, Limiter};
use crate::{
    store::{
        event::State,
        inner::{Access, Inner},
    },
    time::to_ms,
    Error, Result,
};

/// The index of a constraint that does not hold, and how long to wait.
#[derive(Debug)]
pub(super) struct Refusal {
    index: usize,
    retry_after: Option<Duration>,
}

/// What to do with an event once the constraints hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Check,
    Record,
    Reserve,
}

impl Action {
    /// Returns how the event is accessed. It is created if it will be changed, since only an event that exists can be locked.
    fn access(self) -> Access {
        if self == Self::Check {
            Access::Query
        } else {
            Access::Record
        }
    }

    fn apply(self, state: &mut State) {
        match self {
            Self::Check => {}
            Self::Record => state.record(1),
            Self::Reserve => state.pending = state.pending.saturating_add(1),
        }
    }
}

impl Limiter {
    /// Checks all constraints and, if they hold, applies the action to the event, in one step.
    pub(super) fn evaluate(&self, event_id: &str, action: Action) -> Result<()> {
        if let Some(refused) = &self.refused {
            return Err(Error::ConfigMismatch(refused.clone()));
        }
        let now = self.store.now();
        // Schedules may call code of the host, which may use the store. So no event is locked yet.
        let schedules = self.schedules(now);
        let one = self.constraints.iter().filter_map(Constraint::event_id).all(|name| name == event_id);
        let outcome = if one {
            self.on_one_event(event_id, action, now, &schedules)
        } else {
            self.on_many_events(event_id, action, now, &schedules)
        };
        let Err(refusal) = outcome else { return Ok(()) };
        if action != Action::Check {
            self.store.forget_unused(event_id);
        }
        match self.constraints.get(refusal.index) {
            Some(constraint) => Err(Error::refused(event_id, constraint, refusal.retry_after)),
            None => Ok(()),
        }
    }

    fn on_one_event(
        &self,
        event_id: &str,
        action: Action,
        now: DateTime<Utc>,
        schedules: &[Refusal],
    ) -> std::result::Result<(), Refusal> {
        let outcome = self.store.with(event_id, action.access(), to_ms(now), |state| {
            self.first_refusal(schedules, |_| Some(&*state), now)?;
            action.apply(state);
            Ok(())
        });
        outcome.unwrap_or_else(|| self.first_refusal(schedules, |_| None, now))
    }

    fn on_many_events(
        &self,
        event_id: &str,
        action: Action,
        now: DateTime<Utc>,
        schedules: &[Refusal],
    ) -> std::result::Result<(), Refusal> {
        let others: BTreeSet<&str> = self.constraints.iter().filter_map(Constraint::event_id).collect();
        let mut names = vec![(event_id, action.access())];
        names.extend(others.into_iter().filter(|name| *name != event_id).map(|name| (name, Access::Query)));
        self.store.with_all(&names, to_ms(now), |states| {
            let position = |name: &str| names.iter().position(|(known, _)| *known == name);
            let find = |name: &str| states.get(position(name)?)?.as_deref();
            self.first_refusal(schedules, find, now)?;
            if let Some(Some(state)) = states.first_mut() {
                action.apply(state);
            }
            Ok(())
        })
    }

    /// Returns the schedules that do not hold.
    fn schedules(&self, now: DateTime<Utc>) -> Vec<Refusal> {
        let refusal = |(index, constraint): (usize, &Constraint)| {
            let (schedule, wanted) = match constraint {
                Constraint::During { schedule } => (schedule, true),
                Constraint::OutsideOf { schedule } => (schedule, false),
                _ => return None,
            };
            let refused = schedule.contains(now) != wanted;
            refused.then(|| Refusal { index, retry_after: schedule.until_change(now) })
        };
        self.constraints.iter().enumerate().filter_map(refusal).collect()
    }

    /// Returns the first constraint that does not hold, in the order in which they were added.
    fn first_refusal<'a>(
        &self,
        schedules: &[Refusal],
        find: impl Fn(&str) -> Option<&'a State>,
        now: DateTime<Utc>,
    ) -> std::result::Result<(), Refusal> {
        for (index, constraint) in self.constraints.iter().enumerate() {
            let state = constraint.event_id().and_then(&find);
            if let Some(refusal) = schedules.iter().find(|refusal| refusal.index == index) {
                return Err(Refusal { ..*refusal });
            }
            if let Verdict::Refused { retry_after } = verdict(&self.store, constraint, state, now) {
                return Err(Refusal { index, retry_after });
            }
        }
        Ok(())
    }
}

/// What a constraint says about an event.
enum Verdict {
    Allowed,
    Refused { retry_after: Option<Duration> },
}

impl Verdict {
    fn refused_if(refused: bool, retry_after: Option<Duration>) -> Self {
        if refused {
            Self::Refused { retry_after }
        } else {
            Self::Allowed
        }
    }
}

fn verdict(store: &Inner, constraint: &Constraint, state: Option<&State>, now: DateTime<Utc>) -> Verdict {
    let counted = |window_count: usize, time_unit| {
        let (unit, buckets) = store.tracked.window(window_count, time_unit)?;
        state?.counter.sum(unit, 0..buckets).map(|sum| sum.count)
    };
    let pending = state.map_or(0, |state| state.pending);
    match constraint {
        Constraint::AtMost { limit, window_count, time_unit, .. } => {
            let used = counted(*window_count, *time_unit).unwrap_or(0).saturating_add(pending);
            Verdict::refused_if(used >= *limit, time_unit.length())
        }
        Constraint::AtLeast { count, window_count, time_unit, .. } => {
            Verdict::refused_if(counted(*window_count, *time_unit).unwrap_or(0) < *count, None)
        }
        Constraint::Cooldown { duration, .. } => {
            let last = state.and_then(|state| last_use(state, now));
            // A reservation may be committed at any moment, so the event counts as happening now.
            let since = if pending > 0 { Some(Duration::zero()) } else { last };
            let left = since.and_then(|since| duration.checked_sub(&since));
            Verdict::refused_if(left.is_some_and(|left| left > Duration::zero()), left)
        }
        Constraint::Within { duration, .. } => {
            let last = state.and_then(|state| last_use(state, now));
            Verdict::refused_if(!last.is_some_and(|since| since <= *duration), None)
        }
        // Schedules were checked before any event was locked.
        Constraint::During { .. } | Constraint::OutsideOf { .. } => Verdict::Allowed,
    }
}

/// Returns how long ago an event was last counted: exactly if it is known, or else as estimated from its buckets.
fn last_use(state: &State, now: DateTime<Utc>) -> Option<Duration> {
    let now = state.counter.latest(now);
    match state.counter.used() {
        Some(used) => Some((now - used).max(Duration::zero())),
        None => state.counter.last_seen(now),
    }
}
