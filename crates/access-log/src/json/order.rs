//! The order of keys: a server writes the same keys in the same order in every line, so that most are known before they are read.

/// Keys that are remembered. Those of lines with more are looked up as if none were.
const KEYS_MAX: usize = 64;
/// Longer values are not remembered.
const VALUE_BYTES_MAX: usize = 512;
/// A value that changed so often is not remembered any more.
const CHANGES_MAX: u32 = 4;
/// So many other keys make a line strange.
const SURPRISES_MAX: usize = 2;
/// The order is learned anew at most every 2^10 lines in the end.
const LEARNED_MAX: u32 = 10;

/// The keys of the lines before, in their order.
///
/// What is remembered of a key follows from the entries of the map, from where the key is and from its bytes, all of which are
/// compared. So a line says the same whatever was learned from others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct KeyOrder {
    keys: Vec<Known>,
    /// How many keys of the line before were others than expected.
    surprises: usize,
    /// How many lines in a row were not as expected.
    strange_lines: u32,
    /// How many times the order was learned.
    learned: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    /// The key in its quotation marks, and the colon.
    text: Vec<u8>,
    /// How many bytes the key has. Behind them is the value that a key which leads to no entry had last, if it may have it again.
    key_bytes: usize,
    /// How many lines had another value.
    changes: u32,
    /// The entries that the keys above lead to, one bit each, and those that this key leads to.
    above: u64,
    below: u64,
}

impl KeyOrder {
    /// Begins a line. The order is learned anew from it if some lines in a row were too different: the more often it was learned
    /// already, the more lines.
    pub(super) fn begin_line(&mut self) -> Expected<'_> {
        self.strange_lines = if self.surprises > SURPRISES_MAX { self.strange_lines + 1 } else { 0 };
        if self.strange_lines >= 1 << self.learned.min(LEARNED_MAX) {
            self.keys.clear();
            self.strange_lines = 0;
        }
        if self.keys.is_empty() {
            self.learned = self.learned.saturating_add(1);
        }
        self.surprises = 0;
        Expected { is_learning: self.keys.is_empty(), order: self, at: 0, is_known: false }
    }
}

impl Known {
    /// Returns what `rest` begins with, if that is as expected.
    #[inline]
    fn step(&self, above: u64, rest: &[u8]) -> Option<Step> {
        if self.above != above {
            return None;
        }
        let below = self.below;
        if self.text.len() > self.key_bytes && rest.starts_with(&self.text) {
            // What is no string may go on.
            if matches!(rest.get(self.text.len()), Some(b',' | b'}')) {
                return Some(Step { bytes: self.text.len(), has_value: true, below });
            }
        }
        let key = self.text.get(..self.key_bytes)?;
        rest.starts_with(key).then_some(Step { bytes: self.key_bytes, has_value: false, below })
    }

    /// Takes note of a value that leads to no entry. Most servers write a few such values again and again.
    fn note_value(&mut self, value: &[u8]) {
        if self.changes >= CHANGES_MAX || value.len() > VALUE_BYTES_MAX {
            return;
        }
        self.changes += u32::from(self.text.len() > self.key_bytes);
        self.text.truncate(self.key_bytes);
        if self.changes < CHANGES_MAX {
            self.text.extend_from_slice(value);
        }
    }
}

/// What a line has next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// The key in its quotation marks, the colon, and the value if it is known.
    pub(super) bytes: usize,
    pub(super) has_value: bool,
    /// The entries that the key leads to, one bit each.
    pub(super) below: u64,
}

/// What is expected of the rest of a line.
#[derive(Debug)]
pub(super) struct Expected<'m> {
    order: &'m mut KeyOrder,
    at: usize,
    /// Whether the key before `at` is the one that came last.
    is_known: bool,
    is_learning: bool,
}

impl Expected<'_> {
    /// Returns the expected key, if `rest` begins with it. A key that some lines do not have is passed over.
    #[inline]
    pub(super) fn next(&mut self, above: u64, rest: &[u8]) -> Option<Step> {
        for skipped in 0..2 {
            let Some(known) = self.order.keys.get(self.at + skipped) else { break };
            let step = known.step(above, rest);
            if step.is_some() {
                self.at += skipped + 1;
                self.is_known = true;
                return step;
            }
        }
        self.is_known = false;
        None
    }

    /// Takes note of the value of the key that came last, which leads to no entry.
    pub(super) fn note_value(&mut self, value: &[u8]) {
        let last = self.at.checked_sub(1).filter(|_| self.is_known);
        if let Some(known) = last.and_then(|last| self.order.keys.get_mut(last)) {
            known.note_value(value);
        }
    }

    /// Takes note of a key that was not expected.
    pub(super) fn learn(&mut self, above: u64, key: &[u8], below: u64) {
        self.order.surprises += 1;
        if self.is_learning && self.order.keys.len() < KEYS_MAX {
            let text = [b"\"", key, b"\":"].concat();
            self.order.keys.push(Known { key_bytes: text.len(), text, changes: 0, above, below });
            self.at = self.order.keys.len();
            self.is_known = true;
        }
    }
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        if self.is_learning {
            self.order.surprises = 0;
        }
    }
}
