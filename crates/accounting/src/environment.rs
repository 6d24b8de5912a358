//! Settings from environment variables.

use std::{ffi::OsString, ops::RangeInclusive};

use crate::{
    settings::{
        out_of_range, unusable, NormalizerChoice, Settings, BACKLOG, CLOCK_JUMP_MS, EXPORT_BUDGET_MS,
        EXPORT_JITTER_MS, HISTORY_WINDOWS, LIMIT, WINDOW_MS,
    },
    AccError,
};

impl Settings {
    /// Replaces the settings that `lookup` has a variable for. A variable that cannot be used leaves its setting as it was, and
    /// is in the list of errors.
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
        set_size(&mut self.history_windows, number("ACC_SLICES", HISTORY_WINDOWS));
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
                _ => {
                    errors.push(unusable(
                        "ACC_LABEL_NORMALIZER",
                        value,
                        "`route`, `none` or `custom:<name>`",
                    ));
                }
            }
        }
        #[cfg(feature = "normalize")]
        self.routes.read(&lookup, &mut errors);
        #[cfg(not(feature = "normalize"))]
        for variable in ["ACC_ROUTES", "ACC_UNMATCHED_ROUTE", "ACC_ROUTE_VALUES_MAX"] {
            if let Some(value) = lookup(variable) {
                let value = value.to_string_lossy().into_owned();
                errors.push(unusable(variable, value, "unset in a build without the feature `normalize`"));
            }
        }
        if let Some(value) = lookup("ACC_WAL_DIR") {
            if value.is_empty() {
                errors.push(unusable("ACC_WAL_DIR", String::new(), "a directory, or not set"));
            } else if cfg!(feature = "wal") {
                self.wal_dir = Some(value.into());
            } else {
                let value = value.to_string_lossy().into_owned();
                errors.push(unusable("ACC_WAL_DIR", value, "unset in a build without the feature `wal`"));
            }
        }
        if let Some(value) = lookup("ACC_AMNESIA") {
            let value = value.to_string_lossy().into_owned();
            match value.to_ascii_lowercase().as_str() {
                "1" | "true" | "yes" | "on" => self.amnesia = true,
                "0" | "false" | "no" | "off" => self.amnesia = false,
                _ => {
                    errors.push(unusable("ACC_AMNESIA", value, "one of 1, true, yes, on, 0, false, no, off"));
                }
            }
        }
        (self, errors)
    }
}
