//! The order of keys: a server writes the same keys in the same order in every line, so that most are known before they are read.

/// Keys that are remembered. Those of lines with more are looked up as if none were.
const KEYS_MAX: usize = 64;
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
    text: Box<[u8]>,
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
        Expected { is_learning: self.keys.is_empty(), order: self, at: 0 }
    }
}

/// What is expected of the rest of a line.
#[derive(Debug)]
pub(super) struct Expected<'m> {
    order: &'m mut KeyOrder,
    at: usize,
    is_learning: bool,
}

impl Expected<'_> {
    /// Returns how many bytes the expected key has, and the entries that it leads to, if `rest` begins with it. A key that some
    /// lines do not have is passed over.
    #[inline]
    pub(super) fn next(&mut self, above: u64, rest: &[u8]) -> Option<(usize, u64)> {
        for skipped in 0..2 {
            let known = self.order.keys.get(self.at + skipped)?;
            if known.above == above && rest.starts_with(&known.text) {
                self.at += skipped + 1;
                return Some((known.text.len(), known.below));
            }
        }
        None
    }

    /// Takes note of a key that was not expected.
    pub(super) fn learn(&mut self, above: u64, key: &[u8], below: u64) {
        self.order.surprises += 1;
        if self.is_learning && self.order.keys.len() < KEYS_MAX {
            let text = [b"\"", key, b"\":"].concat().into_boxed_slice();
            self.order.keys.push(Known { text, above, below });
            self.at = self.order.keys.len();
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
