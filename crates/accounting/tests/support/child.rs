//! Second processes: the test binary runs one of its own tests again, which finds out that it is a child.

use std::{
    env,
    ffi::OsStr,
    process::{Command, Output},
};

const ROLE: &str = "ACCOUNTING_TEST_ROLE";

/// Returns the task of this process as a child. `None` in the process that the test runner started.
pub(crate) fn role() -> Option<String> {
    env::var(ROLE).ok()
}

/// A command that runs the test named `test` as a child with a role, and without settings of the environment.
pub(crate) fn command(test: &str, role: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(ROLE, role);
    for (variable, _) in env::vars_os().filter(|(variable, _)| is_setting(variable)) {
        command.env_remove(variable);
    }
    command
}

/// Runs a child, which must end as `is_expected` says, and not by a failed assertion.
pub(crate) fn run(mut command: Command, is_expected: impl Fn(&Output) -> bool) {
    let output = command.output().unwrap();
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(is_expected(&output), "{command:?}\n{}\n{stdout}\n{stderr}", output.status);
}

pub(crate) fn succeeded(output: &Output) -> bool {
    output.status.success()
}

fn is_setting(variable: &OsStr) -> bool {
    variable.to_str().is_some_and(|name| name.starts_with("ACC_"))
}
