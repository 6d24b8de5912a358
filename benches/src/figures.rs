//! What a measurement comes to, as `cargo xtask bench` reads it.

use std::{fs, path::Path};

use anyhow::Context;
use serde::Serialize;

use crate::race::Kind;

/// All that one path's measurement says.
#[derive(Debug, Clone, Serialize)]
pub struct PathFigures {
    /// A short name, by which the path is chosen.
    pub path: String,
    /// What is measured, in a sentence.
    pub title: String,
    /// What each contestant costs.
    pub figures: Vec<Figure>,
    /// How contestants compare.
    pub ratios: Vec<Ratio>,
}

impl PathFigures {
    /// Nothing measured yet.
    pub fn new(path: &str, title: &str) -> Self {
        Self { path: path.to_owned(), title: title.to_owned(), figures: Vec::new(), ratios: Vec::new() }
    }

    /// Adds a figure.
    pub fn figure(&mut self, name: impl Into<String>, kind: Kind, value: f64, unit: &'static str) {
        self.figures.push(Figure { name: name.into(), kind, value, unit });
    }

    /// Adds a ratio, with or without a target.
    pub fn ratio(&mut self, name: impl Into<String>, value: f64, target: Option<Target>) {
        self.ratios.push(Ratio { name: name.into(), value, target });
    }
}

/// Writes figures as JSON.
pub fn write(figures: &[PathFigures], file: &Path) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(figures)?;
    fs::write(file, json).with_context(|| format!("cannot write {}", file.display()))
}

/// What one contestant costs.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// The contestant.
    pub name: String,
    /// What it is to us.
    pub kind: Kind,
    /// The median over all rounds.
    pub value: f64,
    /// Of `value`.
    pub unit: &'static str,
}

/// How two contestants compare: the median of the ratios within each round, or an absolute bound.
#[derive(Debug, Clone, Serialize)]
pub struct Ratio {
    /// What is compared.
    pub name: String,
    /// The ratio, or the figure itself where the target is absolute.
    pub value: f64,
    /// Where it has to be.
    pub target: Option<Target>,
}

/// Where a value has to be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
}
