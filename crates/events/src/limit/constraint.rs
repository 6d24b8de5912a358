//! The constraints of a limiter.

use chrono::Duration;

use super::Schedule;
use crate::time::unit::TimeUnit;

/// A constraint of a [`Limiter`](crate::Limiter).
#[derive(Debug, Clone)]
pub enum Constraint {
    /// An event was counted less than `limit` times in the window.
    AtMost {
        /// The event that is counted.
        event_id: String,
        /// The greatest count that is allowed.
        limit: u32,
        /// The window, in units.
        window_count: usize,
        /// The window's unit.
        time_unit: TimeUnit,
    },
    /// An event was counted at least `count` times in the window.
    AtLeast {
        /// The event that is counted.
        event_id: String,
        /// The count that is needed.
        count: u32,
        /// The window, in units.
        window_count: usize,
        /// The window's unit.
        time_unit: TimeUnit,
    },
    /// An event was last counted at least `duration` ago, or never.
    Cooldown {
        /// The event that must not have happened lately.
        event_id: String,
        /// How long ago it must have been at least.
        duration: Duration,
    },
    /// An event was last counted at most `duration` ago.
    Within {
        /// The event that must have happened.
        prerequisite_event: String,
        /// How long ago it may have been at most.
        duration: Duration,
    },
    /// The time is in the schedule.
    During {
        /// The times at which recording is allowed.
        schedule: Schedule,
    },
    /// The time is not in the schedule.
    OutsideOf {
        /// The times at which recording is not allowed.
        schedule: Schedule,
    },
}

impl Constraint {
    /// Returns the event that the constraint reads, or `None` if it reads none.
    pub(super) fn event_id(&self) -> Option<&str> {
        match self {
            Self::AtMost { event_id, .. }
            | Self::AtLeast { event_id, .. }
            | Self::Cooldown { event_id, .. } => Some(event_id),
            Self::Within { prerequisite_event, .. } => Some(prerequisite_event),
            Self::During { .. } | Self::OutsideOf { .. } => None,
        }
    }
}

/// How much of a limit is used, from [`Limiter::usage`](crate::Limiter::usage). Open reservations are not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitUsage {
    /// How often the event was counted in the window.
    pub count: u32,
    /// The limit.
    pub limit: u32,
    /// How often the event can still be counted.
    pub remaining: u32,
}
