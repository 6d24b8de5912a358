//! Reservations: events that count against limits before they are recorded.

use std::{fmt, sync::Arc};

use crate::store::inner::{Access, Inner};

/// A reserved event, from [`Limiter::reserve`](crate::Limiter::reserve).
///
/// It counts against limits while it is open. Dropping it cancels it. It is never stored or exported.
///
/// An event with an open reservation stays in memory while others are compacted, imported or merged.
#[must_use = "a reservation is given back when it is dropped"]
pub struct Reservation {
    store: Arc<Inner>,
    event_id: String,
    open: bool,
}

impl Reservation {
    pub(super) fn new(store: Arc<Inner>, event_id: &str) -> Self {
        Self { store, event_id: event_id.to_owned(), open: true }
    }

    /// Records the event now, and ends the reservation.
    pub fn commit(mut self) {
        self.end(true);
    }

    /// Ends the reservation without recording the event.
    pub fn cancel(mut self) {
        self.end(false);
    }

    fn end(&mut self, commit: bool) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        let now_ms = self.store.now_ms();
        self.store.with(&self.event_id, Access::Record, now_ms, |state| {
            state.pending = state.pending.saturating_sub(1);
            if commit {
                state.record(1);
            }
        });
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.end(false);
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation").field("event_id", &self.event_id).finish_non_exhaustive()
    }
}
