//! What is on the disk after a power cut.

use std::collections::BTreeMap;

use super::disk::{Change, Disk};
use super::Survival;

/// A disk writes a sector as a whole or not at all.
const SECTOR_BYTES: usize = 512;

impl Disk {
    pub(super) fn after_crash(&self, survival: Survival, seed: u64) -> Self {
        let mut dice = Dice(seed);
        let mut names = self.durable_names.clone();
        for change in dice.choose(&self.pending_names, survival) {
            change.apply(&mut names);
        }
        let mut contents = BTreeMap::new();
        for (id, file) in &self.files {
            let mut content = file.durable.clone();
            let survivors = dice.choose(&file.pending, survival);
            let last = survivors.len();
            for (index, change) in survivors.into_iter().enumerate() {
                let torn = match survival {
                    Survival::Synced => false,
                    Survival::InOrder => index + 1 == last,
                    Survival::AnyOrder => dice.below(2) == 0,
                };
                match change {
                    Change::Write { offset, bytes } if torn => {
                        dice.tear(*offset, bytes, survival, &mut content);
                    }
                    change => change.apply(&mut content),
                }
            }
            contents.insert(*id, content);
        }
        Self::restored(names, contents)
    }
}

/// A random generator of its own (`SplitMix64`), so that a seed means the same crash in all versions.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % (bound as u64).max(1)).unwrap_or(0)
    }

    fn choose<'a, T>(&mut self, pending: &'a [T], survival: Survival) -> Vec<&'a T> {
        match survival {
            Survival::Synced => Vec::new(),
            Survival::InOrder => {
                let kept = self.below(pending.len() + 1);
                pending.iter().take(kept).collect()
            }
            Survival::AnyOrder => pending.iter().filter(|_| self.below(2) == 0).collect(),
        }
    }

    fn tear(&mut self, offset: usize, bytes: &[u8], survival: Survival, content: &mut Vec<u8>) {
        if survival == Survival::InOrder {
            let kept = self.below(bytes.len() + 1);
            let bytes = bytes.get(..kept).unwrap_or_default().to_vec();
            Change::Write { offset, bytes }.apply(content);
            return;
        }
        let mut start = 0;
        while start < bytes.len() {
            // Sectors are counted from the start of the file, not of the write.
            let end = bytes.len().min(start + SECTOR_BYTES - (offset + start) % SECTOR_BYTES);
            if self.below(2) == 0 {
                let bytes = bytes.get(start..end).unwrap_or_default().to_vec();
                Change::Write { offset: offset + start, bytes }.apply(content);
            }
            start = end;
        }
    }
}
