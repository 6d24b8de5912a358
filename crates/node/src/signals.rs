//! Signals that ask the program for something.

use std::sync::{atomic::AtomicBool, Arc};

use anyhow::Context;
use signal_hook::{consts, flag};

/// Returns a flag that Ctrl-C and SIGTERM set. The second signal ends the process at once.
pub(crate) fn stop_on_signals() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [consts::SIGINT, consts::SIGTERM] {
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))
            .and_then(|_| flag::register(signal, Arc::clone(&stop)))
            .context("cannot listen for Ctrl-C")?;
    }
    Ok(stop)
}

/// Returns a flag that SIGUSR1 sets, on systems that have it.
pub(crate) fn statistics_on_signal() -> anyhow::Result<Arc<AtomicBool>> {
    let asked = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    flag::register(consts::SIGUSR1, Arc::clone(&asked)).context("cannot listen for SIGUSR1")?;
    Ok(asked)
}
