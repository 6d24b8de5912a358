//! A visit to the rows or slices of a ledger that may fail on the way.

use std::ops::ControlFlow;

/// Keeps the failure that ended a visit, because a visitor can only break it.
#[derive(Debug)]
pub(super) struct Visiting<E>(Result<(), E>);

impl<E> Default for Visiting<E> {
    fn default() -> Self {
        Self(Ok(()))
    }
}

impl<E> Visiting<E> {
    pub(super) fn step(&mut self, step: impl FnOnce() -> Result<(), E>) -> ControlFlow<()> {
        self.0 = step();
        if self.0.is_ok() {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }

    /// Returns the failure, if there was one.
    pub(super) fn end(self) -> Result<(), E> {
        self.0
    }
}
