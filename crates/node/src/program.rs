//! The program, from arguments to exit code.

use std::{ffi::OsString, process::ExitCode};

use crate::command;

/// Runs the command that the arguments name, the first of which is the program's own name.
///
/// Writes to standard output and standard error. The exit codes are listed in the help of every command.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match command::run(arguments) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report(),
    }
}
