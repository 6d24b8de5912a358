//! What a power cut leaves behind.

use std::{fmt, sync::Arc};

use super::{write_at, Change, Content, Image, NameChange};
use crate::dice::Dice;

/// A disk writes a sector as a whole or not at all, mostly.
const SECTOR_BYTES: usize = 512;

/// Which pending changes a power cut leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survival {
    /// None.
    Nothing,
    /// All.
    Everything,
    /// The first ones of each file and of the directory, the last one of a file torn at any byte.
    InOrder(u64),
    /// Any, in any order: each is kept, lost, torn at a byte, torn by sectors, zeroed, or garbage.
    AnyOrder(u64),
}

impl Survival {
    /// A choice for each number.
    pub const fn chosen_by(choice: u64) -> Self {
        match choice % 8 {
            0 => Self::Nothing,
            1 => Self::Everything,
            2 | 3 => Self::InOrder(choice),
            _ => Self::AnyOrder(choice),
        }
    }
}

impl fmt::Display for Survival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("of what is pending nothing survives"),
            Self::Everything => f.write_str("all that is pending survives"),
            Self::InOrder(choice) => write!(f, "the beginning of what is pending survives ({choice})"),
            Self::AnyOrder(choice) => write!(f, "any of what is pending survives ({choice})"),
        }
    }
}

impl Image {
    /// The durable image after the power went.
    #[must_use]
    pub fn after_power_cut(&self, survival: Survival) -> Self {
        let mut dice = match survival {
            Survival::Nothing | Survival::Everything => Dice::new(0),
            Survival::InOrder(choice) | Survival::AnyOrder(choice) => Dice::new(choice),
        };
        let mut names = self.durable_names.clone();
        for change in chosen(&self.pending_names, survival, &mut dice) {
            NameChange::apply(change, &mut names);
        }
        let mut left = Self::default();
        for (name, id) in names {
            let content = self.files.get(&id).map(|file| survivors(file, survival, &mut dice));
            left.put(&name, content.unwrap_or_default());
        }
        left
    }
}

fn survivors(file: &Content, survival: Survival, dice: &mut Dice) -> Arc<Vec<u8>> {
    if file.pending.is_empty() {
        return Arc::clone(&file.durable);
    }
    let mut content = Arc::clone(&file.durable);
    let bytes = Arc::make_mut(&mut content);
    let kept = chosen(&file.pending, survival, dice);
    let last = kept.len();
    for (index, change) in kept.into_iter().enumerate() {
        match (survival, change) {
            (Survival::InOrder(_), Change::Write { offset, bytes: written }) if index + 1 == last => {
                let kept = dice.index(written.len() + 1);
                write_at(bytes, *offset, written.get(..kept).unwrap_or_default());
            }
            (Survival::AnyOrder(_), Change::Write { offset, bytes: written }) => {
                damage(bytes, *offset, written, dice);
            }
            (_, change) => change.apply(bytes),
        }
    }
    content
}

fn chosen<'a, T>(pending: &'a [T], survival: Survival, dice: &mut Dice) -> Vec<&'a T> {
    match survival {
        Survival::Nothing => Vec::new(),
        Survival::Everything => pending.iter().collect(),
        Survival::InOrder(_) => {
            let kept = dice.index(pending.len() + 1);
            pending.iter().take(kept).collect()
        }
        Survival::AnyOrder(_) => {
            let share = dice.one_of(&[30, 60, 90]).unwrap_or_default();
            let mut kept: Vec<_> = pending.iter().filter(|_| dice.percent(share)).collect();
            if dice.percent(30) {
                dice.shuffle(&mut kept);
            }
            kept
        }
    }
}

/// Writes what came of a write.
fn damage(content: &mut Vec<u8>, offset: usize, written: &[u8], dice: &mut Dice) {
    match dice.below(10) {
        0 | 1 => {
            let kept = dice.index(written.len() + 1);
            write_at(content, offset, written.get(..kept).unwrap_or_default());
        }
        2 | 3 => {
            // Sectors are counted from the start of the file, not of the write.
            let mut start = 0;
            while start < written.len() {
                let end = written.len().min(start + SECTOR_BYTES - (offset + start) % SECTOR_BYTES);
                if dice.percent(50) {
                    write_at(content, offset + start, written.get(start..end).unwrap_or_default());
                }
                start = end;
            }
        }
        4 => write_at(content, offset, &vec![0; written.len()]),
        5 => {
            let garbage: Vec<u8> = written.iter().map(|_| dice.roll().to_le_bytes()[0]).collect();
            write_at(content, offset, &garbage);
        }
        _ => write_at(content, offset, written),
    }
}
