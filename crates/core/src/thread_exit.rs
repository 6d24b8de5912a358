//! What happens to a thread's state when the thread ends.
//!
//! Its cells are kept: they are cumulative, and a later thread goes on with them. Its caches are emptied:
//! each entry owns a key, and an owned key keeps its id, so that the caches of ended threads would use up all
//! ids.
//!
//! # Order
//! Destructors of thread-local values run in the reverse order of their registration. A thread calls
//! [`watch`] when it has its state already, so the guard here runs while that state can still be found. If a
//! later destructor records, [`has_ended`] returns `true`, and the call uses a state that all such calls
//! share.

use std::{
    cell::{Cell, RefCell},
    sync::Weak,
};

/// Something that keeps state per thread.
pub(crate) trait ForgetThread: Send + Sync {
    /// Releases the keys that the calling thread's state owns.
    fn forget_thread(&self);
}

thread_local! {
    static GUARD: Guard = const { Guard(RefCell::new(Vec::new())) };
    static HAS_ENDED: Cell<bool> = const { Cell::new(false) };
}

struct Guard(RefCell<Vec<Weak<dyn ForgetThread>>>);

impl Drop for Guard {
    fn drop(&mut self) {
        HAS_ENDED.set(true);
        for engine in self.0.take().iter().filter_map(Weak::upgrade) {
            engine.forget_thread();
        }
    }
}

/// Has `engine` told when the calling thread ends.
pub(crate) fn watch(engine: Weak<dyn ForgetThread>) {
    // This fails only after the thread's end, when there is nothing left to watch for.
    let _ = GUARD.try_with(|guard| {
        let mut engines = guard.0.borrow_mut();
        engines.retain(|engine| engine.strong_count() > 0);
        engines.push(engine);
    });
}

/// Returns whether the destructors of the calling thread have begun to run.
#[inline]
pub(crate) fn has_ended() -> bool {
    HAS_ENDED.get()
}
