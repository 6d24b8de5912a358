//! Which streams this process has forgotten, in constant memory.
//!
//! A Bloom filter: it never misses a stream that was forgotten. Of the others it takes a few for forgotten, and more the more
//! streams were, so that the ledger is asked for heads that it does not have. The hashes are the same in every process, since what
//! waits for a head decides where slices end.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use ron_ledger_wire::StreamId;

/// 1 MiB. Of a million streams that were never forgotten, 2 in 100 are taken for forgotten once a million others were.
const BITS: u64 = 1 << 23;
/// How many bits stand for a stream.
const HASHES: u32 = 4;

/// The streams that were forgotten. Takes no memory before the first.
#[derive(Debug, Default)]
pub(super) struct ForgottenStreams {
    words: Vec<u64>,
}

impl ForgottenStreams {
    pub(super) fn add(&mut self, stream: &StreamId) {
        if self.words.is_empty() {
            self.words = vec![0; usize::try_from(BITS / 64).unwrap_or_default()];
        }
        for (word, mask) in bits(stream) {
            if let Some(word) = self.words.get_mut(word) {
                *word |= mask;
            }
        }
    }

    /// Returns `false` only for a stream that was never forgotten.
    pub(super) fn may_contain(&self, stream: &StreamId) -> bool {
        !self.words.is_empty()
            && bits(stream).all(|(word, mask)| self.words.get(word).is_some_and(|word| word & mask != 0))
    }
}

/// Returns the bits of a stream, as words and masks.
fn bits(stream: &StreamId) -> impl Iterator<Item = (usize, u64)> {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(stream);
    // Two halves of one hash stand for any number of hashes (Kirsch and Mitzenmacher).
    let (first, step) = (hash, hash.rotate_left(32) | 1);
    (0..HASHES).map(move |number| {
        let bit = first.wrapping_add(step.wrapping_mul(u64::from(number))) % BITS;
        (usize::try_from(bit / 64).unwrap_or_default(), 1 << (bit % 64))
    })
}

#[cfg(test)]
mod tests {
    use ron_ledger_wire::{Origin, StreamId};

    use super::ForgottenStreams;

    fn stream(number: u32) -> StreamId {
        StreamId::new(Origin::from_bytes([7; 16]), &format!("tenant-{number}"), "requests")
    }

    #[test]
    fn no_forgotten_stream_is_missed_and_few_others_are_taken_for_one() {
        let mut forgotten = ForgottenStreams::default();
        assert!(!forgotten.may_contain(&stream(0)));
        (0..200_000).for_each(|number| forgotten.add(&stream(number)));
        assert!((0..200_000).all(|number| forgotten.may_contain(&stream(number))));
        let wrong = (200_000..300_000).filter(|number| forgotten.may_contain(&stream(*number))).count();
        assert!(wrong < 100, "{wrong} of 100,000");
    }
}
