//! Composition: settings in, a running [`Accounting`] out.

use std::{collections::HashMap, ffi::OsString, ops::RangeInclusive, sync::Arc};

use ron_accounting_core::{
    CharacterNormalizer, Dimensions, Engine, EngineBuilder, Label, Normalizer, Verdict,
};
use ron_accounting_window::{Clock, FixedCadence, SystemClock};

use crate::{
    environment::{self, config, out_of_range, NormalizerChoice, Settings},
    instance, AccError, Accounting,
};

/// Builds an [`Accounting`]. What is not set has the default that stands in `docs/configuration.md`.
#[must_use]
pub struct AccountingBuilder {
    pub(crate) settings: Settings,
    pub(crate) tenant_limit: usize,
    pub(crate) idle_windows: u64,
    pub(crate) dimensions: Dimensions,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) is_manual: bool,
    hash_seed: Option<u64>,
    pub(crate) uses_fallbacks: bool,
    normalizer: Option<Box<dyn Normalizer>>,
    registered: HashMap<String, Box<dyn Normalizer>>,
    errors: Vec<AccError>,
    #[cfg(feature = "export")]
    pub(crate) export: crate::export_settings::ExportSettings,
}

impl Default for AccountingBuilder {
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            tenant_limit: ron_accounting_core::TENANT_LIMIT_DEFAULT,
            idle_windows: 60,
            dimensions: Dimensions::default(),
            clock: Arc::new(SystemClock),
            is_manual: false,
            hash_seed: None,
            uses_fallbacks: false,
            normalizer: None,
            registered: HashMap::new(),
            errors: Vec::new(),
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

impl AccountingBuilder {
    /// The window length in milliseconds, from 10 to a day. Default 60,000. `ACC_WINDOW_MS`.
    pub fn window_ms(mut self, ms: u64) -> Self {
        if self.accept("window_ms", ms, &environment::WINDOW_MS) {
            self.settings.window_ms = ms;
        }
        self
    }

    /// How many closed windows [`Accounting::history`] keeps, from 1 to 10,000. Default 5. `ACC_SLICES`.
    pub fn slices(mut self, slices: usize) -> Self {
        if self.accept("slices", slices as u64, &environment::SLICES) {
            self.settings.slices = slices;
        }
        self
    }

    /// How many label sets and accounts are live at once, from 1 to 16,777,216. Default 2048. `ACC_LABEL_LIMIT`.
    pub fn label_limit(mut self, limit: usize) -> Self {
        if self.accept("label_limit", limit as u64, &environment::LIMIT) {
            self.settings.label_limit = limit;
        }
        self
    }

    /// How many tenants are ever told apart, from 1 to 16,777,216; later ones share the tenant `~overflow`. Default 8192.
    pub fn tenant_limit(mut self, limit: usize) -> Self {
        if self.accept("tenant_limit", limit as u64, &environment::LIMIT) {
            self.tenant_limit = limit;
        }
        self
    }

    /// After how many windows without use a label set is let go. Default 60.
    pub fn idle_windows(mut self, windows: u64) -> Self {
        self.idle_windows = windows;
        self
    }

    /// The soft budget of a snapshot or a sealing, in milliseconds, from 1 to 600,000; passing it is counted and logged.
    /// Default 50. `ACC_EXPORT_MAXMS`.
    pub fn export_budget_ms(mut self, ms: u64) -> Self {
        if self.accept("export_budget_ms", ms, &environment::EXPORT_BUDGET_MS) {
            self.settings.export_budget_ms = ms;
        }
        self
    }

    /// How many slices may wait for the ledger, from 1 to 1,000,000. Default 1000. `ACC_BACKLOG_MAX`.
    pub fn backlog_max(mut self, slices: usize) -> Self {
        if self.accept("backlog_max", slices as u64, &environment::BACKLOG) {
            self.settings.backlog_max = slices;
        }
        self
    }

    /// The longest random delay between a boundary and its export, in milliseconds, from 0 to 60,000. Default 25.
    /// `ACC_EXPORT_JITTER_MS`.
    pub fn export_jitter_ms(mut self, ms: u64) -> Self {
        if self.accept("export_jitter_ms", ms, &environment::EXPORT_JITTER_MS) {
            self.settings.export_jitter_ms = ms;
        }
        self
    }

    /// Whether nothing may be written to disk. A configured log is refused, with a warning. `ACC_AMNESIA`.
    pub fn amnesia(mut self, amnesia: bool) -> Self {
        self.settings.amnesia = amnesia;
        self
    }

    /// Registers a dimension beyond the built-in ones, such as `"tokens"`. [`Accounting::dimension`] finds it.
    pub fn dimension(mut self, name: &str) -> Self {
        if let Err(error) = self.dimensions.register(name) {
            self.errors.push(error.into());
        }
        self
    }

    /// The normalizer to use, whatever `ACC_LABEL_NORMALIZER` says.
    pub fn normalizer(mut self, normalizer: impl Normalizer) -> Self {
        self.normalizer = Some(Box::new(normalizer));
        self
    }

    /// Registers a normalizer that `ACC_LABEL_NORMALIZER=custom:<name>` selects.
    pub fn register_normalizer(mut self, name: &str, normalizer: impl Normalizer) -> Self {
        self.registered.insert(name.to_owned(), Box::new(normalizer));
        self
    }

    /// The seed of the hashes of label sets, random otherwise. With a seed, one thread that records the same gets the same
    /// slices even where limits are reached: for imports, not for labels that strangers choose who may know the seed.
    pub fn hash_seed(mut self, seed: u64) -> Self {
        self.hash_seed = Some(seed);
        self
    }

    /// How far the clock may be from the time that the monotonic clock expects, in milliseconds, from 1000 to a day. Beyond,
    /// the clock has jumped: windows go on by the monotonic clock, and readiness and [`crate::Stats::clock_alarm`] say so.
    /// Default 600,000. `ACC_CLOCK_JUMP_MS_MAX`.
    pub fn clock_jump_ms_max(mut self, ms: u64) -> Self {
        if self.accept("clock_jump_ms_max", ms, &environment::CLOCK_JUMP_MS) {
            self.settings.clock_jump_ms_max = ms;
        }
        self
    }

    /// The clock that windows follow. Default: the system's. One without a monotonic reading ([`Clock::reading`]) is taken
    /// as it is, however it jumps.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Starts no thread: windows roll by [`Accounting::tick`], and slices go to the ledger in [`Accounting::drain`].
    pub fn manual(mut self) -> Self {
        self.is_manual = true;
        self
    }

    /// Takes the settings that environment variables give, over those that were made before. The first that cannot be
    /// used is an error.
    pub fn env(self) -> Result<Self, AccError> {
        self.variables(|variable| std::env::var_os(variable))
    }

    /// Like [`Self::env`], from any source of variables.
    pub fn variables(mut self, lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, AccError> {
        let (settings, errors) = self.settings.read(lookup);
        self.settings = settings;
        errors.into_iter().next().map_or(Ok(self), Err)
    }

    /// Like [`Self::variables`], but keeps the setting in place of a variable that cannot be used, and says so through
    /// `tracing`.
    pub(crate) fn variables_or_defaults(mut self, lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let (settings, errors) = self.settings.read(lookup);
        self.settings = settings;
        for error in errors {
            self.uses_fallbacks = true;
            tracing::warn!(target: "ron-accounting", %error, "setting ignored, the default is used");
        }
        self
    }

    /// Builds and starts it. The first setting that cannot be used is an error.
    pub fn build(mut self) -> Result<Accounting, AccError> {
        if !self.errors.is_empty() {
            return Err(self.errors.remove(0));
        }
        let normalizer = self.take_normalizer()?;
        let engine = self.engine(normalizer);
        instance::start(&self, engine)
    }

    /// Builds it as far as can be: without the parts that fail, which are reported through `tracing`.
    pub(crate) fn build_or_degrade(mut self) -> Accounting {
        let normalizer = self.take_normalizer().unwrap_or_else(|error| {
            self.uses_fallbacks = true;
            tracing::warn!(target: "ron-accounting", %error, "the default normalizer is used");
            route_normalizer()
        });
        let engine = self.engine(normalizer);
        instance::start_degraded(self, engine)
    }

    pub(crate) fn cadence(&self) -> Result<FixedCadence, AccError> {
        FixedCadence::new(self.settings.window_ms)
            .map_err(|error| out_of_range("window_ms", &error.window_ms.to_string(), &environment::WINDOW_MS))
    }

    fn engine(&self, normalizer: Box<dyn Normalizer>) -> Engine {
        let engine = EngineBuilder::default()
            .dimensions(self.dimensions.clone())
            .normalizer(Boxed(normalizer))
            .label_limit(self.settings.label_limit)
            .tenant_limit(self.tenant_limit)
            .zeroize_retired(self.settings.amnesia);
        match self.hash_seed {
            Some(seed) => engine.hash_seed(seed).build(),
            None => engine.build(),
        }
    }

    fn take_normalizer(&mut self) -> Result<Box<dyn Normalizer>, AccError> {
        if let Some(normalizer) = self.normalizer.take() {
            return Ok(normalizer);
        }
        match &self.settings.normalizer {
            NormalizerChoice::Route => Ok(route_normalizer()),
            NormalizerChoice::None => Ok(Box::new(CharacterNormalizer)),
            NormalizerChoice::Custom(name) => self.registered.remove(name).ok_or_else(|| {
                let value = format!("custom:{name}");
                config(
                    "ACC_LABEL_NORMALIZER",
                    value,
                    "the name of a registered normalizer: register_normalizer()",
                )
            }),
        }
    }

    pub(crate) fn accept(&mut self, setting: &'static str, value: u64, range: &RangeInclusive<u64>) -> bool {
        let is_ok = range.contains(&value);
        if !is_ok {
            self.errors.push(out_of_range(setting, &value.to_string(), range));
        }
        is_ok
    }
}

struct Boxed(Box<dyn Normalizer>);

impl Normalizer for Boxed {
    fn normalize(&self, label: Label, raw: &str, out: &mut String) -> Verdict {
        self.0.normalize(label, raw, out)
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
