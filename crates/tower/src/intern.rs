//! A table of values that are kept for good: read without a lock, and bounded.
//!
//! A request carries a number instead of the text of its route or tenant, so that it allocates nothing and clones nothing
//! that other threads clone too. Values are never removed. When there is no room for one, its caller keeps it by itself, which
//! costs an allocation and changes nothing else.
//!
//! ```text
//! near [ v ][ - ]                      tried first, in order: a service that a router wraps has one route
//! far  [ - ][ v ][ - ][ v ][ v ] ..    by hash; allocated when `near` is full
//! ```

use std::{fmt, sync::OnceLock};

/// Slots that are tried one after the other. A lower number keeps a service small that has a single route.
const NEAR: usize = 2;
/// How many slots behind the one of its hash a value may be in. A limit, so that values that collide on purpose cost little.
const PROBES: usize = 8;

/// A value with its hash, which is compared first.
type Slot<T> = OnceLock<(u64, T)>;

/// A bounded table to which values are only added.
pub(crate) struct Interned<T> {
    near: [Slot<T>; NEAR],
    far: OnceLock<Box<[Slot<T>]>>,
    far_slots: usize,
}

impl<T> Interned<T> {
    /// Makes a table for a few values more than `slots`.
    pub(crate) fn new(slots: usize) -> Self {
        Self { near: [const { OnceLock::new() }; NEAR], far: OnceLock::new(), far_slots: slots.max(PROBES) }
    }

    /// Returns the number of the value with this hash that `is` the wanted one, and adds what `make` returns if there is none.
    /// `None` if the value is not there and there is no room for it.
    #[inline]
    pub(crate) fn find_or_add(
        &self,
        hash: u64,
        is: impl Fn(&T) -> bool,
        make: impl FnOnce() -> T,
    ) -> Option<u32> {
        for (number, slot) in (0..).zip(&self.near) {
            match slot.get() {
                Some((known, value)) if *known == hash && is(value) => return Some(number),
                Some(_) => {}
                None => return self.add(hash, &is, make),
            }
        }
        match self.find_far(hash, &is) {
            Some(number) => Some(number),
            None => self.add(hash, &is, make),
        }
    }

    /// Returns the value of a number that [`Self::find_or_add`] returned.
    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        let index = number as usize;
        let slot = match self.near.get(index) {
            Some(slot) => slot,
            None => self.far.get()?.get(index - NEAR)?,
        };
        slot.get().map(|(_, value)| value)
    }

    #[inline]
    fn find_far(&self, hash: u64, is: &impl Fn(&T) -> bool) -> Option<u32> {
        let slots = self.far.get()?;
        for index in probes(hash, slots.len()) {
            match slots.get(index)?.get() {
                Some((known, value)) if *known == hash && is(value) => {
                    return u32::try_from(index + NEAR).ok();
                }
                Some(_) => {}
                None => return None,
            }
        }
        None
    }

    /// Takes the first free slot. Another thread may take it meanwhile, for the same value or for another one.
    #[cold]
    fn add(&self, hash: u64, is: &impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> Option<u32> {
        let mut make = Some(make);
        for (number, slot) in (0..).zip(&self.near) {
            if takes(slot, hash, is, &mut make) {
                return Some(number);
            }
        }
        let slots = self.far.get_or_init(|| (0..self.far_slots).map(|_| OnceLock::new()).collect());
        for index in probes(hash, slots.len()) {
            if takes(slots.get(index)?, hash, is, &mut make) {
                return u32::try_from(index + NEAR).ok();
            }
        }
        None
    }
}

/// Returns whether the slot has the wanted value, which is made if the slot is free.
fn takes<T>(
    slot: &Slot<T>,
    hash: u64,
    is: &impl Fn(&T) -> bool,
    make: &mut Option<impl FnOnce() -> T>,
) -> bool {
    let mut was_made = false;
    if slot.get().is_none() {
        let Some(make) = make.take() else { return false };
        // Another thread may be faster. Then its value is compared, and `make` is not called.
        let _ = slot.get_or_init(|| {
            was_made = true;
            (hash, make())
        });
    }
    was_made || slot.get().is_some_and(|(known, value)| *known == hash && is(value))
}

fn probes(hash: u64, slots: usize) -> impl Iterator<Item = usize> {
    // The upper half of a product is the well-mixed one.
    let first = (hash >> 32) as usize;
    (0..PROBES.min(slots)).map(move |step| (first + step) % slots)
}

impl<T> fmt::Debug for Interned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interned").field("far_slots", &self.far_slots).finish_non_exhaustive()
    }
}

/// Hashes a short text. Not against attackers: [`PROBES`] bounds what a collision costs.
#[inline]
pub(crate) fn hash(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let seed = bytes.len() as u64;
    if let Some(last) = bytes.last_chunk::<8>() {
        let words = bytes.chunks_exact(8).filter_map(<[u8]>::first_chunk::<8>);
        // The last 8 bytes may overlap the word before, so that no byte is left out.
        return mix(words.chain([last]).fold(seed, |sum, word| mix(sum ^ u64::from_le_bytes(*word))));
    }
    let byte = |at: usize| u64::from(bytes.get(at).copied().unwrap_or(0)) << (8 * at);
    mix(mix(seed ^ (0..7).fold(0, |sum, at| sum | byte(at))))
}

#[inline]
const fn mix(sum: u64) -> u64 {
    let product = sum.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    product ^ (product >> 29)
}
