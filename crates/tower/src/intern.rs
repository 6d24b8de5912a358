//! A table of values that are kept for good: read without a lock, and bounded.
//!
//! A request carries a number instead of the text of its route or tenant, so that it allocates nothing and clones nothing
//! that other threads clone too. Values are never removed. When there is no room for one, its caller keeps it by itself, which
//! costs an allocation and changes nothing else.
//!
//! ```text
//! near [ v ][ v ][ - ][ - ]            tried first, in order: a service that a router wraps has one route
//! far  [ - ][ v ][ - ][ v ][ v ] ..    by hash; allocated when `near` is full
//! ```

use std::{fmt, sync::OnceLock};

/// Slots that are tried one after the other. A lower number keeps a service small that has a single route.
const NEAR: usize = 4;
/// How many slots behind the one of its hash a value may be in. A limit, so that values that collide on purpose cost little.
const PROBES: usize = 8;

/// A bounded table to which values are only added.
pub(crate) struct Interned<T> {
    near: [OnceLock<T>; NEAR],
    far: OnceLock<Box<[OnceLock<T>]>>,
    far_slots: usize,
}

impl<T> Interned<T> {
    /// Makes a table for a few values more than `slots`.
    pub(crate) fn new(slots: usize) -> Self {
        Self { near: [const { OnceLock::new() }; NEAR], far: OnceLock::new(), far_slots: slots.max(PROBES) }
    }

    /// Returns the number of the value that `is` the wanted one, and adds what `make` returns if there is none. `None` if the
    /// value is not there and there is no room for it.
    #[inline]
    pub(crate) fn find_or_add(
        &self,
        hash: impl FnOnce() -> u64,
        is: impl Fn(&T) -> bool,
        make: impl FnOnce() -> T,
    ) -> Option<u32> {
        for (number, slot) in (0..).zip(&self.near) {
            match slot.get() {
                Some(value) if is(value) => return Some(number),
                Some(_) => {}
                None => return self.add(hash(), &is, make),
            }
        }
        let hash = hash();
        match self.find_far(hash, &is) {
            Some(number) => Some(number),
            None => self.add(hash, &is, make),
        }
    }

    /// Returns the value of a number that [`Self::find_or_add`] returned.
    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        let index = number as usize;
        match self.near.get(index) {
            Some(slot) => slot.get(),
            None => self.far.get()?.get(index - NEAR)?.get(),
        }
    }

    #[inline]
    fn find_far(&self, hash: u64, is: &impl Fn(&T) -> bool) -> Option<u32> {
        let slots = self.far.get()?;
        for index in probes(hash, slots.len()) {
            match slots.get(index)?.get() {
                Some(value) if is(value) => return u32::try_from(index + NEAR).ok(),
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
            if takes(slot, is, &mut make) {
                return Some(number);
            }
        }
        let slots = self.far.get_or_init(|| (0..self.far_slots).map(|_| OnceLock::new()).collect());
        for index in probes(hash, slots.len()) {
            if takes(slots.get(index)?, is, &mut make) {
                return u32::try_from(index + NEAR).ok();
            }
        }
        None
    }
}

/// Returns whether the slot has the wanted value, which is made if the slot is free.
fn takes<T>(slot: &OnceLock<T>, is: &impl Fn(&T) -> bool, make: &mut Option<impl FnOnce() -> T>) -> bool {
    match slot.get() {
        Some(value) => is(value),
        None => match make.take() {
            // Another thread may be faster: then its value is compared, and this one is lost.
            Some(made) => {
                let mut was_made = false;
                let value = slot.get_or_init(|| {
                    was_made = true;
                    made()
                });
                was_made || is(value)
            }
            None => false,
        },
    }
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
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let step =
        |sum: u64, word: [u8; 8]| (sum ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR).rotate_left(29);
    let bytes = text.as_bytes();
    let chunks = bytes.chunks_exact(8);
    let mut tail = [0; 8];
    for (to, from) in tail.iter_mut().zip(chunks.remainder()) {
        *to = *from;
    }
    let words = chunks.map(|chunk| {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        word
    });
    let sum = words.fold(bytes.len() as u64, step);
    step(sum, tail).wrapping_mul(FACTOR)
}
