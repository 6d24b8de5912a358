//! Named steps with their times, and the one way in which a command is run.

use std::{
    fmt,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{bail, Context};

/// Counts the steps of a verb. The first step that fails ends the verb.
#[derive(Debug)]
pub(crate) struct Steps {
    passed: u32,
    started: Instant,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self { passed: 0, started: Instant::now() }
    }

    /// Runs one step under a headline and prints how long it took.
    pub(crate) fn step(
        &mut self,
        name: &str,
        body: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        println!("\n=== {name}");
        let started = Instant::now();
        body().with_context(|| format!("step `{name}`"))?;
        self.passed += 1;
        println!("--- {name}: passed in {}", Elapsed(started.elapsed()));
        Ok(())
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.passed == 1 { "" } else { "s" };
        write!(f, "{} step{plural} passed in {}", self.passed, Elapsed(self.started.elapsed()))
    }
}

/// A duration as a reader of a log wants it: `3.2 s`, `4 min 07 s`.
#[derive(Debug, Clone, Copy)]
struct Elapsed(Duration);

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        if seconds < 60 {
            write!(f, "{:.1} s", self.0.as_secs_f64())
        } else {
            write!(f, "{} min {:02} s", seconds / 60, seconds % 60)
        }
    }
}

/// Prints the command, runs it, and fails when it fails.
pub(crate) fn execute(command: &mut Command) -> anyhow::Result<()> {
    let line = command_line(command);
    println!("$ {line}");
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}; its output is above");
    }
    Ok(())
}

/// Runs the command and returns its standard output; standard error goes to the terminal.
pub(crate) fn capture(command: &mut Command) -> anyhow::Result<String> {
    let line = command_line(command);
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}` ended with {}; its messages are above", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("the output of `{line}` is not UTF-8"))
}

/// The command as one would type it, with the variables that it sets.
fn command_line(command: &Command) -> String {
    let mut words: Vec<String> = command
        .get_envs()
        .filter_map(|(name, value)| Some(format!("{}={}", name.display(), quoted(&value?.to_string_lossy()))))
        .collect();
    words.push(quoted(&command.get_program().to_string_lossy()));
    words.extend(command.get_args().map(|word| quoted(&word.to_string_lossy())));
    words.join(" ")
}

fn quoted(word: &str) -> String {
    if word.is_empty() || word.contains([' ', '"', '$', '*']) {
        format!("'{word}'")
    } else {
        word.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_ends_the_verb_and_names_the_step() {
        let mut steps = Steps::new();
        steps.step("good", || Ok(())).unwrap();
        let error = steps.step("bad", || bail!("cause")).unwrap_err();
        assert_eq!(format!("{error:#}"), "step `bad`: cause");
        assert!(steps.to_string().starts_with("1 step passed in "), "{steps}");
    }

    #[test]
    fn a_command_that_fails_is_an_error_that_shows_the_command() {
        let error = execute(Command::new("git").arg("no-such-verb of git")).unwrap_err();
        assert!(error.to_string().contains("git 'no-such-verb of git'"), "{error}");
        let error = execute(&mut Command::new("no-such-program-anywhere")).unwrap_err();
        assert!(error.to_string().contains("cannot start"), "{error}");
    }

    #[test]
    fn times_read_well() {
        assert_eq!(Elapsed(Duration::from_millis(3_240)).to_string(), "3.2 s");
        assert_eq!(Elapsed(Duration::from_secs(247)).to_string(), "4 min 07 s");
    }
}
