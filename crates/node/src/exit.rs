//! How a command ends: one table of exit codes, shared by the help text and the code.

use std::{io, process::ExitCode};

/// Shown below the help of every command.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    a promise is broken: counts not conserved, a ledger that does not verify, a damaged log
  2    wrong arguments or unusable input; nothing was changed
  3    stopped on the way by the ledger or the disk; running the same command again goes on
  141  standard output was closed before the end";

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    Violated,
    /// Whoever asked has been told why already.
    Refused,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::Violated => Self::from(1),
            Exit::Refused => Self::from(2),
        }
    }
}

/// Why a command failed, and what that means for a script.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: FailureKind,
    error: anyhow::Error,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FailureKind {
    Refused,
    Stopped,
}

impl Failure {
    /// A failure after the work had begun.
    pub(crate) fn stopped(error: impl Into<anyhow::Error>) -> Self {
        Self { kind: FailureKind::Stopped, error: error.into() }
    }

    /// Tells the user, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let closed = |cause: &(dyn std::error::Error + 'static)| {
            cause.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::BrokenPipe)
        };
        if self.error.chain().any(closed) {
            // As if the signal had ended the process. Nobody is left to read a message.
            return ExitCode::from(141);
        }
        eprintln!("error: {:#}", self.error);
        match self.kind {
            FailureKind::Refused => ExitCode::from(2),
            FailureKind::Stopped => ExitCode::from(3),
        }
    }
}

/// Whatever fails before the work has begun: the arguments or the input are to blame.
impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { kind: FailureKind::Refused, error: error.into() }
    }
}
