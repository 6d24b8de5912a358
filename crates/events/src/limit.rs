//! Limits: under which constraints an event may be recorded.
//!
//! * [`constraint`] says what can be demanded.
//! * [`schedule`] knows hours and days at which something is allowed.
//! * [`limiter`] is constraints put together, checked, and acted on.
//! * [`reservation`] is a place under a limit, held until it is used or given back.
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
