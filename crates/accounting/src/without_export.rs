//! Replaces `exporting` in a build without the feature `export`: there is never an [`Export`].

use std::{error::Error, io};

use ron_accounting_window::Span;

use crate::{settings::Parts, AccError, Readiness};

pub(crate) enum Export {}

pub(crate) enum ExportThreads {}

pub(crate) struct Closing;

/// Returns the messages of an error and of its cause. No error of this build has more than one.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

#[allow(clippy::unnecessary_wraps)] // the signatures of `exporting`
impl Export {
    pub(crate) fn new(_: &Parts) -> Result<Option<Self>, AccError> {
        Ok(None)
    }

    pub(crate) fn is_in_background(&self) -> bool {
        match *self {}
    }

    pub(crate) fn start(&self) -> io::Result<ExportThreads> {
        match *self {}
    }

    pub(crate) fn seal(&self, _: Span) -> Result<(), AccError> {
        match *self {}
    }

    pub(crate) fn maintain(&self, _: Span) {
        match *self {}
    }

    pub(crate) fn warn_of_full_queues(&self, _: Span) {
        match *self {}
    }

    pub(crate) fn close(&self) -> Closing {
        match *self {}
    }

    pub(crate) fn check(&self, _: Readiness) -> Readiness {
        match *self {}
    }
}

#[allow(clippy::unnecessary_wraps, clippy::unused_self, clippy::needless_pass_by_value)] // the signatures of `exporting`
impl Closing {
    pub(crate) fn finish(&self, _: Span) -> Result<(), AccError> {
        Ok(())
    }

    pub(crate) fn stop(&self, threads: ExportThreads) -> usize {
        match threads {}
    }
}
