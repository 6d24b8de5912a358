//! Failures that pass, and those that last.

use ron_accounting::export::PutError;
use ron_accounting_sqlite::LedgerError;

use super::meter::{LedgerIsGone, Voice};
use crate::command::import::again::Stop;

/// The longest wait between two attempts at what has failed.
const RETRY_MS_MAX: u64 = 30_000;

/// How often a failure is told that lasts.
const TOLD_EVERY_MS: u64 = 60_000;

/// A failure that may pass.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    pub(super) next_ms: u64,
    wait_ms: u64,
    pub(super) told: String,
    told_ms: u64,
}

/// Notes a failure that may pass, or that it has passed. Returns one that lasts.
pub(super) fn note_trouble(
    result: anyhow::Result<()>,
    trouble: &mut Option<Trouble>,
    voice: &Voice,
    now_ms: u64,
) -> anyhow::Result<()> {
    let Err(error) = result else {
        if trouble.take().is_some() {
            voice.note("it goes on");
        }
        return Ok(());
    };
    if is_lasting(&error) {
        return Err(error);
    }
    let trouble = trouble.get_or_insert_with(Trouble::default);
    trouble.wait_ms = (trouble.wait_ms * 2).clamp(500, RETRY_MS_MAX);
    trouble.next_ms = now_ms + trouble.wait_ms;
    let told = format!("{error:#}");
    if trouble.told != told || now_ms >= trouble.told_ms + TOLD_EVERY_MS {
        voice.note(&format!("{told}; reading waits, and it is tried again"));
        trouble.told_ms = now_ms;
        trouble.told = told;
    }
    Ok(())
}

/// Returns whether an error has nothing to do with the file that was read, so that the file must not be left out for it.
pub(super) fn is_tried_again(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.is::<LedgerError>()
            || cause.is::<PutError>()
            || cause.is::<LedgerIsGone>()
            || matches!(cause.downcast_ref(), Some(Stop::Ledger(_) | Stop::Overtaken))
    })
}

/// Returns whether it is of no use to try again.
fn is_lasting(error: &anyhow::Error) -> bool {
    let is_lasting_ledger = |error: &LedgerError| {
        !matches!(
            error,
            LedgerError::Locked { .. }
                | LedgerError::ChangedWhileReading { .. }
                | LedgerError::CannotOpen { .. }
                | LedgerError::Io { .. }
                | LedgerError::Sqlite { .. }
        )
    };
    error.chain().any(|cause| {
        cause.downcast_ref().is_some_and(is_lasting_ledger)
            || cause.downcast_ref().is_some_and(|error: &PutError| !error.is_retryable())
            || cause.is::<LedgerIsGone>()
            || match cause.downcast_ref() {
                Some(Stop::Ledger(error)) => is_lasting_ledger(error),
                Some(Stop::OtherOptions { .. }) => true,
                _ => false,
            }
    })
}
