//! Settings in, a running [`Accounting`] out.
//!
//! The builder checks each setting when it is made, and keeps the error until [`AccountingBuilder::build`]. It yields
//! [`Parts`], which an instance is made from.

use std::{collections::HashMap, ffi::OsString, ops::RangeInclusive, sync::Arc};

use ron_accounting_core::{
    CharacterNormalizer, Dimensions, Engine, EngineBuilder, Normalizer, TENANT_LIMIT_DEFAULT,
};
use ron_accounting_window::{Clock, FixedCadence, ManualClock, SystemClock};

use crate::{
    host_normalizer::HostNormalizer,
    settings::{self, out_of_range, unusable, NormalizerChoice, Parts, Settings, Timing},
    start, AccError, Accounting,
};

/// Builds an [`Accounting`]. `docs/configuration.md` has the defaults of all settings.
///
/// A setting that is outside its range is an error of [`Self::build`], which names the setting, the value and the range.
#[must_use]
pub struct AccountingBuilder {
    pub(crate) settings: Settings,
    tenant_limit: usize,
    idle_windows: u64,
    dimensions: Dimensions,
    timing: Timing,
    hash_seed: Option<u64>,
    uses_fallbacks: bool,
    normalizer: Option<Box<dyn Normalizer>>,
    registered: HashMap<String, Box<dyn Normalizer>>,
    errors: Vec<AccError>,
    #[cfg(feature = "normalize")]
    learner: Option<ron_accounting_normalize::RouteLearner>,
    #[cfg(feature = "export")]
    pub(crate) export: crate::export_settings::ExportSettings,
}

impl Default for AccountingBuilder {
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            tenant_limit: TENANT_LIMIT_DEFAULT,
            idle_windows: 60,
            dimensions: Dimensions::default(),
            timing: Timing { clock: Arc::new(SystemClock), is_manual: false, ticked: None },
            hash_seed: None,
            uses_fallbacks: false,
            normalizer: None,
            registered: HashMap::new(),
            errors: Vec::new(),
            #[cfg(feature = "normalize")]
            learner: None,
            #[cfg(feature = "export")]
            export: crate::export_settings::ExportSettings::default(),
        }
    }
}

impl std::fmt::Debug for AccountingBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountingBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Accounting {
    /// Returns a builder with the default settings.
    pub fn builder() -> AccountingBuilder {
        AccountingBuilder::default()
    }

    /// Starts an instance with the settings of the environment, and never fails.
    ///
    /// A setting that cannot be used has its default, a log that cannot be opened is left out, and a warning through `tracing`
    /// says so. See [`Accounting::from_env`] for the strict form.
    pub fn new_default() -> Self {
        Self::builder().variables_or_defaults(|variable| std::env::var_os(variable)).build_or_degrade()
    }

    /// Starts an instance with the settings of the environment. The first setting that cannot be used is an error.
    pub fn from_env() -> Result<Self, AccError> {
        Self::builder().env()?.build()
    }
}

impl AccountingBuilder {
    /// Sets the window length in milliseconds, from 10 to a day. Default 60,000. `ACC_WINDOW_MS`.
    pub fn window_ms(mut self, ms: u64) -> Self {
        if self.accept("window_ms", ms, &settings::WINDOW_MS) {
            self.settings.window_ms = ms;
        }
        self
    }

    /// Sets how many closed windows [`Accounting::history`] keeps, from 1 to 10,000. Default 5. `ACC_SLICES`.
    pub fn history_windows(mut self, windows: usize) -> Self {
        if self.accept("history_windows", windows as u64, &settings::HISTORY_WINDOWS) {
            self.settings.history_windows = windows;
        }
        self
    }

    /// Sets how many label sets and accounts are live at once, from 1 to 16,777,216. Default 2048. `ACC_LABEL_LIMIT`.
    pub fn label_limit(mut self, limit: usize) -> Self {
        if self.accept("label_limit", limit as u64, &settings::LIMIT) {
            self.settings.label_limit = limit;
        }
        self
    }

    /// Sets how many tenants are in use at once, from 1 to 16,777,216. Default 8192.
    ///
    /// A tenant is in use while one of its label sets is live or has usage that is not sealed. At the limit, tenants that are idle
    /// in the open window leave for new ones, the least recently used first. If none is idle, the usage of new ones goes to the
    /// tenant `~overflow`, until the window ends.
    pub fn tenant_limit(mut self, limit: usize) -> Self {
        if self.accept("tenant_limit", limit as u64, &settings::LIMIT) {
            self.tenant_limit = limit;
        }
        self
    }

    /// Sets after how many windows without use a label set is evicted; any number. Default 60.
    pub fn idle_windows(mut self, windows: u64) -> Self {
        self.idle_windows = windows;
        self
    }

    /// Sets the soft budget of a snapshot or a sealing, in milliseconds, from 1 to 600,000. One that takes longer is counted
    /// and logged. Default 50. `ACC_EXPORT_MAXMS`.
    pub fn export_budget_ms(mut self, ms: u64) -> Self {
        if self.accept("export_budget_ms", ms, &settings::EXPORT_BUDGET_MS) {
            self.settings.export_budget_ms = ms;
        }
        self
    }

    /// Sets how many slices may wait for the ledger, from 1 to 1,000,000. Default 1000. `ACC_BACKLOG_MAX`.
    pub fn backlog_max(mut self, slices: usize) -> Self {
        if self.accept("backlog_max", slices as u64, &settings::BACKLOG) {
            self.settings.backlog_max = slices;
        }
        self
    }

    /// Sets the longest random delay between a boundary and its export, in milliseconds, from 0 to 60,000. Default 25.
    /// `ACC_EXPORT_JITTER_MS`.
    pub fn export_jitter_ms(mut self, ms: u64) -> Self {
        if self.accept("export_jitter_ms", ms, &settings::EXPORT_JITTER_MS) {
            self.settings.export_jitter_ms = ms;
        }
        self
    }

    /// Sets whether nothing may be written to disk. If so, a configured log is refused, with a warning. Default `false`.
    /// `ACC_AMNESIA`.
    pub fn amnesia(mut self, amnesia: bool) -> Self {
        self.settings.amnesia = amnesia;
        self
    }

    /// Sets what is counted. Default: the four built-in dimensions.
    ///
    /// ```
    /// use ron_accounting::{labels, Accounting, Dimensions};
    /// let mut dimensions = Dimensions::default();
    /// let tokens = dimensions.register("tokens")?;
    /// let acc = Accounting::builder().manual().dimensions(dimensions).build()?;
    /// acc.record(&labels().tenant("acme"), tokens, 250);
    /// assert_eq!(acc.snapshot().total(tokens), 250);
    /// # Ok::<(), ron_accounting::AccError>(())
    /// ```
    pub fn dimensions(mut self, dimensions: Dimensions) -> Self {
        self.dimensions = dimensions;
        self
    }

    /// Sets the normalizer, whatever `ACC_LABEL_NORMALIZER` says.
    pub fn normalizer(mut self, normalizer: impl Normalizer) -> Self {
        self.normalizer = Some(Box::new(normalizer));
        self
    }

    /// Registers a normalizer that `ACC_LABEL_NORMALIZER=custom:<name>` selects.
    pub fn register_normalizer(mut self, name: &str, normalizer: impl Normalizer) -> Self {
        self.registered.insert(name.to_owned(), Box::new(normalizer));
        self
    }

    /// Sets the seed of the hashes of label sets, which is random otherwise.
    ///
    /// With a seed, one thread that records the same gets the same slices even where limits are reached. Imports need this. But
    /// clients that know the seed and choose labels can prepare label sets that collide.
    pub fn hash_seed(mut self, seed: u64) -> Self {
        self.hash_seed = Some(seed);
        self
    }

    /// Sets how far the clock may be from the time that the monotonic clock expects, in milliseconds, from 1000 to a day.
    /// Default 600,000. `ACC_CLOCK_JUMP_MS_MAX`.
    ///
    /// Beyond it, the clock has jumped. Windows then follow the monotonic clock, and readiness and
    /// [`crate::Stats::clock_alarm`] report it.
    pub fn clock_jump_ms_max(mut self, ms: u64) -> Self {
        if self.accept("clock_jump_ms_max", ms, &settings::CLOCK_JUMP_MS) {
            self.settings.clock_jump_ms_max = ms;
        }
        self
    }

    /// Sets the clock that windows follow. Default: the system's. An `Arc` of a clock is a clock as well, so tests can keep a
    /// handle.
    ///
    /// Jumps are noticed only of a clock that has a monotonic reading ([`Clock::reading`]).
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.timing.clock = Arc::new(clock);
        self
    }

    /// Starts no thread. Windows close in [`Accounting::tick`], and slices go to the ledger in [`Accounting::drain`].
    pub fn manual(mut self) -> Self {
        self.timing.is_manual = true;
        self
    }

    /// Starts no thread, and no clock: it is `now_ms` until [`Accounting::tick`] tells another time. Windows, retries,
    /// timeouts and the log all follow that time, so tests and simulations give it once.
    ///
    /// ```
    /// use ron_accounting::{labels, Accounting, Dimension};
    /// let acc = Accounting::builder().manual_at(0).build()?;
    /// acc.incr_request(&labels().tenant("acme"));
    /// acc.tick(60_000)?;
    /// assert_eq!(acc.history()[0].total(Dimension::REQUESTS), 1);
    /// # Ok::<(), ron_accounting::AccError>(())
    /// ```
    pub fn manual_at(mut self, now_ms: u64) -> Self {
        let clock = Arc::new(ManualClock::new(now_ms));
        #[cfg(feature = "export")]
        {
            self.export.clock = Arc::clone(&clock) as _;
        }
        self.timing = Timing { clock: Arc::clone(&clock) as _, is_manual: true, ticked: Some(clock) };
        self
    }

    /// Reads the environment variables over the settings that were made before. The first that cannot be used is an error.
    pub fn env(self) -> Result<Self, AccError> {
        self.variables(|variable| std::env::var_os(variable))
    }

    /// Like [`Self::env`], from any source of variables.
    pub fn variables(mut self, lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, AccError> {
        let (settings, errors) = self.settings.read(lookup);
        self.settings = settings;
        errors.into_iter().next().map_or(Ok(self), Err)
    }

    /// Like [`Self::variables`], but a variable that cannot be used leaves its setting as it was, with a warning.
    fn variables_or_defaults(mut self, lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let (settings, errors) = self.settings.read(lookup);
        self.settings = settings;
        for error in errors {
            self.uses_fallbacks = true;
            tracing::warn!(
                target: "ron-accounting", error = error.with_causes(), "setting ignored, the default is used"
            );
        }
        self
    }

    /// Builds and starts the instance. The first setting that cannot be used is an error.
    pub fn build(mut self) -> Result<Accounting, AccError> {
        if !self.errors.is_empty() {
            return Err(self.errors.remove(0));
        }
        let normalizer = self.take_normalizer()?;
        let engine = self.engine(normalizer)?;
        let cadence = self.cadence()?;
        start::start(self.parts(engine, cadence))
    }

    /// Builds and starts the instance without the parts that fail. Warnings through `tracing` say which.
    fn build_or_degrade(mut self) -> Accounting {
        let mut uses_fallbacks = false;
        let mut warn = |error: AccError, what: &str| {
            uses_fallbacks = true;
            tracing::warn!(target: "ron-accounting", error = error.with_causes(), "{what}");
        };
        let normalizer = self.take_normalizer().unwrap_or_else(|error| {
            warn(error, "the default normalizer is used");
            route_normalizer()
        });
        let engine = self.engine(normalizer).unwrap_or_else(|error| {
            warn(error, "an engine with default settings is used");
            Engine::default()
        });
        let cadence = self.cadence().unwrap_or_else(|error| {
            warn(error, "the default window is used");
            FixedCadence::default()
        });
        self.uses_fallbacks |= uses_fallbacks;
        start::start_degraded(self.parts(engine, cadence))
    }

    fn parts(self, engine: Engine, cadence: FixedCadence) -> Parts {
        Parts {
            settings: self.settings,
            cadence,
            engine,
            #[cfg(feature = "normalize")]
            learner: self.learner,
            idle_windows: self.idle_windows,
            timing: self.timing,
            uses_fallbacks: self.uses_fallbacks,
            #[cfg(feature = "export")]
            export: self.export,
        }
    }

    fn cadence(&self) -> Result<FixedCadence, AccError> {
        FixedCadence::new(self.settings.window_ms)
            .map_err(|error| out_of_range("window_ms", &error.window_ms.to_string(), &settings::WINDOW_MS))
    }

    fn engine(&self, normalizer: Box<dyn Normalizer>) -> Result<Engine, AccError> {
        let engine = EngineBuilder::default()
            .dimensions(self.dimensions.clone())
            .normalizer(HostNormalizer::new(normalizer))
            .label_limit(self.settings.label_limit)
            .tenant_limit(self.tenant_limit)
            .zeroize_retired(self.settings.amnesia);
        Ok(match self.hash_seed {
            Some(seed) => engine.hash_seed(seed).build(),
            None => engine.build(),
        }?)
    }

    fn take_normalizer(&mut self) -> Result<Box<dyn Normalizer>, AccError> {
        #[cfg(feature = "normalize")]
        if self.normalizer.is_some() || self.settings.normalizer != NormalizerChoice::Route {
            if let Some((setting, value)) = self.settings.routes.first_made() {
                return Err(unusable(setting, value, "unset, since the normalizer is not `route`"));
            }
        }
        if let Some(normalizer) = self.normalizer.take() {
            return Ok(normalizer);
        }
        match &self.settings.normalizer {
            #[cfg(feature = "normalize")]
            NormalizerChoice::Route => {
                let normalizer = self.settings.routes.normalizer()?;
                self.learner = normalizer.learner().cloned();
                Ok(Box::new(normalizer))
            }
            #[cfg(not(feature = "normalize"))]
            NormalizerChoice::Route => Ok(route_normalizer()),
            NormalizerChoice::None => Ok(Box::new(CharacterNormalizer)),
            NormalizerChoice::Custom(name) => self.registered.remove(name).ok_or_else(|| {
                let value = format!("custom:{name}");
                let expected = "the name of a registered normalizer: register_normalizer()";
                unusable("ACC_LABEL_NORMALIZER", value, expected)
            }),
        }
    }

    /// Returns whether a value is in its range. If not, keeps the error for [`Self::build`].
    pub(crate) fn accept(&mut self, setting: &'static str, value: u64, range: &RangeInclusive<u64>) -> bool {
        let is_in_range = range.contains(&value);
        if !is_in_range {
            self.errors.push(out_of_range(setting, &value.to_string(), range));
        }
        is_in_range
    }
}

#[cfg(feature = "normalize")]
fn route_normalizer() -> Box<dyn Normalizer> {
    Box::new(ron_accounting_normalize::RouteNormalizer::default())
}

#[cfg(not(feature = "normalize"))]
fn route_normalizer() -> Box<dyn Normalizer> {
    Box::new(CharacterNormalizer)
}
