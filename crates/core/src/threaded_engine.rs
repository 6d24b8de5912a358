//! What all handles of one engine own together: the engine's state, and a state for each thread that uses it.
//!
//! This layer knows which thread is calling. [`EngineState`] below does not: it is handed a [`ThreadState`].

use std::sync::{Arc, Weak};

use crossbeam_utils::CachePadded;
use thread_local::ThreadLocal;

use crate::{
    state::{EngineState, ThreadState},
    sync::Mutex,
    thread_exit::{self, ForgetThread},
};

/// An [`EngineState`] with one [`ThreadState`] per thread.
pub(crate) struct ThreadedEngine {
    pub(crate) state: EngineState,
    /// Padded: the states lie side by side in memory, and each thread writes to its own on every call.
    threads: ThreadLocal<CachePadded<ThreadState>>,
    /// One state for all recordings that a thread makes after its end, from destructors of thread-local
    /// values.
    after_exit: Mutex<Option<ThreadState>>,
}

impl ThreadedEngine {
    pub(crate) fn new(state: EngineState) -> Arc<Self> {
        let engine = Arc::new(Self { state, threads: ThreadLocal::new(), after_exit: Mutex::new(None) });
        let observer: Weak<Self> = Arc::downgrade(&engine);
        engine.state.set_thread_exit_observer(observer);
        engine
    }

    /// Returns the calling thread's state. There is none before the first call and after the thread's end.
    #[inline]
    pub(crate) fn thread(&self) -> Option<&ThreadState> {
        self.threads.get().map(|thread| &**thread)
    }

    /// Calls `work` with the calling thread's state, which is made if there is none.
    ///
    /// Recording tries [`Self::thread`] first: what a closure captures is written to memory, which costs more
    /// than an increment.
    #[cold]
    #[inline(never)]
    pub(crate) fn with_thread<T>(&self, work: impl FnOnce(&ThreadState) -> T) -> T {
        if thread_exit::has_ended() && self.threads.get().is_none() {
            return work(self.after_exit.lock().get_or_insert_with(|| self.state.new_thread()));
        }
        work(self.threads.get_or(|| CachePadded::new(self.state.new_thread())))
    }
}

impl ForgetThread for ThreadedEngine {
    fn forget_thread(&self) {
        if let Some(thread) = self.threads.get() {
            thread.forget();
        }
    }
}
