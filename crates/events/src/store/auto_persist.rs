//! Persisting in the background, on a tokio runtime.

use std::{sync::Arc, time::Duration};

use tokio::{
    runtime::Handle,
    task::{spawn_blocking, JoinHandle},
    time::sleep,
};

use super::inner::Inner;
use crate::{Error, Result};

/// What is needed to start the task. It has been checked.
pub(super) struct Plan {
    interval: Duration,
    runtime: Handle,
}

impl Plan {
    pub(super) fn new(interval: Option<chrono::Duration>, has_storage: bool) -> Result<Option<Self>> {
        let Some(interval) = interval else { return Ok(None) };
        if interval.num_milliseconds() <= 0 {
            return Err(Error::InvalidAutoPersistInterval(interval));
        }
        if !has_storage {
            return Err(Error::AutoPersistRequiresStorage);
        }
        let runtime = Handle::try_current().map_err(|error| {
            Error::ConfigMismatch(format!(
                "auto_persist needs build() to be called in a tokio runtime: {error}"
            ))
        })?;
        let interval = interval.to_std().map_err(|_| Error::InvalidAutoPersistInterval(interval))?;
        Ok(Some(Self { interval, runtime }))
    }

    pub(super) fn start(self, inner: &Arc<Inner>) -> Task {
        let inner = Arc::downgrade(inner);
        Task(self.runtime.spawn(async move {
            loop {
                sleep(self.interval).await;
                let Some(inner) = inner.upgrade() else { return };
                // Storages block. An event that could not be stored stays dirty and is tried again.
                let _unseen = spawn_blocking(move || inner.is_dirty().then(|| inner.persist(false))).await;
            }
        }))
    }
}

/// The running task. It ends when this is dropped.
pub(super) struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
