//! What all logs that are followed share: the ledger, the options, and the summary.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{bail, Context};
use indicatif::ProgressBar;
use ron_accounting_sqlite::{LogImport, SqliteLedger};

use super::block::{FileState, Identity, BLOCK_BYTES};
use crate::command::import::{
    begin, examining::Examination, label_sets::LabelSets, log_directory::LogDirectory, reading::Before,
    shape::Shape, source::Source, summary::Summary, ExaminedLog, Importing,
};

/// What is told on the way, on standard error.
#[derive(Debug)]
pub(super) struct Voice {
    pub(super) is_quiet: bool,
}

impl Voice {
    /// Tells how it goes.
    pub(super) fn progress(&self, text: &str) {
        if !self.is_quiet {
            eprintln!("{text}");
        }
    }

    /// Tells what is wrong.
    #[allow(clippy::unused_self)] // Whoever tells has a voice.
    pub(super) fn note(&self, text: &str) {
        eprintln!("note: {text}");
    }
}

/// What all logs share.
pub(super) struct Meter<'m> {
    pub(super) ledger: Arc<SqliteLedger>,
    ledger_identity: Identity,
    pub(super) shape: &'m Shape,
    pub(super) options: String,
    amnesia: bool,
    pub(super) commit_every_ms: u64,
    pub(super) label_sets: LabelSets,
    pub(super) summary: Summary,
    /// Lines that were brought to the ledger, by the path of their log.
    pub(super) lines: BTreeMap<String, u64>,
    pub(super) skipped_shown: u64,
    pub(super) voice: Voice,
    pub(super) block: Vec<u8>,
}

impl<'m> Meter<'m> {
    pub(super) fn new(
        ledger: Arc<SqliteLedger>,
        shape: &'m Shape,
        amnesia: bool,
        commit_every_ms: u64,
        voice: Voice,
    ) -> anyhow::Result<Self> {
        let summary = Summary { ledger: ledger.path().display().to_string(), ..Summary::default() };
        let ledger_identity = identity_of(&ledger)?;
        Ok(Self {
            ledger,
            ledger_identity,
            shape,
            options: shape.options_text(),
            amnesia,
            commit_every_ms,
            label_sets: LabelSets::new(shape.routes.normalizer()?),
            summary,
            lines: BTreeMap::new(),
            skipped_shown: 0,
            voice,
            block: vec![0; BLOCK_BYTES],
        })
    }

    /// Fails if the file of the ledger is not the one that is open: what would be stored would be gone with the process.
    pub(super) fn require_ledger(&self) -> anyhow::Result<()> {
        let identity = identity_of(&self.ledger).ok();
        if identity != Some(self.ledger_identity) {
            return Err(LedgerIsGone { path: self.ledger.path().to_owned() }.into());
        }
        Ok(())
    }

    /// Notes that the ledger has a batch.
    pub(super) fn committed(&mut self, name: &str, file: &str, tally: Summary) {
        let lines = tally.lines_read;
        self.voice.progress(&format!("{name}: {lines} lines are in the ledger"));
        *self.lines.entry(file.to_owned()).or_default() += lines;
        self.summary.absorb(tally);
    }

    /// Completes an import that was interrupted, as `import` would.
    pub(super) fn complete(
        &mut self,
        mut source: Source,
        import: &LogImport,
        before: &Before,
    ) -> anyhow::Result<()> {
        let (shape, bar) = (self.shape, ProgressBar::hidden());
        let examination = examination(shape, &bar);
        let examined = examination.examine(&mut source, import.end_byte, Vec::new())?;
        self.import(&bar, |importing| importing.part(&mut source, &examined, import.start_byte, before))
    }

    /// Imports what the ledger lacks of a packed file that has been a log, as `import` would.
    pub(super) fn import_packed(&mut self, path: &Path, name: &str) -> anyhow::Result<()> {
        let (shape, bar) = (self.shape, ProgressBar::hidden());
        let examination = examination(shape, &bar);
        let mut source = Source::open(path, self.amnesia)?;
        let ends = self.ledger.log_imports()?.iter().map(|import| import.end_byte).collect();
        let examined = examination.examine(&mut source, u64::MAX, ends)?;
        if let Some(damage) = &examined.damage {
            bail!("it is damaged, or still being packed: {damage}");
        }
        if examined.content.is_none_or(|content| content.bytes == 0) {
            return Ok(());
        }
        let mut logs = vec![ExaminedLog { source, examined, parts: Vec::new() }];
        begin(&self.ledger, shape, &mut logs)?;
        if logs.iter().any(|log| !log.parts.is_empty()) {
            self.voice.progress(&format!("{name}: is read to its end"));
        }
        self.import(&bar, |importing| logs.into_iter().try_for_each(|log| importing.log(log, &examination)))
    }

    fn import(
        &mut self,
        bar: &ProgressBar,
        work: impl FnOnce(&mut Importing<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let normalizer = self.shape.routes.normalizer()?;
        let directory = LogDirectory::new(None, self.ledger.path());
        let mut importing = Importing {
            ledger: &self.ledger,
            shape: self.shape,
            directory: &directory,
            amnesia: self.amnesia,
            label_sets: std::mem::replace(&mut self.label_sets, LabelSets::new(normalizer)),
            summary: Summary::default(),
            bar,
        };
        let worked = work(&mut importing);
        self.label_sets = importing.label_sets;
        if worked.is_ok() {
            self.summary.absorb(importing.summary);
        }
        worked
    }
}

fn examination<'e>(shape: &'e Shape, bar: &'e ProgressBar) -> Examination<'e> {
    Examination { reading: &shape.reading, routes: &shape.routes, is_strict: false, bar }
}

fn identity_of(ledger: &SqliteLedger) -> anyhow::Result<Identity> {
    let path = ledger.path();
    let metadata = fs::metadata(path).with_context(|| format!("cannot read ledger {}", path.display()))?;
    Ok(FileState::of(&metadata).identity)
}

/// The file of the ledger was removed or replaced.
#[derive(Debug, thiserror::Error)]
#[error(
    "ledger {} was removed or replaced while it was open, and nothing more is stored: start again to go on with what is there",
    path.display()
)]
pub(super) struct LedgerIsGone {
    path: PathBuf,
}
