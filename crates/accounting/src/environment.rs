//! Settings from environment variables.

use std::{ffi::OsString, ops::RangeInclusive, path::PathBuf};

use ron_accounting_core::{LABEL_LIMIT_DEFAULT, LIMIT_MAX};
use ron_accounting_window::{CLOCK_JUMP_MS_MAX_DEFAULT, WINDOW_MS_DEFAULT, WINDOW_MS_MAX, WINDOW_MS_MIN};

use crate::AccError;

/// Which normalizer is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NormalizerChoice {
    /// `route`: templated routes, label hygiene. Without the feature `normalize`, the character checks alone.
    Route,
    /// `none`: the character checks alone. Unsafe where labels come from clients.
    None,
    /// `custom:<name>`: one that the host registered.
    Custom(String),
}

/// The settings that the environment can give, with their defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) window_ms: u64,
    pub(crate) slices: usize,
    pub(crate) label_limit: usize,
    pub(crate) export_budget_ms: u64,
    pub(crate) backlog_max: usize,
    pub(crate) export_jitter_ms: u64,
    pub(crate) clock_jump_ms_max: u64,
    pub(crate) normalizer: NormalizerChoice,
    pub(crate) wal_dir: Option<PathBuf>,
    pub(crate) amnesia: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            window_ms: WINDOW_MS_DEFAULT,
            slices: 5,
            label_limit: LABEL_LIMIT_DEFAULT,
            export_budget_ms: 50,
            backlog_max: 1000,
            export_jitter_ms: 25,
            clock_jump_ms_max: CLOCK_JUMP_MS_MAX_DEFAULT,
            normalizer: NormalizerChoice::Route,
            wal_dir: None,
            amnesia: false,
        }
    }
}

pub(crate) const WINDOW_MS: RangeInclusive<u64> = WINDOW_MS_MIN..=WINDOW_MS_MAX;
pub(crate) const SLICES: RangeInclusive<u64> = 1..=10_000;
pub(crate) const LIMIT: RangeInclusive<u64> = 1..=LIMIT_MAX as u64;
pub(crate) const EXPORT_BUDGET_MS: RangeInclusive<u64> = 1..=600_000;
pub(crate) const BACKLOG: RangeInclusive<u64> = 1..=1_000_000;
pub(crate) const EXPORT_JITTER_MS: RangeInclusive<u64> = 0..=60_000;
/// From a second, which NTP steps by, to a day.
pub(crate) const CLOCK_JUMP_MS: RangeInclusive<u64> = 1000..=86_400_000;

impl Settings {
    /// Reads what `lookup` knows over `self`. A variable that cannot be used leaves the setting as it was and is reported.
    pub(crate) fn read(mut self, lookup: impl Fn(&str) -> Option<OsString>) -> (Self, Vec<AccError>) {
        let mut errors = Vec::new();
        let mut number = |variable, range: RangeInclusive<u64>| -> Option<u64> {
            let value = lookup(variable)?;
            let parsed = value.to_str().and_then(|text| text.trim().parse().ok());
            let number = parsed.filter(|number| range.contains(number));
            if number.is_none() {
                errors.push(out_of_range(variable, &value.to_string_lossy(), &range));
            }
            number
        };
        let set_size = |setting: &mut usize, number: Option<u64>| {
            if let Some(number) = number.and_then(|number| usize::try_from(number).ok()) {
                *setting = number;
            }
        };
        self.window_ms = number("ACC_WINDOW_MS", WINDOW_MS).unwrap_or(self.window_ms);
        set_size(&mut self.slices, number("ACC_SLICES", SLICES));
        set_size(&mut self.label_limit, number("ACC_LABEL_LIMIT", LIMIT));
        self.export_budget_ms = number("ACC_EXPORT_MAXMS", EXPORT_BUDGET_MS).unwrap_or(self.export_budget_ms);
        set_size(&mut self.backlog_max, number("ACC_BACKLOG_MAX", BACKLOG));
        self.export_jitter_ms =
            number("ACC_EXPORT_JITTER_MS", EXPORT_JITTER_MS).unwrap_or(self.export_jitter_ms);
        self.clock_jump_ms_max =
            number("ACC_CLOCK_JUMP_MS_MAX", CLOCK_JUMP_MS).unwrap_or(self.clock_jump_ms_max);
        if let Some(value) = lookup("ACC_LABEL_NORMALIZER") {
            let value = value.to_string_lossy().into_owned();
            match (value.as_str(), value.strip_prefix("custom:")) {
                ("route", _) => self.normalizer = NormalizerChoice::Route,
                ("none", _) => self.normalizer = NormalizerChoice::None,
                (_, Some(name)) if !name.is_empty() => {
                    self.normalizer = NormalizerChoice::Custom(name.to_owned());
                }
                _ => errors.push(config("ACC_LABEL_NORMALIZER", value, "`route`, `none` or `custom:<name>`")),
            }
        }
        if let Some(value) = lookup("ACC_WAL_DIR") {
            if value.is_empty() {
                errors.push(config("ACC_WAL_DIR", String::new(), "a directory, or not set"));
            } else if cfg!(feature = "wal") {
                self.wal_dir = Some(value.into());
            } else {
                let value = value.to_string_lossy().into_owned();
                errors.push(config("ACC_WAL_DIR", value, "unset in a build without the feature `wal`"));
            }
        }
        if let Some(value) = lookup("ACC_AMNESIA") {
            let value = value.to_string_lossy().into_owned();
            match value.to_ascii_lowercase().as_str() {
                "1" | "true" | "yes" | "on" => self.amnesia = true,
                "0" | "false" | "no" | "off" => self.amnesia = false,
                _ => errors.push(config("ACC_AMNESIA", value, "one of 1, true, yes, on, 0, false, no, off")),
            }
        }
        (self, errors)
    }
}

/// A number outside its range.
pub(crate) fn out_of_range(variable: &'static str, value: &str, range: &RangeInclusive<u64>) -> AccError {
    config(variable, value.to_owned(), &format!("a whole number from {} to {}", range.start(), range.end()))
}

pub(crate) fn config(variable: &'static str, value: String, expected: &str) -> AccError {
    AccError::Config { variable, value, expected: expected.to_owned() }
}
