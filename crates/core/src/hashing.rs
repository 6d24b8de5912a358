//! Hashes of label sets and accounts.
//!
//! # Why not a library's hasher
//! A [`std::hash::Hasher`] takes the five strings one after the other: each waits for the one before. Here
//! each string has a hash of its own, and the five are added up and mixed at the end. So the processor
//! computes them at the same time, and a scope hashes its four fixed labels once. The mixing step is that of
//! `foldhash`: a product of two words, folded.
//!
//! The seeds are random and secret by default, so that an attacker cannot prepare label sets that collide.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
#[cfg(not(loom))]
use foldhash::{fast::SeedableRandomState, SharedSeed};

use crate::{
    key::Wanted,
    name::{ends, word},
    tenant::{AccountKey, TenantId},
    Labels,
};

const JOIN: u64 = 0x9e37_79b9_7f4a_7c15;

#[derive(Debug, Clone, Copy)]
struct Seeds(u64, u64);

/// The hash functions of one engine.
#[derive(Debug)]
pub(crate) struct Hashing {
    labels: [Seeds; 5],
    account: [Seeds; 2],
}

/// The sum of the hashes of all labels but the tenant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RestHash(u64);

impl Hashing {
    /// Makes hash functions with the seed of the host, or with random ones.
    #[cfg(not(loom))]
    pub(crate) fn new(seed: Option<u64>) -> Self {
        match seed {
            None => Self::derived(&SeedableRandomState::random()),
            Some(seed) => Self::derived(&SeedableRandomState::with_seed(seed, SharedSeed::global_fixed())),
        }
    }

    #[cfg(loom)]
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self::derived(&FixedState::with_seed(seed.unwrap_or_default()))
    }

    fn derived(state: &impl BuildHasher) -> Self {
        // The state's own hash is not meant to make seeds; a second one with another key spreads its bits.
        let spread = FixedState::with_seed(JOIN);
        let seeds = |number: u64| {
            Seeds(spread.hash_one(state.hash_one(number)), spread.hash_one(state.hash_one(!number)))
        };
        Self { labels: [1, 2, 3, 4, 5].map(seeds), account: [6, 7].map(seeds) }
    }

    /// Hashes a label set.
    #[inline]
    pub(crate) fn labels(&self, labels: &Labels<'_>) -> u64 {
        self.scoped(labels.tenant, self.rest(labels))
    }

    /// Hashes all labels but the tenant.
    #[inline]
    pub(crate) fn rest(&self, labels: &Labels<'_>) -> RestHash {
        let [_, method, route, service, region] = self.labels;
        RestHash(
            text(labels.method, method)
                .wrapping_add(text(labels.route, route))
                .wrapping_add(text(labels.service, service))
                .wrapping_add(text(labels.region, region)),
        )
    }

    /// Hashes a label set of which all labels but the tenant are hashed already.
    #[inline]
    pub(crate) fn scoped(&self, tenant: &str, rest: RestHash) -> u64 {
        let [seeds, ..] = self.labels;
        folded_multiply(text(tenant, seeds).wrapping_add(rest.0), JOIN)
    }

    /// Hashes a tenant's account.
    #[inline]
    pub(crate) fn account(&self, tenant: TenantId, account: AccountKey) -> u64 {
        let [owner, id] = self.account;
        // The cast keeps the low half.
        #[allow(clippy::cast_possible_truncation)]
        let (low, high) = (account.id as u64, (account.id >> 64) as u64);
        let tenant_and_namespace = tenant.0.rotate_left(32) ^ u64::from(account.ns);
        folded_multiply(
            folded_multiply(low ^ id.0, high ^ id.1).wrapping_add(tenant_and_namespace ^ owner.0),
            JOIN ^ owner.1,
        )
    }

    /// Hashes the name of a key to find.
    pub(crate) fn wanted(&self, wanted: &Wanted<'_>) -> u64 {
        match wanted {
            Wanted::Labels(labels) => self.labels(labels),
            Wanted::Account(tenant, account) => self.account(*tenant, *account),
        }
    }
}

/// Hashes one label: up to 16 bytes in one step, longer ones in steps of 16.
#[inline]
fn text(text: &str, seeds: Seeds) -> u64 {
    let bytes = text.as_bytes();
    // Some bytes of short texts are read twice, so the length has to tell the texts apart.
    #[allow(clippy::cast_possible_truncation)]
    let seed = seeds.0.rotate_right(bytes.len() as u32);
    if let Some((first, last)) = ends::<8>(bytes) {
        if bytes.len() <= 16 {
            return folded_multiply(word(*first) ^ seed, word(*last) ^ seeds.1);
        }
        return long_text(bytes, Seeds(seed, seeds.1));
    }
    let (low, high) = if let Some((first, last)) = ends::<4>(bytes) {
        (u32::from_le_bytes(*first), u32::from_le_bytes(*last))
    } else if let [first, .., last] = *bytes {
        (u32::from(first), u32::from(bytes[bytes.len() / 2]) << 8 | u32::from(last))
    } else {
        (bytes.first().map_or(0, |byte| u32::from(*byte)), 0)
    };
    folded_multiply(u64::from(low) ^ seed, u64::from(high) ^ seeds.1)
}

#[inline]
fn long_text(bytes: &[u8], Seeds(seed, other): Seeds) -> u64 {
    let step = |sum: u64, block: &[u8]| match ends::<8>(block) {
        Some((low, high)) => folded_multiply(word(*low) ^ sum, word(*high) ^ other),
        None => sum,
    };
    let sum = bytes.chunks_exact(16).fold(seed, step);
    // The last 16 bytes may overlap the block before, so that no byte is left out.
    bytes.last_chunk::<16>().map_or(sum, |last| step(sum, last))
}

/// Combines the two halves of the product by exclusive or: every bit of both factors affects every bit of the
/// result.
#[inline]
const fn folded_multiply(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    // The cast keeps the low half.
    #[allow(clippy::cast_possible_truncation)]
    let low = product as u64;
    low ^ (product >> 64) as u64
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::labels;

    /// Returns how many bits differ.
    fn distance(a: u64, b: u64) -> u32 {
        (a ^ b).count_ones()
    }

    #[test]
    fn realistic_label_sets_do_not_collide_in_any_32_bits_more_than_chance_has_it() {
        let hashing = Hashing::new(Some(1));
        let (mut low, mut high, mut sets) = (HashSet::new(), HashSet::new(), 0_u64);
        for tenant in 0..500 {
            let tenant = format!("tenant-{tenant:04}");
            for route in 0..100 {
                let route = format!("/v1/objects/{route}");
                let hash = hashing.labels(&labels().tenant(&tenant).method("GET").route(&route));
                low.insert(u32::try_from(hash & 0xffff_ffff).unwrap());
                high.insert(u32::try_from(hash >> 32).unwrap());
                sets += 1;
            }
        }
        // 50,000 values in 2^32: a third of a collision is expected.
        assert!(
            sets - low.len() as u64 <= 5 && sets - high.len() as u64 <= 5,
            "{} {}",
            low.len(),
            high.len()
        );
    }

    #[test]
    fn one_bit_of_any_label_changes_about_half_of_the_hash() {
        let hashing = Hashing::new(Some(2));
        for len in [1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 100] {
            let text = "a".repeat(len);
            for at in 0..len {
                let mut changed = text.clone().into_bytes();
                changed[at] ^= 1;
                let changed = String::from_utf8(changed).unwrap();
                let with_value: [fn(&str) -> Labels<'_>; 5] = [
                    |value| labels().tenant(value),
                    |value| labels().method(value),
                    |value| labels().route(value),
                    |value| labels().service(value),
                    |value| labels().region(value),
                ];
                for with_value in with_value {
                    let distance =
                        distance(hashing.labels(&with_value(&text)), hashing.labels(&with_value(&changed)));
                    assert!((8..=56).contains(&distance), "{len} {at} {distance}");
                }
            }
        }
    }

    #[test]
    fn lengths_and_the_order_of_labels_matter() {
        let hashing = Hashing::new(Some(3));
        let mut hashes: Vec<_> =
            (0..64).map(|len| hashing.labels(&labels().tenant(&"a".repeat(len)))).collect();
        hashes.push(hashing.labels(&labels().method("a")));
        hashes.push(hashing.labels(&labels().route("a")));
        hashes.push(hashing.labels(&labels().service("a")));
        hashes.push(hashing.labels(&labels().region("a")));
        hashes.push(hashing.labels(&labels().method("a").route("b")));
        hashes.push(hashing.labels(&labels().method("b").route("a")));
        assert_eq!(hashes.iter().collect::<HashSet<_>>().len(), hashes.len());
    }

    #[test]
    fn accounts_spread() {
        let hashing = Hashing::new(Some(4));
        let hash = |tenant, ns, id| hashing.account(TenantId(tenant), AccountKey { ns, id });
        let mut buckets = [0_u32; 256];
        for id in 0..65_536 {
            buckets[usize::try_from(hash(0, 1, id) & 0xff).unwrap()] += 1;
        }
        assert!(buckets.iter().all(|&count| (150..400).contains(&count)), "{buckets:?}");
        assert_ne!(hash(0, 1, 2), hash(1, 1, 2));
        assert_ne!(hash(0, 1, 2), hash(0, 2, 2));
        assert_ne!(hash(0, 1, 2), hash(0, 1, 2 << 64));
    }

    #[test]
    fn engines_have_hashes_of_their_own_unless_seeded() {
        let set = labels().tenant("acme");
        assert_ne!(Hashing::new(Some(1)).labels(&set), Hashing::new(Some(2)).labels(&set));
        assert_eq!(Hashing::new(Some(1)).labels(&set), Hashing::new(Some(1)).labels(&set));
        assert_ne!(Hashing::new(None).labels(&set), Hashing::new(None).labels(&set));
    }
}
