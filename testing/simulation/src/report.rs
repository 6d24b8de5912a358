//! How a failure is told.

use std::fmt;

use crate::story::Story;

/// What was checked and did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The name of the check.
    pub check: &'static str,
    /// What was found.
    pub detail: String,
    /// After which step of the story, from 0; none at its end.
    pub step: Option<usize>,
}

impl Failure {
    pub(crate) fn new(check: &'static str, detail: String) -> Self {
        Self { check, detail, step: None }
    }

    pub(crate) fn within(mut self, what: &str) -> Self {
        self.detail = format!("{} [{what}]", self.detail);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            Some(step) => write!(f, "{}, after step {}: {}", self.check, step + 1, self.detail),
            None => write!(f, "{}, at the end: {}", self.check, self.detail),
        }
    }
}

/// A failure with its story, for people.
#[derive(Debug)]
pub struct Report<'a> {
    /// The story.
    pub story: &'a Story,
    /// What it shows.
    pub failure: &'a Failure,
    /// How many steps it had.
    pub steps_before: usize,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { story, failure, steps_before } = self;
        writeln!(f, "seed {} fails: {failure}", story.seed)?;
        writeln!(f, "{}", story.setup)?;
        writeln!(f, "  {} of {steps_before} steps:", story.steps.len())?;
        for (index, planned) in story.steps.iter().enumerate() {
            writeln!(f, "  {:>3}. {}", index + 1, planned.step)?;
        }
        write!(f, "  repeat: cargo run --release -p ron-accounting-simulation -- --seed {}", story.seed)
    }
}
