//! Bytes that are near: fields and keys are short, and a call of `memchr` costs more than looking at some words.

use memchr::{memchr, memchr2};

/// Words that are looked at before `memchr` is called.
const WORDS: usize = 4;
const ONES: u64 = u64::from_le_bytes([1; 8]);
const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);

/// Returns the position of the first `wanted`.
#[inline]
pub(crate) fn find(wanted: u8, bytes: &[u8]) -> Option<usize> {
    let pattern = ONES.wrapping_mul(u64::from(wanted));
    let (near, far) = search(bytes, |word| zeros(word ^ pattern));
    near.or_else(|| Some(far + memchr(wanted, bytes.get(far..)?)?))
}

/// Returns the position of the first `one` or `other`.
#[inline]
pub(crate) fn find_either(one: u8, other: u8, bytes: &[u8]) -> Option<usize> {
    let patterns = [one, other].map(|wanted| ONES.wrapping_mul(u64::from(wanted)));
    let (near, far) = search(bytes, |word| zeros(word ^ patterns[0]) | zeros(word ^ patterns[1]));
    near.or_else(|| Some(far + memchr2(one, other, bytes.get(far..)?)?))
}

/// Returns the first hit in the first words, and how many bytes these are.
#[inline]
fn search(bytes: &[u8], hits: impl Fn(u64) -> u64) -> (Option<usize>, usize) {
    let (mut rest, mut seen) = (bytes, 0);
    for _ in 0..WORDS {
        let Some((word, behind)) = rest.split_first_chunk() else { break };
        let hits = hits(u64::from_le_bytes(*word));
        if hits != 0 {
            return (Some(seen + hits.trailing_zeros() as usize / 8), seen);
        }
        (rest, seen) = (behind, seen + 8);
    }
    (None, seen)
}

/// Returns a word whose lowest bit that is set is in the first byte of `word` that is zero.
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{find, find_either};

    proptest! {
        #[test]
        fn what_is_found_is_what_a_loop_finds(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'"'), 0x20_u8..0x24], 0..80),
            one in prop_oneof![any::<u8>(), 0x20_u8..0x24], other in any::<u8>(),
        ) {
            prop_assert_eq!(find(one, &bytes), bytes.iter().position(|b| *b == one));
            let either = bytes.iter().position(|b| *b == one || *b == other);
            prop_assert_eq!(find_either(one, other, &bytes), either);
        }
    }
}
