//! What stands for the way to the ledger in a build that has none: nothing, ever.

use std::io;

use ron_accounting_core::Engine;
use ron_accounting_window::Span;

use crate::{builder::AccountingBuilder, AccError, Readiness};

pub(crate) enum Export {}

pub(crate) enum ExportThreads {}

#[allow(clippy::unnecessary_wraps)] // the signatures of `exporting`
impl Export {
    pub(crate) fn new(_: &AccountingBuilder, _: &Engine) -> Result<Option<Self>, AccError> {
        Ok(None)
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

    pub(crate) fn close(&self) {
        match *self {}
    }

    pub(crate) fn stop(&self, _: ExportThreads) -> usize {
        match *self {}
    }

    pub(crate) fn finish(&self, _: Span) -> Result<(), AccError> {
        match *self {}
    }

    pub(crate) fn check(&self, _: Readiness) -> Readiness {
        match *self {}
    }
}
