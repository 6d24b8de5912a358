//! What happens to a thread's state when the thread ends.
//!
//! Its cells stay: they are cumulative, and a later thread goes on with them. Its cache must not: each entry owns a key, and
//! while a key has an owner its id is not reused, so the caches of threads that are gone would use up all ids.
//!
//! # Order
//! Destructors of thread-local values run in the reverse order of their registration. [`watch`] is called by a thread that
//! has its state already, so the guard here runs while that state can still be found. What a later destructor records finds
//! [`has_ended`] and takes a state that such calls share.

use std::{
    cell::{Cell, RefCell},
    sync::Weak,
};

/// Something that keeps state per thread.
pub(crate) trait ForgetThread: Send + Sync {
    /// Lets go of what the calling thread's state owns.
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

/// Has `engine` forget the calling thread when it ends.
pub(crate) fn watch(engine: Weak<dyn ForgetThread>) {
    // After the end there is nothing left to watch for.
    let _ = GUARD.try_with(|guard| {
        let mut engines = guard.0.borrow_mut();
        engines.retain(|engine| engine.strong_count() > 0);
        engines.push(engine);
    });
}

/// Whether the calling thread is past its last ordinary recording.
#[inline]
pub(crate) fn has_ended() -> bool {
    HAS_ENDED.get()
}
