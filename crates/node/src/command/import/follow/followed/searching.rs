//! The search for files that a log was rotated to.

use std::{fs::File, path::PathBuf};

use anyhow::{bail, Context};

use super::{
    opening::{begins_with_line, is_packed},
    FollowedLog, QUIET_MS,
};
use crate::command::import::{
    again::Stop,
    follow::{
        block::FileState,
        copies::{self, CutOff},
        generation::{Put, Read},
        meter::Meter,
        rotated::{rotated_since, Rotated},
        trouble::is_tried_again,
    },
    source::Content,
};

impl FollowedLog {
    /// Goes on with the files that the log was rotated to and that have something new. Returns those that the log begins with.
    pub(super) fn finish_rotated(
        &mut self,
        meter: &mut Meter<'_>,
        log: &mut File,
        now_ms: u64,
    ) -> anyhow::Result<Vec<(String, Content)>> {
        let so_far = CutOff::of(log).with_context(|| format!("cannot read {}", self.name))?;
        let mut copies = Vec::new();
        let until_ms = self.until_ms.unwrap_or(0);
        let FileState { identity: log_identity, modified_ms: newest_ms, .. } =
            FileState::of(&log.metadata()?);
        // A copy of a log that was cut off may be older than what was read last.
        let since_ms = if self.cut_off.is_some() { 0 } else { until_ms };
        for rotated in self.rotated_since(since_ms)? {
            let name = rotated.path.display().to_string();
            let is_open = self.older.iter().any(|older| older.identity == rotated.state.identity);
            if is_open || rotated.state.identity == log_identity {
                continue;
            }
            let finished = self.note_copy(meter, &rotated, &name).and_then(|is_copy| {
                if is_copy || rotated.written_before_ms() <= until_ms {
                    return Ok(());
                }
                // A copy of the log, which may still be made, is no other log.
                if let Some(content) = so_far.copied_to(&rotated.path)? {
                    copies.push((name.clone(), content));
                    return Ok(());
                }
                self.finish_one(meter, &rotated, &name, newest_ms, now_ms)
            });
            if let Err(error) = finished {
                if is_tried_again(&error) {
                    return Err(error);
                }
                meter.voice.note(&format!(
                    "{name} was left out, although {} may have been rotated to it: {error:#}",
                    self.name
                ));
            }
        }
        self.cut_off = None;
        Ok(copies)
    }

    fn rotated_since(&self, since_ms: u64) -> anyhow::Result<Vec<Rotated>> {
        rotated_since(&self.path, since_ms)
            .with_context(|| format!("cannot search for what {} was", self.name))
    }

    /// Returns the files that the log was rotated to since it was read last.
    pub(super) fn list_rotated(&self) -> anyhow::Result<Vec<(PathBuf, FileState)>> {
        let rotated = self.rotated_since(self.until_ms.unwrap_or(0))?;
        Ok(rotated.into_iter().map(|rotated| (rotated.path, rotated.state)).collect())
    }

    /// Notes a copy of a log that was cut off, if it is one that has nothing to count. Returns whether it is.
    fn note_copy(&self, meter: &Meter<'_>, rotated: &Rotated, name: &str) -> anyhow::Result<bool> {
        let Some(cut_off) = &self.cut_off else { return Ok(false) };
        let Some(content) = cut_off.copied_to(&rotated.path)? else { return Ok(false) };
        copies::note(meter, &content, name, self.until_ms.unwrap_or(0))?;
        Ok(true)
    }

    fn finish_one(
        &mut self,
        meter: &mut Meter<'_>,
        rotated: &Rotated,
        name: &str,
        newest_ms: u64,
        now_ms: u64,
    ) -> anyhow::Result<()> {
        let mut file = File::open(&rotated.path)?;
        if is_packed(&file)? {
            return meter.import_packed(&rotated.path, name);
        }
        if !begins_with_line(&mut file)? {
            return Ok(());
        }
        let state = FileState::of(&file.metadata()?);
        let until_ms = self.until_ms.unwrap_or(0);
        let mut generation = self.open(meter, file, state, name, until_ms)?;
        generation.skip_known(meter, &mut self.taught)?;
        let from = generation.offset();
        generation.grown_at_ms = now_ms;
        let (read, put) = Self::read_on(meter, &mut self.taught, &mut generation, &self.file, now_ms)?;
        if generation.offset() > from {
            meter.voice.progress(&format!("{name}: was {}, and is read to its end", self.name));
        }
        if read == Read::End && put == Put::Done {
            let is_old = state.modified_ms.saturating_add(QUIET_MS) < newest_ms;
            if is_old {
                generation.read_rest(meter, &mut self.taught, now_ms)?;
            }
            if Self::commit_rest(meter, &self.taught, &mut generation, &self.file)? == Put::Done {
                if !is_old {
                    self.older.push(generation);
                }
                return Ok(());
            }
        }
        if read == Read::Truncated {
            bail!("it has changed while it was read");
        }
        bail!(Stop::Overtaken)
    }
}
