//! From the builder's parts to a running instance.

use std::sync::Arc;

use crate::{exporting::Export, instance::Instance, settings::Parts, threads::Threads, AccError, Accounting};

/// Starts an instance. The first part that fails is an error.
pub(crate) fn start(parts: Parts) -> Result<Accounting, AccError> {
    let is_manual = parts.timing.is_manual;
    let export = Export::new(&parts)?;
    let instance = Arc::new(Instance::new(parts, export));
    let threads = if is_manual { Threads::manual(&instance)? } else { Threads::start(&instance)? };
    Ok(Accounting::new(instance, threads))
}

/// Starts an instance without the parts that fail.
pub(crate) fn start_degraded(mut parts: Parts) -> Accounting {
    let warn = |error: &AccError, what: &str| {
        tracing::warn!(target: "ron-accounting", error = error.with_causes(), "{what}");
    };
    let export = Export::new(&parts).unwrap_or_else(|error| {
        warn(&error, "neither log nor ledger is used: counts stay in memory");
        parts.uses_fallbacks = true;
        None
    });
    let instance = Arc::new(Instance::new(parts, export));
    let threads = Threads::start(&instance).unwrap_or_else(|error| {
        warn(&error, "windows don't roll by themselves: call tick()");
        Threads::missing(&instance)
    });
    Accounting::new(instance, threads)
}
