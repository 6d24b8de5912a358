//! Limits: under which constraints an event may be recorded.
//!
//! * [`constraint`] defines the constraints.
//! * [`schedule`] defines hours and days at which something is allowed.
//! * [`limiter`] combines constraints, checks them, and records the event if they hold.
//! * [`reservation`] counts against limits until the event is recorded or cancelled.
//! * [`evaluate`] decides whether the constraints hold, on locked events.

mod constraint;
mod evaluate;
mod limiter;
mod reservation;
mod schedule;

pub use constraint::{Constraint, LimitUsage};
pub use limiter::Limiter;
pub use reservation::Reservation;
pub use schedule::Schedule;
