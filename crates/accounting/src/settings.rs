//! Settings of an instance: plain values, checked by the builder.

use std::{ops::RangeInclusive, path::PathBuf, sync::Arc};

use ron_accounting_core::{Engine, LABEL_LIMIT_DEFAULT, LIMIT_MAX};
use ron_accounting_window::{
    Clock, FixedCadence, ManualClock, CLOCK_JUMP_MS_MAX_DEFAULT, WINDOW_MS_DEFAULT, WINDOW_MS_MAX,
    WINDOW_MS_MIN,
};

use crate::AccError;

pub(crate) const WINDOW_MS: RangeInclusive<u64> = WINDOW_MS_MIN..=WINDOW_MS_MAX;
pub(crate) const HISTORY_WINDOWS: RangeInclusive<u64> = 1..=10_000;
pub(crate) const LIMIT: RangeInclusive<u64> = 1..=LIMIT_MAX as u64;
pub(crate) const EXPORT_BUDGET_MS: RangeInclusive<u64> = 1..=600_000;
pub(crate) const BACKLOG: RangeInclusive<u64> = 1..=1_000_000;
pub(crate) const EXPORT_JITTER_MS: RangeInclusive<u64> = 0..=60_000;
/// From a second, which NTP steps by, to a day.
pub(crate) const CLOCK_JUMP_MS: RangeInclusive<u64> = 1000..=86_400_000;

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
    pub(crate) history_windows: usize,
    pub(crate) label_limit: usize,
    pub(crate) export_budget_ms: u64,
    pub(crate) backlog_max: usize,
    pub(crate) export_jitter_ms: u64,
    pub(crate) clock_jump_ms_max: u64,
    pub(crate) normalizer: NormalizerChoice,
    #[cfg(feature = "normalize")]
    pub(crate) routes: crate::routes::RouteSettings,
    pub(crate) wal_dir: Option<PathBuf>,
    pub(crate) amnesia: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            window_ms: WINDOW_MS_DEFAULT,
            history_windows: 5,
            label_limit: LABEL_LIMIT_DEFAULT,
            export_budget_ms: 50,
            backlog_max: 1000,
            export_jitter_ms: 25,
            clock_jump_ms_max: CLOCK_JUMP_MS_MAX_DEFAULT,
            normalizer: NormalizerChoice::Route,
            #[cfg(feature = "normalize")]
            routes: crate::routes::RouteSettings::default(),
            wal_dir: None,
            amnesia: false,
        }
    }
}

impl Settings {
    /// Whether a log is configured, and allowed.
    #[cfg(feature = "export")]
    pub(crate) fn has_log(&self) -> bool {
        self.wal_dir.is_some() && !self.amnesia
    }
}

/// The checked settings and the engine, which the builder yields and an instance is made from.
pub(crate) struct Parts {
    pub(crate) settings: Settings,
    pub(crate) cadence: FixedCadence,
    pub(crate) engine: Engine,
    #[cfg(feature = "normalize")]
    pub(crate) learner: Option<ron_accounting_normalize::RouteLearner>,
    pub(crate) idle_windows: u64,
    pub(crate) timing: Timing,
    /// Whether a setting could not be used, so that its default is.
    pub(crate) uses_fallbacks: bool,
    #[cfg(feature = "export")]
    pub(crate) export: crate::export_settings::ExportSettings,
}

/// The clocks of an instance.
pub(crate) struct Timing {
    /// The clock that windows follow.
    pub(crate) clock: Arc<dyn Clock>,
    /// Whether windows are closed by `Accounting::tick` alone.
    pub(crate) is_manual: bool,
    /// The clock that `Accounting::tick` sets.
    pub(crate) ticked: Option<Arc<ManualClock>>,
}

/// Makes the error for a number outside its range.
pub(crate) fn out_of_range(setting: &'static str, value: &str, range: &RangeInclusive<u64>) -> AccError {
    unusable(setting, value.to_owned(), &format!("a whole number from {} to {}", range.start(), range.end()))
}

/// Makes the error for a value that a setting cannot have.
pub(crate) fn unusable(setting: &'static str, value: String, expected: &str) -> AccError {
    AccError::Config { variable: setting, value, expected: expected.to_owned() }
}
