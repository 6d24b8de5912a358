//! The normalizer of the host, whose first panic is reported.

use std::{
    panic::{catch_unwind, resume_unwind, AssertUnwindSafe},
    sync::atomic::{AtomicBool, Ordering},
};

use ron_accounting_core::{Label, Normalizer, Verdict, INVALID};

/// Passes labels to the host's normalizer. The engine counts its panics, and usage goes under the reserved word.
pub(crate) struct HostNormalizer {
    normalizer: Box<dyn Normalizer>,
    is_told: AtomicBool,
}

impl HostNormalizer {
    pub(crate) fn new(normalizer: Box<dyn Normalizer>) -> Self {
        Self { normalizer, is_told: AtomicBool::new(false) }
    }
}

impl Normalizer for HostNormalizer {
    fn normalize(&self, label: Label, raw: &str, out: &mut String) -> Verdict {
        // The engine clears `out`, and the panic goes on to it.
        let normalize = AssertUnwindSafe(|| self.normalizer.normalize(label, raw, out));
        catch_unwind(normalize).unwrap_or_else(|panic| {
            if !self.is_told.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    target: "ron-accounting",
                    %label,
                    "the normalizer panicked: usage of such labels is counted under {INVALID}, and further panics are counted in the stats"
                );
            }
            resume_unwind(panic)
        })
    }

    fn generation(&self) -> u64 {
        self.normalizer.generation()
    }
}
