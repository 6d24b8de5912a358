//! Panics of what is simulated become failures that say where.

use std::{
    cell::RefCell,
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

thread_local! {
    /// Whether a panic of this thread is kept, and the last one.
    static KEPT: RefCell<Option<String>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// Runs something and returns what it did, or the message of its panic.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let is_kept =
                KEPT.with_borrow_mut(|kept| kept.as_mut().map(|kept| *kept = info.to_string()).is_some());
            if !is_kept {
                usual(info);
            }
        }));
    });
    KEPT.set(Some(String::new()));
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    let message = KEPT.take().unwrap_or_default();
    result.map_err(|_| message.replace('\n', " "))
}
