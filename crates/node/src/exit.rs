//! How a command ends: one table of exit codes, shared by the help text and the code.

use std::{io, process::ExitCode};

use crate::advice::next_step;

/// Shown below the help of every command.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    a promise is broken: counts not conserved, a ledger that does not verify, a damaged log
  2    wrong arguments or unusable input; nothing was changed
  3    stopped on the way by the ledger or the disk; running the same command again goes on
  141  standard output was closed before the end";

/// The end of a command that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    Violated,
    /// The reason has been printed already.
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

/// The cause of a failed command, and its exit code.
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
    /// Makes a failure that came after the work had begun.
    pub(crate) fn stopped(error: impl Into<anyhow::Error>) -> Self {
        Self { kind: FailureKind::Stopped, error: error.into() }
    }

    /// Prints what happened and what to do next, and returns the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let closed = |cause: &(dyn std::error::Error + 'static)| {
            cause.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::BrokenPipe)
        };
        if self.error.chain().any(closed) {
            // The exit code of a process that the signal had ended. There is no reader for a message.
            return ExitCode::from(141);
        }
        eprintln!("error: {:#}", self.error);
        if let Some(next) = next_step(&self.error) {
            eprintln!("next: {next}");
        }
        match self.kind {
            FailureKind::Refused => ExitCode::from(2),
            FailureKind::Stopped => ExitCode::from(3),
        }
    }
}

/// A failure before the work has begun is one of the arguments or the input.
impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { kind: FailureKind::Refused, error: error.into() }
    }
}
